//! Access tokens for resource servers: whom they are for ([RFC 8707]), and what they say if they are
//! JWTs ([RFC 9068]).
//!
//! [RFC 8707]: https://www.rfc-editor.org/rfc/rfc8707
//! [RFC 9068]: https://www.rfc-editor.org/rfc/rfc9068

use std::collections::BTreeSet;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use oidc_op::{
    AccessTokenFormat, Acr, AlwaysClaim, ClaimPlace, Clock, ContentEncryption, Duration,
    JwtEncryption, JwtFormat, KeyManagementAlgorithm, Login, Resource, ResourceServer, Scope,
    SigningAlgorithm, Subject, Verdict,
};
use serde_json::{Value, json};

use crate::{
    agreements::consent,
    introspection::{INACTIVE, node},
    support::{
        ALICE, Answer, Ask, Browser, Op, Place, Setup, Tokens, VERIFIER, claims, header,
        keys::{client_jwks, half_hash, opened, verified},
        redirect_uri,
    },
};

pub(crate) const A: &str = "https://a.example/";
pub(crate) const B: &str = "https://b.example/";
/// It can introspect, as `rs1`.
pub(crate) const API: &str = "https://api.example/";
/// It takes JWTs, and can introspect, as `rs2`.
pub(crate) const ORDERS: &str = "https://orders.example/";
/// Its tokens live for a minute.
const SHORT: &str = "https://short.example/";
/// It takes JWTs that only it can read.
const SEALED: &str = "https://sealed.example/";
pub(crate) const ISSUER: &str = "https://id.example";

pub(crate) fn resource(name: &str) -> Resource {
    Resource::new(name).unwrap()
}

/// The fixtures, one API whose tokens are short-lived, and one whose tokens are sealed.
pub(crate) fn apis() -> Setup {
    let mut setup = Setup::full();
    let mut short = ResourceServer::new(resource(SHORT));
    short.lifetime = Some(Duration::seconds(60));
    let mut sealed = ResourceServer::new(resource(SEALED));
    let mut format = JwtFormat::signed(SigningAlgorithm::EdDSA);
    format.encryption = Some(JwtEncryption::new(
        KeyManagementAlgorithm::EcdhEs,
        ContentEncryption::A256Gcm,
        serde_json::from_value(client_jwks()).unwrap(),
    ));
    sealed.format = AccessTokenFormat::Jwt(format);
    sealed.client = Some("rs1".to_owned().try_into().unwrap());
    setup.config.resources.extend([short, sealed]);
    setup
}

/// A request that names these resources.
pub(crate) fn ask_for(client: &str, response_type: &str, scope: &str, resources: &[&str]) -> Ask {
    let mut ask = Ask::of(client, response_type).with("scope", scope);
    ask.0.extend(resources.iter().map(|name| ("resource".to_owned(), (*name).to_owned())));
    ask
}

/// Redeems a code for some of what was granted.
async fn redeem_for(op: &Op, client: &str, code: &str, resources: &[&str]) -> Answer {
    let uri = redirect_uri(client);
    let mut body = vec![
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", &*uri),
        ("code_verifier", VERIFIER),
    ];
    body.extend(resources.iter().map(|name| ("resource", *name)));
    op.token_as(client, &body).await
}

/// Alice's tokens at any client, a public one too.
pub(crate) async fn tokens_of(
    op: &Op,
    client: &'static str,
    scope: &str,
    resources: &[&str],
) -> Tokens {
    let ask = ask_for(client, "code", scope, resources);
    let code = Browser::new(op).ask(&ask, ALICE).await.get("code").to_owned();
    let answer = redeem_for(op, client, &code, &[]).await;
    assert_eq!(answer.status(), 200, "{}", answer.json());
    Tokens::of(client, &answer)
}

async fn refresh_for(op: &Op, tokens: &Tokens, resources: &[&str]) -> Answer {
    let more: Vec<_> = resources.iter().map(|name| ("resource", *name)).collect();
    op.refresh_with(tokens.client, &tokens.refresh, &more).await
}

