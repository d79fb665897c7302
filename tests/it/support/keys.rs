//! The other end of every JWT: keys of clients, tokens made by hand, signatures checked against the
//! published set, encrypted answers opened. All with josekit, so that the crate does not judge itself.

use std::sync::LazyLock;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use josekit::{
    jwe::{self, JweDecrypter, JweEncrypter, JweHeader},
    jwk::{Jwk, alg::ec::EcCurve},
    jws::{self, JwsSigner, JwsVerifier},
};
use ring::digest;
use serde_json::{Map, Value, json};

/// The secret of clients whose secret is a key as well: 64 bytes, enough for HS512.
pub(crate) const KEPT: &str = "0123456789abcdef0123456789ABCDEF0123456789abcdef0123456789ABCDEF";

/// Signs the request objects of clients, on P-256.
pub(crate) static CLIENT_EC: LazyLock<Jwk> =
    LazyLock::new(|| named(Jwk::generate_ec_key(EcCurve::P256).unwrap(), "c-ec", "sig"));
/// Signs the request objects of clients, with RSA.
pub(crate) static CLIENT_RSA: LazyLock<Jwk> =
    LazyLock::new(|| named(Jwk::generate_rsa_key(2048).unwrap(), "c-rsa", "sig"));
/// Opens what is encrypted to clients, on P-256.
pub(crate) static READER_EC: LazyLock<Jwk> =
    LazyLock::new(|| named(Jwk::generate_ec_key(EcCurve::P256).unwrap(), "r-ec", "enc"));
/// Opens what is encrypted to clients, with RSA.
pub(crate) static READER_RSA: LazyLock<Jwk> =
    LazyLock::new(|| named(Jwk::generate_rsa_key(2048).unwrap(), "r-rsa", "enc"));

fn named(mut key: Jwk, kid: &str, purpose: &str) -> Jwk {
    key.set_key_id(kid);
    key.set_key_use(purpose);
    key
}

/// What clients publish of these keys.
pub(crate) fn client_jwks() -> Value {
    let keys = [&*CLIENT_EC, &*CLIENT_RSA, &*READER_EC, &*READER_RSA];
    let public = keys.map(|key| {
        let mut public = key.to_public_key().unwrap();
        public.set_key_id(key.key_id().unwrap());
        public.set_key_use(key.key_use().unwrap());
        Value::Object(public.into())
    });
    json!({ "keys": public })
}

/// What signs a token by hand.
pub(crate) fn signer(alg: &str, key: &Jwk) -> Box<dyn JwsSigner> {
    match alg {
        "RS256" => Box::new(jws::RS256.signer_from_jwk(key).unwrap()),
        "RS384" => Box::new(jws::RS384.signer_from_jwk(key).unwrap()),
        "RS512" => Box::new(jws::RS512.signer_from_jwk(key).unwrap()),
        "PS256" => Box::new(jws::PS256.signer_from_jwk(key).unwrap()),
        "PS384" => Box::new(jws::PS384.signer_from_jwk(key).unwrap()),
        "PS512" => Box::new(jws::PS512.signer_from_jwk(key).unwrap()),
        "ES256" => Box::new(jws::ES256.signer_from_jwk(key).unwrap()),
        "ES384" => Box::new(jws::ES384.signer_from_jwk(key).unwrap()),
        "ES512" => Box::new(jws::ES512.signer_from_jwk(key).unwrap()),
        "ES256K" => Box::new(jws::ES256K.signer_from_jwk(key).unwrap()),
        "EdDSA" => Box::new(jws::EdDSA.signer_from_jwk(key).unwrap()),
        other => panic!("{other}"),
    }
}

/// What signs a token by hand with a secret.
pub(crate) fn hs256(secret: impl AsRef<[u8]>) -> Box<dyn JwsSigner> {
    Box::new(jws::HS256.signer_from_bytes(secret).unwrap())
}

/// The same, with the algorithm.
pub(crate) fn hmac(alg: &str, secret: &str) -> Box<dyn JwsSigner> {
    match alg {
        "HS384" => Box::new(jws::HS384.signer_from_bytes(secret).unwrap()),
        "HS512" => Box::new(jws::HS512.signer_from_bytes(secret).unwrap()),
        _ => hs256(secret),
    }
}

/// A JWS in compact form, whatever its header says.
pub(crate) fn sign(header: &Value, claims: &Value, by: &dyn JwsSigner) -> String {
    sign_text(&header.to_string(), &claims.to_string(), by)
}

/// The same, of any text.
pub(crate) fn sign_text(header: &str, claims: &str, by: &dyn JwsSigner) -> String {
    let input = format!("{}.{}", b64(header), b64(claims));
    let signature = by.sign(input.as_bytes()).unwrap();
    format!("{input}.{}", b64(signature))
}

