use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};

use super::{Ended, GoOn, Leaving, end};
use crate::{
    authorize::Outcome,
    client::{Client, KnownClient},
    error::{Failure, HostError, PageError, Reason},
    provider::Core,
    secret::{Digest, SealKind, open, random, seal},
    session::{self, BrowserSessions, SessionRecord},
    store::Key,
    types::{ClientId, Subject, Timestamp},
    wire::Request,
};

/// The question whether to sign out ([RP-Initiated Logout §2]); nothing has ended yet.
///
/// The host shows it on a page of its own, and comes back with [`Provider::logout`](crate::Provider::logout)
/// and what the person decided. The token is the whole memory of it: put it into the page's address, and
/// into its form. It is of use only in the browser whose sessions it is about.
///
/// [RP-Initiated Logout §2]: https://openid.net/specs/openid-connect-rpinitiated-1_0.html#RPLogout
#[non_exhaustive]
pub struct LogoutConfirmation {
    /// What names the question; letters, digits, `-` and `_`.
    pub token: String,
    /// Who asks; none, if the client did not say. Without an ID token anybody can say it.
    pub client: Option<Arc<Client>>,
    /// Where the person goes afterwards, for people: a host, or the scheme of an app.
    pub return_host: Option<String>,
    /// Everybody who is signed in at this browser. The first one is whom it is about: the one whom the client
    /// named by an ID token, or else the current account.
    pub accounts: Vec<Subject>,
    /// What the client says of whom it means, in words that it and the host have agreed on; not looked at.
    pub logout_hint: Option<Box<str>>,
    /// The languages for the page, best first, as BCP 47 tags.
    pub ui_locales: Vec<Box<str>>,
}

impl fmt::Debug for LogoutConfirmation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogoutConfirmation")
            .field("client", &self.client.as_ref().map(|client| &client.id))
            .field("accounts", &self.accounts)
            .finish_non_exhaustive()
    }
}

/// What the person decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LogoutVerdict {
    /// The first of [`LogoutConfirmation::accounts`] signs out.
    SignOut,
    /// Everybody at this browser signs out.
    SignOutAll,
    /// They stay signed in.
    Stay,
}

/// The question, as its token carries it.
///
/// Sealed, not stored, so that a request without proof costs no write. It gives no right to anything:
/// whoever answers it must have the cookie of the session.
#[derive(Serialize, Deserialize)]
pub(super) struct Question {
    until: Timestamp,
    /// The sessions that it is about, by the hashes of their keys; the first one ends.
    sessions: Vec<Digest>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    client: Option<ClientId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    uri: Option<Box<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    state: Option<Box<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    logout_hint: Option<Box<str>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    ui_locales: Vec<Box<str>>,
}

impl Question {
    /// About these sessions, the first one first.
    pub(super) fn about(
        core: &Core,
        sessions: &BrowserSessions,
        leaving: &Leaving,
        logout_hint: Option<Box<str>>,
    ) -> Self {
        let go_on = leaving.go_on.clone();
        let (uri, state) = go_on.map(|go_on| (go_on.uri, go_on.state)).unzip();
        Self {
            until: core.clock.now() + core.config.lifetimes.interaction,
            sessions: sessions.iter().map(|session| Digest::from(*session.key.hash())).collect(),
            client: leaving.client.as_ref().map(|client| client.id.clone()),
            uri,
            state: state.flatten(),
            logout_hint,
            ui_locales: leaving.ui_locales.clone(),
        }
    }

    /// What the host is asked to show.
    pub(super) fn ask(
        self,
        token: String,
        sessions: &BrowserSessions,
        leaving: Leaving,
    ) -> LogoutConfirmation {
        LogoutConfirmation {
            token,
            return_host: leaving.go_on.as_ref().map(GoOn::host),
            client: leaving.client,
            accounts: sessions.subjects(),
            logout_hint: self.logout_hint,
            ui_locales: self.ui_locales,
        }
    }

    /// The token that names it: all of it.
    pub(super) fn seal(&self, core: &Core) -> Result<String, Failure> {
        let mut plain = serde_json::to_vec(self).map_err(HostError::from)?;
        while plain.len() % 3 != 1 {
            plain.push(b' ');
        }
        let salt = random(&*core.entropy)?;
        let token = seal(SealKind::Logout, core.first_keys(), &core.config.issuer, salt, &plain);
        // It stands in an address.
        if token.len() > core.config.limits.query {
            Err(Reason::BodyTooLarge.into())
        } else {
            Ok(token)
        }
    }

