//! JW: tokens made to confuse whoever reads them, sent as request objects. The tables of the parser
//! itself are unit tests of `src/jose`.

use std::time::Instant;

use josekit::jwe;
use oidc_op::SigningAlgorithm;
use serde_json::{Value, json};

use crate::support::{
    ALL_KEYS, Ask, Browser, Op, Place, Setup,
    keys::{self, CLIENT_EC, b64, es256, seal, seal_with, sign_text, signer},
};

const HEADER: &str = r#"{"alg":"ES256","kid":"c-ec"}"#;

fn op() -> Op {
    Setup::full().build()
}

/// The object is refused, as any other that is bad: the client hears one error, whatever it was.
async fn is_refused(op: &Op, client: &str, object: &str, what: &str) {
    let ask = Ask::of(client, "code").with("request", object);
    let body = crate::support::form(&ask.pairs());
    let answer = Browser::new(op).authorize_by_post("", &body).await;
    let sent = crate::support::Sent::of(&answer);
    sent.is_error("invalid_request_object", Place::Query, Some("af0ifjsldkj"), what);
    let text = sent.get("error_description");
    assert_eq!(text, oidc_op::Reason::RequestObjectInvalid.description(), "{what}: no oracle");
}

async fn is_taken(op: &Op, client: &str, object: &str, what: &str) {
    let ask = Ask::of(client, "code").with("request", object).with("prompt", "none");
    let answer = Browser::new(op).quiet(&ask).await;
    assert_eq!(answer.get("error"), "login_required", "{what}");
}

/// Signed by a key of the client's own: whatever is wrong is in the text.
fn signed(header: &str, claims: &str) -> String {
    sign_text(header, claims, &*signer("ES256", &CLIENT_EC))
}

