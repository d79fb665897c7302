use serde::{Deserialize, Serialize};

use crate::{
    error::{Failure, Reason},
    provider::Core,
    store::{Commit, Expect, Key, Kind, Readable, Step, StoreError, Stored},
    types::{Issuer, Subject, Timestamp},
};

/// What all sessions and grants of a subject stand on: they carry the epoch that held when they were
/// made, and fall when it moves on. So revoking everything is one write, never a walk over a list.
///
/// The epoch is the time of the last revocation (at least one more than the one before), so that the
/// record may be forgotten once nothing made before it can live: absent is 0, and a later revocation
/// is above everything that was handed out.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Standing {
    v: u16,
    epoch: i64,
}

impl Stored for Standing {}

impl Readable for Standing {
    fn schema(&self) -> u16 {
        self.v
    }
}

impl Standing {
    pub(crate) fn key(issuer: &Issuer, subject: &Subject) -> Key {
        Key::new(Kind::Standing, issuer, &[subject.as_str().as_bytes()])
    }

    /// The epoch to carry now.
    pub(crate) fn epoch(standing: Option<&Self>) -> i64 {
        standing.map_or(0, |standing| standing.epoch)
    }

    /// Whether something made at this epoch still stands.
    pub(crate) fn holds(standing: Option<&Self>, epoch: i64) -> bool {
        epoch >= Self::epoch(standing)
    }
}

/// What has happened to a person's account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SubjectChange {
    /// Their password, or another way in, was changed.
    Credentials,
    /// It was disabled.
    Disabled,
    /// It is gone for good.
    Deleted,
}

/// Ends every session and grant of the subject.
pub(crate) async fn revoke_all(
    core: &Core,
    subject: &Subject,
    now: Timestamp,
) -> Result<(), Failure> {
    let key = Standing::key(&core.config.issuer, subject);
    // Revoking wins: it retries, and never claims a success that did not happen.
    for _ in 0..16 {
        let before = core.load::<Standing>(&key).await?;
        let epoch = before.as_ref().map_or(0, |b| b.body.epoch);
        let body = Standing { v: Standing::SCHEMA, epoch: now.unix().max(epoch.saturating_add(1)) };
        let expect = match &before {
            Some(before) => Expect::Version(before.version),
            None => Expect::Absent { labels: &[] },
        };
        let keep_until = now + core.config.longest_lifetime();
        let step = Step { key: &key, expect, body: &body, keep_until };
        if let Commit::Won(..) = core.commit(step, ()).await? {
            return Ok(());
        }
    }
    Err(Reason::StoreFailed.into())
}

/// The subject's standing now.
pub(crate) async fn standing(
    core: &Core,
    subject: &Subject,
) -> Result<Option<Standing>, StoreError> {
    let key = Standing::key(&core.config.issuer, subject);
    Ok(core.load::<Standing>(&key).await?.map(|record| record.body))
}
