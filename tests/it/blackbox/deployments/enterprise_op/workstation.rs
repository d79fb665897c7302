//! The workstation: every response type, the crate `openidconnect` looking, and what it authenticates with.

use openidconnect::{
    AccessToken, AccessTokenHash, AuthorizationCode, AuthorizationCodeHash, ClientId, IssuerUrl,
    Nonce,
    core::{
        CoreIdToken, CoreIdTokenVerifier, CoreJsonWebKeySet, CoreJwsSigningAlgorithm,
        CoreProviderMetadata,
    },
};
use serde_json::json;

use super::{
    ADA, Deployment, VAULT, WORKSTATION, WORKSTATION_AT, asks_id_token, assertion, hires, id_token,
    is_error, redeems, shared, with_assertion,
};
use crate::{
    blackbox::relying_party,
    support::{claims, header},
};

/// What the crate `openidconnect` makes of the provider's word.
struct Judge {
    issuer: IssuerUrl,
    keys: CoreJsonWebKeySet,
}

impl Judge {
    async fn of(op: &Deployment) -> Self {
        let issuer = IssuerUrl::new(op.issuer().to_owned()).unwrap();
        let discovery =
            CoreProviderMetadata::discover_async(issuer.clone(), &relying_party::send).await;
        Self { issuer, keys: discovery.unwrap().jwks().clone() }
    }

    /// Looks at an ID token, and at the hashes of what came along.
    #[track_caller]
    fn accepts(&self, token: &str, nonce: &str, access_token: Option<&str>, code: Option<&str>) {
        let id = ClientId::new(WORKSTATION.to_owned());
        let verifier =
            CoreIdTokenVerifier::new_public_client(id, self.issuer.clone(), self.keys.clone())
                .set_allowed_algs([CoreJwsSigningAlgorithm::EcdsaP256Sha256]);
        let token: CoreIdToken = token.parse().unwrap();
        let claims = token.claims(&verifier, &Nonce::new(nonce.to_owned())).unwrap();
        let (key, alg) = (token.signing_key(&verifier).unwrap(), token.signing_alg().unwrap());
        let access_token = access_token.map(|text| AccessToken::new(text.to_owned()));
        let at_hash = access_token.map(|t| AccessTokenHash::from_token(&t, alg, key).unwrap());
        assert_eq!(claims.access_token_hash(), at_hash.as_ref());
        let code = code.map(|text| AuthorizationCode::new(text.to_owned()));
        let c_hash = code.map(|c| AuthorizationCodeHash::from_code(&c, alg, key).unwrap());
        assert_eq!(claims.code_hash(), c_hash.as_ref());
        assert_eq!(claims.subject().as_str(), "e-1815");
    }
}

/// OIDC Core §3: the answer has what the response type says and nothing else, and what it has is good.
#[tokio::test]
async fn six_response_types() {
    let op = shared().await;
    let judge = Judge::of(&op).await;
    let visitor = op.visitor();
    for response_type in
        ["code", "id_token", "id_token token", "code id_token", "code token", "code id_token token"]
    {
        let nonce = format!("nonce of {response_type}");
        let more = [("response_type", response_type), ("nonce", &nonce)];
        let page = visitor.open(op.request(WORKSTATION, WORKSTATION_AT, &more)).await;
        let answer = visitor.consent(page, ADA).await.answer();
        for (part, parameter) in
            [("code", "code"), ("id_token", "id_token"), ("token", "access_token")]
        {
            let has = response_type.split(' ').any(|word| word == part);
            assert_eq!(answer.contains_key(parameter), has, "{response_type}: {answer:?}");
        }
        let code = answer.get("code").map(String::as_str);
        let mut bearers: Vec<_> = answer.get("access_token").cloned().into_iter().collect();
        if let Some(token) = answer.get("id_token") {
            judge.accepts(token, &nonce, bearers.first().map(String::as_str), code);
            // OIDC Core §5.4: what scopes ask for is here if there is no other way to it.
            let told = claims(token).get("email").is_some();
            assert_eq!(told, response_type == "id_token", "{response_type}");
        }
        if let Some(code) = code {
            let (status, tokens) = with_assertion(&op, &assertion(&op), &redeems(code)).await;
            assert_eq!(status, 200, "{response_type}: {tokens}");
            let access_token = tokens["access_token"].as_str().unwrap();
            judge.accepts(tokens["id_token"].as_str().unwrap(), &nonce, Some(access_token), None);
            bearers.push(access_token.to_owned());
        }
        for bearer in bearers {
            let (status, person) = op.userinfo(&bearer).await;
            assert_eq!((status, &person["sub"]), (200, &json!("e-1815")), "{response_type}");
            assert_eq!(person["email"], "ada@enterprise.example", "{response_type}");
        }
    }
}

