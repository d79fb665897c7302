use super::{
    Asked, Cookies, Outcome, Sessions, Visit, identify,
    interaction::{Agreement, Verdict},
    pending::{Agreed, Pending},
    person::{Present, Wish},
};
use crate::{
    env::{Event, What},
    error::{AuthorizeError, Failure, PageError, Reason},
    grant::{self, ConsentBasis},
    jose::LEEWAY,
    provider::Core,
    secret::Handle,
    session::{self, ConsentAnswer, Login},
    types::{Subject, Timestamp},
    wire::{Params, Request},
};

/// Shows an interaction again: after a redirect to its page, a reload, or the back button. If
/// nothing is left to ask, it goes on.
pub(crate) async fn revisit(
    core: &Core,
    http: &Request<'_>,
    token: &str,
    sessions: &Sessions,
) -> Result<Outcome, AuthorizeError> {
    let (asked, pending, browser) = reopen(core, http, token).await?;
    let present = asked.present(core, http, sessions, &pending.steps).await;
    let present = present.map_err(|failure| asked.fail(failure))?;
    asked.proceed(core, http, Visit::Again { pending, browser }, present, Cookies::new()).await
}

/// How the person comes back to an interaction.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Door {
    /// By the form of its page.
    Form,
    /// By a redirect from another site, where they have signed in.
    Redirect,
}

impl Door {
    /// A form comes from the provider's own page, and may say everything. A redirect comes from anywhere,
    /// and says no more than what became of the sign-in: consent and choice need a form.
    fn lets(self, core: &Core, http: &Request<'_>, verdict: &Verdict) -> Result<(), Reason> {
        match (self, verdict) {
            (Self::Form, _) => http.must_come_from(core.config.issuer.origin()),
            (Self::Redirect, _) if http.method != "GET" => Err(Reason::MethodNotAllowed),
            (Self::Redirect, Verdict::Login(_) | Verdict::Cancel | Verdict::Unavailable) => Ok(()),
            (Self::Redirect, _) => Err(Reason::VerdictUnfit),
        }
    }
}

/// Goes on with what the person decided. Every step may be repeated: a form sent twice gives the
/// same session, the same consent and the same code. Each write is whole; sending the form again does
/// what is left.
pub(crate) async fn resume(
    core: &Core,
    http: &Request<'_>,
    token: &str,
    (door, verdict): (Door, Verdict),
    sessions: &Sessions,
) -> Result<Outcome, AuthorizeError> {
    door.lets(core, http, &verdict).map_err(PageError::from)?;
    let (asked, mut pending, browser) = reopen(core, http, token).await?;
    let mut cookies = Cookies::new();
    let present = match verdict {
        Verdict::Cancel => return Err(asked.fail(Reason::Cancelled)),
        Verdict::Unavailable => return Err(asked.fail(Reason::SignInUnavailable)),
        Verdict::Login(login) => {
            let own = matches!(sessions, Sessions::Own).then_some((&browser, &mut cookies));
            signed_in(core, http, &asked, &mut pending, &login, own).await
        }
        Verdict::Consent(agreement) => {
            let present = asked.present(core, http, sessions, &pending.steps).await;
            agreed(core, &asked, &mut pending, present, agreement).await
        }
        Verdict::SelectAccount(subject) => {
            selected(core, http, &asked, &mut pending, subject, (sessions, &mut cookies)).await
        }
    };
    // A cookie that replaces another one must arrive, whatever becomes of the rest.
    let present = match present {
        Ok(present) => present,
        Err(failure) => return Err(asked.fail(failure).with_headers(cookies)),
    };
    let kept = cookies.clone();
    let visit = Visit::Again { pending, browser };
    let outcome = asked.proceed(core, http, visit, present, cookies).await;
    outcome.map_err(|error| error.with_headers(kept))
}

/// Whether a form comes from the page of this interaction, in the browser that began it. Changes
/// nothing.
pub(crate) async fn check_form(
    core: &Core,
    http: &Request<'_>,
    token: &str,
) -> Result<(), PageError> {
    http.must_come_from(core.config.issuer.origin())?;
    Pending::open(core, token).await?.bound_to(core, http)?;
    Ok(())
}

/// Reads the token, and validates the request that it carries once more.
async fn reopen(
    core: &Core,
    http: &Request<'_>,
    token: &str,
) -> Result<(Asked, Pending, Handle), AuthorizeError> {
    let pending = Pending::open(core, token).await.map_err(PageError::from)?;
    let browser = pending.bound_to(core, http).map_err(PageError::from)?;
    let params = Params::parse(&[pending.query.as_bytes()]);
    let client = identify(core, &params, http.peer).await?;
    let asked = Asked::validate(core, client, &params)?;
    Ok((asked, pending, browser))
}

