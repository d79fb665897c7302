use std::{fmt, hint::black_box};

use ring::digest;
use serde::{Deserialize, Serialize};

/// SHA-256 of a high-entropy secret: what a store may see of it.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Digest(#[serde(with = "serde_bytes")] [u8; 32]);

impl Digest {
    /// The digest of a secret.
    pub(crate) fn of(secret: &[u8]) -> Self {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest::digest(&digest::SHA256, secret).as_ref());
        Self(bytes)
    }

    /// The digest of the parts, one after the other.
    pub(crate) fn of_parts(parts: &[&[u8]]) -> Self {
        let mut context = digest::Context::new(&digest::SHA256);
        for part in parts {
            context.update(part);
        }
        let mut bytes = [0; 32];
        bytes.copy_from_slice(context.finish().as_ref());
        Self(bytes)
    }

    pub(crate) fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Compares without an early exit (threat SL-06). Nobody can steer a digest towards another one
    /// byte by byte, so even the time of an ordinary comparison would tell nothing of the secret.
    pub(crate) fn same(&self, other: &[u8; 32]) -> bool {
        let pairs = self.0.iter().zip(other);
        black_box(pairs.fold(0, |difference, (a, b)| black_box(difference | (a ^ b)))) == 0
    }
}

impl From<[u8; 32]> for Digest {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digest(..)")
    }
}

/// Byte arrays as base64url without padding, in stored records.
pub(crate) mod serde_bytes {
    use std::{borrow::Cow, fmt};

    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    use serde::{Deserializer, Serializer, de};

    pub(crate) fn serialize<S: Serializer, const N: usize>(
        bytes: &[u8; N],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let mut text = [0; 64];
        match URL_SAFE_NO_PAD.encode_slice(bytes, &mut text) {
            Ok(length) => {
                let text = text.get(..length).and_then(|text| str::from_utf8(text).ok());
                serializer.serialize_str(text.unwrap_or_default())
            }
            Err(_) => serializer.serialize_str(&URL_SAFE_NO_PAD.encode(bytes)),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>, const N: usize>(
        deserializer: D,
    ) -> Result<[u8; N], D::Error> {
        struct Visitor<const N: usize>;

        impl<const N: usize> de::Visitor<'_> for Visitor<N> {
            type Value = [u8; N];

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{N} bytes as base64url")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<[u8; N], E> {
                let mut bytes = [0; N];
                match URL_SAFE_NO_PAD.decode_slice(text, &mut bytes) {
                    Ok(length) if length == N => Ok(bytes),
                    _ => Err(E::custom(Cow::Borrowed("not the expected number of bytes"))),
                }
            }
        }
        deserializer.deserialize_str(Visitor::<N>)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compares_and_does_not_print() {
        let digest = Digest::of(b"secret");
        assert!(digest.same(Digest::of_parts(&[b"sec", b"ret"]).as_bytes()));
        assert!(!digest.same(Digest::of(b"secret2").as_bytes()));
        assert!(!digest.same(&[0; 32]));
        assert_eq!(format!("{digest:?}"), "Digest(..)");
    }

    #[test]
    fn is_stored_as_base64url() {
        let json = serde_json::to_string(&Digest::from([0xFF; 32])).unwrap();
        assert_eq!(json, format!("\"{}8\"", "_".repeat(42)));
        assert!(serde_json::from_str::<Digest>(&json).unwrap().same(&[0xFF; 32]));
        assert!(serde_json::from_str::<Digest>("\"AAAA\"").is_err());
    }
}
