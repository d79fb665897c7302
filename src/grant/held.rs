use std::{fmt, str::FromStr};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use super::{Facts, Grant, Standings, Status, Why, revoke};
use crate::{
    error::{Failure, Reason},
    provider::Core,
    session::subject_label,
    store::{Cursor, Key, Kind},
    types::{ClientId, Resource, Scope, Subject, Timestamp},
};

/// Names a grant to the person who made it, on a page that lists them. It opens nothing: whoever has it
/// can neither use the grant nor end it for somebody else.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct GrantId([u8; 32]);

impl fmt::Display for GrantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl fmt::Debug for GrantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GrantId({self})")
    }
}

/// The text is not the name of a grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is not the name of a grant")]
pub struct InvalidGrantId;

impl FromStr for GrantId {
    type Err = InvalidGrantId;

    fn from_str(text: &str) -> Result<Self, InvalidGrantId> {
        let mut bytes = [0; 32];
        match URL_SAFE_NO_PAD.decode_slice(text, &mut bytes) {
            Ok(32) => Ok(Self(bytes)),
            _ => Err(InvalidGrantId),
        }
    }
}

/// What a person has given a client and not taken back: an app or a device, for a page that lists them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HeldGrant {
    /// Its name.
    pub id: GrantId,
    /// Who has it.
    pub client: ClientId,
    /// What it covers.
    pub scope: Scope,
    /// The APIs that it is for.
    pub resources: Vec<Resource>,
    /// When it was given.
    pub made: Timestamp,
    /// When it was last used to get tokens, as far as that is known.
    pub used: Timestamp,
    /// When it ends by itself, if it is not used before.
    pub expires: Timestamp,
    /// Whether the client can renew its tokens.
    pub renewable: bool,
    /// Whether it goes on when the browser session ends.
    pub offline: bool,
}

/// A page of grants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct HeldGrants {
    /// The grants, in no particular order; perhaps none although there is a next page.
    pub grants: Vec<HeldGrant>,
    /// Where the next page begins; `None` after the last one.
    pub next: Option<Cursor>,
}

/// The grants of a person that still stand.
pub(crate) async fn held(
    core: &Core,
    subject: &Subject,
    after: Option<&Cursor>,
    limit: u32,
) -> Result<HeldGrants, Failure> {
    let label = subject_label(&core.config.issuer, subject);
    let listing = core.store.list(Kind::Grant, &label, after, limit).await?;
    let now = core.clock.now();
    let mut grants = Vec::new();
    for key in &listing.keys {
        let Some(loaded) = core.load::<Grant>(key).await? else { continue };
        let grant = loaded.body;
        let redeemed = grant.ticket.as_ref().is_none_or(|ticket| !ticket.is_pending());
        let over = grant.status != Status::Active || grant.expires <= now || !redeemed;
        if over || grant.subject != *subject {
            continue;
        }
        let client = match core.client(&grant.client).await {
            Ok(Some(client)) => client,
            Ok(None) => continue,
            // It may stand: somebody else's web server hides no grant from who has given it.
            Err(failure) if failure.reason == Reason::ClientDocumentFailed => {
                grants.push(HeldGrant::of(*key, grant, now));
                continue;
            }
            Err(failure) => return Err(failure),
        };
        let facts = Facts::load(core, &grant, Standings::Refresh, &[]).await?;
        if grant.stands(&client, &facts, Standings::Refresh, now).is_ok() {
            grants.push(HeldGrant::of(*key, grant, now));
        }
    }
    Ok(HeldGrants { grants, next: listing.next })
}

/// Ends one of a person's grants; somebody else's stays. Answers whether there was one to end.
pub(crate) async fn revoke_held(
    core: &Core,
    subject: &Subject,
    id: GrantId,
) -> Result<Option<Grant>, Failure> {
    let key = Key::from_parts(Kind::Grant, id.0);
    let Some(loaded) = core.load::<Grant>(&key).await? else { return Ok(None) };
    if loaded.body.subject != *subject {
        return Ok(None);
    }
    revoke(core, &key, loaded, Why::Owner, core.clock.now()).await
}

/// Ends all of a person's grants one after the other, so that nothing stays in them of the person's sign-ins.
pub(crate) async fn revoke_all_held(core: &Core, subject: &Subject) -> Result<(), Failure> {
    let label = subject_label(&core.config.issuer, subject);
    let mut after = None;
    loop {
        let listing = core.store.list(Kind::Grant, &label, after.as_ref(), 100).await?;
        for key in listing.keys {
            revoke_held(core, subject, GrantId(*key.hash())).await?;
        }
        match listing.next {
            Some(next) => after = Some(next),
            None => return Ok(()),
        }
    }
}

impl HeldGrant {
    fn of(key: Key, grant: Grant, now: Timestamp) -> Self {
        let refresh = grant.refresh.as_ref().filter(|refresh| refresh.live(now));
        Self {
            id: GrantId(*key.hash()),
            used: refresh.map_or(grant.made, |refresh| refresh.rotated_at),
            expires: refresh.map_or(grant.expires, |refresh| refresh.idle_until),
            renewable: refresh.is_some(),
            client: grant.client,
            scope: grant.scope,
            resources: grant.resources,
            made: grant.made,
            offline: grant.offline,
        }
    }
}
