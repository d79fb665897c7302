//! `[fetch]`: whether documents are fetched that clients name by their addresses, and which.

use std::{path::PathBuf, sync::Arc};

use oidc_op::Fetch;
use serde::Deserialize;

use super::ConfigError;

/// Whether and how; limits that are absent have the library's defaults.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct FetchEntry {
    enabled: bool,
    /// Certificate authorities to trust besides those of the system, as PEM.
    pub(super) ca: Option<PathBuf>,
    /// Hosts that may have an address of special use.
    allow: Vec<String>,
    body: Option<usize>,
    timeout: Option<u32>,
    concurrent: Option<usize>,
    concurrent_per_host: Option<usize>,
    per_host_and_minute: Option<u32>,
    min_age: Option<u32>,
    max_age: Option<u32>,
    entries: Option<usize>,
    refresh_after: Option<u32>,
}

impl FetchEntry {
    /// What fetches, if anything is to.
    #[cfg(not(feature = "fetch"))]
    pub(crate) fn client(&self) -> Result<Option<Arc<dyn Fetch>>, ConfigError> {
        if self.enabled {
            return Err(ConfigError::new(
                "fetch.enabled: this server was built without it; \
                 build it with --features axum,tracing,sqlite,fetch",
            ));
        }
        Ok(None)
    }

    /// What fetches, if anything is to.
    #[cfg(feature = "fetch")]
    pub(crate) fn client(&self) -> Result<Option<Arc<dyn Fetch>>, ConfigError> {
        if !self.enabled {
            return Ok(None);
        }
        let policy = self.policy()?;
        let guarded = oidc_op::GuardedFetch::new(&policy);
        Ok(Some(Arc::new(guarded.map_err(|e| ConfigError::new(format!("fetch: {e}")))?)))
    }

    #[cfg(feature = "fetch")]
    fn policy(&self) -> Result<oidc_op::FetchPolicy, ConfigError> {
        let mut policy = oidc_op::FetchPolicy::default();
        for (to, from) in [
            (&mut policy.body, self.body),
            (&mut policy.concurrent, self.concurrent),
            (&mut policy.concurrent_per_host, self.concurrent_per_host),
            (&mut policy.entries, self.entries),
        ] {
            *to = from.unwrap_or(*to);
        }
        for (to, from) in [
            (&mut policy.timeout, self.timeout),
            (&mut policy.min_age, self.min_age),
            (&mut policy.max_age, self.max_age),
            (&mut policy.refresh_after, self.refresh_after),
        ] {
            *to = from.map_or(*to, |seconds| oidc_op::Duration::seconds(seconds.into()));
        }
        policy.per_host_and_minute = self.per_host_and_minute.unwrap_or(policy.per_host_and_minute);
        policy.allow.clone_from(&self.allow);
        if let Some(path) = &self.ca {
            let wrong = |e| ConfigError::new(format!("fetch.ca: {}: {e}", super::shown(path)));
            policy.extra_roots.push(std::fs::read(path).map_err(wrong)?);
        }
        Ok(policy)
    }
}
