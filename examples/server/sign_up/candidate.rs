//! What somebody has filled in to get an account, checked.

use serde_json::{Map, Value};

use super::{Address, Channel};
use crate::{
    config::{SignUp, Wanted},
    pages::{Filled, Problem},
    users::{email_address, phone_number},
};

/// Somebody who would like to have an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Candidate {
    name: String,
    pub(crate) username: String,
    email: Option<String>,
    phone: Option<String>,
}

impl Candidate {
    /// All that is needed is there, and nothing that is not asked for.
    pub(crate) fn check(filled: &Filled<'_>, asked: &SignUp) -> Result<Self, Problem> {
        let Filled { name, username, .. } = *filled;
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        if name.is_empty() || name.chars().count() > 100 || name.chars().any(char::is_control) {
            return Err(Problem::new("name", "Write your name, in at most 100 letters."));
        }
        if !(3..=32).contains(&username.len()) || !username.chars().all(plain) {
            let text = "A user name has 3 to 32 letters, digits, dots, dashes or underscores.";
            return Err(Problem::new("username", text));
        }
        let text = "Write your e-mail address, like name@example.com.";
        let problem = Problem::new("email", text);
        let email = given(asked.email, filled.email, email_address, problem)?;
        let text = "Write your phone number with its country code, like +44 20 7946 0018.";
        let problem = Problem::new("phone", text);
        let phone = given(asked.phone, filled.phone, phone_number, problem)?;
        Ok(Self { name: name.to_owned(), username: username.to_owned(), email, phone })
    }

    /// Where they say that they can be reached.
    pub(crate) fn address(&self, channel: Channel) -> Option<Address> {
        match channel {
            Channel::Email => self.email.clone().map(Address::Email),
            Channel::Phone => self.phone.clone().map(Address::Phone),
        }
    }

    /// The form, filled in as it was.
    pub(crate) fn filled(&self) -> Filled<'_> {
        Filled {
            name: &self.name,
            username: &self.username,
            email: self.email.as_deref().unwrap_or_default(),
            phone: self.phone.as_deref().unwrap_or_default(),
        }
    }

    /// What is said of them.
    pub(super) fn claims(&self) -> Map<String, Value> {
        let addresses = Channel::ALL.into_iter().filter_map(|channel| {
            let address = self.address(channel)?;
            Some((channel.claim(), address.as_str().to_owned()))
        });
        let claims = [("name", self.name.clone())].into_iter().chain(addresses);
        claims.map(|(name, value)| (name.to_owned(), value.into())).collect()
    }
}

/// A password that is not too easy, typed twice.
pub(crate) fn check_password<'p>(password: &'p str, again: &str) -> Result<&'p str, Problem> {
    if password.chars().count() < 8 || password.len() > 1024 {
        return Err(Problem::new("password", "A password has at least 8 characters."));
    }
    if password != again {
        return Err(Problem::new("again", "The two passwords are not the same."));
    }
    Ok(password)
}

/// What is wanted must be there, and what is there must be fit.
fn given(
    wanted: Wanted,
    text: &str,
    read: impl Fn(&str) -> Option<String>,
    problem: Problem,
) -> Result<Option<String>, Problem> {
    match wanted {
        Wanted::No => Ok(None),
        Wanted::Optional if text.is_empty() => Ok(None),
        Wanted::Optional | Wanted::Required => read(text).map(Some).ok_or(problem),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn asked(email: Wanted, phone: Wanted) -> SignUp {
        let mut asked = SignUp::default();
        (asked.email, asked.phone) = (email, phone);
        asked
    }

    const ALL: Filled<'_> =
        Filled { name: "Eve", username: "eve.1", email: "eve@example.com", phone: "+1 555 0100" };

    #[test]
    fn an_account_needs_all_of_it() {
        let needs = asked(Wanted::Required, Wanted::Required);
        let whole = Candidate::check(&ALL, &needs).unwrap();
        let claims =
            json!({ "name": "Eve", "email": "eve@example.com", "phone_number": "+15550100" });
        assert_eq!(Value::Object(whole.claims()), claims);
        for (wrong, field) in [
            (Filled { name: "", ..ALL }, "name"),
            (Filled { name: "a\nb", ..ALL }, "name"),
            (Filled { username: "ev", ..ALL }, "username"),
            (Filled { username: "eve@example.com", ..ALL }, "username"),
            (Filled { username: "еve", ..ALL }, "username"),
            (Filled { email: "", ..ALL }, "email"),
            (Filled { email: "eve", ..ALL }, "email"),
            (Filled { email: "a@b@c", ..ALL }, "email"),
            (Filled { email: "a@b..c", ..ALL }, "email"),
            (Filled { email: "a\r\nb@c", ..ALL }, "email"),
            (Filled { phone: "", ..ALL }, "phone"),
            (Filled { phone: "0555 0100", ..ALL }, "phone"),
        ] {
            assert_eq!(Candidate::check(&wrong, &needs).unwrap_err().field, field, "{wrong:?}");
        }
    }

    #[test]
    fn what_is_optional_may_be_absent_and_what_is_not_asked_is_not_kept() {
        let none = Filled { email: "", phone: "", ..ALL };
        let optional = asked(Wanted::Optional, Wanted::Optional);
        let bare = Candidate::check(&none, &optional).unwrap();
        assert_eq!(Channel::ALL.map(|channel| bare.address(channel)), [None, None]);
        assert!(Candidate::check(&Filled { phone: "0555", ..none }, &optional).is_err());
        assert_eq!(Candidate::check(&ALL, &asked(Wanted::No, Wanted::No)).unwrap(), bare);
    }

    #[test]
    fn passwords_are_long_enough_and_typed_twice() {
        for (password, again, problem) in [
            ("long enough", "long enough", None),
            ("short", "short", Some("password")),
            ("long enough", "long Enough", Some("again")),
            ("long enough", "", Some("again")),
        ] {
            let found = check_password(password, again).err().map(|problem| problem.field);
            assert_eq!(found, problem, "{password} {again}");
        }
    }
}
