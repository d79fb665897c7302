//! Signing in by a link: a token in the authorization request that is good once.

use axum::{http::StatusCode, response::Response};
use oidc_op::{Interaction, Need, Verdict};
use tracing::info;

use super::{Visit, try_again, with_fields};
use crate::sign_in::Method;

const NO_MORE: &str = "This link has been used, or is too old. Sign in in another way.";

impl Visit<'_> {
    /// Signs in whom the link is for, if there is one and somebody is to sign in; or shows the page of every
    /// sign-in, with a word about the link. The browser has been seen to be the one that began.
    pub(super) async fn by_link(&self, interaction: &mut Interaction) -> Option<Response> {
        let (app, tokens) = (self.app, self.app.one_time.as_ref()?);
        let Interaction { need, client, scope, .. } = &*interaction;
        if *need != Need::Login || !self.received.query().one("page").is_empty() {
            return None;
        }
        let name = app.site.sign_in.one_time_parameter(client, scope)?;
        let said = interaction.parameter(name)?;
        let peer = self.received.peer();
        let mut refusal = (StatusCode::OK, NO_MORE.to_owned());
        if let Err(wait) = app.limits.admit_one_time(peer) {
            let text = format!("Too many attempts. {}", try_again(wait));
            refusal = (StatusCode::TOO_MANY_REQUESTS, text);
        } else {
            let subject = tokens.take(said);
            let user = subject.and_then(|subject| app.users.by_subject(&subject));
            if let Some(user) = user.filter(|user| !user.disabled) {
                let mut login = app.site.assurance.login(&user, Method::OneTimeToken, false);
                login.device = Some(self.received.device().into());
                let headers = std::mem::take(&mut interaction.headers);
                return Some(with_fields(self.return_with(Verdict::Login(login)).await, headers));
            }
            app.limits.one_time_failed(peer);
            info!(?peer, "a one-time token is none");
        }
        let headers = std::mem::take(&mut interaction.headers);
        let hint = interaction.hints.login_hint.as_deref().filter(|hint| hint.len() < 255);
        let refusal = Some((refusal.0, &*refusal.1));
        let page = app.site.login(interaction, None, hint.unwrap_or_default(), refusal);
        Some(with_fields(page, headers))
    }

    /// Goes on without a form: the link has said who it is.
    async fn return_with(&self, verdict: Verdict) -> Response {
        let fields = self.received.fields();
        let request = self.received.request(&fields);
        let outcome = self.app.provider.resume_returning(request, self.token, verdict).await;
        self.app.answer(outcome)
    }
}
