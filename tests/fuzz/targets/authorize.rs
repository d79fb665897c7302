//! F-13: the whole authorization endpoint. Whatever comes in, what goes out is a page with a 4xx
//! status and no address to go to, an answer to a registered URI, or a question to the person.
//!
//! An input is a byte for the way, one for what else is so, and then either the bytes of the
//! request, or a byte for the client and lines that change a good request of it: `name=value` sets a
//! parameter, `+name=value` repeats one, `-name` takes one out.

#![no_main]

use libfuzzer_sys::fuzz_target;
use oidc_op::{
    Agreement, AuthorizeError, Interaction, Login, Need, Outcome, Provider, Reply, Request,
    RequestObjectMode, Subject, Verdict, store::contract::block_on,
};
use oidc_op_fuzz::{
    answer::{self, Sent},
    op::{CHALLENGE, CLIENTS, ISSUER, RECOGNISED, provider, registered},
};
use url::form_urlencoded;

const CONTINUE: &str = "https://id.example/authorize?op_continue=";
const FORM: (&str, &[u8]) = ("content-type", b"application/x-www-form-urlencoded");

type Pairs = Vec<(String, String)>;

/// What came of a request, once it has been found to be one of what may come.
enum End {
    Page,
    Sent(Sent),
    Interact(Box<Interaction>),
    /// A request by POST that comes back with this query.
    Continue(String),
}

struct Browser {
    provider: Provider,
    registered: Vec<String>,
    cookies: Vec<(String, String)>,
    /// Whether the host has sessions of its own, and who is signed in there.
    host: bool,
    login: Option<Login>,
}

impl Browser {
    fn keep(&mut self, headers: &[(&'static str, std::borrow::Cow<'static, str>)]) {
        for (name, value) in headers.iter().filter(|(name, _)| *name == "set-cookie") {
            assert!(value.bytes().all(|b| matches!(b, 0x20..=0x7E)), "{name}: {value:?}");
            let pair = value.split(';').next().unwrap_or_default();
            let (name, value) = pair.split_once('=').expect("a cookie");
            self.cookies.retain(|(known, _)| known != name);
            self.cookies.push((name.to_owned(), value.to_owned()));
        }
    }

    fn cookie(&self) -> String {
        let pairs: Vec<_> = self.cookies.iter().map(|(n, v)| format!("{n}={v}")).collect();
        pairs.join("; ")
    }

    fn send(&mut self, method: &str, query: &str, body: &[u8]) -> End {
        let cookie = self.cookie();
        let headers = [FORM, ("cookie", cookie.as_bytes())];
        let headers = if cookie.is_empty() { &headers[..1] } else { &headers[..] };
        let request = Request::new(method, "/authorize").query(query).headers(headers).body(body);
        let outcome = if self.host {
            block_on(self.provider.authorize_as(request, self.login.clone()))
        } else {
            block_on(self.provider.authorize(request))
        };
        self.end(outcome)
    }

    /// The person does what the page is for.
    fn act(&mut self, page: &Interaction) -> End {
        let alice = Login::new(Subject::new("alice").unwrap());
        let verdict = match page.need {
            Need::Login => Verdict::Login(alice),
            Need::CreateAccount => Verdict::Login(Login::new(Subject::new("new").unwrap())),
            Need::SelectAccount => Verdict::SelectAccount(page.accounts[0].clone()),
            Need::Consent => {
                let mut agreement = Agreement::to_all(page);
                agreement.remember = true;
                Verdict::Consent(agreement)
            }
            other => panic!("{other:?}"),
        };
        let cookie = self.cookie();
        let headers = [FORM, ("cookie", cookie.as_bytes()), ("origin", ISSUER.as_bytes())];
        let request = Request::new("POST", "/interaction").headers(&headers);
        let outcome = if self.host {
            if let Verdict::Login(login) = &verdict {
                self.login = Some(login.clone());
            }
            let login = self.login.clone();
            block_on(self.provider.resume_as(request, &page.token, verdict, login))
        } else {
            block_on(self.provider.resume(request, &page.token, verdict))
        };
        self.end(outcome)
    }

    fn end(&mut self, outcome: Result<Outcome, AuthorizeError>) -> End {
        match outcome {
            Ok(Outcome::Interact(page)) => {
                let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
                assert!(!page.token.is_empty() && page.token.bytes().all(plain));
                assert!(!page.return_host.is_empty());
                self.keep(&page.headers);
                End::Interact(page)
            }
            Ok(Outcome::Reply(reply)) => self.reply(&reply),
            Ok(Outcome::ConfirmLogout(_) | Outcome::SignedOut(_)) => {
                panic!("nobody signs out here")
            }
            Ok(Outcome::Elsewhere) => panic!("there is no path to be elsewhere of"),
            Err(AuthorizeError::Redirect(error)) => {
                let end = self.reply(&error.reply());
                let End::Sent(sent) = &end else { panic!("an error that goes nowhere: {error:?}") };
                assert_eq!(sent.one("error"), Some(error.reason().error().as_str()));
                assert_ne!(sent.one("error"), Some("server_error"), "{error:?}");
                end
            }
            Err(AuthorizeError::Page(error)) => {
                let reply = error.reply();
                answer::is_well_formed(&reply);
                self.keep(&reply.headers);
                assert!((400..500).contains(&reply.status), "{} {error:?}", reply.status);
                assert_eq!(reply.header("location"), None);
                assert!(reply.header("content-type").is_some_and(|t| t.starts_with("text/html")));
                End::Page
            }
            Err(error) => panic!("{error:?}"),
        }
    }

