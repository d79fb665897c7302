//! RFC 8693: the workstation's own ID token for an access token to the ledger.

use oidc_op::{AccessTokenVerifier, Issuer, Jwks, Resource};
use serde_json::{Value, json};

use super::{
    ADA, Deployment, VAULT, VAULT_AT, WORKSTATION, WORKSTATION_AT, assertion, opened, redeems,
    sent, shared, with_assertion,
};
use crate::{blackbox::party, support::header};

const LEDGER: &str = "https://ledger.enterprise.example/";
const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";

fn exchange<'p>(token: &'p str, kind: &'p str, audience: &'p str) -> [(&'p str, &'p str); 5] {
    [
        ("grant_type", EXCHANGE),
        ("subject_token", token),
        ("subject_token_type", kind),
        ("audience", audience),
        ("scope", "ledger"),
    ]
}

/// The ledger, as far as tokens go.
async fn verifier(op: &Deployment, resource: &str) -> AccessTokenVerifier {
    let (status, keys) = sent(party::http().get(op.endpoint("jwks_uri"))).await;
    assert_eq!(status, 200);
    let keys = Jwks::from_json(&keys.to_string()).unwrap();
    let issuer = Issuer::new(op.issuer()).unwrap();
    AccessTokenVerifier::by_keys(issuer, Resource::new(resource).unwrap(), keys)
}

async fn refused(op: &Deployment, pairs: &[(&str, &str)], what: &str) -> Value {
    let (status, answer) = with_assertion(op, &assertion(op), pairs).await;
    assert_eq!(status, 400, "{what}: {answer}");
    answer["error"].clone()
}

/// §2: who has an ID token of its own gets a token for the ledger and for nothing else.
#[tokio::test]
async fn an_id_token_for_an_access_token() {
    const ID: &str = "urn:ietf:params:oauth:token-type:id_token";
    let op = shared().await;
    let visitor = op.visitor();
    let own = async |scope: &str| {
        let more = [("scope", scope)];
        let page = visitor.open(op.request(WORKSTATION, WORKSTATION_AT, &more)).await;
        let page = visitor.consent(page, ADA).await;
        let (_, tokens) = with_assertion(&op, &assertion(&op), &redeems(&page.code())).await;
        tokens["id_token"].as_str().unwrap().to_owned()
    };
    // a rule of the company's is no word of ada's
    let early = own("openid").await;
    let error = refused(&op, &exchange(&early, ID, LEDGER), "not agreed to").await;
    assert_eq!(error, "invalid_grant");
    let id_token = &*own("openid ledger").await;

    let good = exchange(id_token, ID, LEDGER);
    let (status, given) = with_assertion(&op, &assertion(&op), &good).await;
    assert_eq!(status, 200, "{given}");
    let kind = "urn:ietf:params:oauth:token-type:access_token";
    assert_eq!((&given["issued_token_type"], &given["scope"]), (&json!(kind), &json!("ledger")));
    let token = given["access_token"].as_str().unwrap();
    assert_eq!((&header(token)["alg"], &header(token)["typ"]), (&json!("ES256"), &json!("at+jwt")));
    let seen = verifier(&op, LEDGER).await.verify_token(token).await.unwrap();
    assert_eq!((seen.subject(), seen.client_id()), (Some("e-1815"), Some(WORKSTATION)));
    assert_eq!((seen.audience(), seen.scope().to_string()), (vec![LEDGER], "ledger".to_owned()));
    assert!(verifier(&op, "https://elsewhere.example/").await.verify_token(token).await.is_err());
    assert!(verifier(&op, LEDGER).await.verify_token(id_token).await.is_err());
    assert_eq!(op.userinfo(token).await.0, 401, "it is not for the provider");

    // another client's, however it came by it
    let page = op.visitor();
    let asked = page.open(op.request(VAULT.0, VAULT_AT, &[])).await;
    let asked = page.consent(asked, ADA).await;
    let vaults = op.redeem(VAULT, VAULT_AT, &asked).await;
    let vaults = opened(vaults["id_token"].as_str().unwrap());
    for (token, what) in [(&*vaults, "the vault's"), ("a.b.c", "garbage"), (token, "no ID token")] {
        let error = refused(&op, &exchange(token, ID, LEDGER), what).await;
        assert_eq!(error, "invalid_request", "{what}");
    }
    let (status, answer) = op.post("token_endpoint", VAULT, &exchange(&vaults, ID, LEDGER)).await;
    assert_eq!(
        (status, &answer["error"]),
        (400, &json!("unauthorized_client")),
        "the vault itself"
    );
    // for somebody else than the rule says
    let manage = format!("{}/manage", op.issuer());
    for (audience, error) in [
        (&*manage, "invalid_request"),
        (op.issuer(), "invalid_request"),
        ("https://elsewhere.example/", "invalid_target"),
    ] {
        let found = refused(&op, &exchange(id_token, ID, audience), audience).await;
        assert_eq!(found, error, "{audience}");
    }
}