/// What a token is for, as the client that it was issued to learns it.
pub(crate) async fn audience(op: &Op, client: &str, token: &str) -> Value {
    op.introspect(client, token).await.json()["aud"].clone()
}

fn words(text: &Value) -> BTreeSet<String> {
    text.as_str().unwrap_or_default().split(' ').map(str::to_owned).collect()
}

/// RFC 8707 §2, §2.2: whom the token is for, what it carries, and for how long, by the resources that
/// were asked for. A token for somebody else opens nothing here (threat IR-07).
#[tokio::test]
async fn audience_scope_and_lifetime() {
    let everything = "openid email offline_access orders:read orders:write";
    let op = apis().build();
    for (resources, aud, carried, seconds, at_userinfo) in [
        (&[][..], json!(ISSUER), everything, 600, 200),
        (&[ISSUER], json!(ISSUER), everything, 600, 200),
        (&[A], json!(A), everything, 600, 401),
        (&[A, B], json!([A, B]), everything, 600, 401),
        (&[A, B, A], json!([A, B]), everything, 600, 401),
        (&[B, SHORT], json!([B, SHORT]), everything, 60, 401),
        (&[ISSUER, SHORT], json!([SHORT, ISSUER]), everything, 60, 200),
        (&[ORDERS], json!(ORDERS), "orders:read orders:write", 600, 401),
        (&[ORDERS, ISSUER], json!([ORDERS, ISSUER]), everything, 600, 200),
    ] {
        let ask = ask_for("refresh", "code", everything, resources);
        let sent = Browser::new(&op).ask(&ask, ALICE).await;
        let answer = op.exchange(&ask, sent.get("code")).await;
        let what = format!("{resources:?}");
        assert_eq!(answer.json()["expires_in"], seconds, "{what}");
        assert_eq!(words(&answer.json()["scope"]), words(&json!(carried)), "{what}");
        let token = answer.member("access_token");
        let said = op.introspect("refresh", &token).await.json();
        assert_eq!((&said["active"], &said["aud"]), (&json!(true), &aud), "{what}");
        assert_eq!(words(&said["scope"]), words(&json!(carried)), "{what}");
        let told = op.userinfo(&token).await;
        assert_eq!(told.status(), at_userinfo, "{what}");
        if at_userinfo == 401 {
            assert_eq!(told.error(), "invalid_token", "{what}");
        }
        op.wait(seconds);
        assert_eq!(op.introspect("refresh", &token).await.reply().body, INACTIVE, "{what}");
        assert_eq!(op.userinfo(&token).await.status(), 401, "{what}");
    }
}

/// RFC 8707 §2.1: what cannot be had is `invalid_target`, at the client. That one token cannot be for
/// all of them matters where it comes at once.
#[tokio::test]
async fn refused_at_the_authorization_endpoint() {
    let mut setup = apis();
    for client in &mut setup.clients {
        if ["conf-basic", "implicit"].contains(&client.id.as_str()) {
            client.resources = Some(vec![resource(A), resource(ORDERS)]);
        }
    }
    let op = setup.build();
    let many: Vec<_> = (0..16).map(|_| A).collect();
    for (resources, with_code, in_front) in [
        (&["https://unknown.example/"][..], false, false),
        (&[A, "https://unknown.example/"], false, false),
        (&["https://a.example"], false, false),
        (&["/relative"], false, false),
        (&["https://a.example/#x"], false, false),
        (&["urn:x y"], false, false),
        (&[B], false, false),
        (&[A, B], false, false),
        (&[A, ORDERS], true, false),
        (&[A], true, true),
        (&[ORDERS, ISSUER], true, true),
        (&[ISSUER], true, true),
        (&many, true, true),
    ] {
        for (client, response_type, place, good) in [
            ("conf-basic", "code", Place::Query, with_code),
            ("implicit", "token", Place::Fragment, in_front),
            ("implicit", "id_token token", Place::Fragment, in_front),
        ] {
            let what = format!("{response_type} {resources:?}");
            let ask = ask_for(client, response_type, "openid orders:read", resources);
            let answer = Browser::new(&op).authorize(&ask.pairs()).await;
            if let Answer::Page(page) = &answer {
                assert!(good, "{what}");
                let asked: BTreeSet<_> = resources.iter().copied().collect();
                let shown: BTreeSet<_> = page.resources.iter().map(Resource::as_str).collect();
                assert_eq!(shown, asked, "{what}: the page shows them");
            } else {
                assert!(!good, "{what}");
                let sent = crate::support::Sent::of(&answer);
                sent.is_error("invalid_target", place, Some("af0ifjsldkj"), &what);
            }
        }
    }
}

