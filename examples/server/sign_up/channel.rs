//! Where a person can be reached, and what is said of it.

use serde::Deserialize;

use crate::users::canonical;

/// A way to reach a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Channel {
    Email,
    Phone,
}

impl Channel {
    /// In the order in which they are verified: a message to a phone costs more.
    pub(crate) const ALL: [Self; 2] = [Self::Email, Self::Phone];

    /// What forms and the configuration call it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Phone => "phone",
        }
    }

    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|channel| channel.name() == name)
    }

    /// The claim that holds the address ([OpenID Connect Core §5.1]).
    ///
    /// [OpenID Connect Core §5.1]: https://openid.net/specs/openid-connect-core-1_0.html#StandardClaims
    pub(crate) const fn claim(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Phone => "phone_number",
        }
    }

    /// The claim that says whether it is known to be theirs.
    pub(crate) const fn verified_claim(self) -> &'static str {
        match self {
            Self::Email => "email_verified",
            Self::Phone => "phone_number_verified",
        }
    }
}

/// An e-mail address or a phone number.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Address {
    Email(String),
    Phone(String),
}

impl Address {
    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::Email(text) | Self::Phone(text) => text,
        }
    }

    /// In the one form in which it is counted.
    pub(super) fn canonical(&self) -> Self {
        match self {
            Self::Email(text) => Self::Email(canonical(text)),
            Self::Phone(_) => self.clone(),
        }
    }

    /// Enough of it to see a slip, for whoever has written it, and too little for anybody else.
    pub(crate) fn masked(&self) -> String {
        match self {
            Self::Email(text) => {
                let (local, domain) = text.rsplit_once('@').unwrap_or((text, ""));
                let first: String = local.chars().take(1).collect();
                format!("{first}…@{domain}")
            }
            Self::Phone(text) => {
                let first: String = text.chars().take(3).collect();
                let last = text.char_indices().rev().nth(1).map_or(0, |(at, _)| at);
                format!("{first}…{}", text.get(last..).unwrap_or_default())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_leave_little() {
        for (address, masked) in [
            (Address::Email("alice@example.org".into()), "a…@example.org"),
            (Address::Email("a@b".into()), "a…@b"),
            (Address::Email("\"a@b\"@example.org".into()), "\"…@example.org"),
            (Address::Phone("+442079460018".into()), "+44…18"),
            (Address::Phone("+12345".into()), "+12…45"),
        ] {
            assert_eq!(address.masked(), masked);
        }
    }
}
