use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::hkdf::Prk;

use super::{
    Secret,
    keys::{Kid, Root},
    sealed::{Header, open_under, seal_under},
};
use crate::types::Issuer;

/// The keys of one storage secret, each for one purpose.
pub(crate) struct StorageKeys {
    pub(crate) kid: Kid,
    /// Client secrets that are needed as they are.
    pub(crate) client_secret: Prk,
    /// The provider's private keys.
    pub(crate) signing_keys: Prk,
}

impl StorageKeys {
    /// Derives them for one issuer; another issuer's keys differ in every bit.
    pub(crate) fn derive(secret: &Secret, issuer: &Issuer) -> Self {
        let root = Root::new(b"oidc-op/v1/storage", secret);
        Self {
            kid: root.kid(),
            client_secret: root.key("client-secret/seal", issuer),
            signing_keys: root.key("keys/seal", issuer),
        }
    }
}

impl fmt::Debug for StorageKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StorageKeys(..)")
    }
}

/// What is sealed in a stored record; the first byte of its text, as of what is handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum AtRest {
    /// A client secret that is needed as it is.
    ClientSecret = 71,
    /// The provider's private keys.
    SigningKeys = 72,
}

impl AtRest {
    fn key(self, keys: &StorageKeys) -> &Prk {
        match self {
            Self::ClientSecret => &keys.client_secret,
            Self::SigningKeys => &keys.signing_keys,
        }
    }
}

/// Seals the bytes for the eyes of this issuer and for one record only, which `context` names, such
/// as by the client's id: `kind ‖ kid 2 ‖ salt 16 ‖ AES-256-GCM(plain) ‖ tag 16`, as base64url.
///
/// The salt is random. How long the plain text is can be seen.
pub(crate) fn seal(
    kind: AtRest,
    keys: &StorageKeys,
    issuer: &Issuer,
    context: &[u8],
    salt: [u8; 16],
    plain: &[u8],
) -> String {
    let header = Header { kind: kind as u8, kid: keys.kid, salt };
    seal_under(kind.key(keys), header, issuer, context, plain)
}

/// Opens what [`seal`] made under one of the keys; anything changed, cut, foreign or moved to another
/// record is `None`.
pub(crate) fn open(
    kind: AtRest,
    ring: &[StorageKeys],
    issuer: &Issuer,
    context: &[u8],
    text: &str,
) -> Option<Vec<u8>> {
    let key = |kid| ring.iter().find(|keys| keys.kid == kid).map(|keys| kind.key(keys));
    open_under(kind as u8, key, issuer, context, text).map(|(_, plain)| plain)
}

/// The name of the secret that sealed the text, if it is one that was sealed: whether it is to be
/// sealed anew, or why it does not open.
pub(crate) fn sealed_by(kind: AtRest, text: &str) -> Option<Kid> {
    let mut bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let (header, _) = Header::split(&mut bytes)?;
    (header.kind == kind as u8).then_some(header.kid)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::{expand, keys::TokenKeys};

    fn issuer() -> Issuer {
        Issuer::new("https://id.example").unwrap()
    }

    fn keys(byte: u8) -> StorageKeys {
        StorageKeys::derive(&Secret::new([byte; 32]).unwrap(), &issuer())
    }

    fn sealed(keys: &StorageKeys, plain: &[u8]) -> String {
        seal(AtRest::ClientSecret, keys, &issuer(), b"client", [9; 16], plain)
    }

    /// Other releases and other nodes read it. The texts were made by another implementation.
    #[test]
    fn the_layout_is_pinned() {
        for (kind, context, plain, pinned) in [
            (
                AtRest::ClientSecret,
                "a client",
                "hunter2",
                "RzAkCQkJCQkJCQkJCQkJCQkJCcQfjbPAfKo14V6GjypmkcnthcEQ5ODi",
            ),
            (AtRest::SigningKeys, "", "{}", "SDAkCQkJCQkJCQkJCQkJCQkJCbHRrPjRUO7WmGxdHxHArBw1PQ"),
        ] {
            let (context, plain) = (context.as_bytes(), plain.as_bytes());
            let text = seal(kind, &keys(1), &issuer(), context, [9; 16], plain);
            assert_eq!(text, pinned);
            assert_eq!(open(kind, &[keys(1)], &issuer(), context, pinned), Some(plain.to_vec()));
        }
    }

    #[test]
    fn opens_what_it_sealed_and_nothing_else() {
        let ring = [keys(2), keys(1)];
        for length in 0..9 {
            let plain = vec![5; length];
            let text = sealed(&ring[1], &plain);
            let (kind, issuer) = (AtRest::ClientSecret, issuer());
            assert_eq!(open(kind, &ring, &issuer, b"client", &text), Some(plain), "{length}");

            let other = Issuer::new("https://other.example").unwrap();
            assert!(open(kind, &ring, &other, b"client", &text).is_none());
            assert!(open(kind, &ring, &issuer, b"client2", &text).is_none(), "another record");
            assert!(open(kind, &ring, &issuer, b"", &text).is_none());
            assert!(open(AtRest::SigningKeys, &ring, &issuer, b"client", &text).is_none());
            assert!(open(kind, &ring[..1], &issuer, b"client", &text).is_none());
        }
    }

    #[test]
    fn refuses_every_change_of_a_character() {
        let ring = [keys(1)];
        let open = |text: &str| open(AtRest::ClientSecret, &ring, &issuer(), b"client", text);
        for length in 27..30 {
            let text = sealed(&ring[0], &vec![5; length]);
            for i in 0..text.len() {
                for other in [b'A', b'B', b'E', b'Q', b'g'] {
                    let mut changed = text.clone().into_bytes();
                    changed[i] = other;
                    let changed = String::from_utf8(changed).unwrap();
                    assert!(changed == text || open(&changed).is_none(), "{length}: {i}");
                }
                assert!(open(&text[..i]).is_none(), "cut at {i}");
            }
            for added in ["A", "AAAA", "=", "==", "\n"] {
                assert!(open(&format!("{text}{added}")).is_none());
            }
        }
    }

    /// A text says which secret sealed it, so that one which is gone is not taken for damage.
    #[test]
    fn names_the_secret_that_sealed() {
        let text = sealed(&keys(1), b"hunter2");
        assert_eq!(sealed_by(AtRest::ClientSecret, &text), Some(keys(1).kid));
        assert_eq!(sealed_by(AtRest::SigningKeys, &text), None);
        assert_eq!(sealed_by(AtRest::ClientSecret, "hunter2"), None);
    }

    /// One secret in both lists gives keys that have nothing in common.
    #[test]
    fn keys_differ_by_purpose_issuer_and_secret() {
        let other = Issuer::new("https://other.example").unwrap();
        let secret = Secret::new([1; 32]).unwrap();
        let (a, token) = (keys(1), TokenKeys::derive(&secret, &issuer()));
        let outputs: Vec<[u8; 32]> = [
            &a.client_secret,
            &a.signing_keys,
            &keys(2).client_secret,
            &StorageKeys::derive(&secret, &other).client_secret,
            &token.access,
        ]
        .map(|key| expand(key, &[b"x"]))
        .to_vec();
        for (i, one) in outputs.iter().enumerate() {
            assert!(outputs[i + 1..].iter().all(|other| other != one));
        }
        assert_ne!(a.kid, token.kid);
        assert_eq!(format!("{a:?}"), "StorageKeys(..)");
    }
}