/// A default resource is one that the client may have, or it gets no token for it: in front as well as
/// at the token endpoint.
#[tokio::test]
async fn a_default_resource_that_the_client_may_not_have() {
    let mut setup = apis();
    setup.config.default_resource = Some(resource(B));
    for client in &mut setup.clients {
        client.resources = Some(vec![resource(A)]);
    }
    let op = setup.build();
    for (client, response_type) in [("implicit", "token"), ("hybrid", "code token")] {
        let answer = Browser::new(&op).authorize(&Ask::of(client, response_type).pairs()).await;
        let sent = crate::support::Sent::of(&answer);
        sent.is_error("invalid_target", Place::Fragment, Some("af0ifjsldkj"), response_type);
    }
    let sent = Browser::new(&op).quiet(&Ask::of("refresh", "code")).await;
    sent.is_error("invalid_target", Place::Query, Some("af0ifjsldkj"), "nobody is asked in vain");
    let own = [("grant_type", "client_credentials")];
    assert_eq!(op.token_as("cc-client", &own).await.error(), "invalid_target");
    assert_eq!(op.token_as("cc-client", &[own[0], ("resource", A)]).await.status(), 200);
}

/// RFC 8707 §2.2: at the token endpoint 400, and nothing has happened: the code is still good.
#[tokio::test]
async fn refused_at_the_token_endpoint() {
    let op = apis().build();
    let scope = "openid offline_access orders:read";
    let ask = ask_for("refresh", "code", scope, &[A, ORDERS]);
    let code = Browser::new(&op).ask(&ask, ALICE).await.get("code").to_owned();
    // Both at once cannot be one token; neither can what was not granted.
    for resources in [&[][..], &[A, ORDERS], &[B], &[A, B], &["https://unknown.example/"], &["x"]] {
        let answer = redeem_for(&op, "refresh", &code, resources).await;
        assert_eq!((answer.status(), answer.error()), (400, "invalid_target".into()));
    }
    let answer = redeem_for(&op, "refresh", &code, &[A]).await;
    assert_eq!(answer.status(), 200, "{}", answer.json());
    let tokens = Tokens::of("refresh", &answer);
    for resources in [&[][..], &[A, ORDERS], &[B], &["https://unknown.example/"], &["x"]] {
        let answer = refresh_for(&op, &tokens, resources).await;
        assert_eq!((answer.status(), answer.error()), (400, "invalid_target".into()));
    }
    let answer = refresh_for(&op, &tokens, &[ORDERS]).await;
    assert_eq!(claims(&answer.member("access_token"))["aud"], ORDERS);
    for (client, grant_type) in
        [("cc-client", "client_credentials"), ("device", crate::support::DEVICE_KEY)]
    {
        for resources in [&[A, ORDERS][..], &["https://unknown.example/"], &["x"]] {
            let mut body = vec![("grant_type", grant_type), ("device", ALICE)];
            body.extend(resources.iter().map(|name| ("resource", *name)));
            let answer = op.token_as(client, &body).await;
            assert_eq!((answer.status(), answer.error()), (400, "invalid_target".into()));
        }
    }
}

