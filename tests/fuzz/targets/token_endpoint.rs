//! F-14, P-02, P-03: the token, introspection and revocation endpoints. Nothing comes of a request without a genuine
//! credential, byte by byte, of the client that presents it; nothing covers more than what it came of;
//! and after every request each token is good exactly if it should be.
//!
//! An input is up to six requests with an empty line between them. A request is a letter for the
//! endpoint, a byte for the client, a letter for how it authenticates, and lines `name=value`; with a
//! capital letter for the endpoint, the rest is the body as it is. After an `h` the first line is the value
//! of the `Authorization` header, in which `$` and a letter stand for a client's credentials. `@` and a character stand for what
//! was handed out before, `#` and a digit for an assertion or an ID token.

#![no_main]

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use libfuzzer_sys::fuzz_target;
use oidc_op::Reply;
use oidc_op_fuzz::{
    back::{
        ASSERTION, BEARER, CLIENT_ASSERTION, DEVICE, EXCHANGE, GRANT_ASSERTION, Kind, PARTIES,
        PASSWORD, Token, VERIFIER, World, basic, error, party_of, redirect_uri, secret, words,
    },
    op::ISSUER,
};
use serde_json::{Map, Value};
use url::form_urlencoded;

const SERVERS: [(&str, &str); 2] =
    [("api", oidc_op_fuzz::back::API), ("orders", oidc_op_fuzz::back::ORDERS)];
const ACCESS: [&str; 2] =
    ["urn:ietf:params:oauth:token-type:access_token", "urn:ietf:params:oauth:token-type:jwt"];

/// With what was handed out in place of its marks.
fn spliced(world: &World, bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let [first, tail @ ..] = rest {
        rest = tail;
        let texts = match (first, tail.first()) {
            (b'@', Some(which)) => {
                world.tokens.get(usize::from(which.wrapping_sub(b'0'))).map(|token| &token.text)
            }
            (b'#', Some(which)) => world.others.get(usize::from(which.wrapping_sub(b'0'))),
            _ => None,
        };
        match texts {
            Some(text) => {
                out.extend_from_slice(text.as_bytes());
                rest = &tail[1..];
            }
            None => out.push(*first),
        }
    }
    out
}

/// A header with the credentials of clients in place of their marks.
fn with_credentials(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line.chars();
    while let Some(next) = rest.next() {
        let which = rest.as_str().bytes().next().unwrap_or_default().wrapping_sub(b'a');
        match PARTIES.get(usize::from(which)).filter(|_| next == '$') {
            Some(party) => {
                out.push_str(basic(party.id, &secret(party.id)).trim_start_matches("Basic "));
                rest.next();
            }
            None => out.push(next),
        }
    }
    out
}

/// RFC 6749 §2.3.1, read generously: the client whose credentials a header holds.
fn proven(header: &str) -> Option<&'static str> {
    let (scheme, rest) = header.trim().split_once(' ')?;
    let decoded = String::from_utf8(BASE64.decode(rest.trim()).ok()?).ok()?;
    let (id, sent) = decoded.split_once(':')?;
    let decode = |text: &str| -> String {
        let text = text.replace('&', "%26").replace('=', "%3D");
        form_urlencoded::parse(text.as_bytes()).map(|(name, _)| name.into_owned()).collect()
    };
    let party = party_of(&decode(id))?;
    let right = scheme.eq_ignore_ascii_case("basic") && decode(sent) == secret(party.id);
    right.then_some(party.id)
}

/// A request, read here once more.
struct Form {
    /// The header, if there is one: the client that it proves.
    header: Option<Option<&'static str>>,
    pairs: Vec<(String, String)>,
}

impl Form {
    fn count(&self, name: &str) -> usize {
        self.pairs.iter().filter(|(known, _)| known == name).count()
    }

    fn all(&self, name: &str) -> Vec<&str> {
        let named = self.pairs.iter().filter(|(known, value)| known == name && !value.is_empty());
        named.map(|(_, value)| &**value).collect()
    }

    /// RFC 6749 §3.1: once, and empty is absent.
    fn one(&self, name: &str) -> Option<&str> {
        if self.count(name) == 1 { self.all(name).first().copied() } else { None }
    }

