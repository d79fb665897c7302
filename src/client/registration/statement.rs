//! Software statements: what a publisher says of all instances of its software ([RFC 7591 §2.3]).
//!
//! [RFC 7591 §2.3]: https://www.rfc-editor.org/rfc/rfc7591#section-2.3

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    client::ClientMetadata,
    error::{Failure, HostError, Reason},
    jose::{Claims, JoseFault, Jws, LEEWAY, VerifyWith},
    provider::Core,
    token::TrustedIssuer,
    types::{JwsAlgorithm, Timestamp},
};

/// Knows the publishers of software whose statements about it count.
///
/// Without this seam software statements are ignored, as [RFC 7591 §2.3] has it. At each update the
/// publisher of the statement is asked for anew.
///
/// # Security
///
/// A statement without `exp` holds for ever, and one without `aud` at every provider: whoever gets hold of
/// it can register clients with it. Name publishers that use both.
///
/// ```
/// use async_trait::async_trait;
/// use oidc_op::{HostError, Jwks, Publishers, TrustedIssuer};
///
/// #[derive(Debug)]
/// struct Directory(Jwks);
///
/// #[async_trait]
/// impl Publishers for Directory {
///     async fn publisher(&self, issuer: &str) -> Result<Option<TrustedIssuer>, HostError> {
///         let keys = || TrustedIssuer::new(self.0.clone());
///         Ok((issuer == "https://directory.example").then(keys))
///     }
/// }
/// ```
///
/// [RFC 7591 §2.3]: https://www.rfc-editor.org/rfc/rfc7591#section-2.3
#[async_trait]
pub trait Publishers: fmt::Debug + Send + Sync + 'static {
    /// The publisher of this name, if the host trusts it.
    ///
    /// # Errors
    ///
    /// It cannot be found out now; the request fails with `server_error`.
    async fn publisher(&self, issuer: &str) -> Result<Option<TrustedIssuer>, HostError>;
}

#[async_trait]
impl<P: Publishers + ?Sized> Publishers for Arc<P> {
    async fn publisher(&self, issuer: &str) -> Result<Option<TrustedIssuer>, HostError> {
        (**self).publisher(issuer).await
    }
}

/// A software statement that was believed.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Statement {
    /// As it was presented: it goes back with every answer ([RFC 7591 §3.2.1]).
    ///
    /// [RFC 7591 §3.2.1]: https://www.rfc-editor.org/rfc/rfc7591#section-3.2.1
    pub(crate) text: String,
    /// What it says: this stands above the client's own word, at every update too.
    pub(crate) claims: Map<String, Value>,
}

impl Statement {
    /// Who made it.
    pub(super) fn publisher(&self) -> Option<&str> {
        self.claims.get("iss").and_then(Value::as_str)
    }

    /// Reads and believes it, if a trusted publisher made it and it is in time, unless that does not
    /// matter any more (threat RG-09).
    pub(super) async fn verify(
        core: &Core,
        publishers: &dyn Publishers,
        text: &str,
        now: Option<Timestamp>,
    ) -> Result<Self, Failure> {
        let invalid = |fault: JoseFault| Failure::caused(Reason::StatementInvalid, fault);
        let jws = Jws::parse(text).map_err(invalid)?;
        let JwsAlgorithm::Signature(algorithm) = jws.algorithm() else {
            return Err(invalid(JoseFault::Algorithm));
        };
        if !jws.typ().is_none_or(is_statement) {
            return Err(invalid(JoseFault::Claims("typ")));
        }
        let issuer = jws.unvouched("iss").ok_or(invalid(JoseFault::Claims("iss")))?;
        let publisher = publishers.publisher(&issuer).await?.ok_or(Reason::StatementUnapproved)?;
        if !publisher.algorithms.contains(&algorithm) {
            return Err(invalid(JoseFault::Algorithm));
        }
        let claims = jws.verify(VerifyWith::Keys(&publisher.keys)).map_err(invalid)?;
        check(core, &claims, now).map_err(invalid)?;
        Ok(Self { text: text.to_owned(), claims: claims.into_map() })
    }
}

/// Another kind of JWT says so in its type ([RFC 8725 §3.11]).
///
/// [RFC 8725 §3.11]: https://www.rfc-editor.org/rfc/rfc8725#section-3.11
fn is_statement(typ: &str) -> bool {
    ["JWT", "software-statement+jwt"].iter().any(|known| typ.eq_ignore_ascii_case(known))
}

/// When it holds, and for whom, as far as it says so: one publisher may speak to several providers. It says
/// something of the software, or it is another kind of token; and one within another is none (§2.3).
fn check(core: &Core, claims: &Claims, now: Option<Timestamp>) -> Result<(), JoseFault> {
    if let Some(now) = now {
        claims.in_time(now, LEEWAY)?;
    }
    let audience = claims.audience()?;
    if claims.get("aud").is_some() && !audience.contains(&core.config.issuer.as_str()) {
        return Err(JoseFault::Claims("aud"));
    }
    if claims.get("software_statement").is_some() {
        return Err(JoseFault::Claims("software_statement"));
    }
    // Of these, ID tokens have none.
    let says = |name: &&str| **name != *"scope" && claims.get(name).is_some();
    if ClientMetadata::MEMBERS.iter().any(says) {
        Ok(())
    } else {
        Err(JoseFault::Claims("software_id"))
    }
}
