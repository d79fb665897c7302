use serde::{Deserialize, Serialize};

use super::subject_label;
use crate::{
    error::{Failure, Reason},
    provider::Core,
    store::{Commit, Expect, Key, Kind, Step, Stored},
    types::{ClientId, Issuer, Scope, Subject, Timestamp},
};

/// What a person has agreed that a client may have, remembered.
///
/// A withdrawn one stays as a tombstone; agreeing again begins a new epoch, on which the old grants
/// do not stand.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Consent {
    v: u16,
    scope: Scope,
    epoch: i64,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    withdrawn: bool,
    until: Timestamp,
}

impl Stored for Consent {
    fn schema(&self) -> u16 {
        self.v
    }
}

impl Consent {
    pub(crate) fn key(issuer: &Issuer, subject: &Subject, client: &ClientId) -> Key {
        let id = [client.as_str().as_bytes(), subject.as_str().as_bytes()];
        Key::new(Kind::Consent, issuer, &id)
    }

    /// Whether it is in force.
    pub(crate) fn live(&self, now: Timestamp) -> bool {
        !self.withdrawn && now < self.until
    }

    /// Whether it covers all of the scope.
    pub(crate) fn covers(&self, scope: &Scope, now: Timestamp) -> bool {
        self.live(now) && scope.is_subset(&self.scope)
    }

    /// The epoch that grants made on it carry.
    pub(crate) fn epoch(&self) -> i64 {
        self.epoch
    }
}

/// Remembers an agreement: of what was asked now only what was agreed to, and what was agreed to
/// before. Answers its epoch.
pub(crate) async fn agree(
    core: &Core,
    subject: &Subject,
    (client, asked): (&ClientId, &Scope),
    agreed: &Scope,
) -> Result<i64, Failure> {
    let now = core.clock.now();
    let key = Consent::key(&core.config.issuer, subject, client);
    let labels = [subject_label(&core.config.issuer, subject)];
    for _ in 0..16 {
        let before = core.load::<Consent>(&key).await?;
        let (expect, epoch, scope) = match &before {
            None => (Expect::Absent { labels: &labels }, now.unix(), agreed.clone()),
            Some(b) if b.body.live(now) => {
                let kept =
                    b.body.scope.retain(|token| !asked.contains(token) || agreed.contains(token));
                let scope = kept.union(agreed);
                if scope == b.body.scope {
                    return Ok(b.body.epoch);
                }
                (Expect::Version(b.version), b.body.epoch, scope)
            }
            Some(b) => {
                let epoch = now.unix().max(b.body.epoch.saturating_add(1));
                (Expect::Version(b.version), epoch, agreed.clone())
            }
        };
        let until = now + core.config.lifetimes.consent;
        let body = Consent { v: Consent::SCHEMA, scope, epoch, withdrawn: false, until };
        let step = Step { key: &key, expect, body: &body, keep_until: until };
        if let Commit::Won(..) = core.commit(step, ()).await? {
            return Ok(epoch);
        }
    }
    Err(Reason::StoreFailed.into())
}

/// Takes an agreement back, and with it every grant that stands on it. The tombstone keeps the epoch,
/// so that agreeing again begins a later one.
pub(crate) async fn withdraw(
    core: &Core,
    subject: &Subject,
    client: &ClientId,
    now: Timestamp,
) -> Result<(), Failure> {
    let key = Consent::key(&core.config.issuer, subject, client);
    for _ in 0..16 {
        let Some(before) = core.load::<Consent>(&key).await? else { return Ok(()) };
        if before.body.withdrawn {
            return Ok(());
        }
        let scope = Scope::default();
        let body = Consent { withdrawn: true, scope, ..before.body };
        let keep_until = now + core.config.lifetimes.longest();
        let expect = Expect::Version(before.version);
        let step = Step { key: &key, expect, body: &body, keep_until };
        if let Commit::Won(..) = core.commit(step, ()).await? {
            return Ok(());
        }
    }
    Err(Reason::StoreFailed.into())
}