#[tokio::test]
async fn jw_01_anomalies_of_the_compact_form() {
    let op = op();
    let good = es256(&json!({"state": "x"}));
    let parts: Vec<_> = good.split('.').collect();
    let [header, payload, signature] = parts[..] else { panic!("{good}") };
    let json = json!({"protected": header, "payload": payload, "signature": signature});
    // 64 bytes leave four spare bits in the last character
    let last = char::from(signature.as_bytes()[85] + 1);
    for (object, what) in [
        (header.to_owned(), "one part"),
        (format!("{header}.{payload}"), "two parts"),
        (format!("{good}.x"), "four parts"),
        (format!("{good}.x.y"), "five parts"),
        (format!("{good}.x.y.z"), "six parts"),
        (format!(".{payload}.{signature}"), "no header"),
        (format!("{header}..{signature}"), "no payload"),
        (format!("{header}.{payload}."), "no signature"),
        ("..".to_owned(), "nothing"),
        ("....".to_owned(), "nothing, encrypted"),
        (json.to_string(), "JSON serialisation"),
        (format!("{good}\n"), "a line end"),
        (format!(" {good}"), "a space"),
        (format!("{header}. {payload}.{signature}"), "a space inside"),
        (format!("{good}=="), "padding"),
        (format!("{header}=.{payload}.{signature}"), "padding inside"),
        (format!("{header}.{payload}.{}{last}", &signature[..85]), "spare bits"),
        (good.replace(['-', '_'], "+"), "another alphabet"),
        (format!("{}.{payload}.{signature}", b64("[]")), "a header that is no object"),
        (signed(HEADER, "[]"), "claims that are no object"),
        (signed(HEADER, r#"{"state":"a","state":"b"}"#), "a claim twice"),
        (signed(r#"{"alg":"ES256","alg":"none"}"#, "{}"), "a header's member twice"),
        (signed(r#"{"alg":"ES256","kid":1}"#, "{}"), "a kid that is no text"),
        (signed(r#"{"kid":"c-ec"}"#, "{}"), "no alg"),
        (signed(r#"{"alg":"es256"}"#, "{}"), "alg in small letters"),
        (signed(r#"{"alg":"ES256","kid":"unknown"}"#, "{}"), "an unknown kid"),
        (
            sign_text(HEADER, "{}\u{0}", &*signer("ES256", &CLIENT_EC)),
            "something behind the claims",
        ),
    ] {
        if object == good {
            continue; // no such letter in this signature
        }
        is_refused(&op, "ro", &object, what).await;
    }
    is_taken(&op, "ro", &good, "the good one").await;
}

/// Too long: refused before it is decoded, and quickly.
#[tokio::test]
async fn jw_02_size() {
    let op = op();
    let start = Instant::now();
    let long = signed(HEADER, &json!({"state": "x".repeat(13_000)}).to_string());
    assert!(long.len() > 16 * 1024);
    is_refused(&op, "ro", &long, "17 KiB").await;
    is_refused(&op, "ro", &".".repeat(60_000), "dots").await;
    is_refused(&op, "ro", &"a".repeat(60_000), "letters").await;
    let wide = json!({"alg": "ES256", "kid": "c-ec", "x": "y".repeat(20_000)});
    is_refused(&op, "ro", &signed(&wide.to_string(), "{}"), "header").await;
    let deep = format!(r#"{{"x":{}{}}}"#, "[".repeat(4_000), "]".repeat(4_000));
    is_refused(&op, "ro", &signed(HEADER, &deep), "deep claims").await;
    for length in [100_000, 8 * 1024 * 1024] {
        let body = crate::support::form(&[("request", &"x.".repeat(length / 2))]);
        let answer = Browser::new(&op).authorize_by_post("", &body).await;
        assert_eq!(answer.status(), 413, "{length}");
    }
    assert!(start.elapsed().as_secs() < 5);
    let fits = signed(HEADER, &json!({"state": "x".repeat(8_000)}).to_string());
    is_taken(&op, "ro", &fits, "8 KiB are fine").await;
}

#[tokio::test]
async fn jw_03_critical_extensions() {
    let op = op();
    for more in [
        r#""crit":["exp"],"exp":1"#,
        r#""crit":["unknown"],"unknown":true"#,
        r#""crit":[]"#,
        r#""crit":["b64","b64"],"b64":true"#,
        r#""crit":["b64"]"#,
        r#""crit":["alg"]"#,
        r#""crit":"b64""#,
        r#""crit":null"#,
        r#""crit":["b64"],"b64":false"#,
        r#""b64":false"#,
        r#""b64":true"#,
    ] {
        let header = format!(r#"{{"alg":"ES256","kid":"c-ec",{more}}}"#);
        is_refused(&op, "ro", &signed(&header, "{}"), more).await;
    }
    // keys that a header brings along are nobody's: the registered one still has to fit
    let stranger =
        josekit::jwk::Jwk::generate_ec_key(josekit::jwk::alg::ec::EcCurve::P256).unwrap();
    let header = json!({
        "alg": "ES256", "jwk": stranger.to_public_key().unwrap().as_ref(),
        "jku": "https://evil.example/jwks", "x5u": "https://evil.example/x5u", "x5c": ["AAAA"]
    });
    let object = sign_text(&header.to_string(), "{}", &*signer("ES256", &stranger));
    is_refused(&op, "ro", &object, "a key of its own").await;
    is_taken(&op, "ro", &signed(&header.to_string(), "{}"), "and does no harm").await;
}

/// The provider's public keys for encryption.
async fn own(op: &Op, alg: &str) -> Value {
    let jwks = op.jwks().await;
    let mut keys = jwks["keys"].as_array().unwrap().iter();
    keys.find(|key| key["alg"] == alg).unwrap_or_else(|| panic!("{alg}")).clone()
}

/// Encrypted objects of every algorithm that is listed; a client may have bound itself to one.
#[tokio::test]
async fn encrypted_objects() {
    let op = op();
    let object = es256(&json!({"state": "inner"}));
    for alg in ["ECDH-ES", "ECDH-ES+A256KW", "RSA-OAEP-256"] {
        let to = own(&op, alg).await;
        for members in [json!({"cty": "JWT"}), json!({}), json!({"kid": to["kid"], "cty": "jwt"})] {
            is_taken(&op, "ro", &seal(&object, &members, &to), alg).await;
        }
        for enc in ["A128GCM", "A192GCM", "A256GCM", "A192CBC-HS384", "A256CBC-HS512"] {
            is_taken(&op, "ro", &seal(&object, &json!({"enc": enc}), &to), enc).await;
        }
        is_refused(&op, "ro", &seal(&object, &json!({"kid": "other"}), &to), "kid").await;
        is_refused(&op, "ro", &seal(&object, &json!({"cty": "text"}), &to), "cty").await;
        let bound = seal(&object, &json!({}), &to);
        if alg == "ECDH-ES" {
            is_taken(&op, "ro-sealed", &bound, "as registered").await;
            let other = seal(&object, &json!({"enc": "A128GCM"}), &to);
            is_refused(&op, "ro-sealed", &other, "another enc").await;
        } else {
            is_refused(&op, "ro-sealed", &bound, "another alg").await;
        }
    }
    // with the client's secret (OIDC Core §10.2), and not with another client's
    let by = jwe::A256KW.encrypter_from_bytes(keys::secret_key("A256KW", "")).unwrap();
    is_taken(&op, "ro", &seal_with(&object, &json!({}), &by), "A256KW").await;
    is_refused(&op, "conf-basic", &seal_with(&object, &json!({}), &by), "no secret").await;
    let by = jwe::A256KW.encrypter_from_bytes([7; 32]).unwrap();
    is_refused(&op, "ro", &seal_with(&object, &json!({}), &by), "another secret").await;
    // keys of the provider are of use only where there are any
    let to = own(&op, "ECDH-ES").await;
    is_refused(&Op::new(), "ro", &seal(&object, &json!({}), &to), "no keys").await;
}

#[tokio::test]
async fn jw_07_zip_bombs() {
    let op = op();
    let to = own(&op, "ECDH-ES").await;
    let object = es256(&json!({"x": "0".repeat(4_000)}));
    for text in [object, format!("{}.x.y", "0".repeat(1_000_000))] {
        let sealed = seal(&text, &json!({"zip": "DEF"}), &to);
        is_refused(&op, "ro", &sealed, "zip").await;
    }
    // whatever it really is: the member alone is refused
    let object = es256(&json!({}));
    let header = json!({"alg": "dir", "enc": "A256GCM"});
    is_taken(&op, "ro", &by_hand(&object, &header), "without it").await;
    for zip in [json!("DEF"), json!(""), json!(null), json!("GZ")] {
        let header = json!({"alg": "dir", "enc": "A256GCM", "zip": zip});
        is_refused(&op, "ro", &by_hand(&object, &header), "zip").await;
    }
}

/// A JWE with the secret of the client, whatever its header says; nothing is compressed.
fn by_hand(text: &str, header: &Value) -> String {
    use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

    let key = UnboundKey::new(&AES_256_GCM, &keys::secret_key("dir", "A256GCM")).unwrap();
    let (header, mut content) = (b64(header.to_string()), text.as_bytes().to_vec());
    let nonce = Nonce::assume_unique_for_key([0; 12]);
    let tag = LessSafeKey::new(key)
        .seal_in_place_separate_tag(nonce, Aad::from(header.as_bytes()), &mut content)
        .unwrap();
    format!("{header}..{}.{}.{}", b64([0; 12]), b64(content), b64(tag))
}

#[tokio::test]
async fn jw_08_cost_bombs_and_passwords() {
    let op = op();
    let object = es256(&json!({}));
    let start = Instant::now();
    for (alg, p2c) in [
        ("PBES2-HS256+A128KW", 2_147_483_647_u32),
        ("PBES2-HS512+A256KW", 1_000_000),
        ("PBES2-HS256+A128KW", 1_000),
    ] {
        let header = json!({"alg": alg, "enc": "A128GCM", "p2c": p2c, "p2s": b64([1; 16])});
        let sealed = format!(
            "{}.{}.{}.{}.{}",
            b64(header.to_string()),
            b64([0; 24]),
            b64([0; 12]),
            b64([0; 64]),
            b64([0; 16])
        );
        is_refused(&op, "ro", &sealed, alg).await;
    }
    assert!(start.elapsed().as_millis() < 1_000, "nobody counted that far");
    // the secret's own bytes are no key (it is their digest)
    let raw = &keys::KEPT.as_bytes()[..32];
    let by = jwe::Dir.encrypter_from_bytes(raw).unwrap();
    is_refused(&op, "ro", &seal_with(&object, &json!({}), &by), "dir").await;
    for (alg, enc) in
        [("dir", "A128CTR"), ("dir", "none"), ("none", "A128GCM"), ("RSA1_5", "A128GCM")]
    {
        let header = json!({"alg": alg, "enc": enc});
        let sealed = format!(
            "{}..{}.{}.{}",
            b64(header.to_string()),
            b64([0; 12]),
            b64([0; 9]),
            b64([0; 16])
        );
        is_refused(&op, "ro", &sealed, &format!("{alg} {enc}")).await;
    }
}

#[tokio::test]
async fn jw_09_edges_of_encryption() {
    let op = op();
    let object = es256(&json!({}));
    for alg in ["ECDH-ES", "ECDH-ES+A256KW", "RSA-OAEP-256"] {
        let to = own(&op, alg).await;
        for enc in ["A128GCM", "A128CBC-HS256"] {
            let good = seal(&object, &json!({"enc": enc}), &to);
            let parts: Vec<_> = good.split('.').map(str::to_owned).collect();
            let with = |position: usize, text: String| {
                let mut parts = parts.clone();
                parts[position] = text;
                parts.join(".")
            };
            let sizes = [0, 1, 8, 11, 12, 13, 15, 16, 17, 24, 32, 40, 255, 256, 257];
            for (position, size) in (1..5).flat_map(|p| sizes.map(|size| (p, size))) {
                let changed = with(position, b64(vec![0_u8; size]));
                if changed != good {
                    is_refused(&op, "ro", &changed, &format!("{alg} {enc} {position} {size}"))
                        .await;
                }
            }
            // truncated tags
            let tag = base64::Engine::decode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, &parts[4])
                .unwrap();
            for size in 0..tag.len() {
                is_refused(&op, "ro", &with(4, b64(&tag[..size])), "a short tag").await;
            }
        }
    }
    // the other party's point: missing, off the curve, on another one
    let to = own(&op, "ECDH-ES").await;
    let good = seal(&object, &json!({}), &to);
    let (header, rest) = good.split_once('.').unwrap();
    assert!(!header.is_empty());
    let header = crate::support::header(&good);
    for (epk, what) in [
        (Value::Null, "null"),
        (json!({}), "nothing"),
        (json!("x"), "text"),
        (
            json!({"kty": "EC", "crv": "P-256", "x": b64([1; 32]), "y": b64([1; 32])}),
            "off the curve",
        ),
        (json!({"kty": "EC", "crv": "P-256", "x": b64([0; 32]), "y": b64([0; 32])}), "zero"),
        (json!({"kty": "EC", "crv": "P-521", "x": b64([0; 66]), "y": b64([0; 66])}), "P-521"),
        (json!({"kty": "OKP", "crv": "X25519", "x": b64([0; 32])}), "X25519"),
    ] {
        let mut header = header.clone();
        header["epk"] = epk;
        is_refused(&op, "ro", &format!("{}.{rest}", b64(header.to_string())), what).await;
        header.as_object_mut().unwrap().remove("epk");
        is_refused(&op, "ro", &format!("{}.{rest}", b64(header.to_string())), "missing").await;
    }
}

/// Whoever knows the provider's public key can encrypt; it takes a signature to be somebody.
#[tokio::test]
async fn jw_10_encryption_is_no_signature() {
    let op = op();
    let to = own(&op, "ECDH-ES").await;
    let claims = json!({"client_id": "ro", "response_type": "code", "state": "x"});
    let object = es256(&claims);
    for (text, what) in [
        (claims.to_string(), "claims, encrypted and not signed"),
        (keys::unsigned(&claims), "none inside"),
        (seal(&object, &json!({}), &to), "encrypted twice"),
        (String::new(), "nothing inside"),
        ("....".to_owned(), "dots inside"),
    ] {
        for client in ["ro", "jar", "ro-es256"] {
            is_refused(&op, client, &seal(&text, &json!({"cty": "JWT"}), &to), what).await;
        }
    }
    // unsigned and encrypted is what `none` allows, no more
    let sealed = seal(&keys::unsigned(&claims), &json!({}), &to);
    is_refused(&op, "ro-es256", &sealed, "not registered").await;
}

#[tokio::test]
async fn jw_12_times_out_of_this_world() {
    let op = op();
    for time in [
        "-1",
        "9223372036854775807",
        "9223372036854775808",
        "-9223372036854775808",
        "1e308",
        "1e3",
        "1.5",
        "1800000060.0",
        "\"1800000060\"",
        "null",
        "[]",
        "[1800000060]",
        "{}",
        "true",
        "253402300800",
    ] {
        for name in ["exp", "nbf", "iat"] {
            let what = format!("{name}: {time}");
            is_refused(&op, "ro", &signed(HEADER, &format!(r#"{{"{name}":{time}}}"#)), &what).await;
        }
    }
    is_refused(&op, "ro", &signed(HEADER, r#"{"exp":0}"#), "exp: 0").await;
    let before = r#"{"iat":1800000020,"exp":1800000010}"#;
    is_refused(&op, "ro", &signed(HEADER, before), "exp before iat").await;
    for fine in [r#"{"nbf":0}"#, r#"{"iat":0}"#, r#"{"exp":253402300799}"#] {
        is_taken(&op, "ro", &signed(HEADER, fine), fine).await;
    }
}

/// The provider's own keys: public members only, a name each, one algorithm each; `none` is nowhere
/// unless the policy says so.
#[tokio::test]
async fn jw_13_own_keys() {
    let mut setup = Setup { signer: std::sync::Arc::new(ALL_KEYS.clone()), ..Setup::full() };
    setup.config.policy.unsigned = false;
    let op = setup.build();
    let jwks = op.jwks().await;
    let keys = jwks["keys"].as_array().unwrap();
    assert_eq!(keys.len(), SigningAlgorithm::ALL.len() + 3);
    let mut seen = std::collections::HashSet::new();
    for key in keys {
        let members: Vec<_> = key.as_object().unwrap().keys().map(String::as_str).collect();
        let public = ["kty", "kid", "alg", "use", "n", "e", "crv", "x", "y"];
        assert!(members.iter().all(|name| public.contains(name)), "{members:?}");
        assert!(seen.insert(key["kid"].to_string()), "kid");
        let material = if key["kty"] == "RSA" { &key["n"] } else { &key["x"] };
        assert!(seen.insert(material.to_string()), "one key, one algorithm");
        let alg = key["alg"].as_str().unwrap();
        let signs = alg.parse::<SigningAlgorithm>().is_ok();
        assert_eq!(key["use"], if signs { "sig" } else { "enc" }, "{alg}");
    }
    let document = op.send("GET", "/.well-known/openid-configuration", "", &[], "").await.json();
    for (name, value) in document.as_object().unwrap() {
        let algorithms = name.contains("_alg_values") || name.contains("_enc_values");
        assert!(!algorithms || !value.to_string().contains("none"), "{name}");
    }
}
