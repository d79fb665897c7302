//! Where people act: sign in, agree, choose an account, create one.
//!
//! Each page is at the interaction's own address and posts to it. The interaction's token together
//! with the cookie of the browser that began it protects the forms; nothing is verified, not even a
//! password, before both have been seen to fit and the form has been seen to come from a page of
//! ours.

mod one_time;
mod sign_in;
mod sign_up;

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{Path, State},
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use oidc_op::{
    AuthorizeError, Interaction, Need, Outcome, PageError, Reason, Reply, Subject, Verdict,
};
use tracing::info;

use crate::{
    App,
    known::Known,
    layers::Received,
    pages::{Filled, OOPS, consent},
    sign_in::Method,
    users::User,
};

/// GET: the page that the interaction needs now, or with `?page=` another way to sign in.
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    Path(token): Path<String>,
    received: Received,
) -> Response {
    let fields = received.fields();
    match app.provider.interaction(received.request(&fields), &token).await {
        Ok(Outcome::Interact(mut interaction)) => {
            received.add_languages(&mut interaction);
            let visit = Visit { app: &app, received: &received, token: &token };
            match visit.by_link(&mut interaction).await {
                Some(answer) => answer,
                None => app.show(&token, *interaction, &received).await,
            }
        }
        outcome => app.answer(outcome),
    }
}

/// POST: what the person decided.
pub(crate) async fn decide(
    State(app): State<Arc<App>>,
    Path(token): Path<String>,
    received: Received,
) -> Response {
    let Some(form) = received.form() else { return app.refuse(Reason::MediaType) };
    let fields = received.fields();
    if let Err(error) = app.provider.check_form(received.request(&fields), &token).await {
        return app.answer(Err(error.into()));
    }
    let visit = Visit { app: &app, received: &received, token: &token };
    match form.one("action") {
        "login" if app.site.local => visit.sign_in(&form).await,
        "create" if app.site.sign_up.enabled => visit.create_account(&form).await,
        "verify" if app.site.sign_up.enabled => visit.verify(&form).await,
        "send-again" if app.site.sign_up.enabled => visit.send_again(&form).await,
        "consent" => {
            let Some(agreed) = consent::agreed(&form) else {
                return app.refuse(Reason::ScopeMalformed);
            };
            visit.resume(agreed).await
        }
        "cancel" => visit.resume(Verdict::Cancel).await,
        "unavailable" => visit.resume(Verdict::Unavailable).await,
        action => match (action.strip_prefix("upstream:"), chosen(action)) {
            (Some(name), _) => visit.go_upstream(name).await,
            (None, Some(account)) => visit.resume(Verdict::SelectAccount(account)).await,
            (None, None) => app.refuse(Reason::VerdictUnfit),
        },
    }
}

/// The account that a button of the chooser stands for.
fn chosen(action: &str) -> Option<Subject> {
    Subject::new(action.strip_prefix("select:")?).ok()
}

impl App {
    /// The page for an interaction.
    async fn show(
        &self,
        token: &str,
        mut interaction: Interaction,
        received: &Received,
    ) -> Response {
        let headers = std::mem::take(&mut interaction.headers);
        let query = received.query();
        let page = match self.sign_up_page(token, &mut interaction, &query) {
            Some(page) => page,
            None => self.needed_page(token, &interaction, query.one("page"), received).await,
        };
        with_fields(page, headers)
    }

    /// What the interaction needs, or another way to sign in.
    async fn needed_page(
        &self,
        token: &str,
        interaction: &Interaction,
        wish: &str,
        received: &Received,
    ) -> Response {
        let site = &self.site;
        let subjects = interaction.subject.iter().chain(&interaction.accounts);
        let subjects: Vec<_> = subjects.cloned().collect();
        let people = match self.known(received, &subjects).await {
            Ok(people) => people,
            Err(error) => return self.refuse(error.reason()),
        };
        let is_theirs = |person: &&Known| Some(&person.subject) == interaction.subject.as_ref();
        let person = people.iter().find(is_theirs);
        let need = match (wish, interaction.need) {
            ("login", _) => Need::Login,
            ("create", _) => Need::CreateAccount,
            (_, need) => need,
        };
        match (need, person) {
            (Need::CreateAccount, _) if site.sign_up.enabled => {
                site.create(interaction, &Filled::default(), None)
            }
            (Need::Consent, Some(person)) => site.consent(interaction, person),
            (Need::SelectAccount, _) if !interaction.accounts.is_empty() => {
                let known =
                    |account: &Subject| people.iter().find(|person| person.subject == *account);
                let accounts: Vec<_> = interaction.accounts.iter().filter_map(known).collect();
                site.select(interaction, &accounts)
            }
            (_, person) => match self.send_to_the_only(token, interaction, received).await {
                Some(response) => response,
                None => self.login_page(interaction, person),
            },
        }
    }

