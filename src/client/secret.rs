use std::{fmt, sync::Arc};

use crate::secret::Digest;

/// A client secret. Only its SHA-256 digest is kept, unless it serves as a key as well.
///
/// ```
/// use oidc_op::ClientSecret;
///
/// let secret = ClientSecret::new("correct horse battery staple");
/// assert_eq!(format!("{secret:?}"), "ClientSecret(..)");
/// ```
///
/// # Security
///
/// Give it at least 128 bits of randomness: a digest does not protect a guessable secret.
#[derive(Clone)]
pub struct ClientSecret {
    digest: Digest,
    key: Option<Arc<[u8]>>,
}

impl ClientSecret {
    /// Takes the secret's digest and forgets the secret.
    pub fn new(secret: &str) -> Self {
        Self { digest: Digest::of(secret.as_bytes()), key: None }
    }

    /// Keeps the secret, for a client that has registered one of `HS256`, `HS384`, `HS512`, `A*KW`,
    /// `A*GCMKW` or `dir`: there it is a key ([OIDC Core §10.1], [§10.2]).
    ///
    /// [OIDC Core §10.1]: https://openid.net/specs/openid-connect-core-1_0.html#Signing
    /// [§10.2]: https://openid.net/specs/openid-connect-core-1_0.html#Encryption
    pub fn kept(secret: &str) -> Self {
        Self { key: Some(secret.as_bytes().into()), ..Self::new(secret) }
    }

    pub(super) fn fits(&self, presented: &Digest) -> bool {
        self.digest.same(presented.as_bytes())
    }

    /// What no secret fits: for doing the same work when there is no client.
    pub(super) fn nobodys() -> Self {
        Self { digest: Digest::from([0; 32]), key: None }
    }

    /// The secret as a key, if it is kept.
    pub(super) fn key(&self) -> Option<&[u8]> {
        self.key.as_deref()
    }
}

impl fmt::Debug for ClientSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientSecret(..)")
    }
}
