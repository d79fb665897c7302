use josekit::jws::{ES256K, ES512, JwsVerifier};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256,
    RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512, RsaParameters, RsaPublicKeyComponents,
    UnparsedPublicKey, VerificationAlgorithm,
};

use super::public_key::PublicKey;
use crate::types::SigningAlgorithm;

/// Whether the key made the signature with this algorithm ([RFC 7518 §3], [RFC 8037 §3.1]).
///
/// What ring has, it does, without parsing into OpenSSL's structures for every token.
///
/// [RFC 7518 §3]: https://www.rfc-editor.org/rfc/rfc7518#section-3
/// [RFC 8037 §3.1]: https://www.rfc-editor.org/rfc/rfc8037#section-3.1
pub(super) fn signature(
    key: &PublicKey,
    algorithm: SigningAlgorithm,
    input: &[u8],
    signature: &[u8],
) -> bool {
    use SigningAlgorithm::{
        ES256, ES256K as Secp256k1, ES384, ES512 as P521, EdDSA, PS256, PS384, PS512, RS256, RS384,
        RS512,
    };
    let rsa = |parameters| rsa(key, parameters, input, signature);
    let ring = |algorithm| {
        key.point().is_some_and(|point| {
            UnparsedPublicKey::new(algorithm, point).verify(input, signature).is_ok()
        })
    };
    match algorithm {
        RS256 => rsa(&RSA_PKCS1_2048_8192_SHA256),
        RS384 => rsa(&RSA_PKCS1_2048_8192_SHA384),
        RS512 => rsa(&RSA_PKCS1_2048_8192_SHA512),
        PS256 => rsa(&RSA_PSS_2048_8192_SHA256),
        PS384 => rsa(&RSA_PSS_2048_8192_SHA384),
        PS512 => rsa(&RSA_PSS_2048_8192_SHA512),
        ES256 => ring(&ECDSA_P256_SHA256_FIXED as &dyn VerificationAlgorithm),
        ES384 => ring(&ECDSA_P384_SHA384_FIXED),
        EdDSA => ring(&ED25519),
        P521 => openssl(ES512.verifier_from_jwk(&key.bare()).ok(), input, signature),
        Secp256k1 => openssl(ES256K.verifier_from_jwk(&key.bare()).ok(), input, signature),
    }
}

fn rsa(key: &PublicKey, parameters: &RsaParameters, input: &[u8], signature: &[u8]) -> bool {
    let (Some(n), Some(e)) = (key.bytes("n"), key.bytes("e")) else { return false };
    RsaPublicKeyComponents { n, e }.verify(parameters, input, signature).is_ok()
}

fn openssl<V: JwsVerifier>(verifier: Option<V>, input: &[u8], signature: &[u8]) -> bool {
    // r and s are never zero, and an empty number is no good DER (threat: CVE-2022-21449).
    let (r, s) = signature.split_at(signature.len() / 2);
    let zero = |number: &[u8]| number.iter().all(|byte| *byte == 0);
    !zero(r) && !zero(s) && verifier.is_some_and(|v| v.verify(input, signature).is_ok())
}
