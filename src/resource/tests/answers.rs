//! Where a request carries its token, and what is said to one that lacks what it takes.

use super::*;

fn challenge(error: &BearerError) -> (u16, String) {
    let reply = error.reply();
    (reply.status, reply.header("www-authenticate").unwrap_or_default().to_owned())
}

/// RFC 6750 §2, §3.
#[tokio::test]
async fn where_the_token_stands() {
    let token = jwt(&good());
    let bearer = format!("Bearer {token}");
    let realm = "Bearer realm=\"https://orders.example\"";
    for (query, fields, status, error) in [
        ("", &[][..], 401, ""),
        ("", &["Basic aWQ6c2VjcmV0"], 401, ""),
        ("", &["DPoP abc"], 401, ""),
        ("", &["Bearer"], 400, "invalid_request"),
        ("", &["Bearer a b"], 400, "invalid_request"),
        ("", &[&*bearer, &*bearer], 400, "invalid_request"),
        ("", &["Bearer nonsense"], 401, "invalid_token"),
        ("access_token=abc", &[], 400, "invalid_request"),
        ("access_token=abc", &[&*bearer], 400, "invalid_request"),
    ] {
        let fields: Vec<_> =
            fields.iter().map(|value| ("authorization", value.as_bytes())).collect();
        let request = Request::new("GET", "/orders").query(query).headers(&fields);
        let (found, text) = challenge(&by_keys().verify(&request).await.unwrap_err());
        assert_eq!(found, status, "{query} {fields:?}");
        if error.is_empty() {
            assert_eq!(text, realm);
        } else {
            let start = format!("{realm}, error=\"{error}\", error_description=\"");
            assert!(text.starts_with(&start), "{text}");
        }
    }
    let fields = [("Authorization", bearer.as_bytes())];
    let request = Request::new("GET", "/orders").query("page=2").headers(&fields);
    assert!(by_keys().verify(&request).await.is_ok());
}

/// RFC 6750 §3.1.
#[tokio::test]
async fn scopes_are_required_by_name() {
    let token = by_keys().verify_token(&jwt(&good())).await.unwrap();
    for (scope, granted) in [
        ("orders:read", true),
        ("openid orders:read", true),
        ("", true),
        ("orders:write", false),
        ("orders:read orders:write", false),
        ("orders", false),
        ("ORDERS:READ", false),
    ] {
        let required = token.require(scope);
        assert_eq!(required.is_ok(), granted, "{scope}");
        let Err(error) = required else { continue };
        let text = format!(
            "Bearer realm=\"{ORDERS}\", error=\"insufficient_scope\", \
             error_description=\"the access token lacks a scope that is needed here\", \
             scope=\"{scope}\""
        );
        assert_eq!(challenge(&error), (403, text));
    }
    let none = merged(good(), &json!({"scope": null}));
    let token = by_keys().verify_token(&jwt(&none)).await.unwrap();
    assert!(token.require("openid").is_err());
}

/// RFC 9470 §3.
#[tokio::test]
async fn a_stronger_or_later_authentication_is_required() {
    let minutes = |n| Some(Duration::minutes(n));
    let claims = json!({"acr": "silver", "auth_time": NOW.unix() - 300});
    let token = by_keys().verify_token(&jwt(&merged(good(), &claims))).await.unwrap();
    for (acr_values, max_age, needs) in [
        (&[][..], None, ""),
        (&["silver"], minutes(5), ""),
        (&["gold", "silver"], None, ""),
        (&["gold"], None, ", acr_values=\"gold\""),
        (&["gold", "platinum"], minutes(5), ", acr_values=\"gold platinum\", max_age=\"300\""),
        (&[], minutes(4), ", max_age=\"240\""),
        (&[], minutes(-1), ", max_age=\"0\""),
    ] {
        let required = token.require_authentication(acr_values, max_age);
        assert_eq!(required.is_ok(), needs.is_empty(), "{acr_values:?} {max_age:?}");
        let Err(error) = required else { continue };
        let text = format!(
            "Bearer realm=\"{ORDERS}\", error=\"insufficient_user_authentication\", \
             error_description=\"a stronger or more recent authentication is needed here\"{needs}"
        );
        assert_eq!(challenge(&error), (401, text));
    }
    let token = by_keys().verify_token(&jwt(&good())).await.unwrap();
    assert!(token.require_authentication(&["silver"], None).is_err());
    assert!(token.require_authentication(&[], minutes(5)).is_err(), "nobody said when");
}
