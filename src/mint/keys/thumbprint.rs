use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::digest::{SHA256, digest};
use serde_json::{Map, Value};

/// The SHA-256 thumbprint of a public or private JWK, as base64url ([RFC 7638 §3]).
///
/// `None` when `kty` is unknown or a required member is missing. The members are taken as they are
/// spelled, so two spellings of a number have two thumbprints.
///
/// [RFC 7638 §3]: https://www.rfc-editor.org/rfc/rfc7638#section-3
pub(crate) fn jwk_thumbprint(jwk: &Map<String, Value>) -> Option<String> {
    // In lexicographic order, which a map keeps whether or not it sorts by itself.
    let required: &[&str] = match jwk.get("kty")?.as_str()? {
        "RSA" => &["e", "kty", "n"],
        "EC" => &["crv", "kty", "x", "y"],
        "OKP" => &["crv", "kty", "x"],
        _ => return None,
    };
    let mut canonical = Map::new();
    for name in required {
        let value = jwk.get(*name).filter(|value| value.is_string())?;
        canonical.insert((*name).to_owned(), value.clone());
    }
    let hash = digest(&SHA256, Value::Object(canonical).to_string().as_bytes());
    Some(URL_SAFE_NO_PAD.encode(hash))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn thumbprint(jwk: &Value) -> Option<String> {
        jwk_thumbprint(jwk.as_object().unwrap())
    }

    /// RFC 7638 §3.1.
    #[test]
    fn of_an_rsa_key() {
        let jwk = json!({
            "kty": "RSA",
            "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tS\
                  oc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGj\
                  QR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFT\
                  WhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
            "e": "AQAB",
            "alg": "RS256",
            "kid": "2011-04-29",
        });
        assert_eq!(
            thumbprint(&jwk).as_deref(),
            Some("NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs")
        );
    }

    /// RFC 8037 A.3.
    #[test]
    fn of_an_ed25519_key() {
        let jwk = json!({
            "kty": "OKP",
            "crv": "Ed25519",
            "d": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
            "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
        });
        assert_eq!(
            thumbprint(&jwk).as_deref(),
            Some("kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k")
        );
    }

    #[test]
    fn of_something_else() {
        for jwk in [
            json!({}),
            json!({ "kty": "oct", "k": "AA" }),
            json!({ "kty": "RSA", "n": "AQ" }),
            json!({ "kty": "RSA", "n": 1, "e": "AQAB" }),
        ] {
            assert_eq!(thumbprint(&jwk), None, "{jwk}");
        }
    }
}
