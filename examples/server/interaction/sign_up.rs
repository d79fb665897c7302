//! Creating an account: the form, and the codes that show whose an address is.
//!
//! A sign-up is named by the token in the address that its form is sent to, and its pages stay there:
//! they work for the browser that began the interaction, and for nobody else.

use std::{sync::Arc, time::Duration};

use axum::{
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use oidc_op::{Clock, Interaction, Need, Reason, SystemClock};
use tracing::info;

use super::{Opened, Visit, try_again, with_retry};
use crate::{
    App,
    layers::Form,
    pages::{Filled, Problem},
    sign_in::Method,
    sign_up::{Candidate, Channel, FormKey, Next, Refused, check_password},
    users::{NotCreated, User},
};

const LOST: &str = "Your sign-up cannot go on: it took too long, or the server was restarted. \
                    Start again.";
const FINISHED: &str = "The account is there already. Sign in.";
const TAKEN: &str = "Somebody has this user name already.";
const EMAIL_TAKEN: &str = "There is an account with this e-mail address already.";
const PHONE_TAKEN: &str = "There is an account with this phone number already.";
const HAS_ACCOUNT: &str = "You have an account with this e-mail address already. Sign in.";
const NO_ROOM: &str =
    "So many codes are being sent just now that there can be no more. Try again later.";
const SENT: &str = "A new code is on its way.";
const NOT_SENT: &str = "The code could not be sent. Ask for a new one in a moment.";
const UNREADABLE: &str = "A code has six digits.";
const WRONG: &str = "This is not the code.";
const SPENT: &str = "Too many wrong codes. Ask for a new one.";
const EXPIRED: &str = "This code is too old. Ask for a new one.";

impl App {
    /// The page of a sign-up under way, if that is what is wished for.
    pub(super) fn sign_up_page(
        &self,
        token: &str,
        interaction: &mut Interaction,
        query: &Form,
    ) -> Option<Response> {
        let wish = query.one("page");
        if !self.site.sign_up.enabled || !matches!(wish, "create" | "verify") {
            return None;
        }
        let (form, now) = (FormKey::of(token), SystemClock.now());
        let Some(waiting) = self.sign_ups.waiting(form, now) else {
            let nobody = matches!(interaction.need, Need::Login | Need::CreateAccount);
            if wish != "verify" || !nobody {
                return None;
            }
            if let Some(user) = self.sign_ups.finished(form, now) {
                let again =
                    Some(&*user).filter(|user| Some(&user.subject) == interaction.subject.as_ref());
                let again = again.map(User::name);
                let refusal = Some((OK, FINISHED));
                return Some(self.site.login(interaction, again, &user.username, refusal));
            }
            let problem = Problem::new("name", LOST);
            return Some(self.site.create(interaction, &Filled::default(), Some((OK, problem))));
        };
        // The form stays the same, and with it what is verified already.
        token.clone_into(&mut interaction.token);
        Some(match (wish, query.one("said")) {
            ("create", _) => self.site.create(interaction, &waiting.candidate.filled(), None),
            (_, "sent") => self.site.code(interaction, &waiting, Some(SENT), None),
            (_, "not-sent") => self.site.code(interaction, &waiting, None, Some((OK, NOT_SENT))),
            _ => self.site.code(interaction, &waiting, None, None),
        })
    }
}

const OK: StatusCode = StatusCode::OK;

impl Visit<'_> {
    /// The form was filled in.
    pub(super) async fn create_account(&self, form: &Form) -> Response {
        let filled = Filled::of(form);
        match self.new_account(&filled, form).await {
            Ok(Begun::SignUp(next)) => self.go_on(next, "").await,
            Ok(Begun::Theirs(user)) => self.resume_as(&user, Method::Password, false).await,
            Err(refused) => self.once_more(&filled, refused).await,
        }
    }

    async fn new_account(&self, filled: &Filled<'_>, form: &Form) -> Result<Begun, NotNew> {
        let App { users, limits, site, sign_ups, .. } = self.app;
        let candidate = Candidate::check(filled, &site.sign_up)?;
        let password = check_password(form.one("password"), form.one("again"))?;
        let peer = self.received.peer();
        limits.admit_sign_up(peer).map_err(NotNew::Throttled)?;
        // Before anything is waited for: many forms at once are many.
        limits.signed_up(peer);
        let turn = users.turn().await.ok_or(NotNew::Busy)?;
        let hash = turn.hash(password).await.ok_or(NotNew::Busy)?;
        let refused = match sign_ups.begin(self.sign_up(), candidate, hash, SystemClock.now()) {
            Ok(next) => return Ok(Begun::SignUp(next)),
            Err(refused) => refused,
        };
        if let Refused::Taken { verified: false, .. } = refused {
            // A form that was sent twice: the account is theirs already.
            let theirs =
                self.authenticate(filled.username, (Method::Password, password), None).await;
            if let Ok((user, _)) = theirs {
                return Ok(Begun::Theirs(user));
            }
        }
        Err(refused.into())
    }

    /// A code was entered.
    pub(super) async fn verify(&self, form: &Form) -> Response {
        let App { limits, sign_ups, .. } = self.app;
        let Some(channel) = Channel::parse(form.one("channel")) else {
            return self.app.refuse(Reason::VerdictUnfit);
        };
        let peer = self.received.peer();
        if let Err(wait) = limits.admit_sign_up_code(peer) {
            return self.throttled(wait).await;
        }
        let verified =
            sign_ups.verify(self.sign_up(), channel, form.one("code"), SystemClock.now());
        if let Err(Refused::Wrong | Refused::Spent) = verified {
            limits.sign_up_code_failed(peer);
            info!(?peer, "code of a sign-up refused");
        }
        match verified {
            Ok(next) => self.go_on(next, "").await,
            Err(refused) => self.code_once_more(refused).await,
        }
    }

    /// Another code is asked for.
    pub(super) async fn send_again(&self, form: &Form) -> Response {
        let App { limits, sign_ups, .. } = self.app;
        let Ok(number) = form.one("number").parse() else {
            return self.app.refuse(Reason::VerdictUnfit);
        };
        let peer = self.received.peer();
        if let Err(wait) = limits.admit_sign_up(peer) {
            return self.throttled(wait).await;
        }
        limits.signed_up(peer);
        match sign_ups.send_again(self.sign_up(), number, SystemClock.now()) {
            Ok(next) => self.go_on(next, "sent").await,
            Err(refused) => self.code_once_more(refused).await,
        }
    }

    fn sign_up(&self) -> FormKey {
        FormKey::of(self.token)
    }

    /// To the client with the account, or to the page where a code is entered.
    async fn go_on(&self, next: Next, said: &str) -> Response {
        match next {
            Next::Created(user) => {
                info!(sub = %user.subject, peer = ?self.received.peer(), "account created");
                self.resume_as(&user, Method::Password, false).await
            }
            Next::Again(user) => self.resume_as(&user, Method::Password, false).await,
            Next::Code(None) => self.to_code_page(said),
            Next::Code(Some(message)) => {
                let sent = self.app.sign_ups.deliver(&message).await;
                self.to_code_page(if sent { said } else { "not-sent" })
            }
        }
    }

    /// By a redirect, so that a reload of the page sends nothing.
    fn to_code_page(&self, said: &str) -> Response {
        let page = self.app.site.interaction(self.token);
        let said = if said.is_empty() { String::new() } else { format!("&said={said}") };
        let location = format!("{page}?page=verify{said}");
        (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response()
    }

    async fn throttled(&self, wait: Duration) -> Response {
        let text = format!("Too many attempts. {}", try_again(wait));
        let page = self.code_page(StatusCode::TOO_MANY_REQUESTS, &text).await;
        with_retry(page, Some(wait))
    }

    /// The page of the code, for one that was not right.
    async fn code_once_more(&self, refused: Refused) -> Response {
        let text = match refused {
            Refused::Unreadable => UNREADABLE,
            Refused::Wrong => WRONG,
            Refused::Spent => SPENT,
            Refused::Expired => EXPIRED,
            Refused::Gone => return self.to_code_page(""),
            Refused::Busy => return self.app.busy(),
            Refused::TooMany(channel, wait) => {
                let Problem { text, .. } = too_many(channel, wait.unsigned_abs());
                let page = self.code_page(StatusCode::TOO_MANY_REQUESTS, &text).await;
                return with_retry(page, Some(wait.unsigned_abs()));
            }
            Refused::Full(_) => {
                let page = self.code_page(StatusCode::SERVICE_UNAVAILABLE, NO_ROOM).await;
                return with_retry(page, Some(ROOM));
            }
            Refused::Taken { taken, verified } => return self.taken(taken, verified).await,
        };
        self.code_page(OK, text).await
    }

    async fn code_page(&self, status: StatusCode, text: &str) -> Response {
        let Some(waiting) = self.app.sign_ups.waiting(self.sign_up(), SystemClock.now()) else {
            return self.to_code_page("");
        };
        match self.open().await {
            Ok(Opened::Waiting(interaction)) => {
                self.app.site.code(&interaction, &waiting, None, Some((status, text)))
            }
            Ok(Opened::Through(reply)) => reply.into_response(),
            Err(answer) => answer,
        }
    }

    /// Somebody was quicker while the codes were under way. Whose an address is has been shown, so
    /// the person may know that there is an account with it: it is theirs.
    async fn taken(&self, taken: NotCreated, verified: bool) -> Response {
        let candidate = self.app.sign_ups.candidate(self.sign_up(), SystemClock.now());
        let Some(candidate) = candidate else { return self.to_code_page("") };
        let filled = candidate.filled();
        if taken != NotCreated::EmailTaken || !verified {
            let refused = NotNew::from(Refused::Taken { taken, verified });
            return self.once_more(&filled, refused).await;
        }
        match self.open().await {
            Ok(Opened::Waiting(interaction)) => {
                self.app.site.login(&interaction, None, filled.email, Some((OK, HAS_ACCOUNT)))
            }
            Ok(Opened::Through(reply)) => reply.into_response(),
            Err(answer) => answer,
        }
    }

    /// The page of the form, for one that must be corrected.
    async fn once_more(&self, filled: &Filled<'_>, refused: NotNew) -> Response {
        let (status, problem, wait) = match refused {
            NotNew::Problem(problem) => (OK, problem, None),
            NotNew::TooMany(problem, wait) => (StatusCode::TOO_MANY_REQUESTS, problem, Some(wait)),
            NotNew::Throttled(wait) => {
                let text = "Too many accounts have been created from here. Try again later.";
                let problem = Problem::new("name", text);
                (StatusCode::TOO_MANY_REQUESTS, problem, Some(wait))
            }
            NotNew::Full(problem) => (StatusCode::SERVICE_UNAVAILABLE, problem, Some(ROOM)),
            NotNew::Busy => return self.app.busy(),
        };
        let page = match self.open().await {
            Ok(Opened::Waiting(interaction)) => {
                self.app.site.create(&interaction, filled, Some((status, problem)))
            }
            Ok(Opened::Through(reply)) => reply.into_response(),
            Err(answer) => return answer,
        };
        with_retry(page, wait)
    }
}

/// What a form to create an account began.
enum Begun {
    SignUp(Next),
    /// Nothing: the account is there, and the password is right.
    Theirs(Arc<User>),
}

/// Why an account was not created.
enum NotNew {
    Problem(Problem),
    TooMany(Problem, Duration),
    Full(Problem),
    Throttled(Duration),
    Busy,
}

impl From<Problem> for NotNew {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<Refused> for NotNew {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Taken { taken: NotCreated::PhoneNumberTaken, .. } => {
                Problem::new("phone", PHONE_TAKEN).into()
            }
            Refused::Taken { taken: NotCreated::EmailTaken, .. } => {
                Problem::new("email", EMAIL_TAKEN).into()
            }
            Refused::Taken { .. } => Problem::new("username", TAKEN).into(),
            Refused::TooMany(channel, wait) => {
                let wait = wait.unsigned_abs();
                Self::TooMany(too_many(channel, wait), wait)
            }
            Refused::Full(channel) => Self::Full(Problem::new(channel.name(), NO_ROOM)),
            _ => Self::Busy,
        }
    }
}

