use serde::{Deserialize, Serialize};

use super::subject_label;
use crate::{
    client::Client,
    error::{Failure, Reason},
    provider::Core,
    store::{Commit, Cursor, Expect, Key, Kind, Readable, Step, Stored},
    types::{ClientId, Issuer, Scope, Subject, Timestamp},
};

/// What a person has agreed that a client may have, remembered.
///
/// A withdrawn one stays as a tombstone; agreeing again begins a new epoch, on which the old grants
/// do not stand.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Consent {
    v: u16,
    client: ClientId,
    /// [`Client::epoch`] then: another client of the same name was not agreed to.
    ///
    /// [`Client::epoch`]: crate::Client::epoch
    #[serde(default, skip_serializing_if = "is_first")]
    client_epoch: u32,
    scope: Scope,
    /// The claims that they agreed to, by the scope or singly.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    claims: Vec<Box<str>>,
    /// Claims that they keep back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    refused: Vec<Box<str>>,
    epoch: i64,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    withdrawn: bool,
    until: Timestamp,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_first(epoch: &u32) -> bool {
    *epoch == 0
}

impl Stored for Consent {}

impl Readable for Consent {
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

    /// Whether it says, of all of the scope and of each claim, yes or no to this client.
    pub(crate) fn covers<'c>(
        &self,
        client: &Client,
        scope: &Scope,
        mut claims: impl Iterator<Item = &'c str>,
        now: Timestamp,
    ) -> bool {
        let said = |name: &str| {
            let mut said = self.claims.iter().chain(&self.refused);
            said.any(|claim| **claim == *name)
        };
        self.live(now)
            && self.client_epoch == client.epoch
            && scope.is_subset(&self.scope)
            && claims.all(said)
    }

    /// The claims that the person keeps back.
    pub(crate) fn refused(&self) -> &[Box<str>] {
        &self.refused
    }

    /// The epoch that grants made on it carry.
    pub(crate) fn epoch(&self) -> i64 {
        self.epoch
    }
}

/// What a person has agreed that a client may have, and has not taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HeldConsent {
    /// Who may have it.
    pub client: ClientId,
    /// What it covers.
    pub scope: Scope,
    /// The claims that it covers, by the scope or singly.
    pub claims: Vec<Box<str>>,
    /// Claims that the person keeps back.
    pub refused: Vec<Box<str>>,
    /// When it ends by itself.
    pub until: Timestamp,
}

/// A page of consents.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct HeldConsents {
    /// The consents, in no particular order; perhaps none although there is a next page.
    pub consents: Vec<HeldConsent>,
    /// Where the next page begins; `None` after the last one.
    pub next: Option<Cursor>,
}

/// The consents of a person that are in force.
pub(crate) async fn consents(
    core: &Core,
    subject: &Subject,
    after: Option<&Cursor>,
    limit: u32,
) -> Result<HeldConsents, Failure> {
    let label = subject_label(&core.config.issuer, subject);
    let listing = core.store.list(Kind::Consent, &label, after, limit).await?;
    let now = core.clock.now();
    let mut consents = Vec::new();
    for key in &listing.keys {
        let Some(loaded) = core.load::<Consent>(key).await? else { continue };
        if loaded.body.live(now) {
            let Consent { client, scope, claims, refused, until, .. } = loaded.body;
            consents.push(HeldConsent { client, scope, claims, refused, until });
        }
    }
    Ok(HeldConsents { consents, next: listing.next })
}

/// Which claims a person has decided on, and how.
#[derive(Debug)]
pub(crate) struct DecidedClaims {
    pub(crate) agreed: Vec<Box<str>>,
    pub(crate) refused: Vec<Box<str>>,
}

/// What a person was asked, and what they said.
#[derive(Debug)]
pub(crate) struct ConsentAnswer<'a> {
    pub(crate) client: &'a Client,
    pub(crate) asked: &'a Scope,
    pub(crate) agreed: &'a Scope,
    pub(crate) claims: &'a DecidedClaims,
}

impl ConsentAnswer<'_> {
    /// What holds afterwards: of what was decided now only that, and what was said before of the
    /// rest.
    fn after(&self, before: Option<&Consent>) -> (Scope, Vec<Box<str>>, Vec<Box<str>>) {
        let DecidedClaims { agreed, refused } = self.claims;
        let (mut claims, mut refused) = (agreed.clone(), refused.clone());
        let mut scope = self.agreed.clone();
        if let Some(before) = before {
            let kept = |token: &str| !self.asked.contains(token) || self.agreed.contains(token);
            scope = before.scope.retain(kept).union(self.agreed);
            let is_decided = |name: &str| {
                let mut decided = self.claims.agreed.iter().chain(&self.claims.refused);
                decided.any(|claim| **claim == *name)
            };
            claims.extend(before.claims.iter().filter(|claim| !is_decided(claim)).cloned());
            refused.extend(before.refused.iter().filter(|claim| !is_decided(claim)).cloned());
        }
        claims.sort_unstable();
        refused.sort_unstable();
        (scope, claims, refused)
    }
}

/// Remembers an agreement. Answers its epoch.
pub(crate) async fn agree(
    core: &Core,
    subject: &Subject,
    answer: &ConsentAnswer<'_>,
) -> Result<i64, Failure> {
    let now = core.clock.now();
    let key = Consent::key(&core.config.issuer, subject, &answer.client.id);
    let labels = [subject_label(&core.config.issuer, subject)];
    for _ in 0..16 {
        let before = core.load::<Consent>(&key).await?;
        let client_epoch = answer.client.epoch;
        let holds = |body: &Consent| body.live(now) && body.client_epoch == client_epoch;
        let live = before.as_ref().map(|b| &b.body).filter(|body| holds(body));
        let (scope, claims, refused) = answer.after(live);
        let (expect, epoch) = match &before {
            None => (Expect::Absent { labels: &labels }, now.unix()),
            Some(b) if holds(&b.body) => {
                let same =
                    scope == b.body.scope && claims == b.body.claims && refused == b.body.refused;
                if same {
                    return Ok(b.body.epoch);
                }
                (Expect::Version(b.version), b.body.epoch)
            }
            Some(b) => {
                let epoch = now.unix().max(b.body.epoch.saturating_add(1));
                (Expect::Version(b.version), epoch)
            }
        };
        let until = now + core.config.lifetimes.consent;
        let body = Consent {
            v: Consent::SCHEMA,
            client: answer.client.id.clone(),
            client_epoch,
            scope,
            claims,
            refused,
            epoch,
            withdrawn: false,
            until,
        };
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
        let (claims, refused) = (Vec::new(), Vec::new());
        let body = Consent { withdrawn: true, scope, claims, refused, ..before.body };
        let keep_until = now + core.config.longest_lifetime();
        let expect = Expect::Version(before.version);
        let step = Step { key: &key, expect, body: &body, keep_until };
        if let Commit::Won(..) = core.commit(step, ()).await? {
            return Ok(());
        }
    }
    Err(Reason::StoreFailed.into())
}
