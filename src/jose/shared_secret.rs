use josekit::jwe::{
    A128GCMKW, A128KW, A192GCMKW, A192KW, A256GCMKW, A256KW, Dir, JweDecrypter, JweEncrypter,
};
use ring::digest::{self, SHA256, SHA384, SHA512};

use super::content;
use crate::types::{ContentEncryption, KeyManagementAlgorithm};

/// A key from the client's secret: the left-most bits of its digest ([OIDC Core §10.2]).
///
/// [OIDC Core §10.2]: https://openid.net/specs/openid-connect-core-1_0.html#Encryption
pub(super) fn key(
    algorithm: KeyManagementAlgorithm,
    encryption: ContentEncryption,
    secret: &[u8],
) -> Option<Vec<u8>> {
    use KeyManagementAlgorithm::{A128GcmKw, A128Kw, A192GcmKw, A192Kw, A256GcmKw, A256Kw, Dir};
    let size = match algorithm {
        A128Kw | A128GcmKw => 16,
        A192Kw | A192GcmKw => 24,
        A256Kw | A256GcmKw => 32,
        Dir => content::key_size(encryption),
        _ => return None,
    };
    let hash = match size {
        0..=32 => &SHA256,
        33..=48 => &SHA384,
        _ => &SHA512,
    };
    Some(digest::digest(hash, secret).as_ref().get(..size)?.to_vec())
}

/// What encrypts with such a key.
pub(super) fn encrypter(
    algorithm: KeyManagementAlgorithm,
    key: &[u8],
) -> Option<Box<dyn JweEncrypter>> {
    use KeyManagementAlgorithm as A;
    Some(match algorithm {
        A::A128Kw => Box::new(A128KW.encrypter_from_bytes(key).ok()?),
        A::A192Kw => Box::new(A192KW.encrypter_from_bytes(key).ok()?),
        A::A256Kw => Box::new(A256KW.encrypter_from_bytes(key).ok()?),
        A::A128GcmKw => Box::new(A128GCMKW.encrypter_from_bytes(key).ok()?),
        A::A192GcmKw => Box::new(A192GCMKW.encrypter_from_bytes(key).ok()?),
        A::A256GcmKw => Box::new(A256GCMKW.encrypter_from_bytes(key).ok()?),
        A::Dir => Box::new(Dir.encrypter_from_bytes(key).ok()?),
        _ => return None,
    })
}

/// What decrypts with such a key.
pub(super) fn decrypter(
    algorithm: KeyManagementAlgorithm,
    key: &[u8],
) -> Option<Box<dyn JweDecrypter>> {
    use KeyManagementAlgorithm as A;
    Some(match algorithm {
        A::A128Kw => Box::new(A128KW.decrypter_from_bytes(key).ok()?),
        A::A192Kw => Box::new(A192KW.decrypter_from_bytes(key).ok()?),
        A::A256Kw => Box::new(A256KW.decrypter_from_bytes(key).ok()?),
        A::A128GcmKw => Box::new(A128GCMKW.decrypter_from_bytes(key).ok()?),
        A::A192GcmKw => Box::new(A192GCMKW.decrypter_from_bytes(key).ok()?),
        A::A256GcmKw => Box::new(A256GCMKW.decrypter_from_bytes(key).ok()?),
        A::Dir => Box::new(Dir.decrypter_from_bytes(key).ok()?),
        _ => return None,
    })
}