/// Signs the person in: with a session of the provider's, or by the word of a host that has its own.
async fn signed_in(
    core: &Core,
    http: &Request<'_>,
    asked: &Asked,
    pending: &mut Pending,
    login: &Login,
    own: Option<(&Handle, &mut Cookies)>,
) -> Result<Present, Failure> {
    must_be_fresh(core, asked, pending, login)?;
    let present = match own {
        Some((browser, cookies)) => {
            let keys = pending.keys(core)?;
            let fresh = grant::session_of_interaction(keys, pending.id(), browser, &login.subject);
            let sessions =
                session::sign_in(core, http, fresh, login, Some(&asked.client.id)).await?;
            cookies.extend(sessions.cookies(core));
            let wish = Wish { subject: Some(&login.subject), expected: None };
            Present::among(core, &asked.client, sessions, wish).await?
        }
        None => Present::by_host(core, &asked.client, login).await?,
    };
    pending.steps.signed_in = Some(login.subject.clone());
    pending.steps.person = Some(login.subject.clone());
    if present.subject() == Some(&login.subject) {
        let event = Event::new(What::SignedIn).client(&asked.client.id).subject(&login.subject);
        core.observer.observe(&event);
    }
    Ok(present)
}

/// A login that says when it was is as fresh as the client asks, at the latest when the interaction began: who
/// signs in elsewhere may have done so long ago, unasked ([OIDC Core §3.1.2.1]).
///
/// [OIDC Core §3.1.2.1]: https://openid.net/specs/openid-connect-core-1_0.html#AuthRequest
fn must_be_fresh(
    core: &Core,
    asked: &Asked,
    pending: &Pending,
    login: &Login,
) -> Result<(), Reason> {
    let Some((time, most)) = login.time.zip(asked.request.login_age()) else { return Ok(()) };
    let begun = pending.until - core.config.lifetimes.interaction;
    let since = |moment: Timestamp| moment.since(time);
    // Another clock is asked.
    let most = most.saturating_add(LEEWAY);
    let fresh = since(begun) <= most || since(core.clock.now()) <= most;
    if fresh { Ok(()) } else { Err(Reason::LoginTooOld) }
}

/// Takes note of what the person agreed to, if they are the one whom the page was made for.
async fn agreed(
    core: &Core,
    asked: &Asked,
    pending: &mut Pending,
    present: Result<Present, Failure>,
    agreement: Agreement,
) -> Result<Present, Failure> {
    let present = present?;
    let Some(subject) = present.subject() else { return Ok(present) };
    if pending.steps.person.as_ref() != Some(subject) {
        return Ok(present);
    }
    let agrees = |token: &str| token == "openid" || agreement.scope.contains(token);
    let scope = asked.request.scope.retain(agrees);
    if scope.is_empty() {
        return Err(Reason::Cancelled.into());
    }
    let agreement = Agreement { scope: scope.clone(), ..agreement };
    let rules = &core.config.claims;
    let claims = agreement.decide(rules, &asked.client, &asked.request);
    let basis = if agreement.remember {
        let answer = ConsentAnswer {
            client: &asked.client,
            asked: &asked.request.scope,
            agreed: &scope,
            claims: &claims,
        };
        ConsentBasis::Remembered(session::agree(core, subject, &answer).await?)
    } else {
        ConsentBasis::Once
    };
    let refused = claims.refused;
    pending.steps.agreed = Some(Agreed { subject: subject.clone(), scope, refused, basis });
    Ok(present)
}

/// Goes on with the account that was chosen, if it is signed in here; from now on it is the current one. If
/// it has ended meanwhile, they sign in again; whoever was never here cannot be chosen.
async fn selected(
    core: &Core,
    http: &Request<'_>,
    asked: &Asked,
    pending: &mut Pending,
    subject: Subject,
    (sessions, cookies): (&Sessions, &mut Cookies),
) -> Result<Present, Failure> {
    let wish = Wish { subject: Some(&subject), expected: None };
    let mut present = Present::at(core, http, &asked.client, sessions, wish).await?;
    if present.subject() == Some(&subject) {
        if let Some(sessions) = present.sessions.take() {
            let before = sessions.current().map(|current| current.subject().clone());
            let sessions = sessions.with_first(|session| *session.subject() == subject);
            if before.as_ref() != Some(&subject) {
                cookies.extend(sessions.cookies(core));
            }
            present.sessions = Some(sessions);
        }
        pending.steps.person = Some(subject.clone());
        pending.steps.selected = Some(subject);
    } else if present.accounts().contains(&subject) {
        pending.steps.person = Some(subject);
    } else {
        return asked.present(core, http, sessions, &pending.steps).await;
    }
    Ok(present)
}