/// RFC 8707 §2.2: each access token is for as much of the grant as its request names. What one names
/// does not bind the next.
#[tokio::test]
async fn narrowing_at_redemption_and_at_refresh() {
    let op = apis().build();
    let scope = "openid email offline_access";
    let ask = ask_for("refresh", "code", scope, &[A, B]);
    let code = Browser::new(&op).ask(&ask, ALICE).await.get("code").to_owned();
    let answer = redeem_for(&op, "refresh", &code, &[A]).await;
    let mut tokens = Tokens::of("refresh", &answer);
    assert_eq!(audience(&op, "refresh", &tokens.access).await, A);
    assert_eq!(claims(&tokens.id)["aud"], "refresh", "the ID token is the client's all the same");
    for (resources, aud, at_userinfo) in [
        (&[B][..], json!(B), 401),
        (&[], json!([A, B]), 401),
        (&[ISSUER], json!(ISSUER), 200),
        (&[A, ISSUER], json!([A, ISSUER]), 200),
        (&[B, A], json!([A, B]), 401),
    ] {
        let answer = refresh_for(&op, &tokens, resources).await;
        assert_eq!(answer.status(), 200, "{resources:?}: {}", answer.json());
        tokens = Tokens::of("refresh", &answer);
        assert_eq!(audience(&op, "refresh", &tokens.access).await, aud, "{resources:?}");
        assert_eq!(op.userinfo(&tokens.access).await.status(), at_userinfo, "{resources:?}");
    }
    // scope and resource narrow together, and not for good
    let more = [("resource", ISSUER), ("scope", "openid")];
    let answer = op.refresh_with("refresh", &tokens.refresh, &more).await;
    assert_eq!(answer.json()["scope"], "openid");
    assert_eq!(op.userinfo(&answer.member("access_token")).await.json(), json!({"sub": ALICE}));
    let next = Tokens::of("refresh", &answer);
    let answer = refresh_for(&op, &next, &[ISSUER]).await;
    assert_eq!(words(&answer.json()["scope"]), words(&json!(scope)));
}

/// The provider itself is an API of everybody who signs in, and of nobody else.
#[tokio::test]
async fn the_provider_as_a_resource() {
    let op = apis().build();
    for (scope, granted, asked, status) in [
        ("openid", &[A][..], ISSUER, 200),
        ("email", &[A], ISSUER, 400),
        ("email", &[A, ISSUER], ISSUER, 200),
        ("email", &[], ISSUER, 200),
    ] {
        let ask = ask_for("refresh", "code", scope, granted);
        let sent = Browser::new(&op).ask(&ask, ALICE).await;
        let answer = redeem_for(&op, "refresh", sent.get("code"), &[asked]).await;
        assert_eq!(answer.status(), status, "{scope} {granted:?}: {}", answer.json());
        if status == 400 {
            assert_eq!(answer.error(), "invalid_target");
        } else {
            let told = op.userinfo(&answer.member("access_token")).await;
            assert_eq!(told.status(), if scope == "openid" { 200 } else { 403 }, "{scope}");
        }
    }
}

/// Whoever names no resource gets tokens for the default one, opaque or not; UserInfo has to be named.
#[tokio::test]
async fn a_default_resource() {
    for (default, jwt) in [(A, false), (ORDERS, true)] {
        let mut setup = apis();
        setup.config.default_resource = Some(resource(default));
        let op = setup.build();
        let scope = "openid email offline_access orders:read";
        let tokens = op.tokens_for("refresh", ALICE, scope, &[]).await;
        assert_eq!(tokens.access.contains('.'), jwt, "{default}");
        assert_eq!(audience(&op, "refresh", &tokens.access).await, default);
        assert_eq!(op.userinfo(&tokens.access).await.status(), 401, "{default}");
        let answer = refresh_for(&op, &tokens, &[ISSUER]).await;
        assert_eq!(op.userinfo(&answer.member("access_token")).await.status(), 200, "{default}");
        let answer = refresh_for(&op, &Tokens::of("refresh", &answer), &[default]).await;
        assert_eq!(audience(&op, "refresh", &answer.member("access_token")).await, default);
        let own = op.token_as("cc-client", &[("grant_type", "client_credentials")]).await;
        assert_eq!(audience(&op, "cc-client", &own.member("access_token")).await, default);
        let sent = Browser::new(&op).ask(&Ask::of("implicit", "token"), ALICE).await;
        assert_eq!(sent.get("access_token").contains('.'), jwt, "{default}");
        assert_eq!(audience(&op, "implicit", sent.get("access_token")).await, default);
    }
}

