//! What changes of people while the server runs: written down first, then true.

use std::sync::{Arc, PoisonError};

use oidc_op::{Clock, Scope, Subject, SystemClock};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tracing::{error, info};

use super::{
    NotCreated, PasswordHash, User, Users,
    kept::{self, NotKept},
    person::Origin,
};
use crate::layers::chain;

/// What is to be otherwise; what is absent stays.
#[derive(Clone, Debug, Default)]
pub(crate) struct Change {
    pub(crate) disabled: Option<bool>,
    pub(crate) permissions: Option<Permissions>,
    pub(crate) password: Option<PasswordHash>,
    pub(crate) pin: Option<PasswordHash>,
    /// Claims anew; one that is null is said no more.
    pub(crate) claims: Map<String, Value>,
    /// Whether `email` is known to be theirs; not, if it is another one now.
    pub(crate) email_verified: Option<bool>,
    /// The same of `phone_number`.
    pub(crate) phone_number_verified: Option<bool>,
}

/// What somebody's clients may do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Permissions {
    Anything,
    AtMost(Scope),
}

/// A person stays as they were.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotChanged {
    #[error("there is no such person")]
    Nobody,
    #[error("the person is in the configuration: take them out there, or disable them")]
    InConfiguration,
    #[error(transparent)]
    Taken(#[from] NotCreated),
    #[error("people cannot be written down now")]
    NotKept(#[from] NotKept),
}

impl Users {
    /// Changes what is known of a person. It holds at once; sessions and tokens are not ended by it.
    pub(crate) fn change(
        &self,
        subject: &Subject,
        change: Change,
    ) -> Result<Arc<User>, NotChanged> {
        kept::write_in(&self.kept, |kept| {
            let before = self.by_subject(subject).ok_or(NotChanged::Nobody)?;
            let after = Arc::new(before.changed(change.settled(&before)));
            let taken = {
                let people = self.people.read().unwrap_or_else(PoisonError::into_inner);
                people.taken(&after).or_else(|| people.phone_taken(&after))
            };
            if let Some(taken) = taken {
                return Err(taken.into());
            }
            kept.write(&after)?;
            self.put(Arc::clone(&after));
            Ok(after)
        })
    }

    /// Forgets a person.
    pub(crate) fn remove(&self, subject: &Subject) -> Result<(), NotChanged> {
        kept::write_in(&self.kept, |kept| {
            let user = self.by_subject(subject).ok_or(NotChanged::Nobody)?;
            if !user.is_created() {
                return Err(NotChanged::InConfiguration);
            }
            kept.remove(subject)?;
            self.people.write().unwrap_or_else(PoisonError::into_inner).remove(subject);
            Ok(())
        })
    }

    /// Keeps the same password in another way. What cannot be written is done at the next sign-in.
    pub(super) fn renew(&self, user: &Arc<User>, hash: PasswordHash) {
        let written = kept::write_in(&self.kept, |kept| {
            // Somebody may have changed it meanwhile, or the person may be gone.
            let is_same = |now: &Arc<User>| Arc::ptr_eq(now, user);
            if !self.by_subject(&user.subject).as_ref().is_some_and(is_same) {
                return Ok(());
            }
            let renewed = Arc::new(user.with_password(hash));
            // What stands in the configuration, or was changed since, says itself what the password is.
            if renewed.is_created() {
                kept.write(&renewed)?;
            }
            self.put(renewed);
            info!(sub = %user.subject, "an old password hash was made anew");
            Ok::<_, NotKept>(())
        });
        if let Err(cause) = written {
            error!(error = chain(&cause), sub = %user.subject, "a password hash stays an old one");
        }
    }

    pub(super) fn put(&self, user: Arc<User>) {
        self.people.write().unwrap_or_else(PoisonError::into_inner).put(user);
    }
}

impl Change {
    /// With what follows from it, as claims: whether an address is verified is decided by the flags alone,
    /// and what was said of another address does not hold.
    fn settled(mut self, user: &User) -> Self {
        let flags = [
            ("email", "email_verified", self.email_verified.take()),
            ("phone_number", "phone_number_verified", self.phone_number_verified.take()),
        ];
        for (claim, verified, flag) in flags {
            self.claims.remove(verified);
            let before = user.claims.get(claim);
            let said = match (self.claims.get(claim), flag) {
                (Some(Value::Null), _) => Value::Null,
                (Some(_), Some(flag)) => flag.into(),
                (Some(after), None) if Some(after) != before => false.into(),
                (None, Some(flag)) if before.is_some() => flag.into(),
                _ => continue,
            };
            self.claims.insert(verified.into(), said);
        }
        if !self.claims.is_empty() && !self.claims.contains_key("updated_at") {
            self.claims.insert("updated_at".into(), SystemClock.now().unix().into());
        }
        self
    }

    /// This, and then the other one.
    pub(super) fn then(self, later: Self) -> Self {
        let mut claims = self.claims;
        claims.extend(later.claims);
        Self {
            disabled: later.disabled.or(self.disabled),
            permissions: later.permissions.or(self.permissions),
            password: later.password.or(self.password),
            pin: later.pin.or(self.pin),
            claims,
            ..Self::default()
        }
    }
}

impl User {
    /// The person after a change that has settled.
    pub(super) fn changed(&self, change: Change) -> Self {
        let mut after = self.clone();
        if let Some(disabled) = change.disabled {
            after.disabled = disabled;
        }
        match change.permissions.clone() {
            Some(Permissions::Anything) => after.permissions = None,
            Some(Permissions::AtMost(scope)) => after.permissions = Some(scope),
            None => {}
        }
        if let Some(password) = &change.password {
            after.password = Some(password.clone());
        }
        if let Some(pin) = &change.pin {
            after.pin = Some(pin.clone());
        }
        for (name, value) in &change.claims {
            if value.is_null() {
                after.claims.remove(name);
            } else {
                after.claims.insert(name.clone(), value.clone());
            }
        }
        if let Origin::Configuration { changed } = &mut after.origin {
            *changed = std::mem::take(changed).then(change);
        }
        after
    }

    fn with_password(&self, hash: PasswordHash) -> Self {
        Self { password: Some(hash), ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::users::tests::{sign_in, users};

    fn claims(claims: &Value) -> Change {
        Change { claims: claims.as_object().unwrap().clone(), ..Change::default() }
    }

    fn alice() -> Subject {
        Subject::new("248289761001").unwrap()
    }

    /// What was verified of one address says nothing of another.
    #[test]
    fn another_address_is_not_verified() {
        let users = users();
        let before = users.by_subject(&alice()).unwrap();
        let settled = |change: Change| {
            let mut claims = change.settled(&before).claims;
            claims.remove("updated_at");
            Value::Object(claims)
        };
        let same = before.claims["email"].clone();
        for (change, expected) in [
            (claims(&json!({})), json!({})),
            (claims(&json!({ "email": same })), json!({ "email": same })),
            (
                claims(&json!({ "email": "a@example.com", "email_verified": true })),
                json!({ "email": "a@example.com", "email_verified": false }),
            ),
            (
                Change {
                    email_verified: Some(true),
                    ..claims(&json!({ "email": "a@example.com" }))
                },
                json!({ "email": "a@example.com", "email_verified": true }),
            ),
            (
                Change { phone_number_verified: Some(false), ..Change::default() },
                json!({ "phone_number_verified": false }),
            ),
            (
                claims(&json!({ "email": null, "email_verified": true })),
                json!({ "email": null, "email_verified": null }),
            ),
            (claims(&json!({ "phone_number_verified": false })), json!({})),
        ] {
            let text = format!("{change:?}");
            assert_eq!(settled(change), expected, "{text}");
        }
        let now = SystemClock.now().unix();
        let change = claims(&json!({ "name": "A" })).settled(&before);
        assert!((now..now + 5).contains(&change.claims["updated_at"].as_i64().unwrap()));
        let change = claims(&json!({ "updated_at": 1 })).settled(&before);
        assert_eq!(change.claims["updated_at"], 1);
    }

    /// Whoever is called otherwise now is found by that, and by nothing else; and nobody takes what
    /// somebody has.
    #[tokio::test]
    async fn logins_follow_the_change() {
        use NotCreated::{EmailTaken, PhoneNumberTaken};
        let users = users();
        let change = |change: Change| users.change(&alice(), change);
        let verified = |change: Change| Change {
            email_verified: Some(true),
            phone_number_verified: Some(true),
            ..change
        };
        let new = json!({ "email": "al@example.com", "phone_number": "+1 555 0142" });
        change(verified(claims(&new))).unwrap();
        for (login, found) in [
            ("alice", true),
            ("al@example.com", true),
            ("+1 555 0142", true),
            ("alice@example.com", false),
            ("+44 20 7946 0018", false),
        ] {
            assert_eq!(sign_in(&users, login, "wonderland").await.is_some(), found, "{login}");
            assert_eq!(users.has_login(login) || users.has_phone_number(login), found, "{login}");
        }
        let bob = users.by_login("bob").unwrap();
        let number = json!({ "phone_number": "+1 555 0100" });
        users.change(&bob.subject, verified(claims(&number))).unwrap();
        let before = users.by_subject(&alice()).unwrap();
        for (taken, why) in [
            (json!({ "email": "BOB@example.com" }), EmailTaken),
            (json!({ "phone_number": "+15550100" }), PhoneNumberTaken),
        ] {
            let refused = change(verified(claims(&taken)));
            assert!(matches!(refused, Err(NotChanged::Taken(found)) if found == why), "{taken}");
        }
        assert!(Arc::ptr_eq(&before, &users.by_subject(&alice()).unwrap()));
        let nobody = Subject::new("nobody").unwrap();
        assert!(matches!(users.change(&nobody, Change::default()), Err(NotChanged::Nobody)));
    }

    /// Two changes at once are two changes.
    #[test]
    fn no_change_is_lost() {
        let users = users();
        std::thread::scope(|scope| {
            for at in 0..16 {
                let users = &users;
                let one = json!({ format!("claim{at}"): at });
                scope.spawn(move || users.change(&alice(), claims(&one)).unwrap());
            }
        });
        let after = users.by_subject(&alice()).unwrap();
        assert!((0..16).all(|at| after.claims[&format!("claim{at}")] == at));
    }
}
