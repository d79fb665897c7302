//! SL: secrets, logs, and defaults that are fit for development only.

use std::fs;

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};
use reqwest::{Method, Url};
use serde_json::Value;

use crate::blackbox::{
    fixture::{ALICE, CLIENTS, FIRST_PARTY, THIRD_PARTY},
    party::{self, VERIFIER, authorize, redeem, still_works},
    raw,
    server::{Server, Setup, refuse},
    visitor::Visitor,
};

/// Everything loud.
const LOUD: &str = "trace";

/// A secret as it may look in a log: as it is, percent-encoded, in hex, as a list of numbers, and
/// inside of base64 at any offset.
fn disguises(secret: &str) -> Vec<String> {
    let bytes = secret.as_bytes();
    let mut all = vec![secret.to_owned()];
    all.push(url::form_urlencoded::byte_serialize(bytes).collect());
    // What is base64url itself is bytes to those who have it in their hands.
    let decoded = URL_SAFE_NO_PAD.decode(secret).unwrap_or_default();
    for bytes in [bytes, &decoded].into_iter().filter(|bytes| !bytes.is_empty()) {
        let hex: String = bytes.iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
        all.extend([hex.to_uppercase(), hex, format!("{bytes:?}")]);
    }
    // The first and last characters depend on the neighbours; whole groups of three bytes do not.
    for offset in 0..3 {
        let inner = &bytes[offset..];
        let whole = &inner[..inner.len() / 3 * 3];
        all.extend([STANDARD_NO_PAD.encode(whole), URL_SAFE_NO_PAD.encode(whole)]);
    }
    all
}

/// The secrets and private keys that a server has made for itself.
fn made_by(server: &Server) -> Vec<String> {
    let mut secrets = Vec::new();
    for file in fs::read_dir(server.data()).unwrap() {
        let text = fs::read_to_string(file.unwrap().path()).unwrap();
        match serde_json::from_str::<Value>(&text) {
            Ok(keys) => {
                let keys = keys["keys"].as_array().unwrap();
                secrets.extend(keys.iter().map(|key| key["d"].as_str().unwrap().to_owned()));
            }
            Err(_) => secrets.push(text.trim().to_owned()),
        }
    }
    assert!(secrets.len() >= 4, "the server made few secrets: {}", secrets.len());
    secrets
}

/// A run with the log at its loudest: whatever was secret in it is nowhere in the log.
#[tokio::test]
async fn sl_01_no_secret_in_the_log() {
    let server =
        Server::start(Setup { name: "sl-01", log: LOUD, own_keys: true, ..Setup::default() });
    let visitor = Visitor::new(&server);
    let mut secrets: Vec<String> = vec![VERIFIER.into(), ALICE.1.into()];
    secrets.extend(CLIENTS.iter().filter_map(|client| client.secret).map(Into::into));

    // Wrong and right passwords, consent, tokens, replay, UserInfo in all its ways.
    let wrong = "a-wrong-but-telling-password-4711";
    secrets.push(wrong.into());
    let login = visitor.open(authorize(THIRD_PARTY, &[])).await;
    secrets.push(login.url.path().rsplit('/').next().unwrap().to_owned());
    visitor.submit(&login, "submit", &[("login", ALICE.0), ("password", wrong)]).await;
    let consent =
        visitor.submit(&login, "submit", &[("login", ALICE.0), ("password", ALICE.1)]).await;
    secrets.push(consent.url.path().rsplit('/').next().unwrap().to_owned());
    let answer = visitor.submit(&consent, "submit", &[]).await;
    let code = answer.code();
    let tokens = party::tokens(&server, THIRD_PARTY, &code).await;
    assert_eq!(redeem(&server, THIRD_PARTY, &code).await.status(), 400);
    let token = tokens["access_token"].as_str().unwrap();
    secrets.extend([code, token.to_owned(), tokens["id_token"].as_str().unwrap().to_owned()]);
    for (method, how) in [("GET", "header"), ("POST", "header"), ("POST", "body"), ("GET", "query")]
    {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let form = party::form(&[("access_token", token)]);
        let request = match how {
            "header" => party::http().request(method, server.url("/userinfo")).bearer_auth(token),
            "body" => party::http()
                .request(method, server.url("/userinfo"))
                .header("content-type", "application/x-www-form-urlencoded")
                .body(form),
            _ => party::http().request(method, server.url(&format!("/userinfo?{form}"))),
        };
        request.send().await.unwrap();
    }
    assert!(visitor.cookies().contains("op_session="), "{}", visitor.cookies());
    for cookie in visitor.cookies().split("; ") {
        secrets.push(cookie.split_once('=').unwrap().1.to_owned());
    }
    // Requests that go wrong while they carry secrets.
    let stray = "stray-secret-2718281828";
    secrets.push(stray.into());
    let members = ["client_secret", "password", "code", "code_verifier", "login_hint", "token"];
    let body = party::form(&members.map(|member| (member, stray)));
    let (basic, bearer) = (format!("Basic {}", STANDARD.encode(stray)), format!("Bearer {stray}"));
    let (session, browser) = (format!("op_session={stray}"), format!("op_browser={stray}"));
    for (path, header) in [
        ("/token", ("authorization", &basic)),
        ("/token", ("authorization", &bearer)),
        ("/userinfo", ("authorization", &bearer)),
        ("/authorize", ("cookie", &session)),
        (&format!("/interaction/{stray}"), ("cookie", &browser)),
        ("/demo/logout", ("cookie", &session)),
        ("/nowhere", ("cookie", &session)),
    ] {
        let url: Url = server.url(&format!("{path}?{body}")).parse().unwrap();
        let header = [(header.0, &**header.1)];
        visitor.send(Method::GET, url.clone(), None, &header).await;
        visitor.post(url, body.clone(), &header).await;
    }
    secrets.extend(made_by(&server));

    let log = server.log();
    for loud in ["DEBUG", "Authorized", "CodeReplayed"] {
        assert!(log.contains(loud), "no {loud} in the log:\n{log}");
    }
    for secret in secrets {
        assert!(secret.len() >= 12, "too short to look for: {secret}");
        for disguise in disguises(&secret) {
            let line = log.lines().find(|line| line.contains(&disguise));
            assert_eq!(line, None, "{secret} is in the log");
        }
    }
}

