//! `[paths]`: where the endpoints are.

use serde::Deserialize;

/// Where the endpoints are, below the issuer's path; what is absent has the library's default.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Paths {
    authorize: Option<String>,
    token: Option<String>,
    userinfo: Option<String>,
    jwks: Option<String>,
    introspection: Option<String>,
    revocation: Option<String>,
    registration: Option<String>,
    check_session: Option<String>,
    end_session: Option<String>,
}

impl Paths {
    /// Writes what the file says over the defaults.
    pub(super) fn write(&self, to: &mut oidc_op::Paths) {
        for (to, from) in [
            (&mut to.authorize, &self.authorize),
            (&mut to.token, &self.token),
            (&mut to.userinfo, &self.userinfo),
            (&mut to.jwks, &self.jwks),
            (&mut to.introspection, &self.introspection),
            (&mut to.revocation, &self.revocation),
            (&mut to.registration, &self.registration),
            (&mut to.check_session, &self.check_session),
            (&mut to.end_session, &self.end_session),
        ] {
            if let Some(path) = from {
                path.clone_into(to);
            }
        }
    }

    /// A path that is one of the server's own pages, and its member.
    pub(super) fn taken(&self) -> Option<(&'static str, &str)> {
        let all = [
            ("authorize", &self.authorize),
            ("token", &self.token),
            ("userinfo", &self.userinfo),
            ("jwks", &self.jwks),
            ("introspection", &self.introspection),
            ("revocation", &self.revocation),
            ("registration", &self.registration),
            ("check_session", &self.check_session),
            ("end_session", &self.end_session),
        ];
        let paths = all.into_iter().filter_map(|(name, path)| Some((name, path.as_deref()?)));
        let mut taken = paths.filter(|(_, path)| {
            matches!(*path, "/health" | "/apps" | "/sign-out")
                || path.starts_with("/demo/")
                || path.starts_with("/interaction/")
                || path.starts_with("/logout/")
                || path.starts_with("/upstream/")
        });
        taken.next()
    }
}

/// What is wrong with where an API of the server's own is to be. Nothing else may be there or below it.
pub(super) fn finding(member: &str, path: &str, endpoints: &oidc_op::Paths) -> Option<String> {
    let segment = |segment: &str| {
        !segment.is_empty()
            && segment.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_~".contains(&b))
    };
    let plain = path.strip_prefix('/').is_some_and(|rest| rest.split('/').all(segment));
    if !plain {
        return Some(format!("{member} must be a slash followed by letters, digits and -_~/"));
    }
    let first = path.split('/').nth(1).unwrap_or_default();
    let own = ["health", "apps", "sign-out", "demo", "interaction", "logout", "upstream"];
    let own = own.contains(&first);
    let taken = [
        &endpoints.authorize,
        &endpoints.token,
        &endpoints.userinfo,
        &endpoints.jwks,
        &endpoints.introspection,
        &endpoints.revocation,
        &endpoints.registration,
        &endpoints.check_session,
        &endpoints.end_session,
    ];
    let taken = taken.into_iter().any(|endpoint| is_at_or_below(endpoint, path));
    (own || taken).then(|| format!("{member}: {path} is taken"))
}

/// Whether one path is the other one, or lies below it.
pub(super) fn is_at_or_below(inner: &str, outer: &str) -> bool {
    inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