/// What an administrator takes away is gone at the next refresh; what is not there any more, at once.
#[tokio::test]
async fn resources_that_are_taken_away() {
    let setup = apis();
    let without = |op: &Setup, name: &'static str| {
        node(op, |setup| setup.config.resources.retain(|server| server.resource.as_str() != name))
    };
    let (no_a, no_b) = (without(&setup, A), without(&setup, B));
    let not_for_client = node(&setup, |setup| {
        for client in &mut setup.clients {
            client.resources = Some(vec![resource(B)]);
        }
    });
    let op = setup.build();
    let tokens = op.tokens_for("refresh", ALICE, "openid offline_access", &[A, B]).await;
    let only_b = refresh_for(&op, &tokens, &[B]).await;
    let tokens = Tokens::of("refresh", &only_b);
    let both = refresh_for(&op, &tokens, &[A, B]).await;
    let tokens = Tokens::of("refresh", &both);
    for (op, of_both, of_b) in [(&op, true, true), (&no_a, false, true), (&no_b, false, false)] {
        for (token, active) in [(&both, of_both), (&only_b, of_b)] {
            let said = op.introspect("refresh", &token.member("access_token")).await;
            assert_eq!(said.json()["active"], active, "{}", said.json());
        }
    }
    assert_eq!(refresh_for(&not_for_client, &tokens, &[]).await.error(), "invalid_target");
    assert_eq!(refresh_for(&not_for_client, &tokens, &[A]).await.error(), "invalid_target");
    assert_eq!(refresh_for(&no_a, &tokens, &[A]).await.error(), "invalid_target");
    assert_eq!(refresh_for(&not_for_client, &tokens, &[B]).await.status(), 200);
}

/// RFC 9068 §2.1, §2.2: the whole token, for each algorithm.
#[tokio::test]
async fn a_jwt_in_full() {
    for algorithm in [SigningAlgorithm::RS256, SigningAlgorithm::ES256, SigningAlgorithm::EdDSA] {
        let mut setup = Setup::full();
        setup.config.acr_values = vec![Acr::new("urn:gold")];
        for server in &mut setup.config.resources {
            if server.resource.as_str() == ORDERS {
                server.format = AccessTokenFormat::Jwt(JwtFormat::signed(algorithm));
            }
        }
        let op = setup.build();
        let mut browser = Browser::new(&op);
        let ask = ask_for("refresh", "code", "openid offline_access orders:read", &[ORDERS])
            .with("prompt", "consent");
        let answer = browser.authorize(&ask.pairs()).await;
        let mut login = Login::new(Subject::new(ALICE).unwrap());
        login.acr = Some(Acr::new("urn:gold"));
        login.amr = vec!["pwd".into(), "otp".into()];
        let signed_in = op.clock.now().unix();
        let answer = browser.submit(&answer.page().token.clone(), Verdict::Login(login)).await;
        let sent = crate::support::Sent::of(&browser.follow(answer, ALICE).await);
        op.wait(5);
        let answer = op.exchange(&ask, sent.get("code")).await;
        let token = answer.member("access_token");
        let jwks = op.jwks().await;
        let said = verified(&token, &jwks).expect("a good signature");
        let head = header(&token);
        assert_eq!((&head["typ"], &head["alg"]), (&json!("at+jwt"), &json!(algorithm.as_str())));
        let published = |key: &Value| key["kid"] == head["kid"] && key["alg"] == head["alg"];
        assert!(jwks["keys"].as_array().unwrap().iter().any(published), "{head}");
        let jti = said["jti"].as_str().unwrap();
        let expected = json!({
            "iss": ISSUER, "sub": ALICE, "aud": ORDERS, "client_id": "refresh",
            "iat": signed_in + 5, "exp": signed_in + 605, "jti": jti, "scope": "orders:read",
            "auth_time": signed_in, "acr": "urn:gold", "amr": ["pwd", "otp"],
            "email": "alice@example.org"
        });
        assert_eq!(said, expected, "{algorithm:?}");
        // the ID token is bound to it, as to any other (OIDC Core §3.1.3.6)
        let id = claims(&answer.member("id_token"));
        let alg = header(&answer.member("id_token"))["alg"].clone();
        assert_eq!(id["at_hash"], half_hash(alg.as_str().unwrap(), &token));
    }
}

