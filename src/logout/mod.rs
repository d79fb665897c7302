//! The end of a session, and whom it must be told.
//!
//! The endpoint to which clients send people to sign out, in this order:
//!
//! | step | file | on failure |
//! |---|---|---|
//! | parse | `request.rs` | page |
//! | validate: client, ID token, where to go on | here | page |
//! | decide | `decide.rs` | the host's page asks (`confirmation.rs`), and comes back |
//! | end | here, `session/end.rs` | page; the session is still there |
//! | respond: a redirect, or a page with frames | `signed_out.rs`, `front_channel.rs` | |
//!
//! What is to be told by the back channel is announced (`outbox.rs`) before a session ends, and sent
//! (`delivery.rs`, `back_channel.rs`) by whichever node comes to it.

mod back_channel;
mod confirmation;
mod decide;
mod delivery;
mod front_channel;
mod outbox;
mod request;
mod signed_out;
mod traffic;

pub use confirmation::{LogoutConfirmation, LogoutVerdict};
pub(crate) use confirmation::{answer, revisit};
pub(crate) use delivery::deliver;
pub(crate) use outbox::{LastRound, announce, to_be_told};
pub use signed_out::SignedOut;

use self::{
    confirmation::Question,
    decide::{Decision, Here, decide},
    request::{GoOn, LogoutRequest},
};
use crate::{
    authorize::{self, Cookies, IssuedIdToken, Outcome},
    claims,
    client::{Client, KnownClient},
    env::{Event, What},
    error::{Failure, PageError, Reason},
    jose::{self, JoseFault, Jws},
    provider::Core,
    secret::Digest,
    session::{self, BrowserSessions, SessionRecord, sid},
    store::Key,
    wire::{Params, Reply, Request, form_post_again},
};

/// The logout endpoint ([RP-Initiated Logout §2]).
///
/// [RP-Initiated Logout §2]: https://openid.net/specs/openid-connect-rpinitiated-1_0.html#RPLogout
pub(crate) async fn end_session(core: &Core, http: &Request<'_>) -> Result<Outcome, PageError> {
    if !matches!(http.method, "GET" | "POST") {
        return Err(Reason::MethodNotAllowed.into());
    }
    if core.config.limits.exceeded_by(http) {
        return Err(Reason::BodyTooLarge.into());
    }
    let params = http.query_and_form().and_then(Params::bounded)?;
    let request = LogoutRequest::parse(&params)?;
    let (leaving, hint) = validate(core, http, &request).await?;
    // Lax cookies do not come with a POST from another site, but they do with one from our own page.
    let again = request.again && http.must_come_from(core.config.issuer.origin()).is_ok();
    if http.method == "POST" && !again && !core.cookies.session.was_sent(http) {
        return Ok(Outcome::Reply(once_more(core, &request)));
    }
    let sessions = BrowserSessions::of(core, http).await.map_err(Failure::from)?;
    let here = facts(core, &sessions, leaving.client.as_deref(), hint.as_ref())?;
    let at = |place| sessions.iter().nth(place).map(|session| session.key);
    match decide(&here) {
        Decision::End(place) => {
            let keys: Vec<_> = at(place).into_iter().collect();
            let (ended, remaining) = end(core, sessions, &keys).await?;
            Ok(leaving.left(core, &ended, &remaining).await)
        }
        Decision::Ask(place) => {
            let first = at(place);
            let sessions = match first {
                Some(first) => sessions.with_first(|session| session.key == first),
                None => sessions,
            };
            let question = Question::about(core, &sessions, &leaving, request.logout_hint);
            let token = question.seal(core)?;
            let confirmation = question.ask(token, &sessions, leaving);
            Ok(Outcome::ConfirmLogout(Box::new(confirmation)))
        }
        // §4: it is no error that nobody is signed in. §3: without a hint nobody is sent on unasked.
        Decision::Nobody => {
            let mut outcome = match hint {
                Some(_) => leaving.left(core, &[], &sessions).await,
                None => leaving.said(&sessions),
            };
            // What the browser holds opens nothing any more. One that sent nothing may hold something else.
            if core.cookies.session.was_sent(http)
                && let Some(headers) = headers_of(&mut outcome)
            {
                headers.extend(sessions.cookies(core));
            }
            Ok(outcome)
        }
    }
}

