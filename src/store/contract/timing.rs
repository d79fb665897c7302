//! How long it takes.

use std::{slice::from_ref, time::Duration};

use super::{
    Broken, require,
    stage::{Stage, done, now, race},
};
use crate::store::Kind;

/// Every call, 64 at a time. What is found out is the [`Stage`]'s to tell, of this check as of any other.
pub(super) fn ends_in_time(stage: &Stage) -> Result<(), Broken> {
    let label = stage.label();
    race(64, |_| {
        let (key, first) = stage.created(&[label], *b"one")?;
        stage.get(&key)?;
        stage.get_many(from_ref(&key))?;
        let next = stage.record(*b"two");
        done(stage.replace(&key, first.version, &next)?, "the present version")?;
        stage.list(Kind::Grant, &label, 100)?;
        done(stage.delete(&key, &next.version)?, "a delete")?;
        stage.purge(now(), 1)
    })?;
    Ok(())
}

impl Stage {
    pub(super) fn ended_within(&self, deadline: Duration) -> Result<(), Broken> {
        let slowest = self.slowest();
        require(slowest <= deadline, format!("a call took {slowest:?}, more than {deadline:?}"))
    }
}