/// RFC 7523 §3, item 7: an assertion is good once, and only from the workstation's own key. A code outlives the
/// attempt; what it is redeemed for can be renewed.
#[tokio::test]
async fn an_assertion_is_good_once() {
    let op = shared().await;
    let visitor = op.visitor();
    let scope = "openid email offline_access";
    let code = async || {
        let more = [("scope", scope), ("prompt", "consent")];
        let page = visitor.open(op.request(WORKSTATION, WORKSTATION_AT, &more)).await;
        visitor.consent(page, ADA).await.code()
    };
    let used = assertion(&op);
    let first = code().await;
    let (status, tokens) = with_assertion(&op, &used, &redeems(&first)).await;
    assert_eq!((status, header(&used)["alg"].as_str()), (200, Some("EdDSA")), "{tokens}");

    let second = code().await;
    let fresh = assertion(&op);
    let (signed, signature) = fresh.rsplit_once('.').unwrap();
    let (_, other) = used.rsplit_once('.').unwrap();
    assert_ne!(signature, other);
    for (wrong, what) in [(&used, "used"), (&format!("{signed}.{other}"), "signed for another")] {
        let (status, refused) = with_assertion(&op, wrong, &redeems(&second)).await;
        assert_eq!((status, &refused["error"]), (401, &json!("invalid_client")), "{what}");
    }
    let bare = [&redeems(&second)[..], &[("client_id", WORKSTATION)]].concat();
    let (status, refused) =
        super::sent(super::party::http().post(op.endpoint("token_endpoint")).form(&bare)).await;
    assert_eq!((status, &refused["error"]), (401, &json!("invalid_client")), "without any");
    let (status, tokens) = with_assertion(&op, &fresh, &redeems(&second)).await;
    assert_eq!(status, 200, "{tokens}");

    let refresh = tokens["refresh_token"].as_str().unwrap();
    let pairs = [("grant_type", "refresh_token"), ("refresh_token", refresh)];
    let (status, renewed) = with_assertion(&op, &assertion(&op), &pairs).await;
    assert_eq!(status, 200, "{renewed}");
    assert_eq!(op.userinfo(renewed["access_token"].as_str().unwrap()).await.0, 200);
    let (status, refused) = op.post("token_endpoint", VAULT, &pairs).await;
    assert_eq!((status, &refused["error"]), (400, &json!("unauthorized_client")), "another client");
}

/// OIDC Core §3.1.2.1, `prompt=none` with `id_token_hint`: an app without a session of its own has its ID token
/// renewed, of the same person and the same session, and without a page.
#[tokio::test]
async fn silent_renewal() {
    let op = shared().await;
    let visitor = op.visitor();
    let page = visitor.open(asks_id_token(&op, &[])).await;
    let first = id_token(&visitor.consent(page, ADA).await);
    let silently = |hint: &str, nonce: &str| {
        asks_id_token(&op, &[("prompt", "none"), ("id_token_hint", hint), ("nonce", nonce)])
    };
    let renewed = id_token(&visitor.open(silently(&first, "n-2")).await);
    let (before, after) = (claims(&first), claims(&renewed));
    for same in ["sub", "sid", "auth_time", "acr", "amr", "aud"] {
        assert!(before[same] != json!(null) && before[same] == after[same], "{same}: {after}");
    }
    assert_eq!((&before["nonce"], &after["nonce"]), (&json!("n-0S6_WzA2Mj"), &json!("n-2")));
    assert!(after["exp"].as_i64() >= before["exp"].as_i64());
    // and once more with the new one
    id_token(&visitor.open(silently(&renewed, "n-3")).await);

    let other = op.visitor();
    let bob = hires(&op, "bob").await;
    let page = other.open(asks_id_token(&op, &[])).await;
    let bobs = id_token(&other.consent(page, bob).await);
    is_error(&visitor.open(silently(&bobs, "n-4")).await, "login_required");
    is_error(&other.open(silently(&renewed, "n-5")).await, "login_required");
    is_error(&op.visitor().open(silently(&renewed, "n-6")).await, "login_required");
    id_token(&other.open(silently(&bobs, "n-7")).await);
}
