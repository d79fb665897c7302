//! `[[realms]]`: further issuers that the server is, each with people, clients, keys and secrets of its own.

use super::{ConfigError, Settings, Source};

/// What there is one of, however many realms there are.
const OF_THE_SERVER: [&str; 11] = [
    "listen",
    "tls",
    "store",
    "stores",
    "data",
    "log",
    "trusted_proxies",
    "fetch",
    "features.demo",
    "limits.concurrent_requests",
    "realms",
];

impl Settings {
    /// Gives the realms what is the whole server's. Each keeps its keys, secrets and people in a folder of the
    /// data directory, named like its path.
    pub(super) fn hand_down(&mut self) {
        for realm in &mut self.realms {
            realm.data = self.data.join(realm.issuer.path().trim_start_matches('/'));
            realm.listen = self.listen;
            realm.store.clone_from(&self.store);
            realm.trusted_proxies.clone_from(&self.trusted_proxies);
            realm.fetch.clone_from(&self.fetch);
        }
    }

    pub(super) fn check_realms(&self, source: &Source) -> Result<(), ConfigError> {
        let wrong = |member: String, what: &str| Err(ConfigError(format!("{member}: {what}")));
        if self.realms.is_empty() {
            return Ok(());
        }
        if self.issuer.path().is_empty() {
            return wrong("issuer".into(), "needs a path besides [[realms]]");
        }
        let mut others = vec![self];
        for (at, realm) in self.realms.iter().enumerate() {
            let this = format!("realms[{at}]");
            let members = OF_THE_SERVER.map(|member| format!("{this}.{member}"));
            if let Some(member) = members.into_iter().find(|member| source.has(member)) {
                return wrong(member, "is one for the whole server; it cannot stand in a realm");
            }
            let issuer = format!("{this}.issuer");
            if realm.issuer.origin() != self.issuer.origin() {
                return wrong(issuer, "has another origin than the first issuer");
            }
            if realm.issuer.path().is_empty() {
                return wrong(issuer, "needs a path");
            }
            if others.iter().any(|other| overlap(realm.issuer.path(), other.issuer.path())) {
                return wrong(
                    issuer,
                    "its path begins like that of another issuer, or ends it; case aside",
                );
            }
            // Its place is the host's, not the issuer's.
            if !realm.webfinger.is_empty() && others.iter().any(|o| !o.webfinger.is_empty()) {
                return wrong(format!("{this}.webfinger"), "another issuer answers there");
            }
            realm.check().map_err(|error| ConfigError(format!("{this}.{error}")))?;
            others.push(realm);
        }
        Ok(())
    }

    /// The issuers that the server is, each by itself.
    pub(crate) fn into_realms(mut self) -> Vec<Self> {
        let others = std::mem::take(&mut self.realms);
        std::iter::once(self).chain(others).collect()
    }
}

/// Whether one path lies within the other one. In upper or lower case, which is the same folder to some machines.
fn overlap(one: &str, other: &str) -> bool {
    let (one, other) = (one.to_ascii_lowercase(), other.to_ascii_lowercase());
    let within = |inner: &str, outer: &str| {
        inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    within(&one, &other) || within(&other, &one)
}
