//! TK: what issued tokens say, and what nobody can make them say.

use std::sync::Arc;

use oidc_op::{
    Account, AlwaysClaim, ClaimPlace, JwsAlgorithm, MacAlgorithm, Secret, SigningAlgorithm,
};
use serde_json::{Value, json};

use crate::support::{
    ALICE, ALL_KEYS, Ask, BOB, Browser, FLOWS, Op, Sent, Setup, claims, keyed,
    keys::{half_hash, verified, verified_by_secret},
};

/// A client of every response type with this algorithm for its ID tokens.
fn signing(alg: JwsAlgorithm) -> oidc_op::Client {
    keyed(
        &format!("keyed-{}", alg.as_str().to_lowercase()),
        &json!({
            "id_token_signed_response_alg": alg,
            "response_types": FLOWS.map(|flow| flow.response_type),
            "grant_types": ["authorization_code", "implicit"]
        }),
    )
}

/// `at_hash`, `c_hash` and `s_hash` with the hash of each algorithm, for each response type, in front
/// and at the token endpoint (OIDC Core §3.1.3.6, §3.2.2.10, §3.3.2.11).
#[tokio::test]
async fn tk_01_half_hashes() {
    let signatures = SigningAlgorithm::ALL.into_iter().map(JwsAlgorithm::Signature);
    let all: Vec<_> =
        signatures.chain(MacAlgorithm::ALL.into_iter().map(JwsAlgorithm::Mac)).collect();
    let mut setup = Setup { signer: Arc::new(ALL_KEYS.clone()), ..Setup::new() };
    setup.clients.extend(all.iter().copied().map(signing));
    let op = setup.build();
    let jwks = op.jwks().await;
    let read = |token: &str, alg: JwsAlgorithm| {
        let id = match alg {
            JwsAlgorithm::Mac(_) => verified_by_secret(token),
            _ => verified(token, &jwks),
        };
        assert_eq!(crate::support::header(token)["alg"], alg.as_str());
        id.unwrap_or_else(|| panic!("{alg}: a good signature"))
    };
    for alg in all {
        let client = format!("keyed-{}", alg.as_str().to_lowercase());
        let mut browser = Browser::new(&op);
        for flow in FLOWS {
            let ask = Ask::of(&client, flow.response_type);
            let sent = browser.ask(&ask, ALICE).await;
            let hash = |text: &str| json!(half_hash(alg.as_str(), text));
            let what = format!("{alg} {}", flow.response_type);
            if let Some(token) = sent.parameters.get("id_token") {
                let id = read(token, alg);
                for (claim, of) in
                    [("at_hash", "access_token"), ("c_hash", "code"), ("s_hash", "state")]
                {
                    let right = sent.parameters.get(of).map(|text| hash(text));
                    assert_eq!(id.get(claim), right.as_ref(), "{what}: {claim}");
                }
            }
            if let Some(code) = sent.parameters.get("code") {
                let answer = op.exchange(&ask, code).await;
                let id = read(&answer.member("id_token"), alg);
                assert_eq!(id["at_hash"], hash(&answer.member("access_token")), "{what}");
                assert_eq!((id.get("c_hash"), id.get("s_hash")), (None, None), "{what}");
            }
        }
    }
}

/// The claims that only the provider says.
const RESERVED: [&str; 20] = [
    "iss",
    "sub",
    "aud",
    "exp",
    "iat",
    "nbf",
    "jti",
    "auth_time",
    "nonce",
    "acr",
    "amr",
    "azp",
    "at_hash",
    "c_hash",
    "s_hash",
    "sid",
    "cnf",
    "client_id",
    "_claim_names",
    "_claim_sources",
];

