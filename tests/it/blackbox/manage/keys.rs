//! Signing keys, where the store keeps them.

use serde_json::{Value, json};

use super::{ROOT, at_once, delete, post, tables};
use crate::blackbox::{
    party,
    server::{Server, Setup},
};

fn start(name: &str) -> Server {
    let tables = tables("[keys]\nstore = true\nalgorithms = [\"RS256\", \"ES256\", \"EdDSA\"]\n");
    // The table is there already, so that no keys of another server are given.
    Server::start(Setup { name, tables: &tables, own_keys: true, ..Setup::default() })
}

/// The names of the keys that anybody may check signatures of this algorithm with.
async fn published(server: &Server, alg: &str) -> Vec<String> {
    let set: Value = party::get(server.url("/jwks")).await.json().await.unwrap();
    let keys = set["keys"].as_array().unwrap().iter().filter(|key| key["alg"] == alg);
    keys.map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

/// A successor is announced, or signs at once; what is dropped is gone, and something signs all the same.
#[tokio::test]
async fn keys_rotate() {
    let server = start("manage-keys");
    let before = published(&server, "ES256").await;
    assert_eq!(before.len(), 1);
    let announced = post(&server, ROOT, "/keys/rotate", json!({ "alg": "ES256" })).await.is(200);
    assert_eq!(
        (&announced.json["alg"], &announced.json["active"]),
        (&json!("ES256"), &json!(before[0]))
    );
    let both = published(&server, "ES256").await;
    assert_eq!((both.len(), both.contains(&before[0])), (2, true));
    let listed = announced.json["published"].as_array().unwrap();
    assert!(both.iter().all(|kid| listed.contains(&json!(kid))), "{listed:?}");

    let at_once = json!({ "alg": "EdDSA", "announce": 0, "retire": 3600 });
    let old = published(&server, "EdDSA").await;
    let rotated = post(&server, ROOT, "/keys/rotate", at_once).await.is(200);
    assert_ne!(rotated.json["active"], old[0]);
    assert_eq!(published(&server, "EdDSA").await.len(), 2);

    delete(&server, ROOT, &format!("/keys/{}", old[0])).await.is(204);
    assert_eq!(published(&server, "EdDSA").await, [rotated.text("active")]);
    delete(&server, ROOT, &format!("/keys/{}", rotated.text("active"))).await.is(204);
    let last = published(&server, "EdDSA").await;
    assert!(last.len() == 1 && last[0] != rotated.text("active"), "{last:?}");
    for kid in [&*old[0], "nonsense", "%FF"] {
        delete(&server, ROOT, &format!("/keys/{kid}")).await.is_error(404, "not_found");
    }
    for body in [
        json!({}),
        json!({ "alg": "none" }),
        json!({ "alg": "HS256" }),
        json!({ "alg": "ES256", "announce": -1 }),
        json!({ "alg": "ES256", "retire": 4_000_000_000_u32 }),
        json!({ "alg": "ES256", "now": true }),
    ] {
        post(&server, ROOT, "/keys/rotate", body).await.is_error(400, "invalid_request");
    }
    post(&server, ROOT, "/keys/rotate", json!({ "alg": "PS512" })).await.is_error(409, "conflict");
}

/// Of two that rotate at once, none is lost.
#[tokio::test]
async fn rotations_do_not_lose_each_other() {
    let server = start("manage-keys-race");
    let sent = (0..3).map(|_| post(&server, ROOT, "/keys/rotate", json!({ "alg": "ES256" })));
    assert!(at_once(sent).await.iter().all(|said| said.status == 200));
    assert_eq!(published(&server, "ES256").await.len(), 4);
}

/// Keys of a file are the operator's to change.
#[tokio::test]
async fn keys_of_a_file_stay() {
    let server = super::start("manage-keys-file");
    post(&server, ROOT, "/keys/rotate", json!({ "alg": "RS256" })).await.is_error(409, "conflict");
    delete(&server, ROOT, "/keys/x").await.is_error(409, "conflict");
}
