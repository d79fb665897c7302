//! How somebody signs in, where a scope says so: with a PIN, or by a link that is good once.
//!
//! | file | what |
//! |---|---|
//! | `../config/sign_in.rs` | which scope says what |
//! | `one_time.rs` | the tokens in the links |
//! | `../interaction/{sign_in,one_time}.rs`, `../passwords.rs` | where they are asked for |
//! | `../manage/login_tokens.rs` | where they are given out |

mod one_time;

pub(crate) use self::one_time::{NotIssued, OneTimeTokens};
pub(crate) use crate::config::SignIn;
use crate::users::Secret;

/// What somebody has proved by who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    Password,
    Pin,
    OneTimeToken,
}

impl Method {
    pub(crate) const fn is_pin(self) -> bool {
        matches!(self, Self::Pin)
    }

    /// What was typed, as what it was asked for.
    pub(crate) const fn secret(self, typed: &str) -> Secret<'_> {
        match self {
            Self::Pin => Secret::Pin(typed),
            Self::Password | Self::OneTimeToken => Secret::Password(typed),
        }
    }
}
