use serde::{Deserialize, Serialize};
use time::Duration;

use crate::types::{ClientId, Timestamp};

/// The clients that know of a session, and once it has ended, which of them have heard of that. All
/// three logouts of OpenID Connect are worked off from it.
///
/// A client enters before its code or token leaves, so none is missed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Ledger(Vec<Entry>);

/// A client that knows of the session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) client: ClientId,
    /// What has become of the news; none, if the session goes on or the client need not be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) delivery: Option<Delivery>,
}

/// What has become of a logout token for one client ([OIDC Back-Channel Logout §2.5]).
///
/// [OIDC Back-Channel Logout §2.5]: https://openid.net/specs/openid-connect-backchannel-1_0.html#BCRequest
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Delivery {
    /// It is to be sent, again after so many attempts in vain.
    Due {
        attempts: u8,
        next: Timestamp,
    },
    Delivered,
    /// It could not be delivered in time.
    GivenUp,
}

/// How long it takes at least until something is tried again.
const SOON: Duration = Duration::seconds(30);

impl Delivery {
    /// After an attempt in vain at this time, of a session that ended then: again after a while that
    /// grows fourfold from half a minute to two hours, or no more.
    pub(crate) fn in_vain(attempts: u8, ended: Timestamp, now: Timestamp) -> Self {
        let wait = SOON * 4_i32.saturating_pow(attempts.into());
        let next = now + wait.min(Duration::hours(2));
        Self::again(attempts.saturating_add(1), next, ended)
    }

    /// When an attempt could not be made: soon, and no attempt is counted.
    pub(crate) fn put_off(attempts: u8, ended: Timestamp, now: Timestamp) -> Self {
        Self::again(attempts, now + SOON, ended)
    }

    fn again(attempts: u8, next: Timestamp, ended: Timestamp) -> Self {
        if next < ended + Ledger::TOLD_WITHIN {
            Self::Due { attempts, next }
        } else {
            Self::GivenUp
        }
    }
}

impl Ledger {
    /// More clients than a person uses in one session; one more, and they sign in anew.
    pub(crate) const MOST: usize = 1000;

    /// How long it is tried to tell a client.
    pub(crate) const TOLD_WITHIN: Duration = Duration::days(1);

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.0.len() >= Self::MOST
    }

    pub(crate) fn contains(&self, client: &ClientId) -> bool {
        self.0.iter().any(|entry| entry.client == *client)
    }

    /// With this client; `None` if it is there already.
    pub(super) fn with(&self, client: &ClientId) -> Option<Self> {
        if self.contains(client) {
            return None;
        }
        let mut entries = self.0.clone();
        entries.push(Entry { client: client.clone(), delivery: None });
        Some(Self(entries))
    }

    /// With this client, if there is one.
    pub(super) fn entered(self, client: Option<&ClientId>) -> Self {
        client.and_then(|client| self.with(client)).unwrap_or(self)
    }

    /// With these of its clients to be told, from now on.
    pub(super) fn telling(mut self, tell: &[ClientId], now: Timestamp) -> Self {
        for entry in &mut self.0 {
            let due = tell.contains(&entry.client);
            entry.delivery = due.then_some(Delivery::Due { attempts: 0, next: now });
        }
        self
    }

    /// The clients, the first one first.
    pub(crate) fn clients(&self) -> impl Iterator<Item = &ClientId> {
        self.0.iter().map(|entry| &entry.client)
    }

    /// Those that are to be told now, and after how many attempts.
    pub(crate) fn due(&self, now: Timestamp) -> impl Iterator<Item = (&ClientId, u8)> {
        self.0.iter().filter_map(move |entry| match entry.delivery {
            Some(Delivery::Due { attempts, next }) if next <= now => {
                Some((&entry.client, attempts))
            }
            _ => None,
        })
    }

    /// When there is something to do again; `None` when all is done.
    pub(crate) fn next(&self) -> Option<Timestamp> {
        let next = self.0.iter().filter_map(|entry| match entry.delivery {
            Some(Delivery::Due { next, .. }) => Some(next),
            _ => None,
        });
        next.min()
    }

    /// What has become of the news for a client. What was delivered stays so, whatever another node says
    /// of an attempt of its own.
    pub(crate) fn note(&mut self, client: &ClientId, delivery: Delivery) {
        let mut entries = self.0.iter_mut();
        let due = entries.find(|e| e.client == *client && e.delivery != Some(Delivery::Delivered));
        if let Some(entry) = due {
            entry.delivery = Some(delivery);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);

    fn client(name: &str) -> ClientId {
        ClientId::new(name).unwrap()
    }

    #[test]
    fn only_who_is_to_be_told_is_due() {
        let ledger = Ledger::default().with(&client("a")).unwrap().with(&client("b")).unwrap();
        assert!(ledger.with(&client("a")).is_none());
        assert_eq!((ledger.due(NOW).count(), ledger.next()), (0, None), "the session goes on");
        let mut ledger = ledger.telling(&[client("b"), client("c")], NOW);
        assert_eq!(ledger.due(NOW).collect::<Vec<_>>(), [(&client("b"), 0)]);
        ledger.note(&client("b"), Delivery::in_vain(0, NOW, NOW));
        let next = NOW + Duration::seconds(30);
        assert_eq!((ledger.due(NOW).count(), ledger.next()), (0, Some(next)));
        assert_eq!(ledger.due(next).collect::<Vec<_>>(), [(&client("b"), 1)]);
        ledger.note(&client("b"), Delivery::Delivered);
        assert_eq!((ledger.due(next).count(), ledger.next()), (0, None));
        ledger.note(&client("b"), Delivery::in_vain(1, NOW, NOW));
        assert_eq!(ledger.next(), None, "delivered is delivered");
    }

    #[test]
    fn attempts_grow_apart_and_end() {
        let (mut now, mut delivery, mut waits) = (NOW, Delivery::in_vain(0, NOW, NOW), Vec::new());
        while let Delivery::Due { attempts, next } = delivery {
            waits.push(next.since(now).whole_seconds());
            now = next;
            delivery = Delivery::in_vain(attempts, NOW, now);
        }
        assert_eq!(waits[..5], [30, 120, 480, 1920, 7200]);
        assert!(waits[5..].iter().all(|wait| *wait == 7200));
        assert_eq!(delivery, Delivery::GivenUp);
        assert!(now < NOW + Ledger::TOLD_WITHIN && waits.len() < 20, "{}", waits.len());

        // What could not even be tried keeps its attempts, and ends in time all the same.
        let next = NOW + Duration::seconds(30);
        assert_eq!(Delivery::put_off(7, NOW, NOW), Delivery::Due { attempts: 7, next });
        let late = NOW + Ledger::TOLD_WITHIN - Duration::seconds(30);
        assert_eq!(Delivery::put_off(7, NOW, late), Delivery::GivenUp);
    }
}
