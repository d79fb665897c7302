use josekit::{
    jwe::{
        self, ECDH_ES, ECDH_ES_A128KW, ECDH_ES_A192KW, ECDH_ES_A256KW, JweEncrypter, JweHeader,
        RSA_OAEP, RSA_OAEP_256,
    },
    jwk::Jwk,
};

use super::{JoseFault, Jwks, shared_secret};
use crate::types::{ContentEncryption, KeyManagementAlgorithm};

/// For whom to encrypt. It has no `Debug`: some of it is secret.
#[derive(Clone, Copy)]
pub(crate) enum EncryptTo<'k> {
    /// The owner of these keys.
    Keys(&'k Jwks),
    /// Whoever knows this secret.
    Secret(&'k [u8]),
}

/// Encrypts, into the compact form ([RFC 7516 §5.1]); `JWT` as the type of the content says that a
/// signed token is inside ([RFC 7519 §5.2]), whose `iss` may stand outside as well (§5.3). Nothing is
/// compressed ([RFC 8725 §3.6]).
///
/// [RFC 7516 §5.1]: https://www.rfc-editor.org/rfc/rfc7516#section-5.1
/// [RFC 7519 §5.2]: https://www.rfc-editor.org/rfc/rfc7519#section-5.2
/// [RFC 8725 §3.6]: https://www.rfc-editor.org/rfc/rfc8725#section-3.6
pub(crate) fn encrypt(
    plain: &[u8],
    content_type: Option<&'static str>,
    issuer: Option<&str>,
    algorithm: KeyManagementAlgorithm,
    encryption: ContentEncryption,
    to: EncryptTo<'_>,
) -> Result<String, JoseFault> {
    let mut header = JweHeader::new();
    header.set_content_encryption(encryption.as_str());
    if let Some(content_type) = content_type {
        header.set_content_type(content_type);
    }
    if let Some(issuer) = issuer {
        header.set_issuer(issuer);
    }
    let encrypter = match to {
        EncryptTo::Keys(keys) if !algorithm.is_symmetric() => {
            let key = keys.receiving(algorithm).ok_or(JoseFault::Key)?;
            if let Some(kid) = key.kid() {
                header.set_key_id(kid);
            }
            encrypter(algorithm, &key.bare())
        }
        EncryptTo::Secret(secret) if algorithm.is_symmetric() => {
            let key = shared_secret::key(algorithm, encryption, secret);
            key.and_then(|key| shared_secret::encrypter(algorithm, &key))
        }
        _ => return Err(JoseFault::Algorithm),
    };
    let encrypter = encrypter.ok_or(JoseFault::Key)?;
    jwe::serialize_compact(plain, &header, &*encrypter).map_err(|_| JoseFault::Encryption)
}

fn encrypter(algorithm: KeyManagementAlgorithm, jwk: &Jwk) -> Option<Box<dyn JweEncrypter>> {
    use KeyManagementAlgorithm as A;
    Some(match algorithm {
        A::RsaOaep => Box::new(RSA_OAEP.encrypter_from_jwk(jwk).ok()?),
        A::RsaOaep256 => Box::new(RSA_OAEP_256.encrypter_from_jwk(jwk).ok()?),
        A::EcdhEs => Box::new(ECDH_ES.encrypter_from_jwk(jwk).ok()?),
        A::EcdhEsA128Kw => Box::new(ECDH_ES_A128KW.encrypter_from_jwk(jwk).ok()?),
        A::EcdhEsA192Kw => Box::new(ECDH_ES_A192KW.encrypter_from_jwk(jwk).ok()?),
        A::EcdhEsA256Kw => Box::new(ECDH_ES_A256KW.encrypter_from_jwk(jwk).ok()?),
        _ => return None,
    })
}