/// The search finds what it looks for.
#[test]
fn sl_01_disguises_are_seen_through() {
    let secret = "correct horse battery";
    for (before, after) in [("", ""), ("x", "yz"), ("xy", "z"), ("user:", "\r\n")] {
        let text = STANDARD_NO_PAD.encode(format!("{before}{secret}{after}"));
        assert!(disguises(secret).iter().any(|d| text.contains(d)), "{before}: {text}");
    }
}

/// One event is one line: nobody writes lines, colours or novels of their own into the log.
#[tokio::test]
async fn sl_04_log_forging() {
    let server = Server::start(Setup { name: "sl-04", log: LOUD, ..Setup::default() });
    let visitor = Visitor::new(&server);
    let forged =
        "x\r\n2026-01-01T00:00:00Z  INFO FORGED\n\u{1b}[31mFORGED\u{1b}[0m\u{2028}FORGED\u{85}";
    let novel = "N".repeat(20_000);
    for text in [forged, &novel] {
        visitor.open(format!("/authorize?{}", party::form(&[("client_id", text)]))).await;
        let more = [("login_hint", text), ("redirect_uri", text), ("prompt", text)];
        for (name, value) in more {
            visitor.open(authorize(FIRST_PARTY, &[(name, value)])).await;
        }
        let login = visitor.open(authorize(FIRST_PARTY, &[])).await;
        visitor.submit(&login, "submit", &[("login", text), ("password", text)]).await;
        let body =
            [("grant_type", text), ("code", text), ("client_id", text), ("client_secret", text)];
        let url = server.url("/token").parse().unwrap();
        visitor.post(url, party::form(&body), &[]).await;
        visitor.open(format!("/interaction/{}", party::form(&[(text, "")]))).await;
        visitor.open(format!("/{}", party::form(&[(text, "")]))).await;
    }
    // Header fields cannot hold line ends; what else is not text is refused or escaped.
    for agent in ["\u{1b}[31mFORGED", "FORGED\u{e9}\u{2028}", "a\u{0}FORGED", &novel] {
        let request = format!("GET /authorize HTTP/1.1\r\nhost: x\r\nuser-agent: {agent}\r\n\r\n");
        raw::send(&server, request);
    }
    let path = "GET /a\u{1b}[31mFORGED HTTP/1.1\r\nhost: x\r\n\r\n";
    raw::send(&server, path);
    still_works(&server).await;

    let log = server.log();
    assert!(log.contains("client_unknown"), "{log}");
    for line in log.lines() {
        let begins = line.trim_start_matches(|c: char| c.is_ascii_digit() || ":-.TZ ".contains(c));
        assert!(!begins.starts_with("INFO FORGED"), "{line}");
        assert!(!line.contains(['\u{1b}', '\0', '\u{2028}', '\u{85}', '\r']), "{line:?}");
        assert!(!line.starts_with("FORGED"), "{line}");
        assert!(line.len() < 4096, "{} bytes: {}", line.len(), &line[..200]);
    }
}

const HEAD: &str = "issuer = \"http://localhost:1\"\nlisten = \"127.0.0.1:0\"\ndata = \"{data}\"\n";
const CLIENT: &str = "[[clients]]\nclient_id = \"a\"\nclient_secret = \"hush-hush-hush\"\n\
                      redirect_uris = [\"https://a.example/cb\"]\n";
const USER: &str = "[[users]]\nusername = \"a\"\npassword = \"hush-hush-hush\"\nsub = \"a\"\n";