    fn login_page(&self, interaction: &Interaction, person: Option<&Known>) -> Response {
        if let Some(person) = person.filter(|_| interaction.need == Need::Login) {
            let login = if person.local { &*person.called } else { "" };
            return self.site.login(interaction, Some(&person.name), login, None);
        }
        let hint = interaction.hints.login_hint.as_deref().filter(|hint| hint.len() < 255);
        self.site.login(interaction, None, hint.unwrap_or_default(), None)
    }

    /// The provider's answer; a further page is a redirect to it.
    pub(crate) fn answer(&self, outcome: Result<Outcome, AuthorizeError>) -> Response {
        match self.pages.answer(outcome) {
            Some(reply) => reply.into_response(),
            None => StatusCode::NOT_FOUND.into_response(),
        }
    }

    pub(crate) fn refuse(&self, reason: Reason) -> Response {
        info!(reason = reason.code(), "form refused");
        self.answer(Err(PageError::from(reason).into()))
    }

    /// Too many people are being signed in at this moment.
    fn busy(&self) -> Response {
        let text = "Many people are signing in just now. Try again in a moment.";
        let status = StatusCode::SERVICE_UNAVAILABLE;
        let page = self.site.error(status, OOPS, text, None, "temporarily_unavailable");
        ([(header::RETRY_AFTER, "5")], page).into_response()
    }
}

/// Somebody who has come for an interaction: with a form, or back from elsewhere.
pub(crate) struct Visit<'v> {
    pub(crate) app: &'v App,
    pub(crate) received: &'v Received,
    pub(crate) token: &'v str,
}

/// What the interaction is waiting for at this browser.
pub(crate) enum Opened {
    /// A page.
    Waiting(Box<Interaction>),
    /// Nothing: the person is signed in and has agreed, perhaps in another tab.
    Through(Reply),
}

impl Visit<'_> {
    async fn resume(&self, verdict: Verdict) -> Response {
        let fields = self.received.fields();
        let request = self.received.request(&fields);
        self.app.answer(self.app.provider.resume(request, self.token, verdict).await)
    }

    async fn resume_as(&self, user: &User, method: Method, second_factor: bool) -> Response {
        let mut login = self.app.site.assurance.login(user, method, second_factor);
        login.device = Some(self.received.device().into());
        self.resume(Verdict::Login(login)).await
    }

    /// The page once more, for a form that must be corrected.
    pub(crate) async fn open(&self) -> Result<Opened, Response> {
        let fields = self.received.fields();
        let request = self.received.request(&fields);
        match self.app.provider.interaction(request, self.token).await {
            Ok(Outcome::Interact(mut interaction)) => {
                // The page stays where it is: a form that is corrected is the same form.
                self.token.clone_into(&mut interaction.token);
                self.received.add_languages(&mut interaction);
                Ok(Opened::Waiting(interaction))
            }
            Ok(Outcome::Reply(reply)) => Ok(Opened::Through(reply)),
            outcome => Err(self.app.answer(outcome)),
        }
    }
}

/// Adds header fields of the provider's.
pub(crate) fn with_fields(
    mut response: Response,
    fields: impl IntoIterator<Item = (&'static str, std::borrow::Cow<'static, str>)>,
) -> Response {
    for (name, value) in fields {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().append(HeaderName::from_static(name), value);
        }
    }
    response
}

pub(crate) fn with_retry(response: Response, wait: Option<Duration>) -> Response {
    match wait {
        Some(wait) => {
            let seconds = wait.as_secs().max(1).to_string();
            ([(header::RETRY_AFTER, seconds)], response).into_response()
        }
        None => response,
    }
}

/// When to try again, for people.
pub(crate) fn try_again(wait: Duration) -> String {
    let minutes = wait.as_secs().div_ceil(60).max(1);
    let unit = if minutes == 1 { "minute" } else { "minutes" };
    format!("Try again in {minutes} {unit}.")
}
