//! The npm package `openid-client` as relying party: `tests/peers/openid-client.mjs`.

use serde_json::{Value, json};

use super::{
    fixture::{
        ALICE, APP, BOB, FIRST_PARTY, HOUSE, KEYED, KEYED_LAX, LENIENT, MACED, MACED_LAX, MACHINE,
        ORDERS, ORDERS_API, PAIRWISE, PARTNER, PARTNER_ISSUER, POST, PUBLIC, REPORTS, Registered,
        SEALED_EC, SEALED_RSA, SIGNER, STRICT, THIRD_PARTY, TRUSTED, partner_jwk, user,
    },
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
        "other": user(BOB),
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

/// The response types that pass through the browser.
const FRONT: [&str; 6] =
    ["id_token", "id_token token", "code id_token", "code token", "code id_token token", "token"];

/// Two JSON objects as one.
fn with(mut object: Value, more: &Value) -> Value {
    for (name, value) in more.as_object().unwrap() {
        object[name] = value.clone();
    }
    object
}

/// Runs a flow with each of these response types, in the fragment and by form. (What must hold
/// for every answer, token and UserInfo is in `lib/conformance.mjs`.)
#[track_caller]
fn flows(client: Registered, response_types: &[&str], more: &Value, check: impl Fn(&str, &Value)) {
    for response_type in response_types {
        for (mode, place) in [(Value::Null, "fragment"), ("form_post".into(), "form")] {
            let parameters = json!({ "response_type": response_type, "response_mode": mode });
            let parameters = with(parameters, more.get("parameters").unwrap_or(&json!({})));
            let given = json!({ "parameters": parameters, "wanted": more["wanted"] });
            let found = run("flow", client, &given);
            assert_eq!(found["error"], Value::Null, "{response_type}: {found}");
            assert_eq!(found["place"], place, "{response_type}");
            check(response_type, &found);
        }
    }
}

/// OIDC Core §3.2, §3.3: the parts bind each other, and every access token opens UserInfo.
#[track_caller]
fn front_channel(client: Registered) {
    flows(client, &FRONT, &json!({}), |response_type, found| {
        let has = |word| response_type.split(' ').any(|w| w == word);
        assert_eq!(found["front"].is_object(), has("id_token"), "{response_type}");
        assert_eq!(found["tokens"].is_object(), has("code"), "{response_type}");
        if has("id_token") {
            assert_eq!(found["front"]["sub"], "sub-of-alice", "{response_type}");
            assert_eq!(found["front"]["at_hash"].is_string(), has("token"), "{response_type}");
            assert_eq!(found["front"]["c_hash"].is_string(), has("code"), "{response_type}");
        }
        if response_type == "id_token" {
            assert_eq!(found["userinfo"], Value::Null);
            assert_eq!(found["front"]["email"], "alice@example.com", "OIDC Core §5.4");
        } else {
            assert_eq!(found["userinfo"]["sub"], "sub-of-alice", "{response_type}");
            assert_eq!(found["userinfo"]["email"], "alice@example.com", "{response_type}");
        }
    });
}

#[test]
fn implicit_and_hybrid_with_rs256() {
    front_channel(APP);
}

/// The hashes are halves of SHA-512.
#[test]
fn implicit_and_hybrid_with_eddsa() {
    front_channel(TRUSTED);
}

/// RFC 9101: nothing but `client_id` and the object is in the request.
#[test]
fn signed_request_objects() {
    for (response_type, mode, place) in [
        ("code", Value::Null, "query"),
        ("code", json!("form_post"), "form"),
        ("code id_token", Value::Null, "fragment"),
        ("code id_token", json!("form_post"), "form"),
        ("id_token token", Value::Null, "fragment"),
        ("id_token token", json!("form_post"), "form"),
    ] {
        let parameters = json!({ "response_type": response_type, "response_mode": mode });
        let found = run("flow", SIGNER, &json!({ "parameters": parameters }));
        assert_eq!(found["claims"]["sub"], "sub-of-alice", "{response_type} {mode}");
        assert_eq!(found["place"], place, "{response_type} {mode}");
    }
}

/// RFC 9101 §10.5, §5.2, §6.2: who signs every request is not believed to send another kind.
#[test]
fn request_objects_that_are_refused() {
    for (change, error) in [
        ("nothing", "login_required"),
        ("not signed", "invalid_request"),
        ("foreign key", "invalid_request_object"),
        ("other client", "invalid_request_object"),
        ("other audience", "invalid_request_object"),
        ("expired", "invalid_request_object"),
        ("alg none", "invalid_request_object"),
    ] {
        let found = run("request_object", SIGNER, &json!({ "change": change }));
        assert_eq!(found["error"], error, "{change}: {found}");
    }
}

#[test]
fn encrypted_id_tokens_and_signed_userinfo() {
    for client in [SEALED_RSA, SEALED_EC] {
        let types = ["id_token", "code id_token token"];
        flows(client, &types, &json!({}), |_, found| {
            assert_eq!(found["front"]["sub"], "sub-of-alice");
        });
        let found = run("flow", client, &json!({ "parameters": {} }));
        assert_eq!(found["claims"]["sub"], "sub-of-alice");
        assert_eq!(found["userinfo"]["email"], "alice@example.com");
    }
}

/// OIDC Core §8.1: the same name every time, and nobody else's.
#[test]
fn pairwise_subjects() {
    let first = run("flow", PAIRWISE, &json!({ "parameters": { "response_type": "id_token" } }));
    let sub = &first["front"]["sub"];
    assert!(sub.as_str().is_some_and(|sub| sub.len() >= 16 && !sub.contains("alice")), "{sub}");
    let types = ["id_token token", "code id_token token"];
    flows(PAIRWISE, &types, &json!({}), |response_type, found| {
        assert_eq!(found["front"]["sub"], *sub, "{response_type}");
        assert_eq!(found["userinfo"]["sub"], *sub, "{response_type}");
    });
    let other = run("flow", PAIRWISE, &json!({ "parameters": {}, "user": user(BOB) }));
    assert_ne!(other["claims"]["sub"], *sub);
}

/// OIDC Core §5.5: each claim is where it was asked for, and nowhere else.
#[test]
fn the_claims_parameter() {
    let claims = json!({
        "userinfo": { "name": { "essential": true }, "nickname": null },
        "id_token": { "email": null, "phone_number": { "essential": true }, "zoneinfo": null },
    });
    let wanted = ["email", "phone_number"];
    let given = json!({
        "parameters": { "scope": "openid", "claims": claims.to_string() },
        "wanted": { "alone": wanted, "idToken": wanted },
    });
    let types = ["id_token", "id_token token", "code id_token", "code id_token token"];
    flows(TRUSTED, &types, &given, |response_type, found| {
        assert_eq!(found["front"]["email"], "alice@example.com", "{response_type}");
        assert_eq!(found["front"]["phone_number"], "+1 555 0100", "{response_type}");
        if response_type != "id_token" {
            let userinfo = json!({ "sub": "sub-of-alice", "name": "Alice Example" });
            assert_eq!(found["userinfo"], userinfo, "{response_type}");
        }
    });
}

/// OIDC Core §3.1.2.1: `max_age=0` asks again, and `auth_time` says when it was.
#[test]
fn max_age_in_the_front_channel() {
    for response_type in ["id_token", "code id_token token"] {
        let parameters = json!({ "response_type": response_type, "max_age": "1000" });
        let second = json!({ "max_age": "0" });
        let found = run("again", TRUSTED, &json!({ "parameters": parameters, "second": second }));
        let time = |number: usize| found[number]["front"]["auth_time"].as_i64().unwrap();
        assert!(time(0) <= time(1), "{found}");
    }
}

/// OIDC Core §3.1.2.1: no page, the same person, the same login.
#[test]
fn prompt_none_with_a_hint() {
    for client in [TRUSTED, SEALED_EC, PAIRWISE, SIGNER] {
        for response_type in ["code", "id_token", "code id_token token"] {
            let parameters = json!({ "response_type": response_type });
            let found = run("silent", client, &json!({ "parameters": parameters }));
            for claim in ["sub", "auth_time", "sid"] {
                let (first, second) = (&found[0]["claims"][claim], &found[1]["claims"][claim]);
                assert_eq!(first, second, "{} {response_type} {claim}", client.id);
                assert!(!first.is_null(), "{} {response_type} {claim}", client.id);
            }
        }
    }
}

#[test]
fn prompt_none_with_the_hint_of_another() {
    for (response_type, mode, place) in [
        ("id_token", "fragment", "fragment"),
        ("code id_token token", "fragment", "fragment"),
        ("code id_token", "form_post", "form"),
    ] {
        let parameters = json!({ "response_type": response_type, "response_mode": mode });
        let found = run("hint_of_another", TRUSTED, &json!({ "parameters": parameters }));
        assert_eq!(found["error"], "login_required", "{response_type} {mode}");
        assert_eq!(found["place"], place, "{response_type} {mode}");
    }
}

/// OIDC Core §3.2.2.6, Multiple Response Types §5: errors go where the answer would have gone.
#[test]
fn errors_are_where_the_answer_would_be() {
    let refusals = [
        (TRUSTED, json!({ "prompt": "none" }), "login_required"),
        (SIGNER, json!({ "prompt": "none" }), "login_required"),
        (TRUSTED, json!({ "prompt": "none login" }), "invalid_request"),
        (TRUSTED, json!({ "max_age": "-1" }), "invalid_request"),
        (FIRST_PARTY, json!({}), "unauthorized_client"),
    ];
    for response_type in FRONT {
        for (mode, place) in [(Value::Null, "fragment"), (json!("form_post"), "form")] {
            for (client, more, error) in &refusals {
                let parameters = json!({ "response_type": response_type, "response_mode": mode });
                let given = json!({ "parameters": with(parameters, more) });
                let found = run("refusal", *client, &given);
                assert_eq!(found["error"], *error, "{response_type} {mode} {more}: {found}");
                assert_eq!(found["place"], place, "{response_type} {mode} {more}: {found}");
            }
        }
        // Multiple Response Types §2.1: tokens never travel in a query.
        let given = json!({ "parameters": { "response_type": response_type } });
        let found = run("refusal_of_query", TRUSTED, &given);
        assert_eq!(found["error"], "invalid_request", "{response_type}");
        assert_eq!(found["place"], "fragment", "{response_type}");
    }
}

/// OIDC Core §3.2.2.1, §3.3.2.11: required as soon as an ID Token passes through the browser.
#[test]
fn a_nonce_is_required() {
    for response_type in FRONT.into_iter().filter(|types| types.contains("id_token")) {
        for (mode, place) in [(Value::Null, "fragment"), (json!("form_post"), "form")] {
            let parameters =
                json!({ "response_type": response_type, "response_mode": mode, "nonce": null });
            let found = run("refusal", APP, &json!({ "parameters": parameters }));
            assert_eq!(found["error"], "invalid_request", "{response_type} {mode}");
            assert_eq!(found["place"], place, "{response_type} {mode}");
        }
    }
    for response_type in ["code", "code token"] {
        let parameters = json!({ "response_type": response_type, "nonce": null });
        let found = run("flow", APP, &json!({ "parameters": parameters }));
        assert_eq!(found["claims"]["sub"], "sub-of-alice", "{response_type}");
        assert_eq!(found["claims"]["nonce"], Value::Null, "{response_type}");
    }
}

/// The hashes, the nonce and the signature bind the parts of an answer together: a part of another
/// answer is seen.
#[test]
fn changed_answers_are_refused() {
    let refused = run("changed_on_the_way", TRUSTED, &json!({}));
    assert_eq!(refused["nothing"], json!([null, null]));
    for (change, claim) in [("code", "c_hash"), ("id_token", "nonce"), ("id_token alone", "nonce")]
    {
        assert_eq!(refused[change][1], claim, "{change}: {refused}");
    }
    // Whose access token that is openid-client does not ask; the check by hand does.
    assert_eq!(refused["access_token"][0], Value::Null, "{refused}");
    assert_eq!(refused["access_token"][2], "at_hash", "{refused}");
    for change in ["iss", "id_token removed", "signature"] {
        assert!(refused[change][0].is_string(), "{change}: {refused}");
    }
}

/// OIDC Core §3.1.3, RFC 7523 §2.2: in the whole flow.
#[test]
fn private_key_jwt_by_query() {
    sign_in(KEYED, "query");
}

#[test]
fn client_secret_jwt_by_form_post() {
    sign_in(MACED, "form_post");
}

/// Runs a scenario that has to do with the APIs.
#[track_caller]
fn with_apis(scenario: &str, client: Registered) -> Value {
    let apis = json!({ "orders": ORDERS, "reports": REPORTS, "api": ORDERS_API.json() });
    run(scenario, client, &apis)
}

/// Compares these members, and no others.
#[track_caller]
fn members(found: &Value, expected: &Value) {
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(found[name], *value, "{name}: {found}");
    }
}

