//! TK: what issued tokens say, and what nobody can make them say.

use std::sync::Arc;

use oidc_op::{
    AccessTokenFormat, Account, AlwaysClaim, ClaimPlace, GrantType, JwsAlgorithm, JwtFormat,
    MacAlgorithm, Secret, SigningAlgorithm,
};
use serde_json::{Value, json};

use crate::{
    introspection::{EXCHANGE, INACTIVE, exchanged},
    resources::{API, ISSUER, ORDERS, ask_for},
    support::{
        ALICE, ALL_KEYS, Ask, BOB, Browser, FLOWS, Op, Place, Sent, Setup, claims, header, keyed,
        keys::{
            CLIENT_EC, KEPT, b64, es256, half_hash, hs256, sign, signer, verified,
            verified_by_secret,
        },
    },
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
    let Value::Object(mut evil) = evil else { unreachable!() };
    // With this it would be another person's account (RE-21).
    evil.remove("sub");
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

/// The same for access tokens: in the JWT, and at introspection of an opaque one.
#[tokio::test]
async fn tk_02_reserved_names_never_win_in_access_tokens() {
    let members = ["scope", "active", "token_type", "act", "username"];
    let mut setup = Setup::new();
    let mut always = AlwaysClaim::new("managed");
    always.place = ClaimPlace::AccessToken;
    setup.config.claims.always.push(always);
    for server in &mut setup.config.resources {
        server.scope_claims = true;
        server.scope = None;
    }
    let op = setup.build();
    let mut evil = json!({"name": "alice", "managed": true});
    for name in RESERVED.into_iter().chain(members) {
        evil[name] = "evil".into();
        evil[format!("{name}#de")] = "evil".into();
    }
    let Value::Object(mut evil) = evil else { unreachable!() };
    // With this it would be another person's account (RE-21).
    evil.remove("sub");
    op.host.set(ALICE, Account::active().claims(evil));
    for (resource, asker) in [(ORDERS, "rs2"), (API, "rs1")] {
        let ask = ask_for("hybrid", "code token", "openid profile orders:read", &[resource])
            .with("claims_locales", "de");
        let sent = Browser::new(&op).ask(&ask, ALICE).await;
        let answer = op.exchange(&ask, sent.get("code")).await;
        for token in [sent.get("access_token"), &answer.member("access_token")] {
            let mut said = vec![op.introspect(asker, token).await.json()];
            said.extend(token.contains('.').then(|| claims(token)));
            for said in said {
                assert!(!said.to_string().contains("evil"), "{resource}: {said}");
                let found = (&said["sub"], &said["aud"], &said["client_id"], &said["iss"]);
                assert_eq!(
                    found,
                    (&json!(ALICE), &json!(resource), &json!("hybrid"), &json!(ISSUER))
                );
                assert_eq!((&said["name"], &said["managed"]), (&json!("alice"), &json!(true)));
            }
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
        setup.config.resources[0].claims.push(name.into());
        assert_eq!(setup.config.contradictions().len(), 3, "{name}");
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

/// RFC 9068 §2.1, §5: a JWT access token is for its API, and the ID token for the client, both signed by
/// the same provider with the same key; neither is taken for the other, wherever a token is taken.
#[tokio::test]
async fn tk_03_jwts_do_not_pass_for_each_other() {
    let mut setup = Setup::full();
    setup.config.policy.introspect_id_tokens = true;
    for server in &mut setup.config.resources {
        if server.resource.as_str() == ORDERS {
            server.format = AccessTokenFormat::Jwt(JwtFormat::signed(SigningAlgorithm::RS256));
        }
    }
    for client in &mut setup.clients {
        if client.id.as_str() == "refresh" {
            client.metadata.grant_types.push(GrantType::TokenExchange);
        }
    }
    let op = setup.build();
    let ask = ask_for("refresh", "code", "openid orders:read", &[ORDERS, ISSUER]);
    let mut browser = Browser::new(&op);
    let sent = browser.ask(&ask, ALICE).await;
    let answer = op.exchange(&ask, sent.get("code")).await;
    let (access, id) = (answer.member("access_token"), answer.member("id_token"));
    assert_eq!(header(&access)["kid"], header(&id)["kid"], "one key");
    assert_eq!((&header(&access)["typ"], &header(&id)["typ"]), (&json!("at+jwt"), &json!("JWT")));
    assert_eq!(claims(&access)["aud"], json!([ORDERS, ISSUER]));
    assert_eq!(claims(&id)["aud"], "refresh");

    for (token, status) in [(&access, 200), (&id, 401)] {
        assert_eq!(op.userinfo(token).await.status(), status);
    }
    let quiet = Ask::of("refresh", "code").with("scope", "openid").with("prompt", "none");
    for (hint, error) in [(&id, None), (&access, Some("invalid_request"))] {
        let sent = browser.quiet(&quiet.clone().with("id_token_hint", hint)).await;
        match error {
            Some(error) => sent.is_error(error, Place::Query, Some("af0ifjsldkj"), "a hint"),
            None => assert!(sent.parameters.contains_key("code"), "{sent:?}"),
        }
    }
    *op.policies.exchange.lock().unwrap() = Some(oidc_op::Scope::parse("openid").unwrap());
    for (token, kind, good) in [
        (&access, "access_token", true),
        (&access, "jwt", true),
        (&access, "id_token", false),
        (&id, "id_token", true),
        (&id, "access_token", false),
        (&id, "jwt", false),
    ] {
        let kind = format!("urn:ietf:params:oauth:token-type:{kind}");
        let body = [
            ("grant_type", EXCHANGE),
            ("subject_token", token),
            ("subject_token_type", &*kind),
            ("scope", "openid"),
            ("resource", ISSUER),
        ];
        let answer = op.token_as("refresh", &body).await;
        assert_eq!(answer.status() == 200, good, "{kind}: {}", answer.json());
        let body = [
            ("grant_type", EXCHANGE),
            ("subject_token", &*access),
            ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
            ("actor_token", token),
            ("actor_token_type", "urn:ietf:params:oauth:token-type:access_token"),
            ("resource", ISSUER),
        ];
        let answer = op.token_as("refresh", &body).await;
        assert_eq!(answer.status() == 200, token == &access, "as an actor: {}", answer.json());
    }
    // an ID token is introspected for what it is and says so, and revoking it does nothing
    let said = op.introspect("refresh", &id).await.json();
    assert_eq!((&said["active"], &said["token_type"]), (&json!(true), &json!("id_token")));
    assert_eq!(op.introspect("rs2", &id).await.reply().body, INACTIVE);
    assert_eq!(op.provider.inspect(&id).await.unwrap(), None);
    assert_eq!(op.revoke("refresh", &id).await.status(), 200);
    assert_eq!(op.userinfo(&access).await.status(), 200);
}

/// A JWT access token that is not the provider's own, or not as it was issued, or over, is none (RFC 9068
/// §4, RFC 8725 §3.1): neither at UserInfo, nor at introspection, nor to be exchanged; and revoking it
/// revokes nothing.
#[tokio::test]
async fn tk_03_forged_jwts() {
    let op = Setup::full().build();
    let scope = "openid offline_access orders:read";
    let tokens = op.tokens_for("refresh", ALICE, scope, &[ORDERS, ISSUER]).await;
    let (head, said) = (header(&tokens.access), claims(&tokens.access));
    let parts: Vec<_> = tokens.access.split('.').collect();
    let changed = |name: &str, value: Value| {
        let mut said = said.clone();
        said[name] = value;
        format!("{}.{}.{}", parts[0], b64(said.to_string()), parts[2])
    };
    let headed = |alg: &str| {
        let mut head = head.clone();
        head["alg"] = alg.into();
        b64(head.to_string())
    };
    let cut = |text: &str| text[..text.len() - 1].to_owned();
    let with_key = |head: &Value| sign(head, &said, &*signer("ES256", &CLIENT_EC));
    let own_jwk = {
        let mut head = head.clone();
        let public = CLIENT_EC.to_public_key().unwrap();
        head["jwk"] = Value::Object(public.into());
        head
    };
    let public_key = op.jwks().await.to_string();
    let of_bob = op.tokens_for("refresh", BOB, scope, &[ORDERS, ISSUER]).await.access;
    let bobs: Vec<_> = of_bob.split('.').collect();
    let forged = [
        ("scope", changed("scope", json!("openid email orders:read orders:write"))),
        ("aud", changed("aud", json!([ISSUER, ORDERS, API]))),
        ("client_id", changed("client_id", json!("rs1"))),
        ("exp", changed("exp", json!(4_000_000_000_u64))),
        ("jti", changed("jti", claims(&of_bob)["jti"].clone())),
        ("payload of another", format!("{}.{}.{}", parts[0], bobs[1], parts[2])),
        ("signature of another", format!("{}.{}.{}", parts[0], parts[1], bobs[2])),
        ("no signature", format!("{}.{}.", parts[0], parts[1])),
        ("two parts", format!("{}.{}", parts[0], parts[1])),
        ("four parts", format!("{}.", tokens.access)),
        ("cut", cut(&tokens.access)),
        ("alg none", format!("{}.{}.", headed("none"), parts[1])),
        ("alg None, with a signature", format!("{}.{}.{}", headed("None"), parts[1], parts[2])),
        ("another alg", format!("{}.{}.{}", headed("RS256"), parts[1], parts[2])),
        ("a client's key", es256(&said)),
        ("a client's key under our kid", with_key(&head)),
        ("a key that it brings along", with_key(&own_jwk)),
        (
            "our public key as a secret",
            sign(
                &json!({"alg": "HS256", "typ": "at+jwt", "kid": head["kid"]}),
                &said,
                &*hs256(public_key),
            ),
        ),
        (
            "a client's secret",
            sign(&json!({"alg": "HS256", "typ": "at+jwt"}), &said, &*hs256(KEPT)),
        ),
    ];
    *op.policies.exchange.lock().unwrap() = Some(oidc_op::Scope::parse("openid").unwrap());
    for (what, token) in &forged {
        let answer = op.userinfo(token).await;
        assert_eq!((answer.status(), answer.error()), (401, "invalid_token".into()), "{what}");
        for asker in ["rs2", "refresh"] {
            assert_eq!(op.introspect(asker, token).await.reply().body, INACTIVE, "{what}");
        }
        assert_eq!(op.provider.inspect(token).await.unwrap(), None, "{what}");
        assert_eq!(exchanged(&op, token, &[]).await.error(), "invalid_request", "{what}");
        assert_eq!(op.revoke("refresh", token).await.status(), 200, "{what}");
    }
    for token in [&tokens.access, &of_bob] {
        assert_eq!(op.userinfo(token).await.status(), 200, "all this did no harm");
    }
    op.wait(600);
    assert_eq!(op.userinfo(&tokens.access).await.status(), 401);
    assert_eq!(exchanged(&op, &tokens.access, &[]).await.error(), "invalid_request");
}

/// The pairwise name goes wherever the token goes: into the JWT, to introspection, to UserInfo. A token
/// that is exchanged takes the name that its new client knows (OIDC Core §8.1).
#[tokio::test]
async fn tk_05_pairwise_in_access_tokens() {
    let mut setup = Setup::full();
    let exchanger = keyed(
        "keyed-exchanger",
        &json!({
            "subject_type": "pairwise", "response_types": ["code", "code id_token"],
            "grant_types": ["authorization_code", "implicit", EXCHANGE]
        }),
    );
    setup.clients.push(exchanger);
    let op = setup.build();
    *op.policies.exchange.lock().unwrap() = Some(oidc_op::Scope::parse("openid").unwrap());
    let at_exchanger = {
        let ask = Ask::of("keyed-exchanger", "code id_token");
        claims(Browser::new(&op).ask(&ask, ALICE).await.get("id_token"))["sub"].clone()
    };
    let ask = ask_for("pairwise-a", "code token", "openid orders:read", &[ORDERS, ISSUER]);
    let sent = Browser::new(&op).ask(&ask, ALICE).await;
    let answer = op.exchange(&ask, sent.get("code")).await;
    let sub = claims(&answer.member("id_token"))["sub"].clone();
    assert!(sub != json!(ALICE) && sub != at_exchanger);
    for token in [sent.get("access_token"), &answer.member("access_token")] {
        assert_eq!(claims(token)["sub"], sub);
        assert!(!claims(token)["sub"].to_string().contains(ALICE));
        assert_eq!(op.userinfo(token).await.json()["sub"], sub);
        for asker in ["rs2", "pairwise-a"] {
            assert_eq!(op.introspect(asker, token).await.json()["sub"], sub, "{asker}");
        }
        for resource in [ORDERS, ISSUER] {
            let body = [
                ("grant_type", EXCHANGE),
                ("subject_token", token),
                ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
                ("resource", resource),
            ];
            let child = op.token("keyed-exchanger", KEPT, &body).await;
            assert_eq!(child.status(), 200, "{}", child.json());
            let child = child.member("access_token");
            match resource {
                ORDERS => {
                    assert_eq!(claims(&child)["sub"], at_exchanger);
                    assert_eq!(op.introspect("rs2", &child).await.json()["sub"], at_exchanger);
                }
                _ => assert_eq!(op.userinfo(&child).await.json()["sub"], at_exchanger),
            }
        }
    }
}
