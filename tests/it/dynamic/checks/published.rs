use std::collections::BTreeSet;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;
use url::Url;

use super::{Check, ensure, text};

/// OIDC Discovery §3, §4.3, as the plans config and dynamic look at it.
pub(crate) fn metadata(document: &Value, issuer: &str) -> Check {
    ensure(text(document, "issuer")? == issuer, format_args!("issuer: {}", document["issuer"]))?;
    let url = Url::parse(issuer).map_err(|error| error.to_string())?;
    let pure = url.scheme() == "https" && url.query().is_none() && url.fragment().is_none();
    ensure(pure, format_args!("issuer: {issuer}"))?;
    for (member, value) in document.as_object().ok_or("no object")? {
        if member.ends_with("_endpoint") || member.ends_with("_uri") {
            let url = value.as_str().and_then(|url| Url::parse(url).ok());
            ensure(url.is_some_and(|url| url.scheme() == "https"), format_args!("{member}"))?;
        } else if value.is_array() {
            values(document, member)?;
        } else if member != "issuer" {
            ensure(value.is_boolean(), format_args!("{member}: {value}"))?;
        }
    }
    for member in ["authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri"] {
        text(document, member)?;
    }
    for (member, wanted) in [
        ("response_types_supported", &["code", "id_token", "id_token token"][..]),
        ("grant_types_supported", &["authorization_code", "implicit"]),
        ("id_token_signing_alg_values_supported", &["RS256"]),
        ("userinfo_signing_alg_values_supported", &["RS256"]),
        ("request_object_signing_alg_values_supported", &["RS256"]),
        ("scopes_supported", &["openid"]),
        ("subject_types_supported", &[]),
        ("claims_supported", &[]),
        ("code_challenge_methods_supported", &["S256"]),
    ] {
        let listed = values(document, member)?;
        ensure(!listed.is_empty(), format_args!("{member} is empty"))?;
        for value in wanted {
            ensure(listed.contains(value), format_args!("{member}: no {value} in {listed:?}"))?;
        }
    }
    for member in ["ui_locales_supported", "claims_locales_supported"] {
        if document.get(member).is_some() {
            let tags = values(document, member)?;
            ensure(
                tags.iter().all(|tag| is_language_tag(tag)),
                format_args!("{member}: {tags:?}"),
            )?;
        }
    }
    Ok(())
}

/// A list of different texts.
fn values<'d>(document: &'d Value, member: &str) -> Check<BTreeSet<&'d str>> {
    let array = document[member].as_array().ok_or_else(|| format!("{member}: no array"))?;
    let texts: Option<BTreeSet<_>> = array.iter().map(Value::as_str).collect();
    let texts = texts.ok_or_else(|| format!("{member}: {array:?}"))?;
    ensure(texts.len() == array.len(), format_args!("{member}: {array:?}"))?;
    Ok(texts)
}

/// BCP 47, as far as its shape goes.
fn is_language_tag(tag: &str) -> bool {
    let mut parts = tag.split('-');
    let letters = |part: &str| part.bytes().all(|b| b.is_ascii_alphabetic());
    parts.next().is_some_and(|first| (2..=8).contains(&first.len()) && letters(first))
        && parts.all(|part| part.len() <= 8 && part.bytes().all(|b| b.is_ascii_alphanumeric()))
}

/// RFC 7517 §4, RFC 7518 §6: public keys of known types, each with a name of its own.
pub(crate) fn keys(set: &Value) -> Check {
    let keys = set["keys"].as_array().ok_or("no keys")?;
    let mut names = BTreeSet::new();
    for key in keys {
        let kid = text(key, "kid")?;
        ensure(names.insert(kid), format_args!("{kid} comes twice"))?;
        for secret in ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"] {
            ensure(key.get(secret).is_none(), format_args!("{secret} of {kid}"))?;
        }
        let members: &[&str] = match text(key, "kty")? {
            "RSA" => &["n", "e"],
            "EC" => &["x", "y"],
            "OKP" => &["x"],
            other => return Err(format!("{kid}: {other}")),
        };
        for member in members {
            let bytes = URL_SAFE_NO_PAD.decode(text(key, member)?);
            ensure(bytes.is_ok(), format_args!("{member} of {kid} is not base64url"))?;
        }
    }
    ensure(!names.is_empty(), "no keys")
}

#[test]
fn the_checks_can_fail() {
    use serde_json::json;

    let good = json!({
        "issuer": "https://op.example",
        "authorization_endpoint": "https://op.example/authorize",
        "token_endpoint": "https://op.example/token",
        "userinfo_endpoint": "https://op.example/userinfo",
        "jwks_uri": "https://op.example/jwks",
        "response_types_supported": ["code", "id_token", "id_token token"],
        "grant_types_supported": ["authorization_code", "implicit"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "userinfo_signing_alg_values_supported": ["RS256"],
        "request_object_signing_alg_values_supported": ["RS256"],
        "scopes_supported": ["openid"],
        "subject_types_supported": ["public"],
        "claims_supported": ["sub"],
        "code_challenge_methods_supported": ["S256"],
        "claims_parameter_supported": true,
        "ui_locales_supported": ["de-CH"],
    });
    assert_eq!(metadata(&good, "https://op.example"), Ok(()));
    assert!(metadata(&good, "https://op.example/").is_err());
    for (member, value) in [
        ("token_endpoint", json!("http://op.example/token")),
        ("token_endpoint", json!(null)),
        ("registration_endpoint", json!("/register")),
        ("response_types_supported", json!(["code", "id_token"])),
        ("grant_types_supported", json!(["authorization_code"])),
        ("id_token_signing_alg_values_supported", json!(["ES256"])),
        ("scopes_supported", json!([])),
        ("scopes_supported", json!("openid")),
        ("subject_types_supported", json!(["public", "public"])),
        ("claims_supported", json!([])),
        ("claims_parameter_supported", json!("yes")),
        ("ui_locales_supported", json!(["german language"])),
    ] {
        let mut bad = good.clone();
        bad[member] = value.clone();
        assert!(metadata(&bad, "https://op.example").is_err(), "{member}: {value}");
    }

    let key = json!({ "kty": "EC", "kid": "1", "crv": "P-256", "x": "AQAB", "y": "AQAB" });
    assert_eq!(keys(&json!({ "keys": [key] })), Ok(()));
    assert!(keys(&json!({ "keys": [] })).is_err());
    assert!(keys(&json!({ "keys": [key, key] })).is_err());
    for (member, value) in
        [("kid", ""), ("kty", "AKP"), ("d", "AQAB"), ("y", ""), ("x", "AQAB="), ("x", "A+AB")]
    {
        let mut bad = key.clone();
        bad[member] = value.into();
        assert!(keys(&json!({ "keys": [bad] })).is_err(), "{member}: {value}");
    }
}