    fn open(core: &Core, token: &str) -> Result<Self, Reason> {
        let issuer = &core.config.issuer;
        let (_, opened) =
            open(SealKind::Logout, &core.keys, issuer, token).ok_or(Reason::LogoutInvalid)?;
        let question: Self = serde_json::from_slice(&opened).map_err(|_| Reason::LogoutInvalid)?;
        if question.until <= core.clock.now() {
            return Err(Reason::LogoutExpired);
        }
        Ok(question)
    }

    /// Who asked, and where it goes on, as far as that is still so: nobody is kept signed in because a client has
    /// changed.
    async fn leaving(&self, core: &Core) -> Result<Leaving, Failure> {
        let client = match &self.client {
            Some(id) => core.client(id).await?.filter(|client| client.enabled),
            None => None,
        };
        let verify = |client: &KnownClient| {
            let registered = &client.metadata.post_logout_redirect_uris;
            GoOn::verify(registered, self.uri.as_deref()?, self.state.as_deref()).ok()
        };
        let go_on = client.as_ref().and_then(verify);
        Ok(Leaving { client, go_on, ui_locales: self.ui_locales.clone() })
    }

    /// The key of the session that it is about.
    fn first(&self) -> Result<Key, Reason> {
        self.sessions.first().map(session::key_of).ok_or(Reason::LogoutInvalid)
    }
}

/// What has become of a session that a question is about.
enum Found {
    /// It goes on, at this browser.
    Here,
    /// It is over; what is known of it, if anything.
    Over(Option<SessionRecord>),
    /// It goes on at another browser.
    Elsewhere,
}

async fn find(core: &Core, sessions: &BrowserSessions, key: &Key) -> Result<Found, Failure> {
    if sessions.iter().any(|session| session.key == *key) {
        return Ok(Found::Here);
    }
    let record = core.load::<SessionRecord>(key).await?.map(|loaded| loaded.body);
    let open = record.as_ref().is_some_and(|record| record.open(core.clock.now()));
    Ok(if open { Found::Elsewhere } else { Found::Over(record) })
}

/// Shows the question again: after a redirect to its page, a reload, or the back button. If the session
/// is over, there is nothing left to ask.
pub(crate) async fn revisit(
    core: &Core,
    http: &Request<'_>,
    token: &str,
) -> Result<Outcome, PageError> {
    let question = Question::open(core, token)?;
    let leaving = question.leaving(core).await?;
    let sessions = BrowserSessions::of(core, http).await.map_err(Failure::from)?;
    let first = question.first()?;
    match find(core, &sessions, &first).await? {
        Found::Here => {
            let sessions = sessions.with_first(|session| session.key == first);
            let confirmation = question.ask(token.to_owned(), &sessions, leaving);
            Ok(Outcome::ConfirmLogout(Box::new(confirmation)))
        }
        Found::Over(_) => Ok(leaving.said(&sessions)),
        Found::Elsewhere => Err(Reason::LogoutElsewhere.into()),
    }
}

/// Does what the person decided. The same form sent twice gives the same answer.
pub(crate) async fn answer(
    core: &Core,
    http: &Request<'_>,
    token: &str,
    verdict: LogoutVerdict,
) -> Result<Outcome, PageError> {
    if http.method != "POST" {
        return Err(Reason::MethodNotAllowed.into());
    }
    http.must_come_from(core.config.issuer.origin())?;
    let question = Question::open(core, token)?;
    let leaving = question.leaving(core).await?;
    let sessions = BrowserSessions::of(core, http).await.map_err(Failure::from)?;
    let first = question.first()?;
    if matches!(find(core, &sessions, &first).await?, Found::Elsewhere) {
        return Err(Reason::LogoutElsewhere.into());
    }
    let mut keys = vec![first];
    match verdict {
        LogoutVerdict::Stay => return Ok(leaving.said(&sessions)),
        LogoutVerdict::SignOut => {}
        LogoutVerdict::SignOutAll => {
            let asked = question.sessions.iter().skip(1).map(session::key_of);
            keys.extend(asked);
            let others = sessions.iter().map(|session| session.key);
            let others: Vec<_> = others.filter(|key| !keys.contains(key)).collect();
            keys.extend(others);
        }
    }
    // Those that have ended already: their clients are told once more, since the page that was to tell them
    // may never have been seen.
    let mut over = Vec::new();
    for key in &keys {
        if let Found::Over(Some(record)) = find(core, &sessions, key).await? {
            over.push(Ended { session: Digest::from(*key.hash()), record });
        }
    }
    let here = |key: &Key| sessions.iter().any(|session| session.key == *key);
    keys.retain(here);
    let (mut ended, remaining) = end(core, sessions, &keys).await?;
    ended.extend(over);
    Ok(leaving.left(core, &ended, &remaining).await)
}
