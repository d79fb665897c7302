use std::time::Instant;

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
    /// Goes on until it is time, or to the end; answers how many entries it has taken away.
    pub(super) async fn go_on(
        &mut self,
        (link, names): (&Link, &Names),
        until: Until,
        stop: Instant,
        now: Timestamp,
    ) -> Result<u32, StoreError> {
        let mut removed = 0_u32;
        while Instant::now() < stop {
            if let Some(index) = self.found.last().cloned() {
                let settled = now - Duration::seconds(SETTLED);
                removed += self.look_at(&index, (link, names), until, settled).await?;
            } else if self.scanned {
                *self = Self::default();
                break;
            } else {
                self.scan((link, names), until).await?;
            }
        }
        Ok(removed)
    }

    async fn scan(
        &mut self,
        (link, names): (&Link, &Names),
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

    /// Some entries of an index: those that are settled and whose records are not there go.
    async fn look_at(
        &mut self,
        index: &str,
        (link, names): (&Link, &Names),
        until: Until,
        settled: Timestamp,
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
        let mut removed = 0;
        if !candidates.is_empty() {
            let ask =
                |mut at: MultiplexedConnection| async move { look.query_async(&mut at).await };
            let there: Vec<bool> = link.ask(until, ask).await?;
            let gone = candidates.into_iter().zip(there).filter(|(_, there)| !there);
            let gone: Vec<_> = gone.map(|(member, _)| member.as_slice()).collect();
            if !gone.is_empty() {
                let mut remove = redis::cmd("ZREM");
                remove.arg(index).arg(gone);
                let ask = |mut at: MultiplexedConnection| async move {
                    remove.query_async(&mut at).await
                };
                removed = link.ask(until, ask).await?;
            }
        }
        self.after = entries.into_iter().nth(TOGETHER - 1);
        if self.after.is_none() {
            self.found.pop();
        }
        Ok(removed)
    }
}
