//! `[sign_in]`: how people sign in.

use serde::Deserialize;

/// The ways to sign in.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct SignIn {
    /// Whether people of this server's own sign in on its page. Without them an upstream provider does it.
    pub(crate) local: bool,
}

impl Default for SignIn {
    fn default() -> Self {
        Self { local: true }
    }
}

impl SignIn {
    /// What contradicts the rest of the file.
    pub(super) fn finding(&self, upstreams: usize, sign_up: bool) -> Option<&'static str> {
        if self.local {
            None
        } else if upstreams == 0 {
            Some("sign_in.local: without it people need one of [[upstreams]] to sign in")
        } else {
            sign_up.then_some("sign_in.local: without it nobody can use an account of [sign_up]")
        }
    }
}
