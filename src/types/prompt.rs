use serde::{Deserialize, Serialize};

/// The `prompt` parameter: a set of four wishes, or `none` ([OIDC Core §3.1.2.1]; `create`:
/// [Initiating User Registration §4]).
///
/// [OIDC Core §3.1.2.1]: https://openid.net/specs/openid-connect-core-1_0.html#AuthRequest
/// [Initiating User Registration §4]: https://openid.net/specs/openid-connect-prompt-create-1_0.html
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Prompt {
    bits: u8,
}

impl Prompt {
    const NONE: u8 = 1;
    const LOGIN: u8 = 2;
    const CONSENT: u8 = 4;
    const SELECT_ACCOUNT: u8 = 8;
    const CREATE: u8 = 16;

    /// Reads the words; an unknown word, or `none` among others, is no prompt at all.
    pub fn parse(text: &str) -> Option<Self> {
        let mut bits = 0;
        for word in text.split(' ').filter(|word| !word.is_empty()) {
            bits |= match word {
                "none" => Self::NONE,
                "login" => Self::LOGIN,
                "consent" => Self::CONSENT,
                "select_account" => Self::SELECT_ACCOUNT,
                "create" => Self::CREATE,
                _ => return None,
            };
        }
        (bits & Self::NONE == 0 || bits == Self::NONE).then_some(Self { bits })
    }

    /// No page may be shown.
    pub fn none(self) -> bool {
        self.bits & Self::NONE != 0
    }

    /// The person is to authenticate again.
    pub fn login(self) -> bool {
        self.bits & Self::LOGIN != 0
    }

    /// The person is to be asked again what to release.
    pub fn consent(self) -> bool {
        self.bits & Self::CONSENT != 0
    }

    /// The person is to choose an account.
    pub fn select_account(self) -> bool {
        self.bits & Self::SELECT_ACCOUNT != 0
    }

    /// The person wants to create an account.
    pub fn create(self) -> bool {
        self.bits & Self::CREATE != 0
    }
}

/// How the client would like pages to be shown ([OIDC Core §3.1.2.1]); a hint, never an error.
///
/// [OIDC Core §3.1.2.1]: https://openid.net/specs/openid-connect-core-1_0.html#AuthRequest
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Display {
    /// A full page.
    #[default]
    Page,
    /// A popup window.
    Popup,
    /// A touch interface.
    Touch,
    /// A feature phone.
    Wap,
}

impl Display {
    /// Reads the hint; an unknown one is the default.
    pub fn parse(text: &str) -> Self {
        match text {
            "popup" => Self::Popup,
            "touch" => Self::Touch,
            "wap" => Self::Wap,
            _ => Self::Page,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// OIDC Core §3.1.2.1: `none` with any other value is an error; threat AZ-09.
    #[test]
    fn none_stands_alone() {
        assert!(Prompt::parse("none").unwrap().none());
        assert!(Prompt::parse("login  consent").unwrap().login());
        for wrong in ["none login", "login none", "Login", "nope"] {
            assert_eq!(Prompt::parse(wrong), None, "{wrong}");
        }
    }
}