    fn reply(&mut self, reply: &Reply) -> End {
        self.keep(&reply.headers);
        if let Some(token) = reply.header("location").and_then(|to| to.strip_prefix(CONTINUE)) {
            let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
            assert!(token.bytes().all(plain), "{token}");
            return End::Continue(format!("op_continue={token}"));
        }
        let sent = answer::sent(reply, &self.registered, ISSUER).unwrap();
        let tokens = sent.one("access_token").is_some() || sent.one("id_token").is_some();
        assert!(!tokens || matches!(sent.by, '#' | 'P'), "a token in a query: {sent:?}");
        let good = tokens || sent.one("code").is_some();
        assert!(!good || sent.one("error").is_none(), "{sent:?}");
        End::Sent(sent)
    }
}

/// A good request of a client, changed line by line.
fn structured(data: &[u8]) -> Pairs {
    let [which, rest @ ..] = data else { return Vec::new() };
    let client = &CLIENTS[usize::from(*which) % CLIENTS.len()];
    let uri = client.metadata.redirect_uris.first().map(|uri| uri.as_str()).unwrap_or_default();
    let mut pairs: Pairs = [
        ("client_id", client.id.as_str()),
        ("redirect_uri", uri),
        ("response_type", "code"),
        ("scope", "openid profile read"),
        ("state", "a state"),
        ("nonce", "n-0S6_WzA2Mj"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec();
    for line in rest.split(|byte| *byte == b'\n') {
        let line = String::from_utf8_lossy(line);
        let (name, value) = line.split_once('=').unwrap_or((&line, ""));
        if let Some(name) = name.strip_prefix('-') {
            pairs.retain(|(known, _)| known != name);
        } else if let Some(name) = name.strip_prefix('+') {
            pairs.push((name.to_owned(), value.to_owned()));
        } else if !name.is_empty() {
            pairs.retain(|(known, _)| known != name);
            pairs.push((name.to_owned(), value.to_owned()));
        }
    }
    pairs
}

/// What the provider is to read: all parameters, in order.
fn read(parts: &[&[u8]]) -> Pairs {
    parts.iter().flat_map(|part| form_urlencoded::parse(part).into_owned()).collect()
}

fuzz_target!(|data: &[u8]| {
    let [way, what, rest @ ..] = data else { return };
    let encoded;
    let bytes = if way & 2 == 0 {
        rest
    } else {
        let pairs = structured(rest);
        encoded = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        encoded.as_bytes()
    };
    let text = String::from_utf8_lossy(bytes);
    // A POST has a query as well, up to the first line end.
    let (method, query, body): (_, &str, &[u8]) = if way & 1 == 0 {
        ("GET", &text, b"")
    } else {
        match bytes.iter().position(|byte| *byte == b'\n') {
            Some(at) => {
                ("POST", str::from_utf8(&bytes[..at]).unwrap_or_default(), &bytes[at + 1..])
            }
            None => ("POST", "", bytes),
        }
    };
    let asked = read(&[query.as_bytes(), body]);
    let values = |name: &str| -> Vec<&str> {
        asked.iter().filter(|(known, _)| known == name).map(|(_, value)| &**value).collect()
    };
    let client = match *values("client_id") {
        [one] => one,
        _ => "",
    };
    let mode = if what & 8 == 0 { RequestObjectMode::Oidc } else { RequestObjectMode::Jar };
    let host = what & 1 != 0;
    let signed_in = host && what & 2 != 0;
    let mut browser = Browser {
        provider: provider(mode, false),
        registered: if client == "disabled" { Vec::new() } else { registered(client) },
        cookies: Vec::new(),
        host,
        login: signed_in.then(|| Login::new(Subject::new("alice").unwrap())),
    };

    let mut end = browser.send(method, query, body);
    // A request that is kept says for itself who asks; so does an object.
    let direct = ["request", "request_uri", "op_continue"]
        .iter()
        .all(|name| values(name).iter().all(|value| value.is_empty()));
    if let End::Continue(query) = end {
        assert!(method == "POST" && !signed_in && direct);
        end = browser.send("GET", &query, b"");
        assert!(!matches!(end, End::Continue(_)), "a request that comes back again");
    }
    if direct {
        assert!(values("client_id").len() == 1 || matches!(end, End::Page));
        let repeated = RECOGNISED.iter().any(|name| *name != "resource" && values(name).len() > 1);
        if repeated {
            let refused = match &end {
                End::Page => true,
                End::Sent(sent) => sent.one("error").is_some(),
                _ => false,
            };
            assert!(refused, "a repeated parameter: {asked:?}");
        }
        if let (End::Interact(_), [prompt]) = (&end, &*values("prompt")) {
            assert!(!prompt.split(' ').any(|word| word == "none"), "a page for {prompt}");
        }
    }
    if let End::Sent(sent) = &end {
        let good = ["code", "access_token", "id_token"].iter().any(|n| sent.one(n).is_some());
        assert!(!good || signed_in, "nobody is signed in: {sent:?}");
    }

    if what & 4 != 0 {
        for _ in 0..4 {
            let End::Interact(page) = &end else { break };
            end = browser.act(page);
        }
        assert!(!matches!(end, End::Continue(_)));
    }
    if let End::Sent(sent) = &end
        && direct
    {
        // With `…/cb` and `…/cb?` registered, the answer to either reads as one to the other.
        let [asked_for] = *values("redirect_uri") else { panic!("{asked:?}") };
        assert_eq!(asked_for.trim_end_matches('?'), sent.to.trim_end_matches('?'));
        let [state] = *values("state") else {
            assert_eq!(sent.one("state"), None);
            return;
        };
        // A page cannot hold a NUL.
        let state = if sent.by == 'P' { state.replace('\0', "\u{FFFD}") } else { state.to_owned() };
        assert_eq!(sent.one("state").unwrap_or_default(), state);
    }
});
