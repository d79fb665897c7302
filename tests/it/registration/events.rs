//! What the host hears, and what nobody sees.

use std::fmt::Write;

use oidc_op::{Duration, InitialAccess, Reason, Request, What};

use super::*;

#[tokio::test]
async fn what_the_host_hears() {
    let op = setup_with(|rules| rules.cap = 2).build();
    let seen = || op.recorder.take();
    let client = op.register(&web()).await;
    assert_eq!(seen(), [(What::ClientRegistered, None)]);
    client.read(&op).await;
    assert_eq!(seen(), []);
    client.put(&op, &json!({})).await;
    assert_eq!(seen(), [(What::ClientUpdated, None)]);
    client.put(&op, &json!({ "jwks_uri": 1 })).await;
    client.put(&op, &json!({ "redirect_uris": [] })).await;
    op.try_register(&json!([]), None).await;
    op.register(&web()).await;
    op.try_register(&web(), None).await;
    op.try_register(&web(), Some("x")).await;
    let refused = |reason| (What::RegistrationRefused, Some(reason));
    assert_eq!(
        seen(),
        [
            refused(Reason::MetadataInvalid),
            refused(Reason::RedirectUriUnregistrable),
            refused(Reason::RegistrationMalformed),
            (What::ClientRegistered, None),
            refused(Reason::RegistrationThrottled),
            refused(Reason::BearerInvalid),
        ]
    );
}

#[tokio::test]
async fn a_deletion_is_heard_of_once() {
    let op = setup().build();
    let client = op.register(&web()).await;
    op.recorder.take();
    client.manage(&op, "DELETE", &Value::Null).await;
    assert_eq!(op.recorder.take(), [(What::ClientDeleted, None)]);
    client.manage(&op, "DELETE", &Value::Null).await;
    assert_eq!(op.recorder.take(), [(What::RegistrationRefused, Some(Reason::BearerInvalid))]);
}

/// SL-05: every public value of a client's whole life is printed; no secret and no token is in any.
#[tokio::test]
async fn sl_05_nothing_prints_a_secret() {
    let setup = setup_with(|rules| rules.rotate_tokens = true);
    let mut printed = format!("{:?} {:?}", setup.config, setup.store);
    let op = setup.build();
    let access = InitialAccess::once(Duration::HOUR);
    let initial = op.provider.issue_initial_access(&access).await.unwrap();
    let mut secrets = vec![initial.clone()];
    let json: (&str, &[u8]) = ("content-type", b"application/json");
    let hs = web_with(&json!({ "id_token_signed_response_alg": "HS256" })).to_string();
    let bearer = format!("Bearer {initial}");
    let headers = [json, ("authorization", bearer.as_bytes())];
    let request = Request::new("POST", "/register").headers(&headers).body(hs.as_bytes());
    let reply = op.provider.registration(request).await.unwrap();
    write!(printed, "{request:?} {reply:?}").unwrap();
    let client = Registered(Answer::Reply(reply).json());
    secrets.extend(
        ["client_secret", "registration_access_token"].map(|name| client.text(name).to_owned()),
    );

    let query = format!("client_id={}", client.id());
    let bearer = format!("Bearer {}", client.text("registration_access_token"));
    let headers = [json, ("authorization", bearer.as_bytes())];
    let mut update = web();
    update["client_id"] = client.id().into();
    update["client_secret"] = "not its own, and a secret all the same".into();
    secrets.push("not its own, and a secret all the same".into());
    let body = update.to_string();
    let request =
        Request::new("PUT", "/register").query(&query).headers(&headers).body(body.as_bytes());
    let error = op.provider.registration(request).await.unwrap_err();
    write!(printed, "{request:?} {error:?} {error} {:?}", error.reply()).unwrap();
    let reply = String::from_utf8(error.reply().body).unwrap();
    printed.push_str(&reply);

    let found = op.provider.registered_client(&client.client_id()).await.unwrap().unwrap();
    let page = op.provider.registered_clients(None, 10).await.unwrap();
    write!(printed, "{found:?} {page:?} {:?} {access:?}", op.provider).unwrap();
    let rotated =
        op.provider.rotate_client_secret(&client.client_id(), Duration::HOUR).await.unwrap();
    let (fresh, text) = op.provider.new_secret().unwrap();
    write!(printed, "{fresh:?} {:?}", op.provider.lint().await.unwrap()).unwrap();
    secrets.extend([rotated, text]);
    let again =
        op.provider.registration(Request::new("POST", "/register").headers(&headers).body(b"{}"));
    let error = again.await.unwrap_err();
    write!(printed, "{error:?} {error} {:?}", error.reply()).unwrap();
    for secret in &secrets {
        assert!(!printed.contains(secret.as_str()), "{secret} in {printed}");
    }
    assert!(printed.contains(client.id()), "something was printed");
}
