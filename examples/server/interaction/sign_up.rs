//! Creating an account.

use std::{sync::Arc, time::Duration};

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use tracing::info;

use super::{Opened, Visit, with_retry};
use crate::{
    App,
    layers::Form,
    pages::{Filled, Problem},
    users::{NewUser, NotCreated, PasswordHash, User},
};

impl Visit<'_> {
    pub(super) async fn create_account(&self, form: &Form) -> Response {
        let filled = Filled {
            name: form.one("name").trim(),
            username: form.one("username").trim(),
            email: form.one("email").trim(),
        };
        let refused = match self.new_user(filled, form.one("password")).await {
            Ok(user) => return self.resume_as(&user, false).await,
            Err(refused) => refused,
        };
        let (status, problem, wait) = match refused {
            NotNew::Problem(problem) => (StatusCode::OK, problem, None),
            NotNew::Throttled(wait) => {
                let text = "Too many accounts have been created from here. Try again later.";
                (StatusCode::TOO_MANY_REQUESTS, Problem { field: "name", text }, Some(wait))
            }
            NotNew::Busy => return self.app.busy(),
        };
        let page = match self.open().await {
            Ok(Opened::Waiting(interaction)) => {
                self.app.site.create(&interaction, &filled, Some((status, problem)))
            }
            Ok(Opened::Through(reply)) => reply.into_response(),
            Err(answer) => return answer,
        };
        with_retry(page, wait)
    }

    async fn new_user(&self, filled: Filled<'_>, password: &str) -> Result<Arc<User>, NotNew> {
        check(filled, password).map_err(NotNew::Problem)?;
        let App { users, limits, .. } = self.app;
        let peer = self.received.peer();
        limits.admit_registration(peer).map_err(NotNew::Throttled)?;
        let turn = users.turn().await.ok_or(NotNew::Busy)?;
        limits.registered(peer);
        let hash = turn.hash(password).await.ok_or(NotNew::Busy)?;
        match users.create(new_user(filled, hash)) {
            Ok(user) => {
                info!(sub = %user.subject, ?peer, "account created");
                Ok(user)
            }
            // A form that was sent twice: the account is theirs already.
            Err(NotCreated::UsernameTaken | NotCreated::EmailTaken) => {
                let theirs = self.authenticate(filled.username, password, None).await;
                theirs.map(|(user, _)| user).map_err(|_| {
                    let text = "Somebody has this user name or e-mail address already.";
                    NotNew::Problem(Problem { field: "username", text })
                })
            }
            Err(_) => Err(NotNew::Busy),
        }
    }
}

/// Why an account was not created.
enum NotNew {
    Problem(Problem),
    Throttled(Duration),
    Busy,
}

/// What an account needs.
fn check(filled: Filled<'_>, password: &str) -> Result<(), Problem> {
    let Filled { name, username, email } = filled;
    let wrong = |field, text| Err(Problem { field, text });
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    if name.is_empty() || name.chars().count() > 100 || name.chars().any(char::is_control) {
        return wrong("name", "Write your name, in at most 100 letters.");
    }
    if !(3..=32).contains(&username.len()) || !username.chars().all(plain) {
        return wrong(
            "username",
            "A user name has 3 to 32 letters, digits, dots, dashes or underscores.",
        );
    }
    let address = email.len() <= 254 && email.bytes().all(|b| matches!(b, 0x21..=0x7E));
    let parts = email.split_once('@').filter(|(local, domain)| {
        !local.is_empty() && !domain.contains('@') && domain.split('.').all(|l| !l.is_empty())
    });
    if !address || parts.is_none() {
        return wrong("email", "Write your e-mail address, like name@example.com.");
    }
    if password.chars().count() < 8 || password.len() > 1024 {
        return wrong("password", "A password has at least 8 characters.");
    }
    Ok(())
}

/// The claims that somebody has who has created an account.
pub(crate) const CREATED_WITH: [&str; 5] =
    ["name", "preferred_username", "email", "email_verified", "updated_at"];

/// Somebody who has filled in the form.
fn new_user(filled: Filled<'_>, password: PasswordHash) -> NewUser {
    let claims = [("name", filled.name), ("email", filled.email)];
    NewUser {
        subject: None,
        username: filled.username.to_owned(),
        password: Some(password),
        claims: claims.map(|(name, value)| (name.to_owned(), value.into())).into_iter().collect(),
        email_verified: false,
        phone_number_verified: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_needs_all_of_it() {
        let filled = Filled { name: "Eve", username: "eve.1", email: "eve@example.com" };
        assert!(check(filled, "long enough").is_ok());
        for (wrong, password, field) in [
            (Filled { name: "", ..filled }, "long enough", "name"),
            (Filled { name: "a\nb", ..filled }, "long enough", "name"),
            (Filled { username: "ev", ..filled }, "long enough", "username"),
            (Filled { username: "eve@example.com", ..filled }, "long enough", "username"),
            (Filled { username: "еve", ..filled }, "long enough", "username"),
            (Filled { email: "eve", ..filled }, "long enough", "email"),
            (Filled { email: "a@b@c", ..filled }, "long enough", "email"),
            (Filled { email: "a@b..c", ..filled }, "long enough", "email"),
            (filled, "short", "password"),
        ] {
            assert_eq!(check(wrong, password).unwrap_err().field, field, "{wrong:?}");
        }
    }
}