    /// RFC 6749 §2.3, OIDC Core §9: the client, if it has proven by exactly one method who it is.
    fn client(&self, world: &World) -> Option<&'static str> {
        let names = ["client_id", "client_secret", "client_assertion", "client_assertion_type"];
        if self.pairs.len() > 100 || names.iter().any(|name| self.count(name) > 1) {
            return None;
        }
        let id = self.one("client_id");
        let sent = self.one("client_secret");
        let asserted = (self.one("client_assertion_type"), self.one("client_assertion"));
        let named = || PARTIES.iter().find(|party| Some(party.id) == id);
        let party = match (self.header, sent, asserted) {
            (Some(Some(client)), None, (None, None)) => {
                let party = party_of(client)?;
                let same = id.is_none_or(|id| id == client);
                (same && party.method == "client_secret_basic").then_some(party)
            }
            (None, Some(sent), (None, None)) => named()
                .filter(|party| party.method == "client_secret_post" && sent == secret(party.id)),
            (None, None, (Some(ASSERTION), Some(text))) => {
                let genuine = world.others[CLIENT_ASSERTION] == text
                    && !world.used.iter().any(|used| used == text)
                    && id.is_none_or(|id| id == "mac");
                genuine.then(|| party_of("mac")).flatten()
            }
            (None, None, (None, None)) => named().filter(|party| party.method == "none"),
            _ => None,
        };
        Some(party.filter(|party| party.id != "disabled")?.id)
    }
}

/// What the token endpoint has given.
fn granted(world: &mut World, form: &Form, client: &'static str, reply: &Reply) {
    let members: Map<String, Value> = serde_json::from_slice(&reply.body).unwrap();
    let known = [
        "access_token",
        "token_type",
        "expires_in",
        "refresh_token",
        "id_token",
        "issued_token_type",
        "scope",
    ];
    assert!(members.keys().all(|name| known.contains(&&**name)), "{members:?}");
    assert_eq!(members["token_type"], "Bearer");
    assert!(members["expires_in"].as_i64().is_some_and(|seconds| (1..=600).contains(&seconds)));
    let scope = words(members.get("scope").and_then(Value::as_str).unwrap_or_default());
    assert!(form.count("scope") <= 1);
    if let Some(asked) = form.one("scope") {
        assert!(scope.is_subset(&words(asked)), "more than was asked for: {members:?}");
    }
    let grant_type = form.one("grant_type").expect("a grant type");
    assert!(party_of(client).unwrap().grants.contains(&grant_type), "{client} {grant_type}");

    let mut named: Vec<_> = form.all("resource").into_iter().map(str::to_owned).collect();
    match grant_type {
        "authorization_code" => {
            let code = world.find(Kind::Code, form.one("code").expect("a code"));
            let code = &world.tokens[code.expect("a genuine code")];
            let line = code.line.unwrap();
            assert_eq!(code.holder, client);
            assert_eq!(form.one("redirect_uri"), Some(&*redirect_uri(client)));
            assert_eq!(form.one("code_verifier"), Some(VERIFIER));
            let Some(found) = world.lines.get_mut(line) else { unreachable!() };
            assert!(!found.redeemed && !found.revoked, "a code that was used");
            assert!(scope.is_subset(&found.scope));
            found.redeemed = true;
            assert!(members.contains_key("refresh_token") && members.contains_key("id_token"));
            if named.is_empty() {
                named = world.audience(line);
            }
            assert!(is_within(world, line, &named));
            world.access(&members, client, Some(line), &named);
            world.refresh(&members, line);
        }
        "refresh_token" => {
            let token = world.find(Kind::Refresh, form.one("refresh_token").expect("a token"));
            let token = token.expect("a genuine token");
            let line = world.tokens[token].line.unwrap();
            assert_eq!(world.tokens[token].holder, client);
            assert!(world.is_usable(token), "a token that was used");
            assert!(scope.is_subset(&world.lines[line].scope), "more than was granted");
            let next = members["refresh_token"].as_str().unwrap();
            let before = world.find(Kind::Refresh, next);
            match (client, world.age(token)) {
                ("fixed", _) => assert_eq!(before, Some(token)),
                (_, 0) => assert_eq!(before, None, "it must change"),
                (_, _) => assert_eq!(before, world.lines[line].generations.last().copied()),
            }
            if named.is_empty() {
                named = world.audience(line);
            }
            assert!(is_within(world, line, &named));
            world.access(&members, client, Some(line), &named);
            world.refresh(&members, line);
        }
        EXCHANGE => {
            let kind = form.one("subject_token_type").unwrap();
            assert!(ACCESS.contains(&kind), "it has no ID token: {kind}");
            let subject = form.one("subject_token").expect("a subject token");
            let subject = world.find(Kind::Access, subject).expect("a genuine token");
            assert!(world.is_live(subject));
            let Token { line, scope: held, audience, .. } = world.tokens[subject].clone();
            let line = line.expect("it speaks of a person");
            assert!(scope.is_subset(&held), "more than was granted");
            if let Some(actor) = form.one("actor_token") {
                let actor = world.find(Kind::Access, actor).expect("a genuine actor");
                assert!(world.is_live(actor));
            }
            for name in form.all("audience") {
                let server = SERVERS.iter().find(|(client, _)| *client == name);
                named.push(server.map_or(name, |(_, resource)| resource).to_owned());
            }
            if named.is_empty() {
                named = audience;
            }
            assert!(is_within(world, line, &named));
            assert!(!members.contains_key("refresh_token") && !members.contains_key("id_token"));
            world.access(&members, client, Some(line), &named);
        }
        "client_credentials" => {
            assert!(scope.is_subset(&words("read write")));
            assert!(!members.contains_key("refresh_token") && !members.contains_key("id_token"));
            world.access(&members, client, None, &or_issuer(named));
        }
        "password" => {
            assert_eq!(form.one("username"), Some("alice"));
            assert_eq!(form.one("password"), Some(PASSWORD));
            begun(world, &members, client, named);
        }
        BEARER => {
            let text = form.one("assertion").expect("an assertion").to_owned();
            assert_eq!(world.others[GRANT_ASSERTION], text);
            assert!(!world.used.contains(&text), "an assertion that was used");
            world.used.push(text);
            assert!(!members.contains_key("refresh_token") && !members.contains_key("id_token"));
            begun(world, &members, client, named);
        }
        DEVICE => {
            assert_eq!(form.one("device"), Some("a key"));
            assert!(!members.contains_key("id_token"));
            begun(world, &members, client, named);
        }
        other => panic!("{other}"),
    }
}