/// A client's own token has no person in it (RFC 9068 §2.2: `sub` is the client).
#[tokio::test]
async fn a_jwt_of_a_client() {
    let op = apis().build();
    let body = [("grant_type", "client_credentials"), ("resource", ORDERS)];
    let answer = op.token_as("cc-client", &body).await;
    let said = verified(&answer.member("access_token"), &op.jwks().await).unwrap();
    let now = op.clock.now().unix();
    let expected = json!({
        "iss": ISSUER, "sub": "cc-client", "aud": ORDERS, "client_id": "cc-client", "iat": now,
        "exp": now + 600, "jti": said["jti"], "scope": said["scope"]
    });
    assert_eq!(said, expected);
    assert_eq!(words(&said["scope"]), words(&json!("orders:read orders:write")));
    assert_eq!(op.userinfo(&answer.member("access_token")).await.status(), 401);
}

/// RFC 9068 §4, §6: `jti` names one token. It leads the provider to the grant, and nobody else: neither
/// is the grant's id in it, nor do two tokens of one grant look alike. It is no token itself.
#[tokio::test]
async fn a_jti_tells_nothing() {
    let op = apis().build();
    let scope = "openid offline_access orders:read";
    let mut tokens = op.tokens_for("refresh", ALICE, scope, &[ORDERS]).await;
    let mut seen = BTreeSet::new();
    for _ in 0..10 {
        // kind 1 ‖ kid 2 ‖ n 4 ‖ grant 16 ‖ ...
        let refresh = URL_SAFE_NO_PAD.decode(&tokens.refresh).unwrap();
        let grant = &refresh[7..23];
        let jti = claims(&tokens.access)["jti"].as_str().unwrap().to_owned();
        let bytes = URL_SAFE_NO_PAD.decode(&jti).unwrap();
        assert!(!bytes.windows(16).any(|window| window == grant), "no id of the grant");
        let raw = URL_SAFE_NO_PAD.decode(tokens.access.split('.').nth(1).unwrap()).unwrap();
        assert!(!raw.windows(16).any(|window| window == grant));
        // what is the same in all of them: kind and key, and by chance perhaps a byte more
        assert!(seen.iter().all(|other: &Vec<u8>| other[3..19] != bytes[3..19]));
        let alike = |other: &Vec<u8>| other.iter().zip(&bytes).filter(|(a, b)| a == b).count();
        assert!(seen.iter().map(alike).all(|alike| alike < 16), "{seen:?}");
        assert!(seen.insert(bytes), "each has its own");
        assert_eq!(op.userinfo(&jti).await.status(), 401, "it is no token");
        assert_eq!(op.introspect("refresh", &jti).await.reply().body, INACTIVE);
        assert_eq!(op.revoke("refresh", &jti).await.status(), 200);
        assert_eq!(op.introspect("refresh", &tokens.access).await.json()["active"], true);
        tokens = tokens.refreshed(&op).await;
    }
}

/// A JWT is good as long as its grant is, wherever the provider is asked.
#[tokio::test]
async fn a_jwt_stands_on_its_grant() {
    let alice = Subject::new(ALICE).unwrap();
    for end in ["by the client", "by the person", "all of the person's", "with the person"] {
        let op = apis().build();
        let scope = "openid offline_access orders:read";
        let tokens = op.tokens_for("refresh", ALICE, scope, &[ORDERS, ISSUER]).await;
        assert!(tokens.access.contains('.'));
        assert_eq!(op.userinfo(&tokens.access).await.status(), 200, "{end}");
        assert_eq!(op.introspect("rs2", &tokens.access).await.json()["active"], true, "{end}");
        assert!(op.provider.inspect(&tokens.access).await.unwrap().is_some(), "{end}");
        match end {
            "by the client" => {
                assert_eq!(op.revoke("refresh", &tokens.refresh).await.status(), 200);
            }
            "by the person" => {
                let held = op.provider.grants(&alice, None, 10).await.unwrap();
                assert!(op.provider.revoke_grant(&alice, held.grants[0].id).await.unwrap());
            }
            "all of the person's" => op.provider.revoke_all(&alice).await.unwrap(),
            _ => op.host.disable(ALICE),
        }
        let told = op.userinfo(&tokens.access).await;
        assert_eq!((told.status(), told.error()), (401, "invalid_token".into()), "{end}");
        assert_eq!(op.introspect("rs2", &tokens.access).await.reply().body, INACTIVE, "{end}");
        assert_eq!(op.provider.inspect(&tokens.access).await.unwrap(), None, "{end}");
    }
}

