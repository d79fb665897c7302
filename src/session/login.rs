use std::fmt;

use serde_json::{Map, Value};

use crate::{
    claims,
    error::HostError,
    types::{Acr, Authentication, Subject, Timestamp},
};

/// A person whom the host has authenticated.
///
/// ```
/// use oidc_op::{Login, Subject};
///
/// let mut login = Login::new(Subject::new("248289761001").unwrap());
/// login.amr = vec!["pwd".into(), "otp".into()];
/// ```
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Login {
    /// Who.
    pub subject: Subject,
    /// When; now, if absent. A host with sessions of its own says when its session began.
    pub time: Option<Timestamp>,
    /// The context class that was satisfied.
    pub acr: Option<Acr>,
    /// The methods that were used ([RFC 8176]).
    ///
    /// [RFC 8176]: https://www.rfc-editor.org/rfc/rfc8176
    pub amr: Vec<Box<str>>,
    /// What to call the browser on a page that lists a person's sessions: "Firefox on Linux". Take no more of
    /// its own words than you would show.
    pub device: Option<Box<str>>,
    /// What the host knows of them by this sign-in alone, such as what an upstream provider has said: claims by
    /// name, as in [`Account::claims`](crate::Account::claims).
    ///
    /// They are said when they are asked for, like any other claim, unless [`Accounts`](crate::Accounts) answers
    /// something of the same name, be it `null` or empty. Whoever says `email` or `email_verified`, alone says
    /// both, and so with `phone_number` and `phone_number_verified`.
    ///
    /// They live as long as the session and the grants that are made from it, each with what its own sign-in
    /// brought along, and are kept there as they are: at most 8 KiB as JSON, 16 levels deep, or the sign-in fails
    /// with `server_error`; [`check`](Self::check) tells before. Names of the protocol's own are dropped. A token
    /// for which an ID token is exchanged has none of them: of that sign-in the ID token is all that is known.
    ///
    /// # Security
    ///
    /// They are believed, and nothing updates them: what an account must lose at once, such as a role, is for
    /// [`Accounts`](crate::Accounts) to say.
    pub claims: Map<String, Value>,
}

impl Login {
    /// This person, authenticated now.
    pub fn new(subject: Subject) -> Self {
        let (amr, claims) = (Vec::new(), Map::new());
        Self { subject, time: None, acr: None, amr, device: None, claims }
    }

    /// Whether it can be kept. Call it where [`claims`](Self::claims) come from somebody else, to tell the person
    /// what is wrong; otherwise the sign-in fails with `server_error`, which their client hears.
    ///
    /// ```
    /// use oidc_op::{InvalidLogin, Login, Subject};
    ///
    /// let mut login = Login::new(Subject::new("up.ada").unwrap());
    /// login.claims.insert("picture".into(), "data:".repeat(2_000).into());
    /// assert_eq!(login.check(), Err(InvalidLogin::Size));
    /// ```
    ///
    /// # Errors
    ///
    /// What is too much of it.
    pub fn check(&self) -> Result<(), InvalidLogin> {
        claims::brought(&self.claims).map(drop)
    }

    /// What tokens will say of it; not if it is more than can be kept.
    pub(crate) fn authentication(&self, now: Timestamp) -> Result<Authentication, HostError> {
        Ok(Authentication {
            time: self.time.unwrap_or(now).min(now),
            acr: self.acr.clone(),
            amr: self.amr.clone(),
            claims: claims::brought(&self.claims)?,
        })
    }
}

/// There is more in a login than can be kept ([`Login::claims`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidLogin {
    /// More than 16 levels.
    #[error("the claims of a login are nested too deeply")]
    Depth,
    /// More than 8 KiB as JSON.
    #[error("the claims of a login are larger than 8 KiB")]
    Size,
}

impl fmt::Debug for Login {
    /// Claims are personal; only their names are shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login")
            .field("subject", &self.subject)
            .field("time", &self.time)
            .field("acr", &self.acr)
            .field("amr", &self.amr)
            .field("device", &self.device)
            .field("claims", &self.claims.keys().collect::<Vec<_>>())
            .finish()
    }
}
