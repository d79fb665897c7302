//! What changes something at the server, and in which order.

use redis::{FromRedisValue, RedisResult, Script, aio::MultiplexedConnection};

use super::layout;
use crate::store::{Record, Version};

/// The steps that change something. Each touches one key, the one that it is told.
///
/// # An entry before its record
///
/// A record and the indexes that name it lie in different places, and no step can touch both. A listing must not
/// miss a record, and what stands in an index without a record must go some day. Four rules see to both:
///
/// 1. Whoever creates a record *enters* it first, in every index. That gives the entry the server's time and
///    takes the place of an older entry for the same record: there is one for each, and it is named by its time.
/// 2. The record is written only within [`WINDOW`] of the first of these times, by the server's clock. A writer that
///    paused for longer, wherever that was, writes nothing.
/// 3. An entry is taken away only if it is [`SETTLED`] and its record was looked for after the entry was read, and
///    is not there.
/// 4. It is taken away together with its time, as that very entry.
///
/// So no record is without its entry. Say an entry made at `t` was read, and then its record was not there at `c`.
/// If a record comes after `c`, its writer has entered it within the window before, later than `t`, since `t` was
/// settled by then: that is another entry, and it either took the place of the one that was read or comes
/// after it has gone. Taking away the old one changes nothing in either case. A record that was deleted and is created
/// anew is entered anew, so nothing else is known of it.
///
/// The times are compared on one clock, or on those of machines of which one takes over from another: these may
/// differ by almost two minutes.
pub(super) struct Scripts {
    enter: Script,
    put: Script,
    delete: Script,
}

/// How many seconds after its entry a record may be written.
const WINDOW: u32 = 10;
/// How many seconds after it was made an entry may be taken away.
pub(super) const SETTLED: i64 = 120;

/// Answers the server's time in seconds.
///
/// The new entry comes first: if the server refuses it, for want of memory or of permission, the older one stands,
/// which may be that of a record. One too many would do no harm.
const ENTER: &str = r"
    local now = redis.call('TIME')[1]
    local hash, new = ARGV[1], ARGV[1] .. now
    redis.call('ZADD', KEYS[1], 0, new)
    redis.call('ZREMRANGEBYLEX', KEYS[1], '[' .. hash, '(' .. new)
    redis.call('ZREMRANGEBYLEX', KEYS[1], '(' .. new, '(' .. hash .. '\255')
    return now
";

/// The present version (none: empty), the record, its end; and when it was entered, if it was, with the window.
const PUT: &str = r"
    if redis.call('GETRANGE', KEYS[1], 0, 15) ~= ARGV[1] then
        return 0
    end
    if ARGV[4] and math.abs(redis.call('TIME')[1] - ARGV[4]) > tonumber(ARGV[5]) then
        return -1
    end
    redis.call('SET', KEYS[1], ARGV[2], 'PXAT', ARGV[3])
    return 1
";

const DELETE: &str = r"
    if redis.call('GETRANGE', KEYS[1], 0, 15) ~= ARGV[1] then
        return 0
    end
    redis.call('DEL', KEYS[1])
    return 1
";

/// What became of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Made {
    Done,
    Conflict,
    /// Nothing was written: the record comes too long after its entry.
    TooLate,
}

impl FromRedisValue for Made {
    fn from_redis_value(value: redis::Value) -> Result<Self, redis::ParsingError> {
        Ok(match i8::from_redis_value(value)? {
            1 => Self::Done,
            0 => Self::Conflict,
            _ => Self::TooLate,
        })
    }
}

impl Scripts {
    pub(super) fn new() -> Self {
        Self { enter: Script::new(ENTER), put: Script::new(PUT), delete: Script::new(DELETE) }
    }

    /// Has the server learn them, which shows whether it would run them.
    pub(super) async fn load(&self, connection: &mut MultiplexedConnection) -> RedisResult<()> {
        for script in [&self.enter, &self.put, &self.delete] {
            script.load_async(connection).await?;
        }
        Ok(())
    }

    /// Enters a record in an index; answers when that was.
    pub(super) async fn enter(
        &self,
        connection: &mut MultiplexedConnection,
        index: &str,
        hash: &[u8; 32],
    ) -> RedisResult<i64> {
        self.enter.key(index).arg(hash).invoke_async(connection).await
    }

    /// Replaces the version that is expected; what is to be new may have been entered before.
    pub(super) async fn put(
        &self,
        connection: &mut MultiplexedConnection,
        name: &str,
        expected: Option<Version>,
        record: &Record,
        entered: Option<i64>,
    ) -> RedisResult<Made> {
        let expected = expected.as_ref().map_or(&[][..], |version| version.as_bytes());
        let mut put = self.put.key(name);
        put.arg(expected).arg(layout::write(record)).arg(layout::forget_at(record));
        if let Some(entered) = entered {
            put.arg(entered).arg(WINDOW);
        }
        put.invoke_async(connection).await
    }

    pub(super) async fn delete(
        &self,
        connection: &mut MultiplexedConnection,
        name: &str,
        version: &Version,
    ) -> RedisResult<Made> {
        self.delete.key(name).arg(version.as_bytes()).invoke_async(connection).await
    }
}
