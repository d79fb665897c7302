//! Request objects by reference and by value. The client's site serves them; a fragment of their
//! address is random, and not the hash of the object.

use serde_json::{Value, json};

use super::{
    ALL, each,
    key::Key,
    party::{CALLBACK, Party, Registered},
    run,
};
use crate::support::{Ask, keys::unsigned};

const PLAIN: &str = "/requesturi/x7Kd0pQz2mV9sLr4";
const WITH_FRAGMENT: &str =
    "/requesturi/5tB8nWc3hJf6yGaE#Zm9vYmFyIGJhcmZvbyBmb29iYXIgYmFyZm9vIDEyMzQ";

/// Signs in with an object that is made once the client is registered.
async fn by_reference(
    party: &mut Party,
    members: &Value,
    at: &str,
    make: impl Fn(&Registered, Value) -> String,
) {
    let (uri, path) = (party.site.url(at), at.split('#').next().unwrap());
    let mut members = members.clone();
    members["request_uris"] = json!([uri]);
    let client = party.register_with(Key::unnamed(), &members).await;
    let (object, beside) = party.ask_by_object(&client);
    party.site.put(path, "application/jwt", &make(&client, object));
    party.sign_in_by(&client, &beside.with("request_uri", &uri)).await;
    assert_eq!(party.site.hits(path), 1);
}

/// OIDC Core §6.2, §15.2: a client that has registered no algorithm may use any that is listed.
#[tokio::test]
async fn oidcc_request_uri_unsigned() {
    each(&ALL, async |party| {
        assert_eq!(party.document["request_uri_parameter_supported"], true);
        assert!(party.lists("request_object_signing_alg_values_supported", "none"));
        for at in [PLAIN, WITH_FRAGMENT] {
            by_reference(party, &json!({}), at, |_, object| unsigned(&object)).await;
        }
    })
    .await;
}

/// The same of the plans Basic, Implicit and Hybrid.
#[tokio::test]
async fn oidcc_request_uri_unsigned_supported_correctly_or_rejected_as_unsupported() {
    run(
        &ALL,
        "client_secret_basic",
        |_, _| {},
        async |party| {
            by_reference(party, &json!({}), WITH_FRAGMENT, |_, object| unsigned(&object)).await;
        },
    )
    .await;
}

#[tokio::test]
async fn oidcc_request_uri_signed_rs256() {
    each(&ALL, async |party| {
        assert!(party.lists("request_object_signing_alg_values_supported", "RS256"));
        let rs256 = json!({ "request_object_signing_alg": "RS256" });
        for at in [PLAIN, WITH_FRAGMENT] {
            by_reference(party, &rs256, at, |client, mut object| {
                object["iss"] = client.id().into();
                object["aud"] = "https://id.example".into();
                client.key.sign(&object)
            })
            .await;
        }
    })
    .await;
}

/// OIDC Core §6.1: what the object says comes before what stands beside it.
#[tokio::test]
async fn oidcc_ensure_request_object_with_redirect_uri() {
    each(&ALL, async |party| {
        let client = party.register().await;
        let (object, beside) = party.ask_by_object(&client);
        let beside: Ask = beside
            .with("redirect_uri", &format!("{CALLBACK}_invalid"))
            .with("request", &unsigned(&object));
        party.sign_in_by(&client, &beside).await;
    })
    .await;
}