/// RFC 6749 §6, OIDC Core §12.2: the new ID Token says the same, the scope does not grow, and who
/// uses a token again ends all of it.
#[test]
fn refresh_tokens_rotate() {
    let found = run("refresh", STRICT, &json!({}));
    members(
        &found,
        &json!({
            "email": "alice@example.com",
            "rotated": true,
            "scopes": ["openid email offline_access", "openid email offline_access", "openid"],
            "wider": "invalid_scope",
            "reused": "invalid_grant",
            "after": "invalid_grant",
        }),
    );
}

/// RFC 8707 §2.2, RFC 9068 §2.2: one refresh token, and each API gets a token that is for it alone.
#[test]
fn tokens_for_one_api_each() {
    let found = with_apis("resources", STRICT);
    let expected = json!({
        "active": true,
        "sub": "sub-of-alice",
        "client_id": "strict",
        "aud": ORDERS,
        "scope": "orders:read",
    });
    members(&found["opaque"], &expected);
    let expected = json!({
        "sub": "sub-of-alice",
        "client_id": "strict",
        "aud": REPORTS,
        "scope": "orders:read",
        "email": "alice@example.com",
    });
    members(&found["jwt"], &expected);
    assert_eq!(found["elsewhere"], "invalid_target");
}

/// RFC 6749 §4.4, RFC 7662 §2.2, RFC 7009 §2.2.1: nobody is in it but the client.
#[test]
fn client_credentials_for_two_apis() {
    let found = with_apis("client_credentials", MACHINE);
    let none = Value::Null;
    let expected = json!({
        "scope": "orders:read orders:write",
        "refresh_token": none,
        "id_token": none,
        "revoked": { "active": false },
        "elsewhere": "invalid_target",
    });
    members(&found, &expected);
    let expected = json!({
        "active": true,
        "sub": "machine",
        "client_id": "machine",
        "aud": ORDERS,
        "token_type": "Bearer",
    });
    members(&found["introspection"], &expected);
    let expected = json!({
        "sub": "machine", "client_id": "machine", "aud": REPORTS, "scope": "orders:read", "email": none,
    });
    members(&found["jwt"], &expected);
    assert_eq!(found["cut"]["scope"], "orders:read");
}