/// A JWS signed by [`CLIENT_EC`].
pub(crate) fn es256(claims: &Value) -> String {
    let header = json!({"alg": "ES256", "kid": "c-ec"});
    sign(&header, claims, &*signer("ES256", &CLIENT_EC))
}

/// An unsecured JWT.
pub(crate) fn unsigned(claims: &Value) -> String {
    format!("{}.{}.", b64(r#"{"alg":"none"}"#), b64(claims.to_string()))
}

pub(crate) fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The claims of a token, if a key of the set made its signature.
pub(crate) fn verified(token: &str, jwks: &Value) -> Option<Value> {
    let header = super::header(token);
    let mut keys = jwks["keys"].as_array()?.iter();
    let key = keys.find(|key| key["kid"] == header["kid"] && key["alg"] == header["alg"])?;
    let key = Jwk::from_map(key.as_object()?.clone()).ok()?;
    let by: Box<dyn JwsVerifier> = match header["alg"].as_str()? {
        "RS256" => Box::new(jws::RS256.verifier_from_jwk(&key).ok()?),
        "RS384" => Box::new(jws::RS384.verifier_from_jwk(&key).ok()?),
        "RS512" => Box::new(jws::RS512.verifier_from_jwk(&key).ok()?),
        "PS256" => Box::new(jws::PS256.verifier_from_jwk(&key).ok()?),
        "PS384" => Box::new(jws::PS384.verifier_from_jwk(&key).ok()?),
        "PS512" => Box::new(jws::PS512.verifier_from_jwk(&key).ok()?),
        "ES256" => Box::new(jws::ES256.verifier_from_jwk(&key).ok()?),
        "ES384" => Box::new(jws::ES384.verifier_from_jwk(&key).ok()?),
        "ES512" => Box::new(jws::ES512.verifier_from_jwk(&key).ok()?),
        "ES256K" => Box::new(jws::ES256K.verifier_from_jwk(&key).ok()?),
        "EdDSA" => Box::new(jws::EdDSA.verifier_from_jwk(&key).ok()?),
        _ => return None,
    };
    checked(token, &*by)
}

/// The claims of a token, if its signature was made with [`KEPT`].
pub(crate) fn verified_by_secret(token: &str) -> Option<Value> {
    let by: Box<dyn JwsVerifier> = match super::header(token)["alg"].as_str()? {
        "HS256" => Box::new(jws::HS256.verifier_from_bytes(KEPT).ok()?),
        "HS384" => Box::new(jws::HS384.verifier_from_bytes(KEPT).ok()?),
        "HS512" => Box::new(jws::HS512.verifier_from_bytes(KEPT).ok()?),
        _ => return None,
    };
    checked(token, &*by)
}

fn checked(token: &str, by: &dyn JwsVerifier) -> Option<Value> {
    let (input, signature) = token.rsplit_once('.')?;
    by.verify(input.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).ok()?).ok()?;
    Some(super::claims(token))
}

/// The left half of the hash that goes with an algorithm (OIDC Core §3.1.3.6; Ed25519: SHA-512).
pub(crate) fn half_hash(alg: &str, text: &str) -> String {
    let hash = match &alg[2..] {
        "256" | "256K" => &digest::SHA256,
        "384" => &digest::SHA384,
        _ => &digest::SHA512,
    };
    let digest = digest::digest(hash, text.as_bytes());
    b64(&digest.as_ref()[..digest.as_ref().len() / 2])
}

/// A JWE in compact form, to a public key of the provider.
pub(crate) fn seal(text: &str, members: &Value, to: &Value) -> String {
    let key = Jwk::from_map(to.as_object().unwrap().clone()).unwrap();
    let by: Box<dyn JweEncrypter> = match to["alg"].as_str().unwrap() {
        "RSA-OAEP" => Box::new(jwe::RSA_OAEP.encrypter_from_jwk(&key).unwrap()),
        "RSA-OAEP-256" => Box::new(jwe::RSA_OAEP_256.encrypter_from_jwk(&key).unwrap()),
        "ECDH-ES" => Box::new(jwe::ECDH_ES.encrypter_from_jwk(&key).unwrap()),
        "ECDH-ES+A128KW" => Box::new(jwe::ECDH_ES_A128KW.encrypter_from_jwk(&key).unwrap()),
        "ECDH-ES+A192KW" => Box::new(jwe::ECDH_ES_A192KW.encrypter_from_jwk(&key).unwrap()),
        "ECDH-ES+A256KW" => Box::new(jwe::ECDH_ES_A256KW.encrypter_from_jwk(&key).unwrap()),
        other => panic!("{other}"),
    };
    seal_with(text, members, &*by)
}

/// A JWE in compact form; members of the header are added to `enc`.
pub(crate) fn seal_with(text: &str, members: &Value, by: &dyn JweEncrypter) -> String {
    let mut header = JweHeader::new();
    header.set_content_encryption("A128CBC-HS256");
    for (name, value) in members.as_object().unwrap() {
        header.set_claim(name, Some(value.clone())).unwrap();
    }
    jwe::serialize_compact(text.as_bytes(), &header, by).unwrap()
}

/// A key from [`KEPT`], as OIDC Core §10.2 makes it.
pub(crate) fn secret_key(alg: &str, enc: &str) -> Vec<u8> {
    let size = match (alg, enc) {
        ("A128KW" | "A128GCMKW", _) | ("dir", "A128GCM") => 16,
        ("A192KW" | "A192GCMKW", _) | ("dir", "A192GCM") => 24,
        ("A256KW" | "A256GCMKW", _) | ("dir", "A256GCM" | "A128CBC-HS256") => 32,
        (_, "A192CBC-HS384") => 48,
        _ => 64,
    };
    let hash = match size {
        0..=32 => &digest::SHA256,
        33..=48 => &digest::SHA384,
        _ => &digest::SHA512,
    };
    digest::digest(hash, KEPT.as_bytes()).as_ref()[..size].to_vec()
}

/// What encrypts with [`KEPT`], for the default content encryption.
pub(crate) fn secret_encrypter(alg: &str) -> Option<Box<dyn JweEncrypter>> {
    let key = secret_key(alg, "A128CBC-HS256");
    Some(match alg {
        "A128KW" => Box::new(jwe::A128KW.encrypter_from_bytes(key).unwrap()),
        "A192KW" => Box::new(jwe::A192KW.encrypter_from_bytes(key).unwrap()),
        "A256KW" => Box::new(jwe::A256KW.encrypter_from_bytes(key).unwrap()),
        "A128GCMKW" => Box::new(jwe::A128GCMKW.encrypter_from_bytes(key).unwrap()),
        "A192GCMKW" => Box::new(jwe::A192GCMKW.encrypter_from_bytes(key).unwrap()),
        "A256GCMKW" => Box::new(jwe::A256GCMKW.encrypter_from_bytes(key).unwrap()),
        "dir" => Box::new(jwe::Dir.encrypter_from_bytes(key).unwrap()),
        _ => return None,
    })
}

/// What a client reads of an encrypted answer, and the header of it.
pub(crate) fn opened(token: &str) -> (String, Map<String, Value>) {
    let outer = super::header(token);
    let (alg, enc) = (outer["alg"].as_str().unwrap(), outer["enc"].as_str().unwrap());
    let secret = secret_key(alg, enc);
    let by: Box<dyn JweDecrypter> = match alg {
        "RSA-OAEP" => Box::new(jwe::RSA_OAEP.decrypter_from_jwk(&READER_RSA).unwrap()),
        "RSA-OAEP-256" => Box::new(jwe::RSA_OAEP_256.decrypter_from_jwk(&READER_RSA).unwrap()),
        "ECDH-ES" => Box::new(jwe::ECDH_ES.decrypter_from_jwk(&READER_EC).unwrap()),
        "ECDH-ES+A128KW" => Box::new(jwe::ECDH_ES_A128KW.decrypter_from_jwk(&READER_EC).unwrap()),
        "ECDH-ES+A192KW" => Box::new(jwe::ECDH_ES_A192KW.decrypter_from_jwk(&READER_EC).unwrap()),
        "ECDH-ES+A256KW" => Box::new(jwe::ECDH_ES_A256KW.decrypter_from_jwk(&READER_EC).unwrap()),
        "A128KW" => Box::new(jwe::A128KW.decrypter_from_bytes(secret).unwrap()),
        "A192KW" => Box::new(jwe::A192KW.decrypter_from_bytes(secret).unwrap()),
        "A256KW" => Box::new(jwe::A256KW.decrypter_from_bytes(secret).unwrap()),
        "A128GCMKW" => Box::new(jwe::A128GCMKW.decrypter_from_bytes(secret).unwrap()),
        "A192GCMKW" => Box::new(jwe::A192GCMKW.decrypter_from_bytes(secret).unwrap()),
        "A256GCMKW" => Box::new(jwe::A256GCMKW.decrypter_from_bytes(secret).unwrap()),
        "dir" => Box::new(jwe::Dir.decrypter_from_bytes(secret).unwrap()),
        other => panic!("{other}"),
    };
    let (plain, header) = jwe::deserialize_compact(token, &*by).unwrap();
    (String::from_utf8(plain).unwrap(), header.claims_set().clone())
}
