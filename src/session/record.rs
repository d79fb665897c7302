use serde::{Deserialize, Serialize};
use serde_json::Map;
use time::Duration;

use super::{Ledger, Standing};
use crate::{
    config::Lifetimes,
    secret::Digest,
    store::{Readable, Stored},
    types::{Authentication, ClientId, Subject, Timestamp},
};

/// A person signed in at one browser. The cookie holds the record's id and a secret; signing in again
/// changes the secret and keeps the record.
///
/// Once ended, it is what there is to tell: see [`Ledger`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct SessionRecord {
    v: u16,
    digest: Digest,
    pub(crate) subject: Subject,
    pub(crate) subject_epoch: i64,
    pub(crate) auth: Authentication,
    /// When the person first signed in.
    pub(crate) began: Timestamp,
    /// When it was last used, as far as [`used`](Self::used) wrote it down.
    pub(crate) used: Timestamp,
    /// What the host calls the browser.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) device: Option<Box<str>>,
    state: State,
    /// When it ends if it is not used.
    idle_until: Timestamp,
    /// When it ends whatever happens.
    until: Timestamp,
    /// The clients that know of it.
    #[serde(default, skip_serializing_if = "Ledger::is_empty")]
    pub(crate) clients: Ledger,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum State {
    Active,
    Ended {
        at: Timestamp,
        /// Until when one node alone tells the clients.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        lease: Option<Timestamp>,
    },
}

impl Stored for SessionRecord {}

impl Readable for SessionRecord {
    fn schema(&self) -> u16 {
        self.v
    }
}

/// Who has just been authenticated, for a session.
#[derive(Debug)]
pub(crate) struct Authenticated<'a> {
    pub(crate) subject: &'a Subject,
    pub(crate) subject_epoch: i64,
    pub(crate) auth: Authentication,
    pub(crate) device: Option<&'a str>,
    /// The client whose request they signed in for, if it was for one's.
    pub(crate) client: Option<&'a ClientId>,
}

impl SessionRecord {
    /// A new session.
    pub(super) fn begin(
        secret: Digest,
        person: Authenticated<'_>,
        lifetimes: &Lifetimes,
        now: Timestamp,
    ) -> Self {
        Self {
            v: Self::SCHEMA,
            digest: secret,
            subject: person.subject.clone(),
            subject_epoch: person.subject_epoch,
            auth: person.auth,
            began: now,
            used: now,
            device: person.device.map(Into::into),
            state: State::Active,
            idle_until: now + lifetimes.session_idle,
            until: now + lifetimes.session,
            clients: Ledger::default().entered(person.client),
        }
    }

    /// The same session after another authentication: with another secret, and what it was used for.
    pub(super) fn again(
        self,
        secret: Digest,
        person: Authenticated<'_>,
        lifetimes: &Lifetimes,
        now: Timestamp,
    ) -> Self {
        let (device, clients) = (self.device.clone(), self.clients.entered(person.client));
        let begun = Self::begin(secret, person, lifetimes, now);
        Self { began: self.began, device: begun.device.or(device), clients, ..begun }
    }

    /// After a use by this client; `None` if there is nothing to write down: it is known, and the
    /// session would not idle much longer.
    pub(super) fn used(
        &self,
        client: &ClientId,
        lifetimes: &Lifetimes,
        now: Timestamp,
    ) -> Option<Self> {
        let idle_until = self.idle_until.max(now + lifetimes.session_idle);
        let moves = idle_until.since(self.idle_until) > lifetimes.session_idle / 10;
        let clients = self.clients.with(client);
        if clients.is_none() && !moves {
            return None;
        }
        let clients = clients.unwrap_or_else(|| self.clients.clone());
        Some(Self { used: now, idle_until, clients, ..self.clone() })
    }

    /// After its end, with these clients to be told, and nothing that is only said of somebody signed in.
    pub(super) fn ended(self, tell: &[ClientId], now: Timestamp) -> Self {
        let clients = self.clients.telling(tell, now);
        let auth = Authentication { claims: Map::new(), ..self.auth };
        Self { state: State::Ended { at: now, lease: None }, auth, clients, ..self }
    }

    /// When it was ended; `None` if it was not, whether it has run out or not.
    pub(crate) fn ended_at(&self) -> Option<Timestamp> {
        match self.state {
            State::Active => None,
            State::Ended { at, .. } => Some(at),
        }
    }

    /// An ended one that nobody else works on for so long; `None` if somebody does, or it has not ended.
    pub(crate) fn leased(&self, lease: Duration, now: Timestamp) -> Option<Self> {
        match self.state {
            State::Ended { at, lease: held } if held.is_none_or(|held| held <= now) => {
                let state = State::Ended { at, lease: Some(now + lease) };
                Some(Self { state, ..self.clone() })
            }
            _ => None,
        }
    }