/// RFC 7009 §2.1, §2.2: an access token ends alone, a refresh token with all that came of it.
#[test]
fn tokens_are_given_back() {
    let found = run("revocation", LENIENT, &json!({}));
    assert_eq!(found["seen"], json!([[true, true], [false, true], [false, false]]), "{found}");
    assert_eq!(found["refresh"], "invalid_grant");
    assert_eq!(found["userinfo"], 401);
}

/// RFC 8693 §2.1, §2.2: only what a rule names; §2.2.2: all else is an `invalid_request`.
#[test]
fn tokens_are_exchanged() {
    let found = with_apis("token_exchange", STRICT);
    let expected = json!({
        "issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
        "scope": "orders:read",
        "refresh_token": Value::Null,
        "no_rule": "invalid_request",
        "forged": "invalid_request",
    });
    members(&found, &expected);
    let expected = json!({ "sub": "sub-of-alice", "client_id": "orders-api", "aud": REPORTS });
    members(&found["jwt"], &expected);
}

/// RFC 7523 §2.1.
#[test]
fn assertions_of_a_trusted_issuer() {
    let partner = json!({ "partner": PARTNER_ISSUER, "key": partner_jwk() });
    let found = run("jwt_bearer", PARTNER, &partner);
    assert_eq!(found, json!({ "email": "bob@example.com", "again": "invalid_grant" }));
}

