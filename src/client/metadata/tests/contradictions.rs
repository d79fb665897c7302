use super::{InvalidMetadata as I, *};

fn assertions(method: &str, alg: &str) -> Value {
    json!({
        "token_endpoint_auth_method": method, "token_endpoint_auth_signing_alg": alg,
        "jwks_uri": JWKS_URI
    })
}

fn grants(grant_types: &[&str], response_types: &[&str]) -> Value {
    json!({"grant_types": grant_types, "response_types": response_types})
}

fn implicit(redirect_uri: &str) -> Value {
    json!({"redirect_uris": [redirect_uri], "response_types": ["id_token"], "grant_types": ["implicit"]})
}

/// RFC 7591 §2, §2.1, OIDC Registration §2; threats RU-11, RU-15, RG-04.
#[test]
fn contradictions_are_named() {
    assert_eq!(refusal(&json!({})), None);
    let twice = ["https://c.example/cb", "https://c.example/cb"];
    let two_hosts = ["https://a.example/", "https://b.example/"];
    let (code, both) = (["authorization_code"], ["authorization_code", "implicit"]);
    let public =
        |grant: &str| json!({"token_endpoint_auth_method": "none", "grant_types": [grant]});
    for (members, expected) in [
        (json!({"redirect_uris": []}), I::RedirectUrisMissing),
        (json!({"redirect_uris": [], "response_types": ["none"]}), I::RedirectUrisMissing),
        (json!({"redirect_uris": twice}), I::RedirectUris),
        (json!({"redirect_uris": ["com.example.app:/cb"]}), I::NativeScheme),
        (implicit("http://127.0.0.1/cb"), I::ImplicitRedirect),
        (implicit("https://localhost/cb"), I::ImplicitRedirect),
        (grants(&code, &["id_token"]), I::ResponseAndGrant),
        (grants(&code, &["code", "code token"]), I::ResponseAndGrant),
        (grants(&both, &["code"]), I::ResponseAndGrant),
        (grants(&code, &[]), I::ResponseAndGrant),
        (json!({"grant_types": both}), I::ResponseAndGrant),
        (json!({"logo_uri": "javascript:x"}), I::Uri("logo_uri")),
        (json!({"policy_uri": "http://c.example"}), I::Uri("policy_uri")),
        (json!({"initiate_login_uri": "http://c.example"}), I::Uri("initiate_login_uri")),
        (json!({"subject_type": "pairwise", "redirect_uris": two_hosts}), I::Sector),
        (
            json!({"id_token_encrypted_response_enc": "A128GCM"}),
            I::EncryptionAlg("id_token_encrypted_response_enc"),
        ),
        (
            json!({"introspection_encrypted_response_enc": "A128GCM"}),
            I::EncryptionAlg("introspection_encrypted_response_enc"),
        ),
        (json!({"introspection_signed_response_alg": "none"}), I::UnsignedIntrospection),
        (json!({"jwks_uri": JWKS_URI, "jwks": {"keys": []}}), I::KeysTwice),
        (assertions("private_key_jwt", "HS256"), I::AssertionAlgorithm),
        (assertions("private_key_jwt", "none"), I::AssertionAlgorithm),
        (assertions("client_secret_jwt", "ES256"), I::AssertionAlgorithm),
        (assertions("client_secret_basic", "none"), I::AssertionAlgorithm),
        (
            json!({"request_object_signing_alg": "none", "require_signed_request_object": true}),
            I::UnsignedRequestObject,
        ),
        (
            json!({"response_types": ["code id_token"], "id_token_signed_response_alg": "none"}),
            I::UnsignedIdToken,
        ),
        // What the token endpoint never gives to a client that anybody could be.
        (public("client_credentials"), I::PublicClient),
        (public("urn:ietf:params:oauth:grant-type:token-exchange"), I::PublicClient),
    ] {
        assert_eq!(refusal(&members), Some(expected), "{members}");
    }
    for grant in ["password", "urn:ietf:params:oauth:grant-type:jwt-bearer", "urn:example:own"] {
        assert_eq!(refusal(&public(grant)), None, "{grant}");
    }
    // OIDC Core §2: without a front channel an ID token may be unsigned.
    assert_eq!(refusal(&json!({"id_token_signed_response_alg": "none"})), None);
}

