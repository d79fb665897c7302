//! Where people are asked whether to sign out, because an application wants them to.
//!
//! The page is at the question's own address and posts to it. The question's token together with the
//! cookies of the sessions that it is about protects the form.

use std::sync::Arc;

use axum::{
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use oidc_op::{LogoutVerdict, Outcome, PageError, Reason, SignedOut};

use crate::{App, demo::found, interaction::with_fields, layers::Received};

/// GET: the question.
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    Path(token): Path<String>,
    received: Received,
) -> Response {
    let fields = received.fields();
    match app.provider.logout_confirmation(received.request(&fields), &token).await {
        Ok(Outcome::ConfirmLogout(mut confirmation)) => {
            confirmation.ui_locales.extend(received.languages());
            match app.known(&received, &confirmation.accounts).await {
                Ok(people) => app.site.confirm_logout(&confirmation, &people),
                Err(error) => app.refuse(error.reason()),
            }
        }
        outcome => app.answer(outcome.map_err(Into::into)),
    }
}

/// POST: what the person decided.
pub(crate) async fn decide(
    State(app): State<Arc<App>>,
    Path(token): Path<String>,
    received: Received,
) -> Response {
    let Some(form) = received.form() else { return app.refuse(Reason::MediaType) };
    let verdict = match form.one("action") {
        "sign-out" => LogoutVerdict::SignOut,
        "sign-out-all" => LogoutVerdict::SignOutAll,
        "stay" => LogoutVerdict::Stay,
        _ => return app.answer(Err(PageError::from(Reason::VerdictUnfit).into())),
    };
    let fields = received.fields();
    let outcome = app.provider.logout(received.request(&fields), &token, verdict).await;
    app.answer(outcome.map_err(Into::into))
}

impl App {
    /// Whoever was here has signed out by a button of ours: back to the start page, unless applications
    /// hear of it on a page.
    pub(crate) fn signed_out(&self, signed_out: SignedOut) -> Response {
        if signed_out.frames.is_empty() {
            let home = format!("{}/?signed-out", self.site.base);
            return with_fields(found(&home, None), signed_out.headers);
        }
        let outcome = Ok(Outcome::SignedOut(Box::new(signed_out)));
        self.answer(outcome).into_response()
    }
}
