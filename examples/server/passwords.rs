//! The password grant: people's passwords by way of a client of the provider's own, guarded like the
//! sign-in page.

use std::sync::Arc;

use async_trait::async_trait;
use oidc_op::{HostError, Login, PasswordAuthenticator, PasswordCredentials};

use crate::{
    assurance::Assurance,
    limits::Limits,
    users::{Proof, Users},
};

/// Checks what a client sends of a person: a user name, a verified e-mail address or a verified phone
/// number, the password, and of whoever has a second factor a code, as `otp`.
#[derive(Debug)]
pub(crate) struct Passwords {
    pub(crate) users: Arc<Users>,
    pub(crate) limits: Arc<Limits>,
    pub(crate) assurance: Assurance,
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
        let found = self.users.authenticate(turn, name, credentials.password).await;
        let Some(user) = found else { return Ok(None) };
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
        Ok(Some(self.assurance.login(&user, proof == Proof::Right)))
    }
}