/// OIDC Registration §2, threat RG-04: what is to be encrypted or verified needs a key that can.
#[test]
fn keys_must_fit() {
    let ed25519 = ed25519();
    let p256 = json!({
        "kty": "EC", "crv": "P-256", "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
        "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"
    });
    let with = |mut members: Value, keys: &[&Value]| {
        members["jwks"] = json!({ "keys": keys });
        members
    };
    let pkjwt = |alg: Option<&str>| {
        json!({
            "token_endpoint_auth_method": "private_key_jwt", "token_endpoint_auth_signing_alg": alg
        })
    };
    let sealed = |name: &str, alg: &str| json!({ format!("{name}_encrypted_response_alg"): alg });
    let object = json!({"request_object_signing_alg": "ES256"});
    for (members, needed_by) in [
        (pkjwt(None), "token_endpoint_auth_method"),
        (with(pkjwt(None), &[]), "token_endpoint_auth_method"),
        (with(pkjwt(Some("ES256")), &[&ed25519]), "token_endpoint_auth_method"),
        (sealed("id_token", "RSA-OAEP"), "id_token_encrypted_response_alg"),
        (
            with(sealed("id_token", "RSA-OAEP"), &[&ed25519, &p256]),
            "id_token_encrypted_response_alg",
        ),
        (with(sealed("userinfo", "ECDH-ES"), &[&ed25519]), "userinfo_encrypted_response_alg"),
        (sealed("introspection", "ECDH-ES"), "introspection_encrypted_response_alg"),
        (object.clone(), "request_object_signing_alg"),
        (with(object.clone(), &[&ed25519]), "request_object_signing_alg"),
    ] {
        assert_eq!(refusal(&members), Some(I::KeysMissing(needed_by)), "{members}");
    }
    for members in [
        with(pkjwt(None), &[&ed25519]),
        with(pkjwt(Some("ES256")), &[&ed25519, &p256]),
        with(sealed("id_token", "ECDH-ES"), &[&p256]),
        with(object, &[&p256]),
        // The secret is the key, or the provider's is.
        sealed("id_token", "A128KW"),
        json!({"request_object_encryption_alg": "RSA-OAEP"}),
    ] {
        assert_eq!(refusal(&members), None, "{members}");
    }
}

/// OIDC Core §9, RFC 7591 §2: keys by reference are as good as keys by value.
#[test]
fn keys_may_be_elsewhere() {
    for members in [
        assertions("private_key_jwt", "ES256"),
        assertions("client_secret_jwt", "HS512"),
        assertions("client_secret_basic", "ES256"),
        json!({"jwks_uri": JWKS_URI, "id_token_encrypted_response_alg": "RSA-OAEP"}),
        json!({"jwks_uri": JWKS_URI, "request_object_signing_alg": "ES256"}),
    ] {
        assert_eq!(refusal(&members), None, "{members}");
    }
}

/// OIDC Core §8.1.
#[test]
fn sectors() {
    for (members, sector) in [
        (json!({}), Some("c.example")),
        (
            json!({"redirect_uris": ["https://a.example/1", "https://a.example:444/2"]}),
            Some("a.example"),
        ),
        (json!({"redirect_uris": ["https://a.example/", "https://b.example/"]}), None),
        (json!({"sector_identifier_uri": "https://s.example/file.json"}), Some("s.example")),
        (json!({"application_type": "native", "redirect_uris": ["com.example.app:/cb"]}), None),
        (json!({"redirect_uris": ["com.example.app://bank.example/cb"]}), None),
        (json!({"redirect_uris": ["http://127.0.0.1/cb"]}), None),
    ] {
        assert_eq!(read(&members).unwrap().sector().as_deref(), sector, "{members}");
    }
}