/// RFC 9068 §2.2.2: claims of the person come through the same pipeline as everywhere, whether the JWT
/// carries them or introspection says them. What was refused or is denied is in neither.
#[tokio::test]
async fn claims_of_the_person() {
    for (by_scope, policy, refuses, expected) in [
        (false, json!({}), &[][..], json!({"email": "alice@example.org", "tier": 3})),
        (
            true,
            json!({}),
            &[],
            json!({
                "email": "alice@example.org", "email_verified": true, "tier": 3,
                "phone_number": "+1 555 0100", "phone_number_verified": false
            }),
        ),
        (
            true,
            json!({}),
            &["email", "phone_number"],
            json!({"email_verified": true, "phone_number_verified": false, "tier": 3}),
        ),
        (false, json!({}), &["email"], json!({"tier": 3})),
        (false, json!({"deny": ["email"]}), &[], json!({"tier": 3})),
        (false, json!({"deny": ["tier"]}), &[], json!({"email": "alice@example.org"})),
        (
            true,
            json!({"allow": ["phone_number"]}),
            &[],
            json!({"phone_number": "+1 555 0100", "tier": 3}),
        ),
    ] {
        let what = format!("{by_scope} {policy} {refuses:?}");
        let mut setup = Setup::full();
        let mut always = AlwaysClaim::new("tier");
        always.place = ClaimPlace::AccessToken;
        always.value = Some(json!(3));
        setup.config.claims.always.push(always);
        for server in &mut setup.config.resources {
            server.scope = None;
            server.scope_claims = by_scope;
            server.claims = vec!["email".into()];
        }
        for client in &mut setup.clients {
            client.claims = serde_json::from_value(policy.clone()).unwrap();
        }
        let op = setup.build();
        for (resource, server) in [(ORDERS, "rs2"), (API, "rs1")] {
            let ask = ask_for("refresh", "code", "openid email phone", &[resource]);
            let mut browser = Browser::new(&op);
            let (sent, _) =
                consent(&mut browser, &ask.clone().with("prompt", "consent"), refuses).await;
            let answer = op.exchange(&ask, sent.get("code")).await;
            let token = answer.member("access_token");
            let mut says = vec![op.introspect(server, &token).await.json()];
            says.extend(token.contains('.').then(|| claims(&token)));
            for said in says {
                let names = ["email", "email_verified", "phone_number", "phone_number_verified"];
                let of_person = |name: &String| {
                    names.contains(&&**name) || ["tier", "name", "address"].contains(&&**name)
                };
                let found: serde_json::Map<_, _> = said
                    .as_object()
                    .unwrap()
                    .clone()
                    .into_iter()
                    .filter(|(n, _)| of_person(n))
                    .collect();
                assert_eq!(Value::Object(found), expected, "{what} {resource}");
            }
            let id = claims(&answer.member("id_token"));
            assert!(id.get("tier").is_none() && id.get("email").is_none(), "{what}: {id}");
        }
    }
}

