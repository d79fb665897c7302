use serde_json::{Value, json};

use super::{Check, ensure, text};
use crate::support::{claims, header, keys};

/// What an ID Token is to be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IdToken<'t> {
    pub(crate) jwks: &'t Value,
    pub(crate) issuer: &'t str,
    pub(crate) audience: &'t str,
    pub(crate) alg: &'t str,
    pub(crate) now: i64,
    pub(crate) nonce: Option<&'t str>,
    /// The access token that came with it.
    pub(crate) access_token: Option<&'t str>,
    /// The code that came with it.
    pub(crate) code: Option<&'t str>,
    /// Whether it passed through the browser, so that what came with it must be bound.
    pub(crate) front: bool,
}

/// What may be in it without having been asked for.
const OWN: [&str; 16] = [
    "iss",
    "sub",
    "aud",
    "exp",
    "iat",
    "nonce",
    "auth_time",
    "acr",
    "amr",
    "azp",
    "sid",
    "jti",
    "nbf",
    "at_hash",
    "c_hash",
    "s_hash",
];

/// OIDC Core §2, §3.1.3.7, §3.2.2.11, §3.3.2.12; answers the claims.
pub(crate) fn id_token(token: &str, wanted: &IdToken<'_>) -> Check<Value> {
    let header = header(token);
    ensure(header["alg"] == wanted.alg, format_args!("alg: {header}"))?;
    let claims = if wanted.alg == "none" {
        ensure(token.ends_with('.'), "a signature by none")?;
        claims(token)
    } else {
        text(&header, "kid")?;
        keys::verified(token, wanted.jwks).ok_or("no published key has signed it")?
    };
    ensure(claims["iss"] == wanted.issuer, format_args!("iss: {claims}"))?;
    let audience = &claims["aud"];
    let is_meant = *audience == wanted.audience || *audience == json!([wanted.audience]);
    ensure(is_meant, format_args!("aud: {audience}"))?;
    let time = |name: &str| claims[name].as_i64().ok_or_else(|| format!("{name}: {claims}"));
    ensure(time("exp")? > wanted.now, "it has expired")?;
    ensure((time("iat")? - wanted.now).abs() < 300, format_args!("iat: {claims}"))?;
    for name in ["auth_time", "nbf"] {
        if claims.get(name).is_some() {
            ensure(time(name)? <= wanted.now + 5, format_args!("{name}: {claims}"))?;
        }
    }
    let sub = text(&claims, "sub")?;
    let short = sub.len() <= 255 && sub.bytes().all(|b| b.is_ascii_graphic() || b == b' ');
    ensure(short, format_args!("sub: {sub}"))?;
    let nonce = claims.get("nonce").map(Value::as_str);
    ensure(nonce == wanted.nonce.map(Some), format_args!("nonce: {claims}"))?;
    if claims.get("acr").is_some() {
        text(&claims, "acr")?;
    }
    for name in claims.as_object().ok_or("no claims")?.keys() {
        ensure(OWN.contains(&&**name), format_args!("nobody asked for {name}"))?;
    }
    for (name, of) in [("at_hash", wanted.access_token), ("c_hash", wanted.code)] {
        let hash = claims.get(name).map(|hash| hash.as_str().unwrap_or_default().to_owned());
        let right = of.map(|of| keys::half_hash(wanted.alg, of));
        let missing = hash.is_none() && !(wanted.front && of.is_some());
        ensure(missing || hash == right, format_args!("{name}: {hash:?}, not {right:?}"))?;
    }
    Ok(claims)
}

#[test]
fn the_checks_can_fail() {
    use super::super::key::Key;

    let key = Key::named("k");
    let wanted = IdToken {
        jwks: &key.set(),
        issuer: "https://op.example",
        audience: "c",
        alg: "RS256",
        now: 1_800_000_000,
        nonce: Some("n"),
        access_token: Some("token"),
        code: Some("code"),
        front: true,
    };
    let good = json!({
        "iss": "https://op.example", "aud": "c", "sub": "alice", "nonce": "n",
        "exp": 1_800_000_600, "iat": 1_800_000_000, "auth_time": 1_799_999_000,
        "at_hash": keys::half_hash("RS256", "token"), "c_hash": keys::half_hash("RS256", "code"),
    });
    assert_eq!(id_token(&key.sign(&good), &wanted), Ok(good.clone()));
    for (name, value) in [
        ("iss", json!("https://op.example/")),
        ("aud", json!(["c", "d"])),
        ("sub", json!("")),
        ("sub", json!("\u{e4}")),
        ("sub", json!("a".repeat(256))),
        ("nonce", json!("m")),
        ("nonce", json!(null)),
        ("exp", json!(1_800_000_000)),
        ("iat", json!(1_799_999_000)),
        ("auth_time", json!(1_800_000_100)),
        ("auth_time", json!("now")),
        ("acr", json!("")),
        ("name", json!("Alice")),
        ("at_hash", json!("x")),
        ("c_hash", json!(keys::half_hash("RS256", "token"))),
    ] {
        let mut bad = good.clone();
        bad[name] = value.clone();
        assert!(id_token(&key.sign(&bad), &wanted).is_err(), "{name}: {value}");
    }
    for name in ["at_hash", "c_hash"] {
        let mut less = good.clone();
        less.as_object_mut().unwrap().remove(name);
        assert!(id_token(&key.sign(&less), &wanted).is_err(), "{name}");
        assert!(id_token(&key.sign(&less), &IdToken { front: false, ..wanted }).is_ok(), "{name}");
    }
    assert!(id_token(&key.sign(&good), &IdToken { code: None, ..wanted }).is_err());
    assert!(id_token(&key.sign(&good), &IdToken { nonce: None, ..wanted }).is_err());
    assert!(id_token(&Key::another("k").sign(&good), &wanted).is_err(), "another's signature");
    assert!(id_token(&Key::unnamed().sign(&good), &wanted).is_err(), "no kid");
    assert!(id_token(&keys::unsigned(&good), &wanted).is_err());
    let none = IdToken { alg: "none", access_token: None, code: None, ..wanted };
    let mut bare = good.clone();
    bare.as_object_mut().unwrap().retain(|name, _| !name.ends_with("_hash"));
    assert_eq!(id_token(&keys::unsigned(&bare), &none), Ok(bare.clone()));
    assert!(id_token(&format!("{}x", keys::unsigned(&bare)), &none).is_err());
}
