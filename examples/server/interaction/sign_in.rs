//! Signing in: a name, a password or a PIN, and perhaps a code; or a link with a token that is good once.

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
    sign_in::Method,
    users::{Proof, User},
};

impl Visit<'_> {
    pub(super) async fn sign_in(&self, form: &Form) -> Response {
        let login = form.one("login");
        // Only the page that asks for a code has the field, so that it may be empty there and wrong.
        let code = form.has("code").then(|| form.one("code"));
        let method = match self.method().await {
            Ok(method) => method,
            Err(answer) => return answer,
        };
        match self.authenticate(login, (method, form.one("password")), code).await {
            Ok((user, second_factor)) => self.resume_as(&user, method, second_factor).await,
            Err(refused) => {
                let wait = refused.wait();
                let Some((status, text)) = refused.told(method, code.is_some()) else {
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

    /// How the person is to sign in.
    async fn method(&self) -> Result<Method, Response> {
        let sign_in = &self.app.site.sign_in;
        if !sign_in.steers() {
            return Ok(Method::Password);
        }
        match self.open().await? {
            Opened::Waiting(asked) => Ok(sign_in.method(&asked.client, &asked.scope)),
            Opened::Through(reply) => Err(reply.into_response()),
        }
    }

    /// The person whose login and password these are, and whether the code was theirs as well. Cheap
    /// checks come before the dear one, and the count is asked once more when it is our turn, since
    /// others may have used it up meanwhile.
    pub(super) async fn authenticate(
        &self,
        login: &str,
        (method, password): (Method, &str),
        code: Option<&str>,
    ) -> Result<(Arc<User>, bool), Refused> {
        let App { users, limits, .. } = self.app;
        let account = users.counted_as(login);
        let peer = self.received.peer();
        limits.admit_login(&account, peer).map_err(Refused::Throttled)?;
        if method == Method::Pin {
            limits.admit_pin(&account).map_err(Refused::Throttled)?;
        }
        if code.is_some() {
            limits.admit_code(&account).map_err(Refused::Throttled)?;
        }
        let turn = users.turn().await.ok_or(Refused::Busy)?;
        limits.admit_login(&account, peer).map_err(Refused::Throttled)?;
        if method == Method::Pin {
            limits.admit_pin(&account).map_err(Refused::Throttled)?;
        }
        if let Some(user) = users.authenticate(turn, login, method.secret(password)).await {
            match code.map_or(Proof::Nothing, |code| user.prove(code, self.token)) {
                Proof::Nothing => return Ok((user, false)),
                Proof::Right => return Ok((user, true)),
                Proof::Wrong => limits.code_failed(&account),
            }
        } else if method == Method::Pin {
            limits.pin_failed(&account);
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
    fn told(&self, method: Method, with_code: bool) -> Option<(StatusCode, String)> {
        match self {
            Self::Wrong => {
                let text = match (method, with_code) {
                    (Method::Pin, true) => "The user name, the PIN or the code is not right.",
                    (Method::Pin, false) => "The user name or the PIN is not right.",
                    (_, true) => "The user name, the password or the code is not right.",
                    (_, false) => "The user name or the password is not right.",
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
