//! Signing in: a name, a password, and perhaps a code.

use std::{sync::Arc, time::Duration};

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use tracing::info;

use super::{Opened, Visit, try_again, with_retry};
use crate::{
    App,
    layers::{Capped, Form},
    users::{Proof, User},
};

impl Visit<'_> {
    pub(super) async fn sign_in(&self, form: &Form) -> Response {
        let login = form.one("login");
        // Only the page that asks for a code has the field, so that it may be empty there and wrong.
        let code = form.has("code").then(|| form.one("code"));
        match self.authenticate(login, form.one("password"), code).await {
            Ok((user, second_factor)) => self.resume_as(&user, second_factor).await,
            Err(refused) => {
                let wait = refused.wait();
                let Some((status, text)) = refused.told(code.is_some()) else {
                    return self.app.busy();
                };
                let page = match self.open().await {
                    Ok(Opened::Waiting(interaction)) => {
                        self.app.site.login(&interaction, None, login, Some((status, &text)))
                    }
                    Ok(Opened::Through(reply)) => reply.into_response(),
                    Err(answer) => return answer,
                };
                with_retry(page, wait)
            }
        }
    }

    /// The person whose login and password these are, and whether the code was theirs as well. Cheap
    /// checks come before the dear one, and the count is asked once more when it is our turn, since
    /// others may have used it up meanwhile.
    pub(super) async fn authenticate(
        &self,
        login: &str,
        password: &str,
        code: Option<&str>,
    ) -> Result<(Arc<User>, bool), Refused> {
        let App { users, limits, .. } = self.app;
        let account = users.counted_as(login);
        let peer = self.received.peer();
        limits.admit_login(&account, peer).map_err(Refused::Throttled)?;
        if code.is_some() {
            limits.admit_code(&account).map_err(Refused::Throttled)?;
        }
        let turn = users.turn().await.ok_or(Refused::Busy)?;
        limits.admit_login(&account, peer).map_err(Refused::Throttled)?;
        if let Some(user) = users.authenticate(turn, login, password).await {
            match code.map_or(Proof::Nothing, |code| user.prove(code, self.token)) {
                Proof::Nothing => return Ok((user, false)),
                Proof::Right => return Ok((user, true)),
                Proof::Wrong => limits.code_failed(&account),
            }
        }
        limits.login_failed(&account, peer);
        info!(account = ?Capped(&users.logged_as(login)), ?peer, "sign-in refused");
        Err(Refused::Wrong)
    }
}

/// Why a password was not believed.
pub(super) enum Refused {
    /// It, the login or the code is wrong; nobody learns which.
    Wrong,
    Throttled(Duration),
    Busy,
}

impl Refused {
    fn wait(&self) -> Option<Duration> {
        match self {
            Self::Throttled(wait) => Some(*wait),
            Self::Wrong | Self::Busy => None,
        }
    }

    /// What the login page says of it.
    fn told(&self, with_code: bool) -> Option<(StatusCode, String)> {
        match self {
            Self::Wrong => {
                let text = if with_code {
                    "The user name, the password or the code is not right."
                } else {
                    "The user name or the password is not right."
                };
                Some((StatusCode::OK, text.to_owned()))
            }
            Self::Throttled(wait) => {
                let text = format!("Too many attempts. {}", try_again(*wait));
                Some((StatusCode::TOO_MANY_REQUESTS, text))
            }
            Self::Busy => None,
        }
    }
}
