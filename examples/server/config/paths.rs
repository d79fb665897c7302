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

    /// A path that is one of the server's own pages.
    pub(super) fn taken(&self) -> Option<&str> {
        let all = [
            &self.authorize,
            &self.token,
            &self.userinfo,
            &self.jwks,
            &self.introspection,
            &self.revocation,
            &self.registration,
            &self.check_session,
            &self.end_session,
        ];
        let paths = all.into_iter().flatten().map(String::as_str);
        let mut taken = paths.filter(|path| {
            matches!(*path, "/health" | "/apps" | "/sign-out")
                || path.starts_with("/demo/")
                || path.starts_with("/interaction/")
                || path.starts_with("/logout/")
        });
        taken.next()
    }
}