/// In front: a token for an API, opaque or a JWT, bound to its ID token (OIDC Core §3.2.2.9).
#[tokio::test]
async fn tokens_in_front() {
    let op = apis().build();
    for (client, response_type) in [
        ("implicit", "token"),
        ("implicit", "id_token token"),
        ("hybrid", "code token"),
        ("hybrid", "code id_token token"),
    ] {
        for (resources, jwt, at_userinfo) in [
            (&[A][..], false, 401),
            (&[ORDERS], true, 401),
            (&[ORDERS, ISSUER], true, 200),
            (&[A, ISSUER], false, 200),
        ] {
            let what = format!("{response_type} {resources:?}");
            let ask = ask_for(client, response_type, "openid email orders:read", resources);
            let sent = Browser::new(&op).ask(&ask, ALICE).await;
            let token = sent.get("access_token");
            assert_eq!(token.contains('.'), jwt, "{what}");
            assert_eq!(op.userinfo(token).await.status(), at_userinfo, "{what}");
            let said = op.introspect(client, token).await.json();
            assert_eq!((&said["active"], &said["sub"]), (&json!(true), &json!(ALICE)), "{what}");
            let aud = if let [one] = resources { json!(one) } else { json!(resources) };
            assert_eq!(said["aud"], aud, "{what}");
            if jwt {
                let carried = verified(token, &op.jwks().await).unwrap();
                assert_eq!(header(token)["typ"], "at+jwt", "{what}");
                assert_eq!(carried["client_id"], client, "{what}");
                assert_eq!(carried["email"], "alice@example.org", "{what}");
            }
            if let Some(id_token) = sent.parameters.get("id_token") {
                assert_eq!(claims(id_token)["at_hash"], half_hash("RS256", token), "{what}");
            }
            let narrow = resources.len() == 1 && jwt;
            let scope = if narrow { "orders:read" } else { "openid email orders:read" };
            assert_eq!(words(&json!(sent.get("scope"))), words(&json!(scope)), "{what}");
        }
    }
}

/// RFC 9068 §6: a token that only the API can read. The provider cannot either, and says so; the grant
/// still ends it for whoever asks about that.
#[tokio::test]
async fn sealed_for_the_api() {
    let op = apis().build();
    let tokens = op.tokens_for("refresh", ALICE, "openid offline_access", &[SEALED]).await;
    let outer = header(&tokens.access);
    assert_eq!((&outer["alg"], &outer["enc"]), (&json!("ECDH-ES"), &json!("A256GCM")));
    assert_eq!((&outer["cty"], &outer["kid"]), (&json!("JWT"), &json!("r-ec")));
    assert!(outer.get("zip").is_none(), "RFC 8725 §3.6");
    let (inner, _) = opened(&tokens.access);
    let said = verified(&inner, &op.jwks().await).expect("signed, then encrypted");
    assert_eq!(
        (&header(&inner)["typ"], &header(&inner)["alg"]),
        (&json!("at+jwt"), &json!("EdDSA"))
    );
    assert_eq!((&said["aud"], &said["sub"]), (&json!(SEALED), &json!(ALICE)));
    assert_eq!(op.introspect("rs1", &tokens.access).await.reply().body, INACTIVE);
    assert_eq!(op.userinfo(&tokens.access).await.status(), 401);
    assert_eq!(op.revoke("refresh", &tokens.access).await.status(), 200);
    // what is inside is a token: of this audience, and of the same grant
    assert_eq!(op.introspect("rs1", &inner).await.json()["active"], true);
    assert_eq!(op.revoke("refresh", &tokens.refresh).await.status(), 200);
    assert_eq!(op.introspect("rs1", &inner).await.reply().body, INACTIVE);
}

/// An opaque token that would be too long to be sent is refused, and says how to be had.
#[tokio::test]
async fn what_no_token_holds() {
    let mut setup = apis();
    let many: Vec<_> = (0..50).map(|i| format!("scope-{i:024}")).collect();
    setup.config.scopes = Scope::parse(&many.join(" ")).unwrap();
    let op = setup.build();
    let own = [("grant_type", "client_credentials")];
    let answer = op.token_as("cc-client", &own).await;
    assert_eq!((answer.status(), answer.error()), (400, "invalid_request".into()));
    let answer = op.token_as("cc-client", &[own[0], ("scope", &many[0])]).await;
    assert_eq!(answer.status(), 200, "{}", answer.json());
}
