use std::{fmt, sync::Arc};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use super::Client;
use crate::{
    error::{Failure, Reason},
    provider::Core,
    secret::{Digest, random},
    types::Timestamp,
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
pub struct ClientSecret {
    form: Form,
    expires: Option<Timestamp>,
}

/// What is there of a secret.
#[derive(Clone)]
pub(super) enum Form {
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
        Form::Digest(Digest::of(secret.as_bytes())).into()
    }

    /// Keeps the secret, for a client that authenticates by `client_secret_jwt`, or has registered one
    /// of `HS256`, `HS384`, `HS512`, `A*KW`, `A*GCMKW` or `dir`: there it is a key ([OIDC Core §9],
    /// [§10.1], [§10.2]).
    ///
    /// [OIDC Core §9]: https://openid.net/specs/openid-connect-core-1_0.html#ClientAuthentication
    /// [§10.1]: https://openid.net/specs/openid-connect-core-1_0.html#Signing
    /// [§10.2]: https://openid.net/specs/openid-connect-core-1_0.html#Encryption
    pub fn kept(secret: &str) -> Self {
        Form::Kept(Digest::of(secret.as_bytes()), secret.as_bytes().into()).into()
    }

    /// A secret that a person has chosen, as the PHC string of a slow hash such as argon2id. Needs
    /// [`SecretHashes`](crate::SecretHashes): without, it fits nothing.
    pub fn hashed(phc: &str) -> Self {
        Form::Hashed(phc.into()).into()
    }

    /// The same, until then: from that second on it fits nothing, and signs and opens nothing
    /// ([RFC 7591 §3.2.1], `client_secret_expires_at`).
    ///
    /// [RFC 7591 §3.2.1]: https://www.rfc-editor.org/rfc/rfc7591#section-3.2.1
    #[must_use]
    pub fn until(self, expires: Timestamp) -> Self {
        Self { expires: Some(expires), ..self }
    }

    /// When it expires, if ever.
    pub fn expires(&self) -> Option<Timestamp> {
        self.expires
    }

    /// Whether it has not expired.
    pub(super) fn lives(&self, now: Timestamp) -> bool {
        self.expires.is_none_or(|expires| now < expires)
    }

    pub(super) fn fits(&self, presented: &Digest) -> bool {
        match &self.form {
            Form::Digest(digest) | Form::Kept(digest, _) => digest.same(presented.as_bytes()),
            Form::Hashed(_) => false,
        }
    }

    fn hash(&self) -> Option<&str> {
        match &self.form {
            Form::Hashed(hash) => Some(hash),
            Form::Digest(_) | Form::Kept(..) => None,
        }
    }

    /// The same, of which only the digest is kept.
    #[must_use]
    pub(super) fn forgotten(self) -> Self {
        match self.form {
            Form::Kept(digest, _) => Self { form: Form::Digest(digest), ..self },
            _ => self,
        }
    }

    pub(super) fn form(&self) -> &Form {
        &self.form
    }

    /// The secret as a key, if it is kept.
    pub(super) fn key(&self) -> Option<&[u8]> {
        match &self.form {
            Form::Kept(_, key) => Some(key),
            Form::Digest(_) | Form::Hashed(_) => None,
        }
    }
}

impl From<Form> for ClientSecret {
    fn from(form: Form) -> Self {
        Self { form, expires: None }
    }
}

impl fmt::Debug for ClientSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientSecret(..)")
    }
}

/// The newest secret of a client, and those that it replaces.
pub(super) const MOST_SECRETS: usize = 4;

/// A fresh secret: 384 random bits in 64 characters, which is long enough for every use as a key.
pub(super) fn generate(core: &Core, kept: bool) -> Result<(String, ClientSecret), Failure> {
    let bytes: [u8; 48] = random(&*core.entropy)?;
    let text = URL_SAFE_NO_PAD.encode(bytes);
    let secret = if kept { ClientSecret::kept(&text) } else { ClientSecret::new(&text) };
    Ok((text, secret))
}

/// Whether one of the client's secrets was presented: one answer and one amount of work whatever is
/// wrong with it, and if there is no client (threat CA-06).
pub(super) async fn check(
    core: &Core,
    client: Option<&Client>,
    presented: &str,
) -> Result<(), Failure> {
    let nobodys = [Form::Digest(Digest::from([0; 32])).into()];
    let secrets = client.map_or(&nobodys[..], |client| &client.secrets);
    let now = core.clock.now();
    let digest = Digest::of(presented.as_bytes());
    let fits = |secret: &ClientSecret| secret.fits(&digest) & secret.lives(now);
    if secrets.iter().fold(false, |found, secret| found | fits(secret)) {
        return Ok(());
    }
    let living = secrets.iter().filter(|secret| secret.lives(now));
    let hashed: Vec<_> = living.filter_map(ClientSecret::hash).collect();
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