/// A host that answers reserved names, and a client that asks for them.
#[tokio::test]
async fn tk_02_reserved_names_never_win() {
    let mut setup = Setup::new();
    for place in [ClaimPlace::IdToken, ClaimPlace::UserInfo] {
        let mut always = AlwaysClaim::new("managed");
        always.place = place;
        setup.config.claims.always.push(always);
    }
    let op = setup.build();
    let mut evil = json!({"name": "alice", "managed": true});
    let mut wanted = json!({});
    for name in RESERVED {
        evil[name] = "evil".into();
        evil[format!("{name}#de")] = "evil".into();
        wanted[name] = Value::Null;
        wanted[format!("{name}#de")] = Value::Null;
    }
    wanted["name"] = Value::Null;
    let Value::Object(evil) = evil else { unreachable!() };
    op.host.set(ALICE, Account::active().claims(evil));
    let parameter = json!({"id_token": wanted, "userinfo": wanted}).to_string();
    for flow in FLOWS {
        let ask = flow.ask().with("claims", &parameter).with("claims_locales", "de");
        let sent = Browser::new(&op).ask(&ask, ALICE).await;
        let mut said = Vec::new();
        said.extend(sent.parameters.get("id_token").map(|token| claims(token)));
        let mut tokens: Vec<_> = sent.parameters.get("access_token").cloned().into_iter().collect();
        if let Some(code) = sent.parameters.get("code") {
            let answer = op.exchange(&ask, code).await;
            said.push(claims(&answer.member("id_token")));
            tokens.push(answer.member("access_token"));
        }
        for token in tokens {
            said.push(op.userinfo(&token).await.json());
        }
        for said in said {
            assert!(!said.to_string().contains("evil"), "{flow:?}: {said}");
            assert_eq!((&said["sub"], &said["name"]), (&json!(ALICE), &json!("alice")));
            assert_eq!(said["managed"], true);
        }
    }
}

/// Rules of the host's own that name what is reserved are contradictions.
#[test]
fn tk_02_rules_cannot_name_them() {
    for name in RESERVED {
        let mut setup = Setup::new();
        setup.config.claims.always.push(AlwaysClaim::new(name));
        setup.config.claims.scopes.insert("mine".into(), vec![name.into()]);
        assert_eq!(setup.config.contradictions().len(), 2, "{name}");
    }
}

/// What every channel says of who it is: front ID token, the token endpoint's, UserInfo.
async fn subs(op: &Op, browser: &mut Browser, ask: &Ask, who: &str) -> Vec<Value> {
    let sent = browser.ask(ask, who).await;
    let mut said = vec![claims(sent.get("id_token"))];
    said.push(op.userinfo(sent.get("access_token")).await.json());
    let answer = op.exchange(ask, sent.get("code")).await;
    said.push(claims(&answer.member("id_token")));
    said.push(op.userinfo(&answer.member("access_token")).await.json());
    said
}

/// Pairwise names: one in a sector, by whatever way; another elsewhere; neither `sub` nor `sid` joins
/// two of them (OIDC Core §8.1, §17.3).
#[tokio::test]
async fn tk_05_pairwise() {
    let op = Setup::full().build();
    let mut names = std::collections::BTreeMap::new();
    let mut sids = std::collections::BTreeSet::new();
    for who in [ALICE, BOB] {
        let mut browser = Browser::new(&op);
        for client in ["pairwise-a", "pairwise-a2", "pairwise-b", "hybrid"] {
            let ask = Ask::of(client, "code id_token token").with("scope", "openid");
            let said = subs(&op, &mut browser, &ask, who).await;
            let sub = said[0]["sub"].as_str().unwrap().to_owned();
            assert!(said.iter().all(|said| said["sub"] == *sub), "{client}: {said:?}");
            assert_eq!(sub == who, client == "hybrid", "{client}");
            assert!(sub.len() <= 255 && sub.is_ascii(), "{sub}");
            assert!(!said.iter().any(|s| client != "hybrid" && s.to_string().contains(who)));
            names.insert((client, who), sub);
            assert!(sids.insert(said[0]["sid"].to_string()), "a sid for each client");
            assert_eq!(said[0]["sid"], said[2]["sid"]);
        }
    }
    for who in [ALICE, BOB] {
        assert_eq!(names[&("pairwise-a", who)], names[&("pairwise-a2", who)], "one sector");
        assert_ne!(names[&("pairwise-a", who)], names[&("pairwise-b", who)], "two sectors");
    }
    assert_ne!(names[&("pairwise-a", ALICE)], names[&("pairwise-a", BOB)]);

    // another salt, other names; and no other way to them
    let mut setup = Setup::full();
    setup.secrets.pairwise = Some(Secret::new([3; 32]).unwrap());
    let op = setup.build();
    let ask = Ask::of("pairwise-a", "code id_token token");
    let said = subs(&op, &mut Browser::new(&op), &ask, ALICE).await;
    assert_ne!(said[0]["sub"], names[&("pairwise-a", ALICE)]);
}

