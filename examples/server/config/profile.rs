//! `[profile]`: what a person's app reads and changes of them, if it may.

use oidc_op::{Issuer, Resource, ResourceServer, Scope};
use serde::Deserialize;

use super::{ResourceEntry, paths};
use crate::{manage::claims::NOT_OF_PEOPLE, profile};

/// What is said of people and not by them: by an address they are found, and its owner is whoever shows it.
const NOT_THEIRS: [&str; 5] =
    ["email", "email_verified", "phone_number", "phone_number_verified", "updated_at"];

/// Where the API of a user's own profile is, and what they may write.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProfileEntry {
    /// Below the issuer's path.
    #[serde(default = "default_path")]
    pub(crate) path: String,
    /// Claims, in any language.
    #[serde(default = "default_writable")]
    pub(crate) writable: Vec<String>,
}

fn default_path() -> String {
    "/profile".into()
}

fn default_writable() -> Vec<String> {
    let names = ["name", "nickname", "locale", "zoneinfo", "picture", "website"];
    names.map(str::to_owned).into()
}

impl ProfileEntry {
    /// What its tokens are for: its address.
    pub(crate) fn resource(&self, issuer: &Issuer) -> Option<Resource> {
        Resource::new(format!("{}{}{}", issuer.origin(), issuer.path(), self.path)).ok()
    }

    /// The API, as the provider knows it.
    pub(super) fn server(&self, issuer: &Issuer) -> Option<ResourceEntry> {
        let mut server = ResourceServer::new(self.resource(issuer)?);
        server.scope = Scope::parse(&[profile::READ, profile::WRITE].join(" ")).ok();
        Some(ResourceEntry(server))
    }

    pub(super) fn claims(&self) -> impl Iterator<Item = &str> {
        self.writable.iter().map(String::as_str)
    }

    /// What is wrong with it, beside the other API.
    pub(super) fn finding(
        &self,
        endpoints: &oidc_op::Paths,
        manage: Option<&str>,
    ) -> Option<String> {
        if let Some(finding) = paths::finding("profile.path", &self.path, endpoints) {
            return Some(finding);
        }
        let path = &*self.path;
        let overlaps =
            |other: &str| paths::is_at_or_below(path, other) || paths::is_at_or_below(other, path);
        if manage.is_some_and(overlaps) {
            return Some(format!("profile.path: {path} is taken"));
        }
        for (at, name) in self.writable.iter().enumerate() {
            let member = format!("profile.writable[{at}]");
            let name = &**name;
            if NOT_THEIRS.contains(&name) || NOT_OF_PEOPLE.contains(&name) {
                return Some(format!("{member}: {name} is not for people to say"));
            }
            if name.is_empty() || name.contains('#') {
                return Some(format!("{member}: is the name of a claim, without a language"));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_shows_who_somebody_is_is_not_theirs_to_write() {
        let paths = oidc_op::Config::new(Issuer::new("https://op.example").unwrap()).paths;
        let found = |toml: &str, manage| {
            let entry: ProfileEntry = toml::from_str(toml).unwrap();
            entry.finding(&paths, manage)
        };
        let usual = Some("/manage");
        for toml in ["", "path = \"/api/me\"", "writable = []", "writable = [\"urn:x:color\"]"] {
            assert_eq!(found(toml, usual), None, "{toml}");
        }
        assert_eq!(found("path = \"/manage-me\"", usual), None);
        for (toml, finding) in [
            ("path = \"profile\"", "profile.path must be"),
            ("path = \"/\"", "profile.path must be"),
            ("path = \"/a/{b}\"", "profile.path must be"),
            ("path = \"/userinfo\"", "profile.path: /userinfo is taken"),
            ("path = \"/logout/x\"", "profile.path: /logout/x is taken"),
            ("path = \"/manage\"", "profile.path: /manage is taken"),
            ("path = \"/manage/profile\"", "is taken"),
            ("writable = [\"name\", \"email\"]", "profile.writable[1]: email is not"),
            ("writable = [\"phone_number\"]", "phone_number is not"),
            ("writable = [\"phone_number_verified\"]", "phone_number_verified is not"),
            ("writable = [\"updated_at\"]", "updated_at is not"),
            ("writable = [\"sub\"]", "sub is not"),
            ("writable = [\"acr\"]", "acr is not"),
            ("writable = [\"name#de\"]", "without a language"),
            ("writable = [\"\"]", "the name of a claim"),
        ] {
            let found = found(toml, usual).unwrap_or_default();
            assert!(found.contains(finding), "{toml}: {found}");
        }
        assert!(found("path = \"/api\"", Some("/api/manage")).is_some());
        assert!(toml::from_str::<ProfileEntry>("readable = []").is_err());
    }
}