fn headers_of(outcome: &mut Outcome) -> Option<&mut Cookies> {
    match outcome {
        Outcome::Reply(reply) => Some(&mut reply.headers),
        Outcome::SignedOut(signed_out) => Some(&mut signed_out.headers),
        _ => None,
    }
}

/// The page that has the browser send the form again.
fn once_more(core: &Core, request: &LogoutRequest) -> Reply {
    let pairs = request.once_more();
    let pairs: Vec<_> = pairs.iter().map(|(name, value)| (*name, &**value)).collect();
    form_post_again(&core.endpoints.at(&core.endpoints.end_session), &pairs)
}

/// A request to sign out, as far as it is proven: who makes it, and where it goes on.
struct Leaving {
    client: Option<KnownClient>,
    go_on: Option<GoOn>,
    ui_locales: Vec<Box<str>>,
}

/// The client, the ID token that it was issued, and where it wants people to go on ([RP-Initiated Logout
/// §4]: what is not right is not used, and leads nowhere).
///
/// [RP-Initiated Logout §4]: https://openid.net/specs/openid-connect-rpinitiated-1_0.html#ValidationAndErrorHandling
async fn validate(
    core: &Core,
    http: &Request<'_>,
    request: &LogoutRequest,
) -> Result<(Leaving, Option<IssuedIdToken>), PageError> {
    let hint = request.id_token_hint.as_deref();
    let id = match (request.client_id.as_deref(), hint) {
        (Some(id), _) => Some(id.to_owned()),
        (None, Some(hint)) => Some(audience(hint)?),
        (None, None) => None,
    };
    let client = match id {
        Some(id) => Some(authorize::named(core, &id, http.peer).await?),
        None => None,
    };
    let hint = match (&client, hint) {
        (Some(client), Some(hint)) => Some(issued(core, client, hint)?),
        _ => None,
    };
    let go_on = match (&client, request.post_logout_redirect_uri.as_deref()) {
        (_, None) => None,
        (None, Some(_)) => return Err(Reason::PostLogoutClientMissing.into()),
        (Some(client), Some(uri)) => {
            let registered = &client.metadata.post_logout_redirect_uris;
            Some(GoOn::verify(registered, uri, request.state.as_deref())?)
        }
    };
    Ok((Leaving { client, go_on, ui_locales: request.ui_locales.clone() }, hint))
}

/// Whose ID token it says it is. One that is encrypted does not: then the client must say so itself.
fn audience(hint: &str) -> Result<String, Failure> {
    let invalid = |fault: JoseFault| Failure::caused(Reason::LogoutHintInvalid, fault);
    if jose::is_jwe(hint) {
        return Err(invalid(JoseFault::Key));
    }
    let token = Jws::parse(hint).map_err(invalid)?;
    token.unvouched_audience().ok_or_else(|| invalid(JoseFault::Claims("aud")))
}

/// The ID token, if it is one of this provider for this client; it may have expired.
fn issued(core: &Core, client: &Client, hint: &str) -> Result<IssuedIdToken, Failure> {
    authorize::issued_id_token(core, client, hint).map_err(|fault| {
        let another = matches!(fault, JoseFault::Claims("aud"));
        let reason = if another { Reason::LogoutClientDiffers } else { Reason::LogoutHintInvalid };
        Failure::caused(reason, fault)
    })
}

