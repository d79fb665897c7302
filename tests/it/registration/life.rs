//! From the first registration to the deletion.

use super::*;

#[tokio::test]
async fn a_client_registers_signs_somebody_in_changes_and_goes() {
    let op = setup().build();
    let client = op.register(&web_with(&json!({ "client_name": "New" }))).await;
    assert_eq!(client.0["client_secret_expires_at"], 0);
    assert_eq!(client.0["grant_types"], json!(["authorization_code"]));
    assert_eq!(client.0["response_types"], json!(["code"]));

    let code = client.code(&op).await;
    let tokens = client.redeem(&op, &code).await;
    assert_eq!(tokens.status(), 200, "{}", tokens.json());
    let access_token = tokens.member("access_token");
    assert_eq!(op.userinfo(&access_token).await.status(), 200);

    // RFC 7592 §2.1: everything but the secret, which nobody knows any more.
    let read = client.read(&op).await;
    assert_eq!((read.status(), read.header("cache-control")), (200, Some("no-store")));
    let mut expected = client.0.clone();
    expected.as_object_mut().unwrap().remove("client_secret");
    assert_eq!(read.json(), expected);

    let update = web_with(&json!({ "client_id": client.id(), "client_name": "Newer" }));
    let updated = client.manage(&op, "PUT", &update).await;
    assert_eq!((updated.status(), updated.member("client_name")), (200, "Newer".into()));

    let gone = client.manage(&op, "DELETE", &Value::Null).await;
    assert_eq!((gone.status(), gone.reply().body.len()), (204, 0));
    assert_eq!(client.read(&op).await.status(), 401);
    assert_eq!(op.userinfo(&access_token).await.status(), 401);
    let refused = client.redeem(&op, &code).await;
    assert_eq!((refused.status(), refused.error()), (401, "invalid_client".into()));
}
