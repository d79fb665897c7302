//! What a server says of itself, and whether that will do.

use redis::{RedisResult, aio::MultiplexedConnection};

use super::RedisError;
use crate::store::Durability;

/// What is demanded of a server.
#[derive(Clone, Copy, Debug)]
pub(super) struct Demands {
    pub(super) durability: Durability,
    /// The operator's word is taken for it.
    pub(super) assured: bool,
}

/// What a server says of itself. Managed services keep some of it to themselves.
#[derive(Debug, Default)]
struct Server {
    info: String,
    fsync: Option<String>,
    eviction: Option<String>,
    /// That it has all the keys, although it is made for a cluster.
    alone: bool,
}

impl Demands {
    /// Refuses a server that would not keep what it has acknowledged, or that answers from a stale copy.
    pub(super) async fn check(self, at: &mut MultiplexedConnection) -> Result<(), RedisError> {
        let info = redis::cmd("INFO").query_async(at).await.map_err(RedisError::of_connecting)?;
        let mut server = Server { info, ..Server::default() };
        server.fsync = setting(at, "appendfsync").await.map_err(RedisError::of_connecting)?;
        server.eviction =
            setting(at, "maxmemory-policy").await.map_err(RedisError::of_connecting)?;
        if server.says("cluster_enabled") == Some("1") {
            let cluster: RedisResult<String> =
                redis::cmd("CLUSTER").arg("INFO").query_async(at).await;
            let cluster = unless_forbidden(cluster).map_err(RedisError::of_connecting)?;
            server.alone = cluster.is_some_and(|cluster| {
                find(&cluster, "cluster_state") == Some("ok")
                    && find(&cluster, "cluster_size") == Some("1")
            });
        }
        self.judge(&server)
    }

    fn judge(self, server: &Server) -> Result<(), RedisError> {
        if server.says("role") != Some("master") {
            return Err(RedisError::Replica);
        }
        if !server.is_new_enough() {
            return Err(RedisError::TooOld);
        }
        if server.says("cluster_enabled") == Some("1") && !server.alone {
            return Err(RedisError::Cluster);
        }
        if server.says("maxmemory") != Some("0") {
            match server.says("maxmemory_policy").or(server.eviction.as_deref()) {
                Some("noeviction") => {}
                None if self.assured => {}
                None => return Err(RedisError::Untold),
                Some(_) => return Err(RedisError::Evicts),
            }
        }
        if self.assured || self.durability == Durability::Relaxed {
            return Ok(());
        }
        match (server.says("aof_enabled"), server.fsync.as_deref()) {
            (Some("1"), Some("always")) => Ok(()),
            (None | Some("1"), None) => Err(RedisError::Untold),
            _ => Err(RedisError::Forgetful),
        }
    }
}

impl Server {
    fn says(&self, name: &str) -> Option<&str> {
        find(&self.info, name)
    }

    fn is_new_enough(&self) -> bool {
        let version = self.says("redis_version").unwrap_or_default();
        let mut numbers = version.split('.').map_while(|part| part.parse::<u32>().ok());
        (numbers.next(), numbers.next()) >= (Some(6), Some(2))
    }
}

/// The value of a line `name:value`.
fn find<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim_end)
}

/// How the server is set, if it tells.
async fn setting(at: &mut MultiplexedConnection, name: &str) -> RedisResult<Option<String>> {
    let pair: RedisResult<Vec<String>> =
        redis::cmd("CONFIG").arg("GET").arg(name).query_async(at).await;
    Ok(unless_forbidden(pair)?.and_then(|pair| pair.into_iter().nth(1)))
}

/// A command that a server does not know, or does not permit, is no fault.
fn unless_forbidden<T>(answer: RedisResult<T>) -> RedisResult<Option<T>> {
    match answer {
        Err(error) if matches!(error.code(), Some("ERR" | "NOPERM")) => Ok(None),
        answer => answer.map(Some),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INFO: &str = "# Server\r\nredis_version:7.0.15\r\n# Memory\r\nmaxmemory:0\r\n\
                        maxmemory_policy:noeviction\r\n# Persistence\r\naof_enabled:1\r\n\
                        # Replication\r\nrole:master\r\n# Cluster\r\ncluster_enabled:0\r\n";
    const DURABLE: Demands = Demands { durability: Durability::Durable, assured: false };
    const RELAXED: Demands = Demands { durability: Durability::Relaxed, assured: false };
    const ASSURED: Demands = Demands { durability: Durability::Durable, assured: true };

    fn server(fsync: Option<&str>, changes: &[(&str, &str)]) -> Server {
        let info = changes.iter().fold(INFO.to_owned(), |info, (from, to)| {
            assert!(info.contains(from), "{from}");
            info.replace(from, to)
        });
        Server { info, fsync: fsync.map(Into::into), ..Server::default() }
    }

    /// A line per case: the server, and what becomes of it if durability is demanded, if not, and if it is
    /// assured.
    #[test]
    fn servers_that_would_forget_are_refused() {
        let always = Some("always");
        let evicts = [("maxmemory:0", "maxmemory:1000"), (":noeviction", ":allkeys-lru")];
        let silent = [("maxmemory:0\r\n", ""), ("maxmemory_policy:noeviction\r\n", "")];
        let table = [
            (server(always, &[]), ["", "", ""]),
            (server(Some("everysec"), &[]), ["Forgetful", "", ""]),
            (server(Some("no"), &[]), ["Forgetful", "", ""]),
            (server(always, &[("aof_enabled:1", "aof_enabled:0")]), ["Forgetful", "", ""]),
            (server(None, &[("aof_enabled:1", "aof_enabled:0")]), ["Forgetful", "", ""]),
            (server(None, &[]), ["Untold", "", ""]),
            (server(None, &[("aof_enabled:1\r\n", "")]), ["Untold", "", ""]),
            (server(always, &evicts[1..]), ["", "", ""]),
            (server(always, &evicts), ["Evicts", "Evicts", "Evicts"]),
            (server(always, &evicts[..1]), ["", "", ""]),
            (server(always, &silent), ["Untold", "Untold", ""]),
            (server(always, &[("role:master", "role:slave")]), ["Replica", "Replica", "Replica"]),
            (server(always, &[("role:master\r\n", "")]), ["Replica", "Replica", "Replica"]),
            (server(always, &[("7.0.15", "6.2.0")]), ["", "", ""]),
            (server(always, &[("7.0.15", "255.255.255")]), ["", "", ""]),
            (server(always, &[("7.0.15", "6.0.16")]), ["TooOld", "TooOld", "TooOld"]),
            (
                server(always, &[("cluster_enabled:0", "cluster_enabled:1")]),
                ["Cluster", "Cluster", "Cluster"],
            ),
        ];
        for (server, expected) in table {
            for (demands, expected) in [DURABLE, RELAXED, ASSURED].into_iter().zip(expected) {
                let found = demands.judge(&server).err().map(|error| format!("{error:?}"));
                assert_eq!(found.unwrap_or_default(), expected, "{demands:?}, {server:?}");
            }
        }
        let mut alone = server(always, &[("cluster_enabled:0", "cluster_enabled:1")]);
        alone.alone = true;
        assert!(DURABLE.judge(&alone).is_ok());
        let mut told = server(always, &silent);
        told.eviction = Some("noeviction".into());
        assert!(DURABLE.judge(&told).is_ok());
    }
}
