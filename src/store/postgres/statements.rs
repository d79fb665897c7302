//! What is asked of the server: one statement per call, each a transaction of its own.

use deadpool_postgres::Object;
use tokio_postgres::{
    Error, Row,
    types::{FromSql, IsNull, ToSql, Type, private::BytesMut, to_sql_checked},
};

use crate::{
    store::{AHEAD, GRACE, Key, Kind, Label, Listing, PAGE, Record, Version},
    types::Timestamp,
};

pub(super) async fn get(connection: &Object, key: Key) -> Result<Option<Record>, Error> {
    let query = connection
        .prepare_cached(
            "SELECT version, keep_until, body FROM oidc_op_record WHERE kind = $1 AND hash = $2",
        )
        .await?;
    let found = connection.query_opt(&query, &[&key.kind().as_str(), &hash(&key)]).await?;
    found.as_ref().map(record).transpose()
}

pub(super) async fn get_many(
    connection: &Object,
    keys: Box<[Key]>,
) -> Result<Vec<Option<Record>>, Error> {
    let query = connection
        .prepare_cached(
            "SELECT version, keep_until, body, asked.place FROM oidc_op_record
             JOIN unnest($1::text[], $2::bytea[]) WITH ORDINALITY AS asked (kind, hash, place)
             USING (kind, hash)",
        )
        .await?;
    let kinds: Vec<_> = keys.iter().map(|key| key.kind().as_str()).collect();
    let hashes = Quiet(keys.iter().map(|key| key.hash().as_slice()).collect::<Vec<_>>());
    let mut records = vec![None; keys.len()];
    for row in connection.query(&query, &[&kinds, &hashes]).await? {
        let place: i64 = row.try_get(3)?;
        let place = usize::try_from(place - 1).ok().and_then(|place| records.get_mut(place));
        if let Some(there) = place {
            *there = Some(record(&row)?);
        }
    }
    Ok(records)
}

pub(super) async fn create(
    connection: &Object,
    key: Key,
    record: Record,
    labels: Box<[Label]>,
) -> Result<bool, Error> {
    let query = connection
        .prepare_cached(
            "WITH created AS (
                 INSERT INTO oidc_op_record (kind, hash, version, keep_until, hour, body, labels)
                 VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING RETURNING kind, hash
             ), labelled AS (
                 INSERT INTO oidc_op_label (label, kind, hash)
                 SELECT DISTINCT label, kind, hash FROM created, unnest($7) AS label
             )
             SELECT EXISTS (SELECT FROM created)",
        )
        .await?;
    let labels = Quiet(labels.iter().map(|label| label.hash().as_slice()).collect::<Vec<_>>());
    let row = connection
        .query_one(
            &query,
            &[
                &key.kind().as_str(),
                &hash(&key),
                &record.version.as_bytes().as_slice(),
                &record.keep_until.unix(),
                &hour(record.keep_until),
                &Quiet(&*record.body),
                &labels,
            ],
        )
        .await?;
    row.try_get(0)
}

pub(super) async fn replace(
    connection: &Object,
    key: Key,
    version: Version,
    record: Record,
) -> Result<bool, Error> {
    let query = connection
        .prepare_cached(
            "UPDATE oidc_op_record SET version = $1, keep_until = $2, hour = $3, body = $4
             WHERE kind = $5 AND hash = $6 AND version = $7",
        )
        .await?;
    let replaced = connection
        .execute(
            &query,
            &[
                &record.version.as_bytes().as_slice(),
                &record.keep_until.unix(),
                &hour(record.keep_until),
                &Quiet(&*record.body),
                &key.kind().as_str(),
                &hash(&key),
                &version.as_bytes().as_slice(),
            ],
        )
        .await?;
    Ok(replaced == 1)
}

pub(super) async fn delete(connection: &Object, key: Key, version: Version) -> Result<bool, Error> {
    let query = connection
        .prepare_cached(
            "WITH gone AS (
                 DELETE FROM oidc_op_record WHERE kind = $1 AND hash = $2 AND version = $3
                 RETURNING kind, hash, labels
             ), forgotten AS (
                 DELETE FROM oidc_op_label AS entry
                 USING (SELECT kind, hash, unnest(labels) AS label FROM gone) AS old
                 WHERE (entry.label, entry.kind, entry.hash) = (old.label, old.kind, old.hash)
             )
             SELECT EXISTS (SELECT FROM gone)",
        )
        .await?;
    let version = version.as_bytes().as_slice();
    connection.query_one(&query, &[&key.kind().as_str(), &hash(&key), &version]).await?.try_get(0)
}

