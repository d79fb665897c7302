use super::{Grant, Status, Why};
use crate::{
    error::{Failure, Reason},
    mint::AccessToken,
    provider::Core,
    store::{Commit, Expect, Key, Loaded, Step},
    types::Timestamp,
};

/// Ends the grant. Answers it, if it was this that ended it.
pub(crate) async fn revoke(
    core: &Core,
    key: &Key,
    loaded: Loaded<Grant>,
    why: Why,
    now: Timestamp,
) -> Result<Option<Grant>, Failure> {
    narrow(core, key, loaded, |grant| grant.revoked(now, why)).await
}

/// Ends one of the grant's access tokens.
pub(crate) async fn drop_token(
    core: &Core,
    key: &Key,
    loaded: Loaded<Grant>,
    token: &AccessToken,
    now: Timestamp,
) -> Result<Option<Grant>, Failure> {
    narrow(core, key, loaded, |grant| grant.dropped(token, now)).await
}

/// Revoking wins: it retries, and says 503 rather than claim a success that did not happen.
async fn narrow(
    core: &Core,
    key: &Key,
    mut loaded: Loaded<Grant>,
    step: impl Fn(Grant) -> Grant,
) -> Result<Option<Grant>, Failure> {
    for _ in 0..16 {
        if loaded.body.status != Status::Active {
            return Ok(None);
        }
        let body = step(loaded.body);
        let expect = Expect::Version(loaded.version);
        let commit = Step { key, expect, body: &body, keep_until: body.expires };
        if let Commit::Won(..) = core.commit(commit, ()).await? {
            return Ok(Some(body));
        }
        match core.load(key).await? {
            Some(again) => loaded = again,
            None => return Ok(None),
        }
    }
    Err(Reason::StoreFailed.into())
}