    /// The same, with other news of its clients; and free for everybody, unless that lease has run out and
    /// somebody else works on it.
    pub(crate) fn told(&self, clients: Ledger, lease: Timestamp) -> Self {
        let state = match self.state {
            State::Ended { at, lease: Some(held) } if held == lease => {
                State::Ended { at, lease: None }
            }
            state => state,
        };
        Self { state, clients, ..self.clone() }
    }

    /// When it ends by itself.
    pub(crate) fn expires(&self) -> Timestamp {
        self.until.min(self.idle_until)
    }

    /// Whether it has neither ended nor run out; what its subject stands on is another question.
    pub(crate) fn open(&self, now: Timestamp) -> bool {
        self.state == State::Active && now < self.expires()
    }

    /// Whether the person is still signed in.
    pub(crate) fn live(&self, standing: Option<&Standing>, now: Timestamp) -> bool {
        self.open(now) && Standing::holds(standing, self.subject_epoch)
    }

    /// Whether the secret is its.
    pub(super) fn has_secret(&self, secret: &Digest) -> bool {
        self.digest.same(secret.as_bytes())
    }

    /// It is kept until it would end by itself, for as long as its cookie could be derived again, and as
    /// long as there are clients to be told.
    pub(crate) fn keep_until(&self, lifetimes: &Lifetimes) -> Timestamp {
        let derivable = self.auth.time + lifetimes.interaction;
        let telling = self.ended_at().map_or(Timestamp::MIN, |at| at + Ledger::TOLD_WITHIN);
        self.until.max(derivable).max(telling)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lifetimes() -> Lifetimes {
        Lifetimes {
            session: Duration::hours(10),
            session_idle: Duration::hours(1),
            ..Lifetimes::default()
        }
    }

    fn begun(now: Timestamp) -> SessionRecord {
        let subject = Subject::new("alice").unwrap();
        let auth = Authentication::at(now);
        let person = Authenticated {
            subject: &subject,
            subject_epoch: 0,
            auth,
            device: Some("Lynx"),
            client: None,
        };
        SessionRecord::begin(Digest::of(b"secret"), person, &lifetimes(), now)
    }

    const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);

    fn client(name: &str) -> ClientId {
        ClientId::new(name).unwrap()
    }

    #[test]
    fn idles_and_ends() {
        let session = begun(NOW);
        let minutes = |n| NOW + Duration::minutes(n);
        assert!(session.open(minutes(59)) && !session.open(minutes(60)));
        // a use within a tenth of the idle time is not worth a write
        let session = session.used(&client("app"), &lifetimes(), NOW).expect("a new client");
        assert!(session.used(&client("app"), &lifetimes(), minutes(6)).is_none());
        let later = session.used(&client("app"), &lifetimes(), minutes(7)).expect("it moves");
        assert!(later.open(minutes(66)) && !later.open(minutes(67)));
        assert_eq!((later.began, later.used), (NOW, minutes(7)));
        // whatever is done, it ends in the end
        let mut session = session;
        for n in 0..20 {
            let now = minutes(30 * n);
            if session.open(now) {
                session = session.used(&client("app"), &lifetimes(), now).unwrap_or(session);
            }
        }
        assert!(session.open(minutes(599)) && !session.open(minutes(600)));
    }

    #[test]
    fn ended_it_can_be_leased_by_one() {
        let session = begun(NOW);
        let lease = Duration::seconds(60);
        assert!(session.leased(lease, NOW).is_none(), "it has not ended");
        let ended = session.ended(&[], NOW);
        assert_eq!(ended.ended_at(), Some(NOW));
        assert!(!ended.open(NOW));
        let leased = ended.leased(lease, NOW).expect("free");
        assert!(leased.leased(lease, NOW + Duration::seconds(59)).is_none());
        assert!(leased.leased(lease, NOW + Duration::seconds(60)).is_some(), "its node died");
        let given_back = leased.told(Ledger::default(), NOW + lease);
        assert!(given_back.leased(lease, NOW).is_some(), "given back");
        let later = leased.leased(lease, NOW + lease).expect("its node died");
        let late = later.told(Ledger::default(), NOW + lease);
        assert!(late.leased(lease, NOW + lease).is_none(), "somebody else has it now");
    }

    #[test]
    fn another_authentication_keeps_what_it_was_used_for() {
        let session = begun(NOW).used(&client("app"), &lifetimes(), NOW).unwrap();
        let (subject, now) = (session.subject.clone(), NOW + Duration::minutes(30));
        let auth = Authentication::at(now);
        let person =
            Authenticated { subject: &subject, subject_epoch: 3, auth, device: None, client: None };
        let again = session.again(Digest::of(b"other"), person, &lifetimes(), now);
        assert!(
            again.has_secret(&Digest::of(b"other")) && !again.has_secret(&Digest::of(b"secret"))
        );
        assert_eq!((again.began, again.subject_epoch), (NOW, 3));
        assert_eq!(again.device.as_deref(), Some("Lynx"));
        assert!(again.clients.with(&client("app")).is_none(), "the ledger is kept");
        assert!(again.open(now + Duration::minutes(59)));
    }
}