/// A configuration that is unsafe, malformed or contradictory is refused: one message, which names
/// the line or the member and repeats no secret, and exit code 2.
#[test]
fn sl_08_refused_configurations() {
    let with = |rest: &str| format!("{HEAD}{rest}");
    let issuer = |issuer: &str| HEAD.replace("http://localhost:1", issuer);
    for (config, names) in [
        // Not TOML, or not this TOML.
        (String::new(), "issuer"),
        (with("x = "), "line 4"),
        (with("magic = true"), "magic"),
        (with("[features]\nmagic = true"), "magic"),
        (with("[lifetimes]\ncodes = 60"), "codes"),
        // Who and where.
        ("listen = \"127.0.0.1:0\"".into(), "issuer"),
        ("issuer = \"http://localhost:1\"".into(), "listen"),
        (issuer("http://id.example"), "issuer"),
        (issuer("http://127.0.0.1.example"), "issuer"),
        (issuer("ftp://localhost"), "issuer"),
        (issuer("https://id.example/?a=b"), "issuer"),
        (issuer("https://ID.example"), "issuer"),
        (issuer("id.example"), "issuer"),
        (HEAD.replace("127.0.0.1:0", "localhost"), "listen"),
        (HEAD.replace("127.0.0.1:0", "127.0.0.1:99999"), "listen"),
        (with("store = \"papyrus:\""), "papyrus"),
        (with("store = \"memory\""), "store"),
        (with("trusted_proxies = [\"everybody\"]"), "trusted_proxies"),
        (with("[tls]\ncertificate = \"c.pem\"\nkey = \"k.pem\""), "tls"),
        (issuer("https://id.example") + "[tls]\ncertificate = \"c.pem\"\nkey = \"k.pem\"", "c.pem"),
        // Lifetimes.
        (with("[lifetimes]\ncode = 601"), "code"),
        (with("[lifetimes]\ncode = 0"), "code"),
        (with("[lifetimes]\ncode = \"60\""), "code"),
        (with("[lifetimes]\nsession = -1"), "session"),
        // Clients.
        (with(&format!("{CLIENT}{CLIENT}")), "\"a\""),
        (with(&CLIENT.replace("client_id = \"a\"\n", "")), "client_id"),
        (with(&CLIENT.replace("https://a", "http://a")), "redirect_uris"),
        (with(&CLIENT.replace("/cb", "/*")), "redirect_uris"),
        (with(&CLIENT.replace("/cb", "/cb#x")), "redirect_uris"),
        (with(&CLIENT.replace("redirect_uris", "redirect_uri")), "redirect_uri"),
        (with(&CLIENT.replace("client_secret = \"hush-hush-hush\"\n", "")), "client_secret"),
        (
            with(&format!("{CLIENT}token_endpoint_auth_method = \"none\"")),
            "token_endpoint_auth_method",
        ),
        (
            with(&format!("{CLIENT}token_endpoint_auth_method = \"magic\"")),
            "token_endpoint_auth_method",
        ),
        (
            with(&format!("{CLIENT}id_token_signed_response_alg = \"none\"")),
            "id_token_signed_response_alg",
        ),
        (with(&format!("{CLIENT}logo_uri = \"javascript:alert(1)\"")), "logo_uri"),
        (with(&format!("{CLIENT}first_party = 1")), "first_party"),
        // People.
        (with(&format!("{USER}{}", USER.replace("\"a\"\n", "\"A\"\n"))), "users"),
        (with(&format!("{USER}{}", USER.replace("= \"a\"\npass", "= \"b\"\npass"))), "sub"),
        (with(&USER.replace("sub = \"a\"\n", "")), "sub"),
        (with(&USER.replace("hush-hush-hush", "")), "password"),
        (with(&format!("{USER}password_hash = \"x\"")), "password_hash"),
        (with(&USER.replace("password =", "password_hash =")), "password_hash"),
        // Secrets and keys.
        (with("[secrets]\ntoken = { value = \"c2hvcnQ\" }"), "token"),
        (with("[secrets]\ntoken = []"), "token"),
        (with("[secrets]\nstorage = { file = \"no-such.secret\" }"), "no-such.secret"),
        (with("[keys]\nfile = \"no-such.json\""), "no-such.json"),
        (with("[keys]\nalgorithms = [\"ES256\"]"), "RS256"),
        (with("[keys]\nalgorithms = [\"HS256\"]"), "algorithms"),
        (with("[keys]\nalgorithms = [\"none\"]"), "algorithms"),
    ] {
        let (code, said) = refuse(&config);
        assert_eq!(code, Some(2), "{config}\n{said}");
        assert!(said.contains(names), "{names} in {said:?} of\n{config}");
        assert_eq!(said.trim().lines().count(), 1, "{config}\n{said}");
        for never in ["hush", "panicked", "RUST_BACKTRACE"] {
            assert!(!said.contains(never), "{never} in {said}");
        }
    }
}
