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

/// How much is kept of what is said of one person, in bytes of JSON.
const LONGEST: usize = 64 * 1024;

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

/// What may be known to be somebody's, and the claim that says so.
pub(super) const VERIFIED: [(&str, &str); 2] =
    [("email", "email_verified"), ("phone_number", "phone_number_verified")];

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
    #[error("the person is disabled in the configuration, and only there enabled")]
    DisabledInConfiguration,
    #[error("too much would be said of the person")]
    TooMuch,
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
            if change.disabled == Some(false) && before.is_disabled_in_configuration() {
                return Err(NotChanged::DisabledInConfiguration);
            }
            let after = Arc::new(before.changed(change.settled(&before)));
            if after.length() > LONGEST.max(before.length()) {
                return Err(NotChanged::TooMuch);
            }
            let taken = {
                let people = self.people.read().unwrap_or_else(PoisonError::into_inner);
                let numbered = after.phone() != before.phone();
                // The file may say one number of several people, who can be changed in all else.
                let phone = || people.phone_taken(&after).filter(|_| numbered);
                people.taken(&after).or_else(phone)
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

    /// Without what was said of other addresses than the person has now, who is as the configuration says.
    pub(super) fn still_holding(mut self, addresses: &Map<String, Value>, user: &User) -> Self {
        for (claim, verified) in VERIFIED {
            let now = user.claims.get(claim);
            match self.claims.get(claim) {
                None if addresses.get(claim) != now => {
                    self.claims.remove(verified);
                }
                // The file says of another one whether it is verified.
                Some(said) if !said.is_null() && Some(said) != now => {
                    self.claims.entry(verified).or_insert(false.into());
                }
                _ => {}
            }
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
            after.disabled = disabled || self.is_disabled_in_configuration();
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
        if let Origin::Configuration { file, changed } = &mut after.origin {
            *changed = std::mem::take(changed).then(change);
            // What the file does not say need not be taken away.
            changed.claims.retain(|name, value| !value.is_null() || file.claims.contains_key(name));
        }
        after
    }

    fn is_disabled_in_configuration(&self) -> bool {
        matches!(&self.origin, Origin::Configuration { file, .. } if file.disabled)
    }

    /// How much is kept of what is said of them.
    fn length(&self) -> usize {
        let claims = match &self.origin {
            Origin::Configuration { changed, .. } => &changed.claims,
            Origin::Created => &self.claims,
        };
        serde_json::to_string(claims).map_or(usize::MAX, |text| text.len())
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

    /// Whose number the file says twice are changed like everybody else, but in their number.
    #[test]
    fn people_may_share_a_number_of_the_file() {
        let mut entries = crate::config::Settings::demo().unwrap().users;
        let number = entries[0].claims["phone_number"].clone();
        for entry in &mut entries {
            entry.claims.insert("phone_number".into(), number.clone());
            entry.claims.insert("phone_number_verified".into(), true.into());
        }
        let users = Users::new(&entries, None).unwrap();
        let off = Change { disabled: Some(true), ..claims(&json!({ "nickname": "Al" })) };
        assert!(users.change(&alice(), off).unwrap().disabled);
        let other =
            |verified| Change { phone_number_verified: Some(verified), ..Change::default() };
        users.change(&alice(), other(false)).unwrap();
        let refused = users.change(&alice(), other(true)).unwrap_err();
        assert!(matches!(refused, NotChanged::Taken(NotCreated::PhoneNumberTaken)), "{refused:?}");
    }

    /// However often somebody is changed, only so much is kept of them.
    #[test]
    fn only_so_much_is_kept() {
        let users = users();
        let change = |at: u32, value: Value| {
            users.change(&alice(), claims(&json!({ format!("claim{at}"): value }))).map(|_| ())
        };
        let long = || Value::from("x".repeat(LONGEST / 2 - 99));
        change(0, long()).unwrap();
        change(1, long()).unwrap();
        assert!(matches!(change(2, long()), Err(NotChanged::TooMuch)));
        change(1, Value::Null).unwrap();
        change(2, long()).unwrap();
        let new = crate::users::NewUser {
            subject: None,
            username: "eve".into(),
            password: None,
            claims: claims(&json!({ "claim0": "x".repeat(LONGEST), "name": "Eve" })).claims,
            email_verified: false,
            phone_number_verified: false,
        };
        // More than that was let when somebody was created; it becomes less.
        let eve = users.create(new).unwrap().subject.clone();
        let more = users.change(&eve, claims(&json!({ "nickname": "E" })));
        assert!(matches!(more, Err(NotChanged::TooMuch)));
        users.change(&eve, claims(&json!({ "name": null }))).unwrap();
        users.change(&eve, Change { disabled: Some(true), ..Change::default() }).unwrap();
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