fn or_issuer(named: Vec<String>) -> Vec<String> {
    if named.is_empty() { vec![ISSUER.to_owned()] } else { named }
}

/// RFC 8707 §2.2: the resources of a grant, and UserInfo.
fn is_within(world: &World, line: usize, named: &[String]) -> bool {
    let granted = world.audience(line);
    named.iter().all(|name| {
        granted.contains(name) || (name == ISSUER && world.lines[line].scope.contains("openid"))
    })
}

/// A grant that began here.
fn begun(
    world: &mut World,
    members: &Map<String, Value>,
    client: &'static str,
    resources: Vec<String>,
) {
    let scope = words(members.get("scope").and_then(Value::as_str).unwrap_or_default());
    let line = world.lines.len();
    world.lines.push(oidc_op_fuzz::back::Line {
        client,
        scope,
        resources,
        generations: Vec::new(),
        redeemed: true,
        revoked: false,
    });
    let audience = world.audience(line);
    world.access(members, client, Some(line), &audience);
    world.refresh(members, line);
}

/// What a refusal does all the same: a code or a token that comes back ends its grant.
fn refused(world: &mut World, form: &Form, client: &'static str, code: &str) {
    if code != "invalid_grant" {
        return;
    }
    if form.one("grant_type") == Some("authorization_code")
        && let Some(code) = form.one("code").and_then(|code| world.find(Kind::Code, code))
        && world.tokens[code].holder == client
        && form.one("redirect_uri") == Some(&*redirect_uri(client))
        && form.one("code_verifier") == Some(VERIFIER)
    {
        let line = world.tokens[code].line.unwrap();
        assert!(world.lines[line].redeemed, "a genuine code was refused");
        world.lines[line].revoked = true;
    }
    if form.one("grant_type") == Some("refresh_token")
        && let Some(token) =
            form.one("refresh_token").and_then(|token| world.find(Kind::Refresh, token))
        && world.tokens[token].holder == client
    {
        assert!(!world.is_usable(token), "a genuine token was refused");
        let line = world.tokens[token].line.unwrap();
        world.lines[line].revoked = true;
    }
}

/// RFC 7009 §2.1: of its own tokens only.
fn revoked(world: &mut World, client: &str, text: &str) {
    if let Some(token) = world.find(Kind::Refresh, text)
        && world.tokens[token].holder == client
    {
        let line = world.tokens[token].line.unwrap();
        world.lines[line].revoked = true;
    }
    if let Some(token) = world.find(Kind::Access, text)
        && world.tokens[token].holder == client
    {
        world.tokens[token].dropped = true;
    }
}

