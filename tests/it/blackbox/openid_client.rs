//! The npm package `openid-client` as relying party: `tests/peers/openid-client.mjs`.

use serde_json::{Value, json};

use super::{
    fixture::{ALICE, FIRST_PARTY, POST, PUBLIC, Registered, THIRD_PARTY, user},
    peers::Script,
    server::Server,
};

/// Runs a scenario as this client.
#[track_caller]
fn run(scenario: &str, client: Registered, more: &Value) -> Value {
    let server = Server::shared();
    let mut given = json!({
        "issuer": server.issuer,
        "client": client.json(),
        "user": user(ALICE),
    });
    for (name, value) in more.as_object().unwrap() {
        given[name] = value.clone();
    }
    Script::shared("openid-client.mjs").run(scenario, given)
}

/// The whole flow, with this way of authentication, algorithm and response mode.
#[track_caller]
fn sign_in(client: Registered, mode: &str) {
    let parameters = json!({ "response_mode": mode, "max_age": "3600" });
    let found = run("sign_in", client, &json!({ "parameters": parameters }));
    assert_eq!(found["method"], if mode == "form_post" { "POST" } else { "GET" });
    assert_eq!(found["claims"]["sub"], "sub-of-alice");
    assert!(found["claims"]["auth_time"].is_number());
    assert_eq!(found["claims"]["email"], Value::Null, "it belongs in UserInfo");
    assert_eq!(found["userinfo"]["sub"], "sub-of-alice");
    assert_eq!(found["userinfo"]["email"], "alice@example.com");
    assert_eq!(found["scope"], "openid profile email");
}

#[test]
fn client_secret_basic_by_query() {
    sign_in(THIRD_PARTY, "query");
}

#[test]
fn client_secret_basic_by_form_post() {
    sign_in(FIRST_PARTY, "form_post");
}

#[test]
fn client_secret_post_by_query() {
    sign_in(POST, "query");
}

#[test]
fn client_secret_post_by_form_post() {
    sign_in(POST, "form_post");
}

#[test]
fn public_client_by_query() {
    sign_in(PUBLIC, "query");
}

#[test]
fn public_client_by_form_post() {
    sign_in(PUBLIC, "form_post");
}

#[test]
fn cancel_is_access_denied() {
    for mode in ["query", "form_post"] {
        let parameters = json!({ "response_mode": mode });
        let found = run("cancel", THIRD_PARTY, &json!({ "parameters": parameters }));
        assert_eq!(found, json!({ "error": "access_denied", "redeemed": false }), "{mode}");
    }
}

#[test]
fn prompt_none_without_a_session_is_login_required() {
    for mode in ["query", "form_post"] {
        let parameters = json!({ "response_mode": mode });
        let found = run("nobody_there", FIRST_PARTY, &json!({ "parameters": parameters }));
        assert_eq!(found["error"], "login_required", "{mode}");
    }
}

/// Silent sign-ins tell the time of the one that was not.
#[test]
fn auth_time_is_that_of_the_login() {
    for second in [json!({ "prompt": "none" }), json!({ "max_age": "500" }), json!({})] {
        let found = run("session", FIRST_PARTY, &json!({ "second": second }));
        assert_eq!(found["times"][0], found["times"][1], "{second}");
    }
}

/// OIDC Core §3.1.2.1: `max_age=0` and `prompt=login` ask again.
#[test]
fn auth_time_moves_on_with_a_new_login() {
    for second in [json!({ "prompt": "login" }), json!({ "max_age": "0" })] {
        let found = run("session", FIRST_PARTY, &json!({ "second": second }));
        assert!(found["times"][0].as_i64() <= found["times"][1].as_i64(), "{second}: {found}");
    }
}

/// RFC 9207 §2.4, RFC 6749 §3.1: the client checks what it is sent.
#[test]
fn the_client_refuses_what_it_must() {
    let refused = run("validation", FIRST_PARTY, &json!({}));
    assert_eq!(refused["nothing"], Value::Null);
    assert_eq!(refused["code of nobody"], "invalid_grant");
    for tampered in ["iss removed", "iss of another", "state repeated"] {
        assert_eq!(refused[tampered], "OAUTH_INVALID_RESPONSE", "{tampered}");
    }
}
