//! What tidies up the listings.

use std::{sync::Arc, time::Instant};

use redis::aio::MultiplexedConnection;
use time::Duration;

use super::{
    layout::{Entry, Names},
    link::Link,
    scripts::SETTLED,
};
use crate::{
    store::{StoreError, bounded::Until},
    types::Timestamp,
};

/// How many entries are looked at together.
const TOGETHER: usize = 256;
/// How many keys the server goes through at once for indexes.
const SCANNED: usize = 512;

/// A walk through all indexes, which goes on where the last call stopped. Every node may have its own.
///
/// Records end by themselves, and leave entries behind that name nothing; these are taken away here, by the rules
/// of [`Scripts`](super::scripts::Scripts).
#[derive(Debug, Default)]
pub(super) struct Sweep {
    /// Where the server's own walk through its keys stands.
    cursor: u64,
    /// Whether that has come to its end.
    scanned: bool,
    /// Indexes that it has come to.
    found: Vec<String>,
    /// The last entry that was looked at of the last one of them.
    after: Option<Vec<u8>>,
}

impl Sweep {
    /// Goes on until it is time, to the limit or to the end; answers how many entries it has taken away.
    pub(super) async fn go_on(
        &mut self,
        (link, names): (&Arc<Link>, &Names),
        until: Until,
        stop: Instant,
        (now, limit): (Timestamp, u32),
    ) -> Result<u32, StoreError> {
        let (mut left, settled) = (limit, now - Duration::seconds(SETTLED));
        while left > 0 && Instant::now() < stop {
            if let Some(index) = self.found.last().cloned() {
                let removed = self.look_at(&index, (link, names), until, (settled, left)).await?;
                left = left.saturating_sub(removed);
            } else if self.scanned {
                *self = Self::default();
                break;
            } else {
                self.scan((link, names), until).await?;
            }
        }
        Ok(limit - left)
    }

    async fn scan(
        &mut self,
        (link, names): (&Arc<Link>, &Names),
        until: Until,
    ) -> Result<(), StoreError> {
        let mut scan = redis::cmd("SCAN");
        scan.arg(self.cursor).arg("MATCH").arg(names.indexes());
        scan.arg("COUNT").arg(SCANNED).arg("TYPE").arg("zset");
        let ask = |mut at: MultiplexedConnection| async move { scan.query_async(&mut at).await };
        let (cursor, found): (u64, Vec<String>) = link.ask(until, ask).await?;
        (self.cursor, self.scanned) = (cursor, cursor == 0);
        self.found.extend(found);
        Ok(())
    }

    /// Some entries of an index: of those that are settled and whose records are not there, at most so many go.
    async fn look_at(
        &mut self,
        index: &str,
        (link, names): (&Arc<Link>, &Names),
        until: Until,
        (settled, limit): (Timestamp, u32),
    ) -> Result<u32, StoreError> {
        let after = self.after.as_ref().map_or(b"-".to_vec(), |last| [b"(", &**last].concat());
        let mut range = redis::cmd("ZRANGEBYLEX");
        range.arg(index).arg(after).arg("+").arg("LIMIT").arg(0).arg(TOGETHER);
        let ask = |mut at: MultiplexedConnection| async move { range.query_async(&mut at).await };
        let entries: Vec<Vec<u8>> = link.ask(until, ask).await?;

        let (mut candidates, mut look) = (Vec::new(), redis::pipe());
        for member in &entries {
            let Some(entry) = Entry::read(member).filter(|entry| entry.made < settled) else {
                continue;
            };
            if let Some(record) = names.entered(index, &entry) {
                look.exists(record);
                candidates.push(member);
            }
        }
        let mut gone = Vec::new();
        if !candidates.is_empty() {
            let ask =
                |mut at: MultiplexedConnection| async move { look.query_async(&mut at).await };
            let there: Vec<bool> = link.ask(until, ask).await?;
            let looked_for = candidates.into_iter().zip(there);
            gone.extend(looked_for.filter(|(_, there)| !there).map(|(member, _)| member));
        }
        // What is too much now is looked at again.
        let too_much = gone.len() > limit as usize;
        gone.truncate(limit as usize);
        let last = if too_much { gone.last().copied() } else { entries.get(TOGETHER - 1) };
        let last = last.cloned();
        let mut removed = 0;
        if !gone.is_empty() {
            let mut remove = redis::cmd("ZREM");
            remove.arg(index).arg(gone);
            let ask =
                |mut at: MultiplexedConnection| async move { remove.query_async(&mut at).await };
            removed = link.ask(until, ask).await?;
        }
        self.after = last;
        if self.after.is_none() {
            self.found.pop();
        }
        Ok(removed)
    }
}