/// One request; whether it is of a client, which matters to what may have changed.
fn request(world: &mut World, part: &[u8]) {
    let [endpoint, which, how, rest @ ..] = part else { return };
    let mut rest = rest.strip_prefix(b"\n").unwrap_or(rest);
    let path = match endpoint.to_ascii_lowercase() {
        b't' => "/token",
        b'i' => "/introspect",
        b'r' => "/revoke",
        other => ["/token", "/introspect", "/revoke"][usize::from(other) % 3],
    };
    let party = &PARTIES[usize::from(which.wrapping_sub(b'a')) % PARTIES.len()];
    let mut encoded = form_urlencoded::Serializer::new(String::new());
    let mut header = None;
    match how {
        b'b' => header = Some(basic(party.id, &secret(party.id))),
        b'w' => header = Some(basic(party.id, &secret("nobody"))),
        b'h' => {
            let at = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
            header = Some(with_credentials(&String::from_utf8_lossy(&rest[..at])));
            rest = &rest[at..];
        }
        b'p' => {
            encoded
                .append_pair("client_id", party.id)
                .append_pair("client_secret", &secret(party.id));
        }
        b'n' => drop(encoded.append_pair("client_id", party.id)),
        b'a' => {
            encoded
                .append_pair("client_assertion_type", ASSERTION)
                .append_pair("client_assertion", &world.others[CLIENT_ASSERTION]);
        }
        _ => {}
    }
    let body = if endpoint.is_ascii_uppercase() {
        let mut body = encoded.finish().into_bytes();
        if !body.is_empty() {
            body.push(b'&');
        }
        body.extend(spliced(world, rest));
        body
    } else {
        for line in rest.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let line = spliced(world, line);
            let line = String::from_utf8_lossy(&line);
            let (name, value) = line.split_once('=').unwrap_or((&line, ""));
            encoded.append_pair(name, value);
        }
        encoded.finish().into_bytes()
    };
    let headers: Vec<_> = header.iter().map(|value| ("authorization", &**value)).collect();
    let reply = world.send("POST", path, &headers, &body);

    let header = header.map(|value| proven(&value));
    let form = Form { header, pairs: form_urlencoded::parse(&body).into_owned().collect() };
    let small = body.len() <= 64 * 1024;
    let client = form.client(world).filter(|_| small);
    if reply.status != 200 {
        let code = error(&reply);
        let strict = *how == b'h' || path == "/introspect";
        assert!(client.is_none() || code != "invalid_client" || strict);
        if let Some(client) = client.filter(|_| path == "/token") {
            refused(world, &form, client, &code);
        }
    }
    let Some(client) = client else {
        assert_ne!(reply.status, 200, "nobody was let in");
        return;
    };
    if let Some(used) = form.one("client_assertion") {
        world.used.push(used.to_owned());
    }
    let token = form.one("token");
    match path {
        "/token" if reply.status == 200 => granted(world, &form, client, &reply),
        "/token" => {}
        "/introspect" => {
            let Some(token) = token.filter(|_| client != "app") else {
                assert_ne!(reply.status, 200);
                return;
            };
            let members = World::introspected(&reply);
            assert_eq!(members.is_some(), world.is_active(client, token), "{client} {token}");
            if let (Some(members), Some(at)) = (members, world.find(Kind::Access, token)) {
                let said = words(members.get("scope").and_then(Value::as_str).unwrap_or_default());
                assert!(said.is_subset(&world.tokens[at].scope));
                assert_eq!(members["client_id"], world.tokens[at].holder);
            }
        }
        _ => {
            assert_eq!(reply.status == 200, token.is_some());
            if let Some(token) = token {
                assert!(reply.body.is_empty());
                revoked(world, client, token);
            }
        }
    }
}

/// Each token is good exactly if it should be: the last of each kind that a client holds of a grant, those
/// that were revoked alone, and those that are new.
fn settled(world: &World) {
    let before = World::shared().tokens.len();
    for (at, token) in world.tokens.iter().enumerate() {
        let Token { text, kind, holder, line, dropped, .. } = token;
        let same =
            |other: &Token| (other.kind, other.holder, other.line) == (*kind, *holder, *line);
        let last = !world.tokens[at + 1..].iter().any(same);
        if *kind == Kind::Code || !(last || *dropped || at >= before) {
            continue;
        }
        if ["client_secret_basic", "client_secret_post"].contains(&party_of(holder).unwrap().method)
        {
            let reply = world.post("/introspect", Some(holder), &[("token", text)]);
            let active = World::introspected(&reply).is_some();
            assert_eq!(active, world.is_active(holder, text), "{kind:?} of {holder}");
        } else if *kind == Kind::Access {
            let bearer = format!("Bearer {text}");
            let reply = world.send("GET", "/userinfo", &[("authorization", &bearer)], b"");
            assert_eq!(reply.status == 200, world.is_for_userinfo(text), "of {holder}");
        }
    }
}

fuzz_target!(|data: &[u8]| {
    let mut world = World::new();
    let mut rest = data;
    for _ in 0..6 {
        let at = rest.windows(2).position(|pair| pair == b"\n\n");
        request(&mut world, &rest[..at.unwrap_or(rest.len())]);
        let Some(at) = at else { break };
        rest = &rest[at + 2..];
    }
    settled(&world);
});