/// What the ID token says of each session at the browser.
fn facts(
    core: &Core,
    sessions: &BrowserSessions,
    client: Option<&Client>,
    hint: Option<&IssuedIdToken>,
) -> Result<Vec<Here>, Failure> {
    let fact = |session: &session::Current| {
        let (Some(client), Some(hint)) = (client, hint) else { return Ok(Here::default()) };
        let digest = Digest::from(*session.key.hash());
        Ok(Here {
            hinted: hint.sid.as_ref().is_some_and(|hinted| *hinted == sid(&digest, &client.id)),
            named: claims::sub(core, client, session.subject())? == hint.sub,
        })
    };
    sessions.iter().map(fact).collect()
}

/// A session that is over, and what is known of it.
struct Ended {
    session: Digest,
    record: SessionRecord,
}

/// Ends these sessions, one after the other; answers what they were, and who is left. On a failure those
/// that have ended are over, the browser keeps the others, and asking again does the rest.
async fn end(
    core: &Core,
    sessions: BrowserSessions,
    keys: &[Key],
) -> Result<(Vec<Ended>, BrowserSessions), PageError> {
    let mut ended = Vec::with_capacity(keys.len());
    for (done, key) in keys.iter().enumerate() {
        match session::end(core, key, core.clock.now()).await {
            Ok(Some(record)) => {
                core.observer.observe(&Event::new(What::SignedOut).subject(&record.subject));
                ended.push(Ended { session: Digest::from(*key.hash()), record });
            }
            Ok(None) => {}
            Err(failure) if done == 0 => return Err(failure.into()),
            Err(failure) => {
                let over = keys.split_at(done).0;
                let left = sessions.without(over).cookies(core);
                return Err(PageError::from(failure).with_headers(left));
            }
        }
    }
    Ok((ended, sessions.without(keys)))
}

impl Leaving {
    /// The answer once these sessions have ended: it goes on, if there is somewhere to go.
    async fn left(self, core: &Core, ended: &[Ended], remaining: &BrowserSessions) -> Outcome {
        let location = self.go_on.as_ref().map(GoOn::location);
        let headers = if ended.is_empty() { Cookies::new() } else { remaining.cookies(core) };
        let signed_out = SignedOut {
            ended: ended.iter().map(|ended| ended.record.subject.clone()).collect(),
            frames: front_channel::frames(core, ended).await,
            redirect: None,
            headers,
            ..self.signed_out(remaining)
        };
        match location {
            Some(location) => Outcome::Reply(signed_out.going_on(location)),
            None => Outcome::SignedOut(Box::new(signed_out)),
        }
    }

    /// The answer where nothing ends: it says so. Whoever is not signed in any more may go on by a link.
    fn said(self, remaining: &BrowserSessions) -> Outcome {
        let redirect = self.go_on.as_ref().map(GoOn::location);
        let redirect = redirect.filter(|_| remaining.current().is_none());
        Outcome::SignedOut(Box::new(SignedOut { redirect, ..self.signed_out(remaining) }))
    }

    fn signed_out(self, remaining: &BrowserSessions) -> SignedOut {
        SignedOut {
            ended: Vec::new(),
            remaining: remaining.subjects(),
            frames: Vec::new(),
            redirect: None,
            client: self.client,
            ui_locales: self.ui_locales,
            headers: Cookies::new(),
        }
    }
}

/// Signs out everybody at a browser, by a button of the host's own.
pub(crate) async fn sign_out(core: &Core, http: &Request<'_>) -> Result<SignedOut, Failure> {
    let sessions = BrowserSessions::of(core, http).await?;
    let keys: Vec<_> = sessions.iter().map(|session| session.key).collect();
    let (ended, remaining) = end(core, sessions, &keys).await.map_err(PageError::into_failure)?;
    let leaving = Leaving { client: None, go_on: None, ui_locales: Vec::new() };
    Ok(SignedOut {
        ended: ended.iter().map(|ended| ended.record.subject.clone()).collect(),
        frames: front_channel::frames(core, &ended).await,
        headers: remaining.cookies(core),
        ..leaving.signed_out(&remaining)
    })
}
