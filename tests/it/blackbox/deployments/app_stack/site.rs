//! The web site: code, implicit and hybrid answers.

use openidconnect::{
    AccessToken, AccessTokenHash, AuthorizationCode, AuthorizationCodeHash, Nonce,
    core::CoreIdToken,
};
use serde_json::json;

use super::{Judge, SITE, SITE_AT, is_error, shared, somebody};

/// OIDC Core §3: the answer has what the response type says and nothing else, and what it has is good.
#[tokio::test]
async fn six_response_types() {
    let stack = shared().await;
    let op = &stack.people;
    let judge = Judge::of(op).await;
    let verifier = judge.verifier(SITE.0);
    let visitor = op.visitor();
    let ida = somebody(op, "ida").await;
    for response_type in
        ["code", "id_token", "id_token token", "code id_token", "code token", "code id_token token"]
    {
        let nonce = format!("nonce of {response_type}");
        let more = [("response_type", response_type), ("nonce", &nonce)];
        let page = visitor.open(op.request(SITE.0, SITE_AT, &more)).await;
        let page = visitor.consent(page, ida).await;
        let answer = page.answer();
        for (part, parameter) in
            [("code", "code"), ("id_token", "id_token"), ("token", "access_token")]
        {
            let has = response_type.split(' ').any(|word| word == part);
            assert_eq!(answer.contains_key(parameter), has, "{response_type}: {answer:?}");
        }
        // OAuth 2.0 Multiple Response Types §5
        let in_fragment = page.location().unwrap().fragment().is_some();
        assert_eq!(in_fragment, response_type != "code", "{response_type}");
        let mut bearers: Vec<_> = answer.get("access_token").cloned().into_iter().collect();
        if let Some(text) = answer.get("id_token") {
            let token: CoreIdToken = text.parse().unwrap();
            let claims = token.claims(&verifier, &Nonce::new(nonce.clone())).unwrap();
            let (key, alg) = (token.signing_key(&verifier).unwrap(), token.signing_alg().unwrap());
            let at = bearers.first().map(|text| AccessToken::new(text.clone()));
            let at_hash = at.map(|t| AccessTokenHash::from_token(&t, alg, key).unwrap());
            assert_eq!(claims.access_token_hash(), at_hash.as_ref(), "{response_type}");
            let code = answer.get("code").map(|text| AuthorizationCode::new(text.clone()));
            let c_hash = code.map(|c| AuthorizationCodeHash::from_code(&c, alg, key).unwrap());
            assert_eq!(claims.code_hash(), c_hash.as_ref(), "{response_type}");
        }
        if answer.contains_key("code") {
            let tokens = op.redeem(SITE, SITE_AT, &page).await;
            let token: CoreIdToken = tokens["id_token"].as_str().unwrap().parse().unwrap();
            token.claims(&verifier, &Nonce::new(nonce)).unwrap();
            bearers.push(tokens["access_token"].as_str().unwrap().to_owned());
        }
        for bearer in bearers {
            let (status, person) = op.userinfo(&bearer).await;
            assert_eq!((status, &person["name"]), (200, &json!("ida")), "{response_type}");
        }
    }
}

/// What the others have not registered they do not get, and what nobody may have there is none of.
#[tokio::test]
async fn as_each_client_has_registered() {
    let stack = shared().await;
    let op = &stack.people;
    let visitor = op.visitor();
    let asks = |client: &str, at: &str, response_type: &str| {
        op.request(client, at, &[("response_type", response_type), ("prompt", "none")])
    };
    for (client, at, response_type, error) in [
        (SITE.0, SITE_AT, "code id_token", "login_required"),
        (SITE.0, SITE_AT, "token", "unsupported_response_type"),
        (super::APP, super::CLAIMED, "code", "login_required"),
        (super::APP, super::CLAIMED, "id_token", "unauthorized_client"),
        (super::APP, super::CLAIMED, "code id_token", "unauthorized_client"),
    ] {
        is_error(&visitor.open(asks(client, at, response_type)).await, error);
    }
}
