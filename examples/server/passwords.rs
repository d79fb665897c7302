//! The password grant: people's passwords by way of a client of the provider's own, guarded like the
//! sign-in page.

use std::sync::Arc;

use async_trait::async_trait;
use oidc_op::{HostError, Login, PasswordAuthenticator, PasswordCredentials};

use crate::{
    limits::Limits,
    pages::Site,
    sign_in::Method,
    users::{Proof, Users},
};

/// Checks what a client sends of a person: a user name, a verified e-mail address or a verified phone
/// number, the password or with a scope that says so the PIN, and of whoever has a second factor a code, as `otp`.
#[derive(Debug)]
pub(crate) struct Passwords {
    pub(crate) users: Arc<Users>,
    pub(crate) limits: Arc<Limits>,
    pub(crate) site: Arc<Site>,
}

#[async_trait]
impl PasswordAuthenticator for Passwords {
    /// The provider asks the limits before, and tells them what was wrong. They are asked once more when
    /// it is our turn, since others may have used them up meanwhile.
    async fn authenticate(
        &self,
        credentials: &PasswordCredentials<'_>,
    ) -> Result<Option<Login>, HostError> {
        let name = credentials.username;
        let account = self.users.counted_as(name);
        let turn = self.users.turn().await.ok_or("too many passwords are being checked")?;
        if self.limits.admit_login(&account, credentials.peer).is_err() {
            return Ok(None);
        }
        let method = self.method(credentials);
        if method == Method::Pin && self.limits.admit_pin(&account).is_err() {
            return Ok(None);
        }
        let secret = method.secret(credentials.password);
        let Some(user) = self.users.authenticate(turn, name, secret).await else {
            if method == Method::Pin {
                self.limits.pin_failed(&account);
            }
            return Ok(None);
        };
        // No form is sent twice here, so every code is good for one request.
        let proof = match credentials.parameter("otp") {
            None if user.has_second_factor() => return Ok(None),
            None => Proof::Nothing,
            Some(_) if self.limits.admit_code(&account).is_err() => return Ok(None),
            Some(code) => user.prove(code, ""),
        };
        if proof == Proof::Wrong {
            self.limits.code_failed(&account);
            return Ok(None);
        }
        Ok(Some(self.site.assurance.login(&user, method, proof == Proof::Right)))
    }
}

impl Passwords {
    /// A scope must be asked for by name: whoever asks for nothing has all, and means nothing by it.
    fn method(&self, credentials: &PasswordCredentials<'_>) -> Method {
        match credentials.parameter("scope") {
            Some(_) => self.site.sign_in.method(credentials.client, credentials.scope),
            None => Method::Password,
        }
    }
}
