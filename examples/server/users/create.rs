//! New accounts, whoever wants them: people themselves, by the sign-up page, or a backend.

use std::sync::{Arc, PoisonError};

use oidc_op::{ClaimSources, Clock, Entropy, EntropyError, Subject, SystemClock, SystemEntropy};
use serde_json::{Map, Value};
use tracing::error;

use super::{
    PasswordHash, User, Users,
    kept::{self, NotKept},
    logins::{LONGEST, reads_as_address},
    person::Origin,
};
use crate::layers::chain;

/// Somebody who is to have an account.
#[derive(Clone, Debug)]
pub(crate) struct NewUser {
    /// What clients know them by: theirs for ever, and nobody's before. Made up if absent.
    pub(crate) subject: Option<Subject>,
    pub(crate) username: String,
    /// Without one they cannot sign in with a password.
    pub(crate) password: Option<PasswordHash>,
    /// What is said of them. Their user name and the time are added if they are not there.
    pub(crate) claims: Map<String, Value>,
    /// Whether `email` is known to be theirs.
    pub(crate) email_verified: bool,
    /// Whether `phone_number` is; they can sign in by it then.
    pub(crate) phone_number_verified: bool,
}

/// An account was not created.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotCreated {
    #[error("a user name is 1 to 254 characters, and no e-mail address or phone number")]
    UsernameUnfit,
    #[error("somebody has the subject")]
    SubjectTaken,
    #[error("somebody has the e-mail address")]
    EmailTaken,
    #[error("somebody has the user name")]
    UsernameTaken,
    #[error("somebody has the phone number")]
    PhoneNumberTaken,
    #[error("there are too many accounts")]
    Full,
    #[error("there is no randomness for a subject")]
    NoRandomness,
    #[error("people cannot be written down now")]
    NotKept,
}

impl From<EntropyError> for NotCreated {
    fn from(_: EntropyError) -> Self {
        Self::NoRandomness
    }
}

impl From<NotKept> for NotCreated {
    fn from(cause: NotKept) -> Self {
        error!(error = chain(&cause), "an account was not created");
        Self::NotKept
    }
}

impl Users {
    /// Creates an account, which can be used at once; or none, and nothing has changed. Of what
    /// somebody has already, the e-mail address is told first.
    pub(crate) fn create(&self, new: NewUser) -> Result<Arc<User>, NotCreated> {
        let user = Arc::new(new.into_user()?);
        kept::write_in(&self.kept, |kept| {
            let taken = {
                let people = self.people.read().unwrap_or_else(PoisonError::into_inner);
                if people.created >= self.most {
                    return Err(NotCreated::Full);
                }
                let subject = people.by_subject(&user.subject).is_some();
                let subject = subject.then_some(NotCreated::SubjectTaken);
                let phone = people.phone_taken(&user);
                phone.or(subject).or_else(|| people.taken(&user))
            };
            if let Some(taken) = taken {
                return Err(taken);
            }
            kept.write(&user)?;
            self.put(Arc::clone(&user));
            Ok(user)
        })
    }
}

impl NewUser {
    fn into_user(mut self) -> Result<User, NotCreated> {
        let username = self.username.trim().to_owned();
        if username.is_empty()
            || username.chars().count() > LONGEST
            || username.chars().any(char::is_control)
            || reads_as_address(&username)
        {
            return Err(NotCreated::UsernameUnfit);
        }
        let subject = match self.subject.take() {
            Some(subject) => subject,
            None => made_up()?,
        };
        Ok(User {
            subject,
            password: self.password.take(),
            pin: None,
            disabled: false,
            claims: self.claims(&username),
            sources: ClaimSources::default(),
            second_factor: None,
            permissions: None,
            origin: Origin::Created,
            username,
        })
    }

    /// With what is added to them; what is verified is decided by the flags alone.
    fn claims(self, username: &str) -> Map<String, Value> {
        let mut claims = self.claims;
        claims.entry("preferred_username").or_insert_with(|| username.into());
        claims.entry("updated_at").or_insert_with(|| SystemClock.now().unix().into());
        for (claim, verified, is_verified) in [
            ("email", "email_verified", self.email_verified),
            ("phone_number", "phone_number_verified", self.phone_number_verified),
        ] {
            if claims.contains_key(claim) {
                claims.insert(verified.into(), is_verified.into());
            } else {
                claims.remove(verified);
            }
        }
        claims
    }
}