/// RFC 6749 §4.3.
#[test]
fn passwords_of_people() {
    let found = run("password", HOUSE, &json!({}));
    assert_eq!(found, json!({ "email": "alice@example.com", "wrong": "invalid_grant" }));
}

/// RFC 7523 §2.2: at the token endpoint, introspection and revocation.
#[test]
fn assertions_at_every_endpoint() {
    for client in [KEYED, MACED, KEYED_LAX, MACED_LAX] {
        let found = run("assertions", client, &json!({}));
        let expected = json!({ "active": true, "after": { "active": false } });
        assert_eq!(found, expected, "{}", client.id);
    }
}

/// RFC 7523 §3, `assertion_audience`: for the provider, once, for a while, and by the client itself.
#[test]
fn assertions_that_are_refused() {
    for (client, token_endpoint) in [
        (KEYED, json!("invalid_client")),
        (MACED, json!("invalid_client")),
        (KEYED_LAX, Value::Null),
        (MACED_LAX, Value::Null),
    ] {
        let found = run("changed_assertions", client, &json!({}));
        let refused = found.as_object().unwrap();
        for (change, answer) in refused {
            let expected = match &**change {
                "nothing" | "once" => Value::Null,
                "token_endpoint" => token_endpoint.clone(),
                _ => json!("invalid_client"),
            };
            assert_eq!(*answer, expected, "{} {change}: {found}", client.id);
        }
        assert_eq!(refused.len(), 12);
    }
}

/// What every answer passes through is no formality.
#[test]
fn the_checks_of_answers_can_fail() {
    let seen = Script::shared("openid-client.mjs").run("checks_can_fail", json!({}));
    let seen = seen.as_object().unwrap();
    assert_eq!(seen.len(), 19);
    assert!(seen.values().all(|seen| *seen == true), "{seen:?}");
}