/// When there may be room again.
const ROOM: Duration = Duration::from_secs(60);

fn too_many(channel: Channel, wait: Duration) -> Problem {
    let place = match channel {
        Channel::Email => "address",
        Channel::Phone => "number",
    };
    let text = format!("Three codes have been sent to this {place}. {}", try_again(wait));
    Problem::new(channel.name(), text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each refusal is said where it can be helped, and says what is so.
    #[test]
    fn refusals_name_their_field() {
        let taken = |taken| Refused::Taken { taken, verified: false };
        let wait = oidc_op::Duration::HOUR;
        for (refused, field, says) in [
            (taken(NotCreated::UsernameTaken), "username", "user name"),
            (taken(NotCreated::EmailTaken), "email", "with this e-mail address"),
            (taken(NotCreated::PhoneNumberTaken), "phone", "with this phone number"),
            (Refused::TooMany(Channel::Email, wait), "email", "Three codes"),
            (Refused::Full(Channel::Phone), "phone", "So many codes"),
        ] {
            let problem = match NotNew::from(refused) {
                NotNew::Problem(problem) | NotNew::Full(problem) | NotNew::TooMany(problem, _) => {
                    problem
                }
                NotNew::Throttled(_) | NotNew::Busy => panic!("{refused:?}"),
            };
            assert_eq!(problem.field, field, "{refused:?}");
            assert!(problem.text.contains(says), "{refused:?}: {}", problem.text);
        }
    }
}
