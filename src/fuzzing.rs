//! Entrances for the fuzz targets in `tests/fuzz`, so that what is private stays so everywhere else.
//! Nothing is decided here: what an answer must look like, the targets say.

use serde_json::{Map, Value};

use crate::{
    authorize::ReturnTo,
    claims::{ClaimsParameter, RequestedClaim},
    client::Client,
    config::Policy,
    error::Reason,
    jose::{self, DecryptionKeys, EncryptTo, Jwe, Jwks, Jws, VerifyWith},
    mint,
    provider::Provider,
    secret::{self, SealKind},
    types::{ContentEncryption, Issuer, KeyManagementAlgorithm, Timestamp},
    wire::{Params, Reply},
};

/// The parameters of a request.
#[derive(Clone, Debug)]
pub struct Form<'r>(Params<'r>);

impl<'r> Form<'r> {
    /// Reads the parts, one after the other.
    pub fn parse(parts: &[&'r [u8]]) -> Self {
        Self(Params::parse(parts))
    }

    /// Reads the members of a request object that have these names.
    pub fn of_object(object: &Map<String, Value>, names: &[&str]) -> Option<Self> {
        Params::of_object(object, names).map(Self)
    }

    /// Refuses too many.
    ///
    /// # Errors
    ///
    /// There are more than were looked at.
    pub fn bounded(self) -> Result<Self, Reason> {
        self.0.bounded().map(Self)
    }

    /// The value of a parameter that may occur once.
    ///
    /// # Errors
    ///
    /// It occurs twice.
    pub fn one(&self, name: &str) -> Result<Option<&str>, Reason> {
        self.0.one(name)
    }

    /// The values of a parameter that may occur several times.
    pub fn all(&self, name: &str) -> Vec<&str> {
        self.0.all(name).collect()
    }

    /// What is kept of it, encoded.
    pub fn keep(&self, names: &[&str]) -> String {
        self.0.keep(names)
    }

    /// What a request object leaves of it, and adds.
    #[must_use]
    pub fn overridden_by(&self, object: Form<'r>) -> Self {
        Self(self.0.overridden_by(object.0))
    }
}

/// What the `claims` parameter asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SingleClaims {
    /// Names for the ID token, and whether they are essential.
    pub id_token: Vec<(String, bool)>,
    /// Names for UserInfo, and whether they are essential.
    pub userinfo: Vec<(String, bool)>,
    /// Whom the client expects.
    pub sub: Option<Vec<String>>,
    /// Whether the context class is essential, and which ones will do.
    pub acr: Option<(bool, Vec<String>)>,
}

/// Reads a `claims` parameter.
pub fn claims_parameter(text: &str) -> Option<SingleClaims> {
    let read = ClaimsParameter::parse(text).ok()?;
    let claims = |claims: Vec<RequestedClaim>| -> Vec<_> {
        claims.into_iter().map(|claim| (claim.name.into(), claim.essential)).collect()
    };
    Some(SingleClaims {
        id_token: claims(read.id_token),
        userinfo: claims(read.userinfo),
        sub: read.sub.map(|these| these.into_iter().map(Into::into).collect()),
        acr: read.acr.map(|acr| {
            (acr.essential, acr.values.iter().map(|value| value.as_str().to_owned()).collect())
        }),
    })
}

/// Proves the way back, and sends an answer there.
///
/// # Errors
///
/// There is no way back.
pub fn respond(
    client: &Client,
    issuer: &Issuer,
    query: &[u8],
    answer: &[(&str, &str)],
) -> Result<Reply, Reason> {
    let params = Params::parse(&[query]);
    ReturnTo::verify(client, &params, issuer, Policy::default())
        .map(|return_to| return_to.send(answer))
}

/// The request that an interaction's token carries; none if the token is no good, or its request
/// too large to be carried.
pub fn kept_request(provider: &Provider, token: &str) -> Option<String> {
    let core = provider.core();
    let (_, opened) = secret::open(SealKind::Interaction, &core.keys, &core.config.issuer, token)?;
    let pending: Map<String, Value> = serde_json::from_slice(&opened).ok()?;
    Some(pending.get("query")?.as_str()?.to_owned())
}

/// Who may have signed a token. It has no `Debug`: some of it is secret.
#[derive(Clone, Copy)]
#[expect(missing_debug_implementations, reason = "some of it is secret")]
pub enum SignedBy<'k> {
    /// The owner of one of these keys.
    Keys(&'k Jwks),
    /// Whoever knows one of these secrets.
    Secrets(&'k [&'k [u8]]),
    /// Anybody.
    Nobody,
}

/// The claims of a signed token, if it is right.
pub fn verify_jws(text: &str, by: SignedBy<'_>) -> Option<Map<String, Value>> {
    let with = match by {
        SignedBy::Keys(keys) => VerifyWith::Keys(keys),
        SignedBy::Secrets(secrets) => VerifyWith::Secrets(secrets),
        SignedBy::Nobody => VerifyWith::Nobody,
    };
    Some(Jws::parse(text).ok()?.verify(with).ok()?.into_map())
}

/// For whom to encrypt. It has no `Debug`: some of it is secret.
#[derive(Clone, Copy)]
#[expect(missing_debug_implementations, reason = "some of it is secret")]
pub enum SealedFor<'k> {
    /// The owner of these keys.
    Keys(&'k DecryptionKeys),
    /// Whoever has the private halves of these.
    Public(&'k Jwks),
    /// Whoever knows this secret.
    Secret(&'k [u8]),
}

/// Encrypts a token.
pub fn encrypt_jwe(
    plain: &[u8],
    algorithm: KeyManagementAlgorithm,
    encryption: ContentEncryption,
    to: SealedFor<'_>,
) -> Option<String> {
    let encrypt = |to| jose::encrypt(plain, Some("JWT"), None, algorithm, encryption, to).ok();
    match to {
        SealedFor::Keys(keys) => encrypt(EncryptTo::Keys(&Jwks::from_keys(keys.published()))),
        SealedFor::Public(keys) => encrypt(EncryptTo::Keys(keys)),
        SealedFor::Secret(secret) => encrypt(EncryptTo::Secret(secret)),
    }
}

/// The plain text of a token, if it is right.
pub fn decrypt_jwe(text: &str, own: Option<&DecryptionKeys>, secrets: &[&[u8]]) -> Option<Vec<u8>> {
    Jwe::parse(text).ok()?.decrypt(own, secrets).ok()
}

/// Those of the keys that may be used now.
pub fn valid_at(keys: &Jwks, now: Timestamp) -> Jwks {
    keys.valid_at(now).into_owned()
}

/// The thumbprint of a key.
pub fn thumbprint(jwk: &Map<String, Value>) -> Option<String> {
    mint::jwk_thumbprint(jwk)
}