/// A subject that nobody had before.
fn made_up() -> Result<Subject, NotCreated> {
    let mut id = [0; 16];
    SystemEntropy::new().fill(&mut id)?;
    let subject = Subject::new(format!("{:032x}", u128::from_be_bytes(id)));
    subject.map_err(|_| NotCreated::NoRandomness)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::users::tests::{sign_in, users};

    fn new(username: &str, claims: &Value) -> NewUser {
        NewUser {
            subject: None,
            username: username.into(),
            password: None,
            claims: claims.as_object().unwrap().clone(),
            email_verified: true,
            phone_number_verified: true,
        }
    }

    #[tokio::test]
    async fn nobody_takes_what_somebody_has() {
        use NotCreated::{
            EmailTaken, PhoneNumberTaken, SubjectTaken, UsernameTaken, UsernameUnfit,
        };
        let users = users();
        let subject =
            |sub: &str, new: NewUser| NewUser { subject: Some(Subject::new(sub).unwrap()), ..new };
        let eve = json!({ "email": "eve@example.com", "phone_number": "+1 555 0199" });
        let made = users.create(subject("sub-of-eve", new(" eve ", &eve))).unwrap();
        assert_eq!((made.subject.as_str(), &*made.username), ("sub-of-eve", "eve"));
        for (refused, why) in [
            (new("Alice", &json!({})), UsernameTaken),
            (new("alice@example.com", &json!({})), UsernameUnfit),
            (new("nobody@example.com", &json!({})), UsernameUnfit),
            (new("+44 (20) 7946-0018", &json!({})), UsernameUnfit),
            (new("eve2", &json!({ "email": "ALICE@example.com" })), EmailTaken),
            (new("alice", &json!({ "email": "alice@example.com" })), EmailTaken),
            (new("eve2", &json!({ "phone_number": "+44 (20) 7946-0018" })), PhoneNumberTaken),
            (new("eve2", &json!({ "phone_number": "+15550199" })), PhoneNumberTaken),
            (subject("sub-of-eve", new("eve2", &json!({}))), SubjectTaken),
            (subject("248289761001", new("eve2", &json!({}))), SubjectTaken),
            (new(" ", &json!({})), UsernameUnfit),
            (new("a\nb", &json!({})), UsernameUnfit),
            (new(&"x".repeat(255), &json!({})), UsernameUnfit),
        ] {
            assert_eq!(users.create(refused.clone()).unwrap_err(), why, "{refused:?}");
        }
        // A number that is not known to be theirs may be written down by anybody.
        let number = json!({ "phone_number": "+44 20 7946 0018" });
        let unverified = NewUser { phone_number_verified: false, ..new("eve2", &number) };
        assert!(users.create(unverified).is_ok());
        assert_eq!(users.counted_as("+442079460018"), "sub 248289761001");
        assert_ne!(users.create(new("eve3", &json!({}))).unwrap().subject, made.subject);
    }

    /// Nobody says of themselves that something is verified.
    #[test]
    fn flags_decide_what_is_verified() {
        let said = json!({
            "email": "e@example.com", "email_verified": true, "phone_number_verified": true,
            "preferred_username": "E", "updated_at": 1,
        });
        let claims = NewUser { email_verified: false, ..new("eve", &said) }.claims("eve");
        let expected = json!({
            "email": "e@example.com", "email_verified": false,
            "preferred_username": "E", "updated_at": 1,
        });
        assert_eq!(Value::Object(claims), expected);
        let claims = new("eve", &json!({ "phone_number": "+1 555 0199" })).claims("eve");
        assert_eq!(claims["phone_number_verified"], true);
        assert_eq!(claims["preferred_username"], "eve");
        assert!(claims["updated_at"].is_i64() && !claims.contains_key("email_verified"));
    }

    /// Threat UI-09: who has no password is refused like everybody else.
    #[tokio::test]
    async fn a_password_is_needed_to_sign_in_with_one() {
        let users = users();
        let password = users.turn().await.unwrap().hash("long enough").await;
        assert!(format!("{password:?}").contains("(..)"));
        users.create(NewUser { password, ..new("eve", &json!({})) }).unwrap();
        users.create(new("mallory", &json!({}))).unwrap();
        assert_eq!(sign_in(&users, "eve", "long enough").await.as_deref(), Some("eve"));
        for (login, password) in
            [("eve", "too short"), ("mallory", ""), ("mallory", "nobody has this password")]
        {
            assert_eq!(sign_in(&users, login, password).await, None, "{login} {password}");
        }
    }
}
