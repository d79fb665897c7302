use std::{fmt, sync::Arc};

use super::Client;
use crate::{
    error::{Failure, Reason},
    provider::Core,
    secret::Digest,
};

/// A client secret. Only its SHA-256 digest is kept, unless it serves as a key as well, or was chosen
/// by a person and hashed slowly.
///
/// ```
/// use oidc_op::ClientSecret;
///
/// let secret = ClientSecret::new("correct horse battery staple");
/// assert_eq!(format!("{secret:?}"), "ClientSecret(..)");
/// ```
#[derive(Clone)]
pub struct ClientSecret(Form);

/// What is there of a secret.
#[derive(Clone)]
enum Form {
    Digest(Digest),
    Kept(Digest, Arc<[u8]>),
    Hashed(Arc<str>),
}

impl ClientSecret {
    /// Takes the secret's digest and forgets the secret.
    ///
    /// # Security
    ///
    /// Give it at least 128 bits of randomness: a digest does not protect a guessable secret.
    pub fn new(secret: &str) -> Self {
        Self(Form::Digest(Digest::of(secret.as_bytes())))
    }

    /// Keeps the secret, for a client that authenticates by `client_secret_jwt`, or has registered one
    /// of `HS256`, `HS384`, `HS512`, `A*KW`, `A*GCMKW` or `dir`: there it is a key ([OIDC Core §9],
    /// [§10.1], [§10.2]).
    ///
    /// [OIDC Core §9]: https://openid.net/specs/openid-connect-core-1_0.html#ClientAuthentication
    /// [§10.1]: https://openid.net/specs/openid-connect-core-1_0.html#Signing
    /// [§10.2]: https://openid.net/specs/openid-connect-core-1_0.html#Encryption
    pub fn kept(secret: &str) -> Self {
        Self(Form::Kept(Digest::of(secret.as_bytes()), secret.as_bytes().into()))
    }

    /// A secret that a person has chosen, as the PHC string of a slow hash such as argon2id. Needs
    /// [`SecretHashes`](crate::SecretHashes): without, it fits nothing.
    pub fn hashed(phc: &str) -> Self {
        Self(Form::Hashed(phc.into()))
    }

    fn fits(&self, presented: &Digest) -> bool {
        match &self.0 {
            Form::Digest(digest) | Form::Kept(digest, _) => digest.same(presented.as_bytes()),
            Form::Hashed(_) => false,
        }
    }

    fn hash(&self) -> Option<&str> {
        match &self.0 {
            Form::Hashed(hash) => Some(hash),
            Form::Digest(_) | Form::Kept(..) => None,
        }
    }

    /// The secret as a key, if it is kept.
    pub(super) fn key(&self) -> Option<&[u8]> {
        match &self.0 {
            Form::Kept(_, key) => Some(key),
            Form::Digest(_) | Form::Hashed(_) => None,
        }
    }
}

impl fmt::Debug for ClientSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientSecret(..)")
    }
}

/// Whether one of the client's secrets was presented: one answer and one amount of work whatever is
/// wrong with it, and if there is no client (threat CA-06).
pub(super) async fn check(
    core: &Core,
    client: Option<&Client>,
    presented: &str,
) -> Result<(), Failure> {
    let nobodys = [ClientSecret(Form::Digest(Digest::from([0; 32])))];
    let secrets = client.map_or(&nobodys[..], |client| &client.secrets);
    let digest = Digest::of(presented.as_bytes());
    if secrets.iter().fold(false, |found, secret| found | secret.fits(&digest)) {
        return Ok(());
    }
    let hashed: Vec<_> = secrets.iter().filter_map(ClientSecret::hash).collect();
    let Some(hashes) = &core.secret_hashes else {
        let missing = !hashed.is_empty();
        let reason = if missing { Reason::SecretHashesMissing } else { Reason::CredentialsWrong };
        return Err(reason.into());
    };
    if hashed.is_empty() {
        hashes.verify(None, presented).await?;
    }
    for hash in hashed {
        if hashes.verify(Some(hash), presented).await? {
            return Ok(());
        }
    }
    Err(Reason::CredentialsWrong.into())
}
