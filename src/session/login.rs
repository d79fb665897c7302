use crate::types::{Acr, Authentication, Subject, Timestamp};

/// A person whom the host has authenticated.
///
/// ```
/// use oidc_op::{Login, Subject};
///
/// let mut login = Login::new(Subject::new("248289761001").unwrap());
/// login.amr = vec!["pwd".into(), "otp".into()];
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
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
}

impl Login {
    /// This person, authenticated now.
    pub fn new(subject: Subject) -> Self {
        Self { subject, time: None, acr: None, amr: Vec::new(), device: None }
    }

    /// What tokens will say of it.
    pub(crate) fn authentication(&self, now: Timestamp) -> Authentication {
        Authentication {
            time: self.time.unwrap_or(now).min(now),
            acr: self.acr.clone(),
            amr: self.amr.clone(),
        }
    }
}
