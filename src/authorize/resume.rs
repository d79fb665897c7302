use super::{
    Asked, Cookies, Outcome, Sessions, Visit, identify,
    interaction::{Agreement, Verdict},
    pending::{Agreed, Pending},
    person::{Claim, Person},
};
use crate::{
    env::{Event, What},
    error::{AuthorizeError, Failure, PageError, Reason},
    grant::{self, ConsentBasis},
    provider::Core,
    secret::Handle,
    session::{self, ConsentAnswer, Login},
    wire::{Params, Request, set_cookie},
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
    let person = Person::at(core, http, &asked.client, sessions).await;
    let person = person.map_err(|failure| asked.fail(failure))?;
    asked.proceed(core, http, Visit::Again { pending, browser }, person, Cookies::new()).await
}

/// Goes on with what the person decided. Every step may be repeated: a form sent twice gives the
/// same session, the same consent and the same code. Each write is whole; sending the form again does
/// what is left.
pub(crate) async fn resume(
    core: &Core,
    http: &Request<'_>,
    token: &str,
    verdict: Verdict,
    sessions: &Sessions,
) -> Result<Outcome, AuthorizeError> {
    from_own_page(core, http).map_err(PageError::from)?;
    let (asked, mut pending, browser) = reopen(core, http, token).await?;
    let mut cookies = Cookies::new();
    let person = match verdict {
        Verdict::Cancel => return Err(asked.fail(Reason::Cancelled)),
        Verdict::Login(login) => {
            let own = matches!(sessions, Sessions::Own).then_some((&browser, &mut cookies));
            signed_in(core, http, &asked, &mut pending, &login, own).await
        }
        Verdict::Consent(agreement) => {
            let person = Person::at(core, http, &asked.client, sessions).await;
            agreed(core, &asked, &mut pending, person, agreement).await
        }
        Verdict::SelectAccount => {
            let person = Person::at(core, http, &asked.client, sessions).await;
            person.inspect(|person| selected(&mut pending, person.as_ref()))
        }
    };
    // A cookie that replaces another one must arrive, whatever becomes of the rest.
    let person = match person {
        Ok(person) => person,
        Err(failure) => return Err(asked.fail(failure).with_headers(cookies)),
    };
    let kept = cookies.clone();
    let visit = Visit::Again { pending, browser };
    let outcome = asked.proceed(core, http, visit, person, cookies).await;
    outcome.map_err(|error| error.with_headers(kept))
}

/// Whether a form comes from the page of this interaction, in the browser that began it. Changes
/// nothing.
pub(crate) async fn check_form(
    core: &Core,
    http: &Request<'_>,
    token: &str,
) -> Result<(), PageError> {
    from_own_page(core, http)?;
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

/// A form of another site is refused. Pages that send no referrer make browsers say `null`, so
/// `Sec-Fetch-Site` and the interaction's own cookie decide then.
fn from_own_page(core: &Core, http: &Request<'_>) -> Result<(), Reason> {
    let origins =
        http.header_all("origin").all(|o| o == "null" || o == core.config.issuer.origin());
    let site = http.header_all("sec-fetch-site").all(|s| matches!(s, "same-origin" | "none"));
    if origins && site { Ok(()) } else { Err(Reason::CrossOrigin) }
}

/// Signs the person in: with a session of the provider's, or by the word of a host that has its own.
async fn signed_in(
    core: &Core,
    http: &Request<'_>,
    asked: &Asked,
    pending: &mut Pending,
    login: &Login,
    own: Option<(&Handle, &mut Cookies)>,
) -> Result<Option<Person>, Failure> {
    let claim = match own {
        Some((browser, cookies)) => {
            let keys = pending.keys(core)?;
            let fresh = grant::session_of_interaction(keys, pending.id(), browser, &login.subject);
            let current = session::sign_in(core, http, fresh, login, core.clock.now()).await?;
            let cookie = set_cookie(&core.cookies.session, Some(&current.handle));
            cookies.push(("set-cookie", cookie.into()));
            Claim::Session(current)
        }
        None => Claim::by_host(login, core),
    };
    pending.steps.signed_in = Some(login.subject.clone());
    let person = Person::load(core, &asked.client, claim).await?;
    if person.is_some() {
        let event = Event::new(What::SignedIn).client(&asked.client.id).subject(&login.subject);
        core.observer.observe(&event);
    }
    Ok(person)
}

/// Takes note of what the person agreed to, if they are the one whom the page was made for.
async fn agreed(
    core: &Core,
    asked: &Asked,
    pending: &mut Pending,
    person: Result<Option<Person>, Failure>,
    agreement: Agreement,
) -> Result<Option<Person>, Failure> {
    let Some(person) = person? else { return Ok(None) };
    let subject = &person.signed_in.subject;
    if pending.steps.shown_to.as_ref() != Some(subject) {
        return Ok(Some(person));
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
    Ok(Some(person))
}

/// Takes note of the account that the person goes on with, if it is the one on the page.
fn selected(pending: &mut Pending, person: Option<&Person>) {
    let subject = person.map(|person| &person.signed_in.subject);
    if subject.is_some() && pending.steps.shown_to.as_ref() == subject {
        pending.steps.selected = subject.cloned();
    }
}