/// The cursor is the hash of the first key that is still to be shown.
pub(super) async fn list(
    connection: &Object,
    kind: Kind,
    label: Label,
    first: [u8; 32],
    limit: u32,
) -> Result<Listing, Error> {
    let query = connection
        .prepare_cached(
            "SELECT hash FROM oidc_op_label
             WHERE label = $1 AND kind = $2 AND hash >= $3 ORDER BY hash LIMIT $4",
        )
        .await?;
    let limit = limit.min(PAGE);
    let (label, first) = (Quiet(label.hash().as_slice()), Quiet(first.as_slice()));
    let most = i64::from(limit) + 1;
    let rows = connection.query(&query, &[&label, &kind.as_str(), &first, &most]).await?;
    let mut hashes = Vec::with_capacity(rows.len());
    for row in &rows {
        hashes.push(row.try_get::<_, Bytes<32>>(0)?.0);
    }
    Ok(Listing::of_hashes(kind, hashes, limit))
}

/// How many were removed, by the earlier of two clocks; none if the asker's is far ahead.
///
/// Rows that somebody is writing, or that another node is purging, are passed over.
pub(super) async fn purge(
    connection: &Object,
    before: Timestamp,
    limit: u32,
) -> Result<Option<u32>, Error> {
    let query = connection
        .prepare_cached(
            "WITH clock AS MATERIALIZED (
                 SELECT floor(extract(epoch FROM clock_timestamp()))::bigint AS now
             ), bound AS MATERIALIZED (
                 SELECT $1 <= now + $2 AS sane, least($3, now - $5) AS until FROM clock
             ), ended AS MATERIALIZED (
                 SELECT kind, hash FROM oidc_op_record
                 WHERE (SELECT sane FROM bound)
                   AND hour <= (SELECT until FROM bound) / 3600
                   AND keep_until <= (SELECT until FROM bound)
                 ORDER BY hour LIMIT $4 FOR UPDATE SKIP LOCKED
             ), gone AS (
                 DELETE FROM oidc_op_record AS record USING ended
                 WHERE (record.kind, record.hash) = (ended.kind, ended.hash)
                 RETURNING record.kind, record.hash, record.labels
             ), forgotten AS (
                 DELETE FROM oidc_op_label AS entry
                 USING (SELECT kind, hash, unnest(labels) AS label FROM gone) AS old
                 WHERE (entry.label, entry.kind, entry.hash) = (old.label, old.kind, old.hash)
             )
             SELECT (SELECT sane FROM bound), (SELECT count(*) FROM gone)",
        )
        .await?;
    let (ahead, grace) = (AHEAD.whole_seconds(), GRACE.whole_seconds());
    let limit = i64::from(limit);
    let until = (before - GRACE).unix();
    let asked: [&(dyn ToSql + Sync); 5] = [&before.unix(), &ahead, &until, &limit, &grace];
    let row = connection.query_one(&query, &asked).await?;
    let (sane, gone): (bool, i64) = (row.try_get(0)?, row.try_get(1)?);
    Ok(sane.then(|| u32::try_from(gone).unwrap_or(u32::MAX)))
}

/// What the index for purges goes by. It seldom changes when a record does, so that the server can write the
/// new row beside the old one and leave all indexes alone.
const fn hour(time: Timestamp) -> i64 {
    time.unix().div_euclid(3600)
}

fn hash(key: &Key) -> Quiet<&[u8]> {
    Quiet(key.hash())
}

/// A parameter that does not show in the driver's log, which at the level of debugging has all of them.
struct Quiet<T>(T);

impl<T> std::fmt::Debug for Quiet<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("..")
    }
}

impl<T: ToSql> ToSql for Quiet<T> {
    fn to_sql(
        &self,
        of: &Type,
        to: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        self.0.to_sql(of, to)
    }

    fn accepts(of: &Type) -> bool {
        T::accepts(of)
    }

    to_sql_checked!();
}

fn record(row: &Row) -> Result<Record, Error> {
    let version = Version::from_bytes(row.try_get::<_, Bytes<16>>(0)?.0);
    let body: &[u8] = row.try_get(2)?;
    Ok(Record::new(version, body, Timestamp::from_unix(row.try_get(1)?)))
}

/// A value of so many bytes.
struct Bytes<const N: usize>([u8; N]);

impl<'a, const N: usize> FromSql<'a> for Bytes<N> {
    fn from_sql(
        of: &Type,
        raw: &'a [u8],
    ) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(<&[u8]>::from_sql(of, raw)?.try_into()?))
    }

    fn accepts(of: &Type) -> bool {
        <&[u8] as FromSql>::accepts(of)
    }
}
