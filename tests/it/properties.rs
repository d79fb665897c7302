//! Properties: whatever comes in, no panic, and what comes out is one of few things.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::Ipv4Addr,
    sync::LazyLock,
};

use oidc_op::{RedirectUri, Request, ResponseType};
use proptest::{collection, prelude::*, sample::select};
use serde_json::json;

use crate::support::{ALICE, Answer, Ask, Browser, FLOWS, Op, Place, Sent, Setup, client, form};

pub(crate) static RUNTIME: LazyLock<tokio::runtime::Runtime> =
    LazyLock::new(|| tokio::runtime::Builder::new_current_thread().build().unwrap());

/// A provider with somebody signed in, and the headers of their browser.
static SIGNED_IN: LazyLock<(Op, String)> = LazyLock::new(|| {
    let op = Op::new();
    let mut browser = Browser::new(&op);
    RUNTIME.block_on(browser.code(&Op::request(), ALICE));
    let cookies: Vec<_> = browser.cookies.iter().map(|(n, v)| format!("{n}={v}")).collect();
    (op, cookies.join("; "))
});

fn send(request: Request<'_>) -> Answer {
    Answer::from(RUNTIME.block_on(SIGNED_IN.0.provider.dispatch(request)))
}

/// Values that mean something, among those that do not.
fn value() -> impl Strategy<Value = String> {
    let meaningful = select(vec![
        "code",
        "openid",
        "none",
        "login",
        "S256",
        "plain",
        "query",
        "form_post",
        "conf-basic",
        "https://client.example/cb",
        "https://evil.example/",
        "1",
        "-1",
        "\0",
        "",
        crate::support::CHALLENGE,
    ]);
    prop_oneof![meaningful.prop_map(str::to_owned), any::<String>()]
}

fn name() -> impl Strategy<Value = String> {
    let known: Vec<_> = Op::request().into_iter().map(|(name, _)| name).collect();
    let more = ["prompt", "max_age", "response_mode", "resource", "display", "op_continue"];
    let known = select([&known[..], &more].concat());
    prop_oneof![9 => known.prop_map(str::to_owned), 1 => any::<String>()]
}

