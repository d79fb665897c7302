//! The drivers by themselves, with the one statement that the stores send to replace a record.

use std::{
    error::Error,
    sync::{Mutex, PoisonError},
};

use async_trait::async_trait;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use oidc_op::store::{Key, Record, Version};
use rusqlite::{Connection, params};
use tokio_postgres::{Client, NoTls, Statement};

use crate::engine::{Engine, Place};

/// Replaces records that a store has made.
#[async_trait]
pub(crate) trait Raw: Send + Sync {
    async fn replace(&self, task: usize, key: &Key, from: Version, to: &Record) -> bool;
}

/// None where there is no driver.
pub(crate) async fn open(
    engine: Engine,
    place: &Place,
) -> Result<Option<Box<dyn Raw>>, Box<dyn Error>> {
    Ok(match engine {
        Engine::Memory => None,
        Engine::Sqlite => Some(Box::new(Sqlite::open(place)?)),
        Engine::Postgres => Some(Box::new(Postgres::open(place).await?)),
        Engine::Redis => Some(Box::new(Redis::open(place).await?)),
    })
}

/// One connection, since there is one writer at a time; each statement is a transaction.
struct Sqlite(Mutex<Connection>);

impl Sqlite {
    fn open(place: &Place) -> Result<Self, Box<dyn Error>> {
        let connection = Connection::open(place.file())?;
        connection.pragma_update(None, "synchronous", "full")?;
        connection.busy_timeout(std::time::Duration::from_secs(5))?;
        Ok(Self(Mutex::new(connection)))
    }
}

#[async_trait]
impl Raw for Sqlite {
    async fn replace(&self, _: usize, key: &Key, from: Version, to: &Record) -> bool {
        let connection = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut statement = connection
            .prepare_cached(
                "UPDATE record SET version = ?1, keep_until = ?2, body = ?3
                 WHERE kind = ?4 AND hash = ?5 AND version = ?6",
            )
            .expect("the table is there");
        let (version, until) = (to.version.as_bytes(), to.keep_until.unix());
        let named = (key.kind().as_str(), key.hash(), from.as_bytes());
        let replaced =
            statement.execute(params![version, until, &*to.body, named.0, named.1, named.2]);
        replaced.expect("nobody else writes") == 1
    }
}

/// As many connections as the store has.
struct Postgres(Vec<(Client, Statement)>);

impl Postgres {
    async fn open(place: &Place) -> Result<Self, Box<dyn Error>> {
        let mut clients = Vec::new();
        for _ in 0..16 {
            let (client, connection) = tokio_postgres::connect(&place.url(), NoTls).await?;
            tokio::spawn(connection);
            let statement = client
                .prepare(
                    "UPDATE oidc_op_record SET version = $1, keep_until = $2, hour = $3, body = $4
                     WHERE kind = $5 AND hash = $6 AND version = $7",
                )
                .await?;
            clients.push((client, statement));
        }
        Ok(Self(clients))
    }
}

#[async_trait]
impl Raw for Postgres {
    async fn replace(&self, task: usize, key: &Key, from: Version, to: &Record) -> bool {
        let (client, statement) = &self.0[task % self.0.len()];
        let until = to.keep_until.unix();
        let (version, from) = (to.version.as_bytes().as_slice(), from.as_bytes().as_slice());
        let (kind, hash) = (key.kind().as_str(), key.hash().as_slice());
        let replaced = client
            .execute(
                statement,
                &[&version, &until, &(until / 3600), &&*to.body, &kind, &hash, &from],
            )
            .await;
        replaced.expect("the table is there") == 1
    }
}

/// One connection that all share.
struct Redis {
    connection: redis::aio::MultiplexedConnection,
    script: redis::Script,
}

impl Redis {
    async fn open(place: &Place) -> Result<Self, Box<dyn Error>> {
        let client = redis::Client::open(place.url())?;
        let connection = client.get_multiplexed_async_connection().await?;
        let script = redis::Script::new(
            "if redis.call('GETRANGE', KEYS[1], 0, 15) ~= ARGV[1] then return 0 end
             redis.call('SET', KEYS[1], ARGV[2], 'PXAT', ARGV[3])
             return 1",
        );
        Ok(Self { connection, script })
    }
}

#[async_trait]
impl Raw for Redis {
    async fn replace(&self, _: usize, key: &Key, from: Version, to: &Record) -> bool {
        let name =
            format!("oidc-op:{}:{}", key.kind().as_str(), URL_SAFE_NO_PAD.encode(key.hash()));
        let until = to.keep_until.unix();
        let value = [to.version.as_bytes().as_slice(), &until.to_be_bytes(), &to.body].concat();
        let mut call = self.script.key(name);
        call.arg(from.as_bytes()).arg(value).arg((until + 7200) * 1000);
        let mut connection = self.connection.clone();
        call.invoke_async::<i64>(&mut connection).await.expect("it is there") == 1
    }
}
