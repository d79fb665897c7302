//! What a server says of itself, and whether that will do.

use std::collections::HashMap;

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
    /// Its settings, as far as it tells.
    settings: HashMap<String, String>,
    /// That it has all the keys, although it is made for a cluster.
    alone: bool,
}

const FSYNC: &str = "appendfsync";
const UNLESS_REWRITING: &str = "no-appendfsync-on-rewrite";
const EVICTION: &str = "maxmemory-policy";

impl Demands {
    /// Refuses a server that would not keep what it has acknowledged, or that answers from a stale copy.
    pub(super) async fn check(self, at: &mut MultiplexedConnection) -> Result<(), RedisError> {
        let info = redis::cmd("INFO").query_async(at).await.map_err(RedisError::of_connecting)?;
        let mut config = redis::cmd("CONFIG");
        config.arg("GET").arg(&[FSYNC, UNLESS_REWRITING, EVICTION]);
        let settings = unless_forbidden(config.query_async(at).await);
        let settings = settings.map_err(RedisError::of_connecting)?.unwrap_or_default();
        let mut server = Server { info, settings, alone: false };
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
            match server.says("maxmemory_policy").or_else(|| server.setting(EVICTION)) {
                Some("noeviction") => {}
                None if self.assured => {}
                None => return Err(RedisError::Untold),
                Some(_) => return Err(RedisError::Evicts),
            }
        }
        if self.assured || self.durability == Durability::Relaxed {
            return Ok(());
        }
        let kept = [
            (server.says("aof_enabled"), "1"),
            (server.setting(FSYNC), "always"),
            // While it rewrites its file, which it does by itself, it would not wait for the disk.
            (server.setting(UNLESS_REWRITING), "no"),
        ];
        if kept.iter().any(|(told, demanded)| told.is_some_and(|told| told != *demanded)) {
            return Err(RedisError::Forgetful);
        }
        if kept.iter().any(|(told, _)| told.is_none()) {
            return Err(RedisError::Untold);
        }
        Ok(())
    }
}

impl Server {
    fn says(&self, name: &str) -> Option<&str> {
        find(&self.info, name)
    }

    fn setting(&self, name: &str) -> Option<&str> {
        self.settings.get(name).map(String::as_str)
    }

    /// Older ones hide the codes of errors within scripts, among them the one of a server that became a replica.
    fn is_new_enough(&self) -> bool {
        let version = self.says("redis_version").unwrap_or_default();
        let major = version.split('.').next().and_then(|major| major.parse::<u32>().ok());
        major.is_some_and(|major| major >= 7)
    }
}

/// The value of a line `name:value`.
fn find<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim_end)
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
        let told = fsync.map(|fsync| [(FSYNC, fsync), (UNLESS_REWRITING, "no")]);
        Server { info, settings: settings(told.iter().flatten()), alone: false }
    }

    fn settings<'s>(
        told: impl IntoIterator<Item = &'s (&'s str, &'s str)>,
    ) -> HashMap<String, String> {
        told.into_iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
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
            (server(always, &[("7.0.15", "7.0.0")]), ["", "", ""]),
            (server(always, &[("7.0.15", "255.255.255")]), ["", "", ""]),
            (server(always, &[("7.0.15", "6.2.19")]), ["TooOld", "TooOld", "TooOld"]),
            (server(always, &[("7.0.15", "6.255.255")]), ["TooOld", "TooOld", "TooOld"]),
            (server(always, &[("7.0.15", "unstable")]), ["TooOld", "TooOld", "TooOld"]),
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
        told.settings.insert(EVICTION.into(), "noeviction".into());
        assert!(DURABLE.judge(&told).is_ok());
        let mut rewriting = server(always, &[]);
        rewriting.settings = settings(&[(FSYNC, "always"), (UNLESS_REWRITING, "yes")]);
        assert!(matches!(DURABLE.judge(&rewriting), Err(RedisError::Forgetful)));
        assert!(RELAXED.judge(&rewriting).is_ok() && ASSURED.judge(&rewriting).is_ok());
        rewriting.settings = settings(&[(FSYNC, "always")]);
        assert!(matches!(DURABLE.judge(&rewriting), Err(RedisError::Untold)));
    }
}
