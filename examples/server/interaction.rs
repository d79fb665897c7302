//! Where people act: sign in, agree, choose an account, create one.
//!
//! Each page is at the interaction's own address and posts to it. The interaction's token together
//! with the cookie of the browser that began it protects the forms; nothing is verified, not even a
//! password, before both have been seen to fit and the form has been seen to come from a page of
//! ours.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{Path, State},
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use oidc_op::{AuthorizeError, Interaction, Need, Outcome, PageError, Reason, Reply, Verdict};
use tracing::info;

use crate::{
    App,
    layers::{Capped, Form, Received},
    pages::{Filled, OOPS, Problem, consent},
    users::{NewUser, NotCreated, PasswordHash, Proof, User},
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
            app.show(*interaction, received.query().one("page"))
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
        "login" => visit.sign_in(&form).await,
        "create" if app.site.registration() => visit.create_account(&form).await,
        "consent" => {
            let Some(agreed) = consent::agreed(&form) else {
                return app.refuse(Reason::ScopeMalformed);
            };
            visit.resume(agreed).await
        }
        "select" => visit.resume(Verdict::SelectAccount).await,
        "cancel" => visit.resume(Verdict::Cancel).await,
        _ => app.refuse(Reason::VerdictUnfit),
    }
}

impl App {
    /// The page for an interaction.
    fn show(&self, mut interaction: Interaction, wish: &str) -> Response {
        let headers = std::mem::take(&mut interaction.headers);
        let site = &self.site;
        let person = interaction.subject.as_ref().and_then(|sub| self.users.by_subject(sub));
        let need = match (wish, interaction.need) {
            ("login", _) => Need::Login,
            ("create", _) => Need::CreateAccount,
            (_, need) => need,
        };
        let page = match (need, person.as_deref()) {
            (Need::CreateAccount, _) if site.registration() => {
                site.create(&interaction, &Filled::default(), None)
            }
            (Need::Consent, Some(person)) => site.consent(&interaction, person),
            (Need::SelectAccount, Some(person)) => site.select(&interaction, person),
            (_, Some(person)) if interaction.need == Need::Login => {
                site.login(&interaction, Some(person), &person.username, None)
            }
            _ => {
                let hint = interaction.hints.login_hint.as_deref().filter(|hint| hint.len() < 255);
                site.login(&interaction, None, hint.unwrap_or_default(), None)
            }
        };
        with_fields(page, headers)
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

/// A form that was sent for an interaction.
struct Visit<'v> {
    app: &'v App,
    received: &'v Received,
    token: &'v str,
}

/// What the interaction is waiting for at this browser.
enum Opened {
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

    async fn resume_as(&self, user: &User, second_factor: bool) -> Response {
        let login = self.app.site.assurance.login(user, second_factor);
        self.resume(Verdict::Login(login)).await
    }

    /// The page once more, for a form that must be corrected.
    async fn open(&self) -> Result<Opened, Response> {
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

    async fn sign_in(&self, form: &Form) -> Response {
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
    async fn authenticate(
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

    async fn create_account(&self, form: &Form) -> Response {
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

/// Why a password was not believed.
enum Refused {
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
                let minutes = wait.as_secs().div_ceil(60);
                let unit = if minutes == 1 { "minute" } else { "minutes" };
                let text = format!("Too many attempts. Try again in {minutes} {unit}.");
                Some((StatusCode::TOO_MANY_REQUESTS, text))
            }
            Self::Busy => None,
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

fn with_retry(response: Response, wait: Option<Duration>) -> Response {
    match wait {
        Some(wait) => {
            let seconds = wait.as_secs().max(1).to_string();
            ([(header::RETRY_AFTER, seconds)], response).into_response()
        }
        None => response,
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
