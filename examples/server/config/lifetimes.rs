//! `[lifetimes]`: how long things live.

use oidc_op::Duration;
use serde::Deserialize;

/// How long things live, in seconds; what is absent has the library's default.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Lifetimes {
    code: Option<u32>,
    access_token: Option<u32>,
    refresh_token: Option<u32>,
    refresh_idle: Option<u32>,
    id_token: Option<u32>,
    session: Option<u32>,
    session_idle: Option<u32>,
    interaction: Option<u32>,
    consent: Option<u32>,
    metadata_cache: Option<u32>,
}

impl Lifetimes {
    /// Writes what the file says over the defaults.
    pub(super) fn write(&self, to: &mut oidc_op::Lifetimes) {
        for (to, from) in [
            (&mut to.code, self.code),
            (&mut to.access_token, self.access_token),
            (&mut to.refresh_token, self.refresh_token),
            (&mut to.refresh_idle, self.refresh_idle),
            (&mut to.id_token, self.id_token),
            (&mut to.session, self.session),
            (&mut to.session_idle, self.session_idle),
            (&mut to.interaction, self.interaction),
            (&mut to.consent, self.consent),
            (&mut to.metadata_cache, self.metadata_cache),
        ] {
            if let Some(seconds) = from {
                *to = Duration::seconds(seconds.into());
            }
        }
    }
}
