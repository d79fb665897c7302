use super::SessionRecord;
use crate::{
    error::{Failure, Reason},
    logout,
    provider::Core,
    store::{Commit, Expect, Key, Loaded, Step},
    types::Timestamp,
};

/// Ends a session; it stays, for its clients to be told and until it would have ended by itself.
/// Answers what it was, whoever has ended it; `None` if it is long gone.
///
/// Ending wins: it retries, and never claims a success that did not happen.
pub(crate) async fn end(
    core: &Core,
    key: &Key,
    now: Timestamp,
) -> Result<Option<SessionRecord>, Failure> {
    let mut announced = false;
    for _ in 0..16 {
        let Some(Loaded { body, version }) = core.load::<SessionRecord>(key).await? else {
            return Ok(None);
        };
        if body.ended_at().is_some() {
            return Ok(Some(body));
        }
        let tell = logout::to_be_told(core, &body.clients).await;
        if !tell.is_empty() && !announced {
            // Before the end, so that no crash leaves an end that nobody is told of.
            logout::announce(core, key).await?;
            announced = true;
        }
        let body = body.ended(&tell, now);
        let keep_until = body.keep_until(&core.config.lifetimes);
        let expect = Expect::Version(version);
        let step = Step { key, expect, body: &body, keep_until };
        if let Commit::Won(..) = core.commit(step, ()).await? {
            if !tell.is_empty() {
                core.waiting.wake();
            }
            return Ok(Some(body));
        }
    }
    Err(Reason::StoreFailed.into())
}
