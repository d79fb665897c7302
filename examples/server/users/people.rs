//! Everybody, and what they are looked up by.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use oidc_op::Subject;

use super::{
    NotCreated, User,
    logins::{canonical, phone},
};

/// Everybody who has an account.
#[derive(Default)]
pub(super) struct People {
    by_subject: HashMap<Subject, Arc<User>>,
    /// By user name and by e-mail address, in their canonical form.
    by_login: HashMap<String, Subject>,
    /// By verified phone number; the file may say one of several.
    by_phone: HashMap<String, HashSet<Subject>>,
    /// How many are not in the file.
    pub(super) created: usize,
}

impl People {
    pub(super) fn by_subject(&self, subject: &Subject) -> Option<&Arc<User>> {
        self.by_subject.get(subject)
    }

    /// Nobody by a number that several have.
    pub(super) fn by_login(&self, login: &str) -> Option<&Arc<User>> {
        let numbered = || {
            let mut theirs = self.by_phone.get(&phone(login)?)?.iter();
            theirs.next().filter(|_| theirs.next().is_none())
        };
        self.by_subject(self.by_login.get(&canonical(login)).or_else(numbered)?)
    }

    pub(super) fn has_login(&self, login: &str) -> bool {
        self.by_login.contains_key(&canonical(login))
    }

    pub(super) fn has_phone(&self, number: &str) -> bool {
        phone(number).is_some_and(|number| self.by_phone.contains_key(&number))
    }

    /// What of the person's somebody else has; the e-mail address is told first.
    pub(super) fn taken(&self, user: &User) -> Option<NotCreated> {
        let others = |login: &str| {
            self.by_login.get(&canonical(login)).is_some_and(|theirs| *theirs != user.subject)
        };
        if user.email().is_some_and(others) {
            return Some(NotCreated::EmailTaken);
        }
        others(&user.username).then_some(NotCreated::UsernameTaken)
    }

    /// The same of their phone number.
    pub(super) fn phone_taken(&self, user: &User) -> Option<NotCreated> {
        let theirs = self.by_phone.get(&user.phone()?)?;
        let others = theirs.iter().any(|theirs| *theirs != user.subject);
        others.then_some(NotCreated::PhoneNumberTaken)
    }

    /// Puts a person in their place, instead of what was known of them before.
    pub(super) fn put(&mut self, user: Arc<User>) {
        self.remove(&user.subject);
        for login in user.logins() {
            self.by_login.insert(login, user.subject.clone());
        }
        if let Some(number) = user.phone() {
            self.by_phone.entry(number).or_default().insert(user.subject.clone());
        }
        self.created += usize::from(user.is_created());
        self.by_subject.insert(user.subject.clone(), user);
    }

    pub(super) fn remove(&mut self, subject: &Subject) {
        let Some(user) = self.by_subject.remove(subject) else { return };
        self.created -= usize::from(user.is_created());
        for login in user.logins() {
            self.by_login.remove(&login);
        }
        let Some(number) = user.phone() else { return };
        if let Some(theirs) = self.by_phone.get_mut(&number) {
            theirs.remove(subject);
            if theirs.is_empty() {
                self.by_phone.remove(&number);
            }
        }
    }
}
