//! What is well-formed and cannot work here is refused when it is registered, not when it is used.

use oidc_op::{KeySet, SigningAlgorithm, Timestamp};

use super::*;
use crate::support::Documents;

type Less = fn(&mut Setup);
type Change = dyn Fn(&mut Setup);

/// The same provider, with something less.
fn without(change: impl FnOnce(&mut Setup)) -> Op {
    let mut setup = setup();
    change(&mut setup);
    setup.build()
}

#[tokio::test]
async fn each_member_needs_what_it_needs() {
    let op = setup().build();
    let unsigned: Less = |setup| setup.config.policy.unsigned = false;
    let salt: Less = |setup| setup.secrets.pairwise = None;
    let keys: Less = |setup| {
        let only = KeySet::generate(&[SigningAlgorithm::RS256], Timestamp::from_unix(0)).unwrap();
        setup.signer = Arc::new(only);
        setup.config.resources.clear();
    };
    let opener: Less = |setup| setup.decryption = None;
    let fetch: Less = |setup| setup.documents = None;
    for (members, less, name) in [
        (
            json!({ "id_token_signed_response_alg": "none" }),
            unsigned,
            "id_token_signed_response_alg",
        ),
        (
            json!({ "userinfo_signed_response_alg": "none" }),
            unsigned,
            "userinfo_signed_response_alg",
        ),
        (json!({ "request_object_signing_alg": "none" }), unsigned, "request_object_signing_alg"),
        (json!({ "subject_type": "pairwise" }), salt, "subject_type"),
        (json!({ "id_token_signed_response_alg": "ES256" }), keys, "id_token_signed_response_alg"),
        (json!({ "userinfo_signed_response_alg": "EdDSA" }), keys, "userinfo_signed_response_alg"),
        (
            json!({ "introspection_signed_response_alg": "ES256" }),
            keys,
            "introspection_signed_response_alg",
        ),
        (
            json!({ "request_object_encryption_alg": "ECDH-ES" }),
            opener,
            "request_object_encryption_alg",
        ),
        (
            json!({ "request_object_encryption_alg": "RSA-OAEP-256" }),
            opener,
            "request_object_encryption_alg",
        ),
        (json!({ "jwks_uri": "https://rp.example/jwks" }), fetch, "jwks_uri"),
        (json!({ "request_uris": ["https://rp.example/ro"] }), fetch, "request_uris"),
    ] {
        let client = op.register(&web_with(&members)).await;
        let less = without(less);
        let answer = less.try_register(&web_with(&members), None).await;
        assert_eq!(
            (answer.status(), answer.error()),
            (400, "invalid_client_metadata".into()),
            "{members}"
        );
        assert!(answer.member("error_description").starts_with(name), "{}", answer.json());
        // also for who is registered already, when it comes back
        let plain = less.register(&web()).await;
        assert_eq!(plain.put(&less, &members).await.status(), 400, "{members}");
        assert!(client.0.get(name).is_some());
    }
    // What needs a key that nobody has, here or elsewhere.
    for members in [
        json!({ "id_token_signed_response_alg": "PS512" }),
        json!({ "userinfo_signed_response_alg": "RS512" }),
        json!({ "introspection_signed_response_alg": "ES384" }),
        json!({ "request_object_encryption_alg": "RSA-OAEP" }),
    ] {
        assert_eq!(
            op.refused(&web_with(&members)).await,
            (400, "invalid_client_metadata".into()),
            "{members}"
        );
    }
}

/// Secrets are keys that everybody has.
#[tokio::test]
async fn a_secret_needs_no_key() {
    let op = without(|setup| setup.decryption = None);
    for members in [
        json!({ "request_object_encryption_alg": "dir" }),
        json!({ "request_object_encryption_alg": "A256KW" }),
        json!({ "id_token_signed_response_alg": "HS384" }),
        json!({ "userinfo_encrypted_response_alg": "A128GCMKW" }),
    ] {
        op.register(&web_with(&members)).await;
    }
}

/// A client that has no secret has no key.
#[tokio::test]
async fn a_public_client_has_no_secret_to_use() {
    let op = setup().build();
    for member in [
        "id_token_signed_response_alg",
        "userinfo_signed_response_alg",
        "request_object_signing_alg",
    ] {
        let members = json!({ "token_endpoint_auth_method": "none", member: "HS256" });
        assert_eq!(
            op.refused(&web_with(&members)).await,
            (400, "invalid_client_metadata".into()),
            "{member}"
        );
    }
}

/// What is fetched is fetched when it is used, not when it is registered.
#[tokio::test]
async fn a_registration_fetches_no_keys() {
    let documents = Documents::default();
    let mut setup = setup();
    setup.documents = Some(documents.clone());
    let op = setup.build();
    op.register(&web_with(&json!({
        "jwks_uri": "https://rp.example/jwks", "request_uris": ["https://rp.example/ro"],
        "logo_uri": "https://rp.example/logo.png", "initiate_login_uri": "https://rp.example/login"
    })))
    .await;
    assert_eq!(documents.asked(), Vec::<String>::new());
}

/// What contradicts itself in the configuration is found when the provider is built.
#[test]
fn contradictions_are_found_at_the_start() {
    use oidc_op::{Duration, Provider, Secrets};
    let failed = |change: &dyn Fn(&mut Setup)| {
        let mut setup = setup();
        change(&mut setup);
        let mut secrets = Secrets::new(Secret::new([1; 32]).unwrap());
        secrets.storage = setup.secrets.storage;
        let builder = Provider::builder(setup.config)
            .store(setup.store)
            .signer(setup.signer)
            .secrets(secrets);
        let builder = builder.accounts(setup.host).clients(oidc_op::StaticClients::default());
        builder.build().err().map(|error| error.to_string()).unwrap_or_default()
    };
    let rules = |change: fn(&mut Registration)| {
        move |setup: &mut Setup| change(setup.config.registration.as_mut().unwrap())
    };
    assert_eq!(failed(&|_| ()), "");
    let cases: [(&str, &Change); 9] = [
        ("secrets.storage", &|setup| setup.secrets.storage.clear()),
        ("publishers", &rules(|rules| rules.require_statement = true)),
        ("unused_lifetime", &rules(|rules| rules.unused_lifetime = Duration::ZERO)),
        ("unused_lifetime", &rules(|rules| rules.unused_lifetime = Duration::days(400))),
        ("secret_lifetime", &rules(|rules| rules.secret_lifetime = Some(Duration::SECOND))),
        ("grant_types", &rules(|rules| rules.grant_types.clear())),
        ("fetch", &|setup| setup.config.policy.client_documents = true),
        ("twice", &|setup| setup.config.paths.registration = "/token".into()),
        ("registration", &|setup| setup.config.paths.registration = "register?".into()),
    ];
    for (name, change) in cases {
        let found = failed(change);
        assert!(found.contains(name), "{name} in {found:?}");
    }
}