/// P-05: a page, or the registered URI; nothing else, and never a 5xx.
fn ends_well(answer: &Answer) {
    match answer {
        Answer::Page(page) => assert!(!page.token.is_empty()),
        Answer::Reply(reply) => match reply.header("location") {
            Some(location) => {
                let registered = location.starts_with("https://client.example/cb?")
                    || location.starts_with("https://client.example/cb#")
                    || location.starts_with("https://id.example/authorize?op_continue=");
                assert!(registered && reply.status == 303, "{location}");
            }
            None => assert!(matches!(reply.status, 200 | 400 | 413 | 415), "{}", reply.status),
        },
        other => panic!("the authorization endpoint is ours, and signs nobody out: {other:?}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// F-13, with bytes.
    #[test]
    fn authorization_survives_any_bytes(query in ".{0,200}", body: Vec<u8>, cookie in ".{0,100}") {
        let fields: [(&str, &[u8]); 2] = [
            ("cookie", cookie.as_bytes()),
            ("content-type", b"application/x-www-form-urlencoded"),
        ];
        let get = Request::new("GET", "/authorize").query(&query).headers(&fields);
        ends_well(&send(get));
        let post = Request::new("POST", "/authorize").query(&query).headers(&fields).body(&body);
        ends_well(&send(post));
    }

    /// F-13, with requests that are nearly right, of somebody who is signed in.
    #[test]
    fn authorization_survives_nearly_right_requests(
        changes in prop::collection::vec((name(), value()), 0..4),
        cut in prop::option::of(name()),
    ) {
        let mut request: Vec<(&str, &str)> = Op::request();
        request.retain(|(name, _)| Some(*name) != cut.as_deref());
        for (name, value) in &changes {
            request.push((name, value));
        }
        let query = form(&request);
        let fields = [("cookie", SIGNED_IN.1.as_bytes())];
        ends_well(&send(Request::new("GET", "/authorize").query(&query).headers(&fields)));
    }

    /// RFC 6749 §3.1: the order of parameters means nothing.
    #[test]
    fn order_means_nothing(request in Just(Op::request()).prop_shuffle()) {
        let fields = [("cookie", SIGNED_IN.1.as_bytes())];
        let query = form(&request);
        let answer = send(Request::new("GET", "/authorize").query(&query).headers(&fields));
        prop_assert_eq!(answer.parameter("state"), "af0ifjsldkj");
        prop_assert_eq!(answer.parameter("code").len(), 64);
    }

    /// F-14: whatever is sent, no tokens without a grant.
    #[test]
    fn tokens_need_a_grant(
        authorization in prop_oneof![Just("Basic Y29uZi1iYXNpYzpjb25mLWJhc2lj".to_owned()), any::<String>()],
        pairs in prop::collection::vec((prop_oneof![select(vec![
            "grant_type", "code", "redirect_uri", "code_verifier", "client_id", "client_secret",
        ]).prop_map(str::to_owned), any::<String>()], prop_oneof![Just("authorization_code".to_owned()), value()]), 0..8),
    ) {
        let pairs: Vec<_> = pairs.iter().map(|(n, v)| (&**n, &**v)).collect();
        let body = form(&pairs);
        let fields: [(&str, &[u8]); 2] = [
            ("authorization", authorization.as_bytes()),
            ("content-type", b"application/x-www-form-urlencoded"),
        ];
        let answer = send(Request::new("POST", "/token").headers(&fields).body(body.as_bytes()));
        prop_assert!(matches!(answer.status(), 400 | 401), "{:?}", answer.json());
        prop_assert_eq!(answer.header("cache-control"), Some("no-store"));
        prop_assert!(answer.json()["error"].is_string());
    }

    /// UserInfo with any token is refused, and SE-03: any cookie is no session.
    #[test]
    fn garbage_is_no_token_and_no_session(token in "[A-Za-z0-9_-]{0,120}", cookie in any::<String>()) {
        let bearer = format!("Bearer {token}");
        let fields = [("authorization", bearer.as_bytes())];
        let answer = send(Request::new("GET", "/userinfo").headers(&fields));
        prop_assert!(matches!(answer.status(), 400 | 401));
        let cookie = format!("__Host-op_session={cookie}; __Host-op_browser={cookie}");
        let fields = [("cookie", cookie.as_bytes())];
        let query = form(&Op::request());
        let answer = send(Request::new("GET", "/authorize").query(&query).headers(&fields));
        prop_assert!(matches!(answer, Answer::Page(_)));
    }

    /// F-03: equal bytes, or the same loopback literal with another port.
    #[test]
    fn redirect_uris_match_by_bytes(
        registered in select(vec![
            "https://client.example/cb", "http://127.0.0.1/cb", "http://[::1]:80/cb?a=1",
            "http://localhost/cb", "com.example.app:/cb",
        ]),
        host in select(vec!["127.0.0.1", "[::1]", "localhost", "client.example", "127.0.0.2"]),
        scheme in select(vec!["http", "https", "com.example.app"]),
        port in prop::option::of(0_u32..70_000),
        tail in select(vec!["", "/", "/cb", "/cb/", "/cb?a=1", "@evil.example/cb"]),
    ) {
        let uri = RedirectUri::new(registered).unwrap();
        let port = port.map(|port| format!(":{port}")).unwrap_or_default();
        let requested = format!("{scheme}://{host}{port}{tail}");
        prop_assert_eq!(uri.matches(&requested), matches_by_the_book(registered, &requested));
        prop_assert!(uri.matches(registered));
    }

    /// F-19: what the client parses back is what was sent, once, behind the registered bytes.
    #[test]
    fn answers_parse_back(state in "[^\0]{1,200}", mode in select(vec!["query", "fragment"])) {
        let request = Op::request_with(&[("state", &state), ("response_mode", mode)]);
        let query = form(&request);
        let fields = [("cookie", SIGNED_IN.1.as_bytes())];
        let answer = send(Request::new("GET", "/authorize").query(&query).headers(&fields));
        let (to, parameters) = answer.redirect();
        prop_assert_eq!(to, "https://client.example/cb");
        prop_assert_eq!(&parameters["state"], &state);
        prop_assert_eq!(parameters.len(), 3);
        prop_assert!(answer.header("location").unwrap().is_ascii());
    }
}

/// The rule of RFC 8252 §7.3, written again in another way.
fn matches_by_the_book(registered: &str, requested: &str) -> bool {
    if registered == requested {
        return true;
    }
    let split = |uri: &str| -> Option<(String, String)> {
        let rest = uri.strip_prefix("http://")?;
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, tail) = rest.split_at(end);
        let (host, port) = match authority.strip_prefix("[::1]") {
            Some(port) => ("[::1]", port),
            None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
        };
        let loopback = host == "[::1]" || host.parse() == Ok(Ipv4Addr::LOCALHOST);
        let good_port = port.is_empty()
            || port
                .strip_prefix(':')
                .and_then(|p| p.parse::<u16>().ok())
                .is_some_and(|p| p > 0 && format!(":{p}") == port);
        (loopback && good_port).then(|| (host.to_owned(), tail.to_owned()))
    };
    split(registered).is_some() && split(registered) == split(requested)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Multiple Response Types §3: a response type is a set of words; threat AZ-05.
    #[test]
    fn words_of_a_response_type_have_no_order(
        words in collection::vec(select(vec!["code", "token", "id_token", "none", "Code", ""]), 1..4)
            .prop_flat_map(|words| (Just(words.clone()), Just(words).prop_shuffle())),
    ) {
        let (one, other) = words;
        let parsed = ResponseType::parse(&one.join(" "));
        prop_assert_eq!(parsed, ResponseType::parse(&other.join(" ")));
        let set: BTreeSet<_> = one.iter().copied().collect();
        let good = set.len() == one.len()
            && (set.iter().all(|word| ["code", "token", "id_token"].contains(word)) || one == ["none"]);
        prop_assert_eq!(parsed.is_some(), good, "{:?}", one);
        if let Some(parsed) = parsed {
            prop_assert!(ResponseType::ALL.contains(&parsed));
            let words: BTreeSet<_> = parsed.as_str().split(' ').collect();
            prop_assert_eq!(words, set, "nothing lost, nothing added");
        }
    }
}

/// Redirect URIs as clients have them, with everything that a query may hold.
const REGISTERED: [&str; 8] = [
    "https://every.example/cb",
    "https://every.example",
    "https://every.example/cb?",
    "https://every.example/cb?a=1&b=2",
    "https://every.example/cb?a=%20%26+&a",
    "https://every.example/cb?x=y&",
    "https://every.example:8443/a;b,c/%2F?q=https://other.example/?z",
    "https://every.example/cb/?a=<>'",
];

/// A client of every response type with all of these, and somebody signed in who has agreed.
static EVERYWHERE: LazyLock<(Op, String, Vec<&str>)> = LazyLock::new(|| {
    let uris: Vec<_> =
        REGISTERED.into_iter().filter(|uri| RedirectUri::new(*uri).is_ok()).collect();
    assert!(uris.len() > 5, "{uris:?}");
    let members = json!({
        "response_types": FLOWS.map(|flow| flow.response_type),
        "grant_types": ["authorization_code", "implicit"]
    });
    let mut setup = Setup::new();
    setup.clients.push(client("every", false, &uris, &members));
    let op = setup.build();
    let mut browser = Browser::new(&op);
    RUNTIME.block_on(browser.ask(&Ask::of("every", "code"), ALICE));
    let cookies: Vec<_> = browser.cookies.iter().map(|(n, v)| format!("{n}={v}")).collect();
    (op, cookies.join("; "), uris)
});

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    /// F-19: for every response type, mode and outcome, the registered bytes unchanged, and behind
    /// them the provider's parameters, each once.
    #[test]
    fn every_answer_parses_back(
        uri in select(EVERYWHERE.2.clone()),
        flow in select(FLOWS.to_vec()),
        mode in select(vec!["", "fragment", "form_post"]),
        state in "[^\0]{1,60}",
        refused: bool,
    ) {
        let ask = Ask::of("every", flow.response_type).with("redirect_uri", uri);
        let ask = ask.with("state", &state).with("response_mode", mode).with("prompt", "none");
        let ask = if refused { ask.with("max_age", "0") } else { ask };
        let fields = [("cookie", EVERYWHERE.1.as_bytes())];
        let query = form(&ask.pairs());
        let request = Request::new("GET", "/authorize").query(&query).headers(&fields);
        let answer = Answer::from(RUNTIME.block_on(EVERYWHERE.0.provider.dispatch(request)));
        let place = match mode {
            "" => flow.place(),
            "form_post" => Place::Form,
            _ => Place::Fragment,
        };
        let parameters: BTreeMap<String, String> = if place == Place::Form {
            let sent = Sent::of(&answer);
            prop_assert_eq!(sent.to, uri);
            sent.parameters
        } else {
            let location = answer.header("location").unwrap();
            prop_assert!(location.is_ascii());
            let rest = location.strip_prefix(uri).expect("the registered bytes");
            let separator = match place {
                Place::Fragment => "#",
                _ if uri.ends_with(['?', '&']) => "",
                _ if uri.contains('?') => "&",
                _ => "?",
            };
            let rest = rest.strip_prefix(separator).expect("one separator");
            prop_assert!(!rest.contains(['#', '?']) && !rest.starts_with('&'));
            let pairs = crate::support::decode(rest);
            let map: BTreeMap<_, _> = pairs.iter().cloned().collect();
            prop_assert_eq!(map.len(), pairs.len(), "each once");
            map
        };
        let mut expected = vec!["iss", "state"];
        if refused {
            expected.extend(["error", "error_description"]);
        } else {
            expected.extend(flow.response_type.split(' ').filter(|word| ["code", "id_token"].contains(word)));
            if flow.has("token") {
                expected.extend(["access_token", "expires_in", "scope", "token_type"]);
            }
        }
        expected.sort_unstable();
        prop_assert_eq!(parameters.keys().collect::<Vec<_>>(), expected);
        prop_assert_eq!(&parameters["state"], &state);
        prop_assert_eq!(&parameters["iss"], "https://id.example");
    }
}
