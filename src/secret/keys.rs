use std::{collections::HashSet, fmt};

use ring::{
    hkdf::{HKDF_SHA256, KeyType, Prk, Salt},
    hmac,
};

use super::Secret;
use crate::types::Issuer;

/// The host's own secrets, each with a life of its own; [`ProviderBuilder::secrets`] takes them.
///
/// | secret | protects | life |
/// |---|---|---|
/// | `token` | codes, access tokens, interactions, confirmations of a sign-out, the succession of refresh tokens | rotate at will: put the new one first, drop the old one after the longest access token and interaction; a leaked one at once, which signs nobody out |
/// | `storage` | what is sealed at rest | years |
/// | `pairwise` | pairwise subjects | never changes |
///
/// [`ProviderBuilder::secrets`]: crate::ProviderBuilder::secrets
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Secrets {
    /// The first one makes, all of them are accepted. At least one is needed.
    pub token: Vec<Secret>,
    /// The first one seals, all of them open. Needed by what is sealed at rest.
    pub storage: Vec<Secret>,
    /// The salt of pairwise subjects ([OIDC Core §8.1]); without it there are none.
    ///
    /// [OIDC Core §8.1]: https://openid.net/specs/openid-connect-core-1_0.html#PairwiseAlg
    pub pairwise: Option<Secret>,
}

impl Secrets {
    /// One token secret, and nothing else.
    pub fn new(token: Secret) -> Self {
        Self { token: vec![token], ..Self::default() }
    }
}

/// The name of a secret in what was made with it.
pub(crate) type Kid = [u8; 2];

/// The keys of one token secret, each for one purpose.
pub(crate) struct TokenKeys {
    pub(crate) kid: Kid,
    /// Codes and sessions that come out of an interaction.
    pub(crate) code: Prk,
    /// Opaque access tokens.
    pub(crate) access: Prk,
    /// What the next refresh token is.
    pub(crate) refresh_next: hmac::Key,
    /// That a refresh token is genuine.
    pub(crate) refresh_tag: hmac::Key,
    /// Interactions under way.
    pub(crate) interaction: Prk,
    /// The question whether to sign out.
    pub(crate) logout: Prk,
}

impl TokenKeys {
    /// Derives them for one issuer; another issuer's keys differ in every bit.
    pub(crate) fn derive(secret: &Secret, issuer: &Issuer) -> Self {
        let root = Root::new(b"oidc-op/v1/token", secret);
        let key = |label| root.key(label, issuer);
        let mac = |label| hmac::Key::new(hmac::HMAC_SHA256, &root.bytes(label, issuer));
        Self {
            kid: root.kid(),
            code: key("code"),
            access: key("access"),
            refresh_next: mac("refresh/next"),
            refresh_tag: mac("refresh/tag"),
            interaction: key("interaction"),
            logout: key("logout"),
        }
    }
}

/// What all keys of one secret come from.
pub(super) struct Root(Prk);

impl Root {
    /// The salt says what the secret is for.
    pub(super) fn new(salt: &[u8], secret: &Secret) -> Self {
        Self(Salt::new(HKDF_SHA256, salt).extract(secret.expose()))
    }

    pub(super) fn kid(&self) -> Kid {
        expand(&self.0, &[b"oidc-op/v1/kid"])
    }

    pub(super) fn key(&self, label: &str, issuer: &Issuer) -> Prk {
        Prk::new_less_safe(HKDF_SHA256, &self.bytes(label, issuer))
    }

    fn bytes(&self, label: &str, issuer: &Issuer) -> [u8; 32] {
        expand(&self.0, &[b"oidc-op/v1/", label.as_bytes(), b"\0", issuer.digest()])
    }
}

/// Whether two secrets have the same name; such a list is refused when the provider is built.
pub(crate) fn same_kid(kids: impl Iterator<Item = Kid>) -> bool {
    let mut seen = HashSet::new();
    !kids.into_iter().all(|kid| seen.insert(kid))
}

impl fmt::Debug for TokenKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenKeys(..)")
    }
}

/// HKDF-Expand to `N` bytes ([RFC 5869 §2.3]).
///
/// [RFC 5869 §2.3]: https://www.rfc-editor.org/rfc/rfc5869#section-2.3
pub(crate) fn expand<const N: usize>(key: &Prk, info: &[&[u8]]) -> [u8; N] {
    struct Length(usize);

    impl KeyType for Length {
        fn len(&self) -> usize {
            self.0
        }
    }

    const { assert!(N <= 255 * 32, "HKDF-SHA256 yields at most 255 blocks") };
    let mut bytes = [0; N];
    // Fails only for more than 255 blocks, which the line above rules out.
    let filled = key.expand(info, Length(N)).and_then(|okm| okm.fill(&mut bytes));
    debug_assert!(filled.is_ok());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(byte: u8, issuer: &str) -> TokenKeys {
        TokenKeys::derive(&Secret::new([byte; 32]).unwrap(), &Issuer::new(issuer).unwrap())
    }

    /// RFC 5869 A.1, the expand step.
    #[test]
    fn expands_as_in_rfc_5869() {
        let salt: Vec<u8> = (0..=0x0c).collect();
        let prk = Salt::new(HKDF_SHA256, &salt).extract(&[0x0b; 22]);
        let info: Vec<u8> = (0xf0..=0xf9).collect();
        let okm: [u8; 42] = expand(&prk, &[&info]);
        assert_eq!(okm[..8], [0x3c, 0xb2, 0x5f, 0x25, 0xfa, 0xac, 0xd5, 0x7a]);
        assert_eq!(okm[38..], [0x87, 0x18, 0x58, 0x65]);
    }

    #[test]
    fn keys_differ_by_purpose_issuer_and_secret() {
        let a = keys(1, "https://a.example");
        let outputs: Vec<[u8; 32]> = [
            &a.code,
            &a.access,
            &a.interaction,
            &a.logout,
            &keys(1, "https://b.example").code,
            &keys(2, "https://a.example").code,
        ]
        .map(|key| expand(key, &[b"x"]))
        .to_vec();
        for (i, one) in outputs.iter().enumerate() {
            assert!(outputs[i + 1..].iter().all(|other| other != one));
        }
    }

    /// A name is the secret's, whoever the issuer is.
    #[test]
    fn a_secret_has_one_name() {
        let kid = |byte, issuer| keys(byte, issuer).kid;
        let (one, same) = (kid(1, "https://a.example"), kid(1, "https://b.example"));
        assert!(same_kid([kid(2, "https://a.example"), one, same].into_iter()));
        assert!(!same_kid([one, kid(2, "https://a.example")].into_iter()));
    }
}