/// Several redirect hosts have no sector, unless a sector identifier says so.
#[test]
fn tk_05_several_hosts_need_a_sector_identifier() {
    let metadata = |sector: Option<&str>| -> oidc_op::ClientMetadata {
        let mut json = json!({
            "subject_type": "pairwise",
            "redirect_uris": ["https://one.example/cb", "https://two.example/cb"]
        });
        if let Some(sector) = sector {
            json["sector_identifier_uri"] = sector.into();
        }
        serde_json::from_value(json).unwrap()
    };
    assert_eq!(metadata(None).check(), Err(oidc_op::InvalidMetadata::Sector));
    assert_eq!(metadata(Some("https://one.example/s.json")).check(), Ok(()));
    assert!(metadata(Some("http://one.example/s.json")).check().is_err());
}

/// A pairwise name works where a client names a person: `id_token_hint`, a requested `sub`. The
/// person's own name does not, and neither does another sector's.
#[tokio::test]
async fn tk_05_pairwise_names_come_back() {
    let op = Setup::full().build();
    let mut browser = Browser::new(&op);
    let of = |client: &str| Ask::of(client, "code id_token");
    let token = browser.ask(&of("pairwise-a"), ALICE).await.get("id_token").to_owned();
    let other = browser.ask(&of("pairwise-b"), ALICE).await.get("id_token").to_owned();
    let quiet = of("pairwise-a").with("prompt", "none");
    for (name, value, good) in [
        ("id_token_hint", token.clone(), true),
        ("id_token_hint", other.clone(), false),
        ("claims", sub_of(&claims(&token)["sub"]), true),
        ("claims", sub_of(&claims(&other)["sub"]), false),
        ("claims", sub_of(&json!(ALICE)), false),
    ] {
        let sent = browser.quiet(&quiet.clone().with(name, &value)).await;
        assert_eq!(sent.parameters.contains_key("code"), good, "{name} {value}: {sent:?}");
    }
}

fn sub_of(sub: &Value) -> String {
    json!({"id_token": {"sub": {"value": sub}}}).to_string()
}

/// Both ID tokens of a hybrid flow and UserInfo agree, whatever the subject type (Core §3.3.3.6).
#[tokio::test]
async fn tk_05_the_same_name_for_a_form_sent_twice() {
    let op = Setup::full().build();
    let mut browser = Browser::new(&op);
    let ask = Ask::of("pairwise-a", "code id_token token");
    let answer = browser.authorize(&ask.pairs()).await;
    let token = answer.page().token.clone();
    let answer = browser.login(&token, ALICE).await;
    let first = Sent::of(&browser.follow(answer, ALICE).await);
    let again = Sent::of(&browser.login(&token, ALICE).await);
    assert_eq!(first.get("code"), again.get("code"), "the same code");
    let (a, b) = (claims(first.get("id_token")), claims(again.get("id_token")));
    assert_eq!((&a["sub"], &a["c_hash"]), (&b["sub"], &b["c_hash"]));
    for sent in [&first, &again] {
        assert_eq!(op.userinfo(sent.get("access_token")).await.json()["sub"], a["sub"]);
    }
}

/// An ID token is for the client and opens nothing; an access token is for the provider and says
/// nothing of anybody (OIDC Core §16.12). That one is no hint of the other is AZ-11.
#[tokio::test]
async fn tk_03_neither_passes_for_the_other() {
    let op = Op::new();
    for flow in FLOWS.into_iter().filter(|flow| flow.has("id_token")) {
        let sent = Browser::new(&op).ask(&flow.ask(), ALICE).await;
        let id_token = sent.get("id_token");
        assert_eq!(claims(id_token)["aud"], flow.client, "{flow:?}");
        let answer = op.userinfo(id_token).await;
        assert_eq!((answer.status(), answer.error()), (401, "invalid_token".into()), "{flow:?}");
        if let Some(token) = sent.parameters.get("access_token") {
            assert!(!token.contains('.'), "{flow:?}: opaque");
        }
    }
}
