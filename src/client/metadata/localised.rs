//! What is for people, in their languages ([RFC 7591 §2.2]).
//!
//! [RFC 7591 §2.2]: https://www.rfc-editor.org/rfc/rfc7591#section-2.2

use std::collections::HashSet;

use serde::Serialize;
use serde_json::{Map, Value};

use super::{InvalidMetadata, read::Unread};
use crate::{claims, client::Client};

/// The members that there may be in several languages.
const FOR_PEOPLE: [&str; 5] = [NAME, CLIENT_URI, LOGO_URI, POLICY_URI, TOS_URI];
const NAME: &str = "client_name";
const CLIENT_URI: &str = "client_uri";
const LOGO_URI: &str = "logo_uri";
const POLICY_URI: &str = "policy_uri";
const TOS_URI: &str = "tos_uri";

/// As long as everybody must bear a tag to be ([RFC 5646 §4.4.1]).
///
/// [RFC 5646 §4.4.1]: https://www.rfc-editor.org/rfc/rfc5646#section-4.4.1
const LONGEST_TAG: usize = 35;

/// Members of [`ClientMetadata`](crate::ClientMetadata) in further languages and scripts, by names
/// such as `client_name#ja-Kana-JP` ([RFC 7591 §2.2]); written back under the same names.
///
/// [`Client::localised`] chooses among them.
///
/// [RFC 7591 §2.2]: https://www.rfc-editor.org/rfc/rfc7591#section-2.2
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct LocalisedMembers {
    /// By their full names; all of them text.
    members: Map<String, Value>,
}

impl LocalisedMembers {
    /// Those among the members of an object.
    pub(super) fn read(all: &Map<String, Value>) -> Result<Self, Unread> {
        let (mut members, mut known) = (Map::new(), HashSet::new());
        for (name, value) in all.iter().filter(|(_, value)| !value.is_null()) {
            let Some((member, tag)) = Self::split(name) else { continue };
            let unread = |error: InvalidMetadata| Unread { error, detail: error.to_string() };
            let good = tag.len() <= LONGEST_TAG && claims::is_tag(tag);
            if !good || !known.insert((member, tag.to_ascii_lowercase())) {
                return Err(unread(InvalidMetadata::Language(member)));
            }
            if !value.is_string() {
                return Err(unread(InvalidMetadata::Member(member)));
            }
            members.insert(name.clone(), value.clone());
        }
        Ok(Self { members })
    }

    /// The member and what should be its language.
    pub(super) fn split(name: &str) -> Option<(&'static str, &str)> {
        let (base, tag) = name.split_once('#')?;
        Some((FOR_PEOPLE.into_iter().find(|member| *member == base)?, tag))
    }

    /// The members by their full names, with their values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.members.iter().filter_map(|(name, value)| Some((name.as_str(), value.as_str()?)))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.members.len()
    }

    /// The names, with the member that they are of.
    pub(super) fn names(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.by_member().filter(|(member, _)| *member == NAME)
    }

    /// The addresses, with the member that they are of.
    pub(super) fn uris(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.by_member().filter(|(member, _)| *member != NAME)
    }

    fn by_member(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.iter().filter_map(|(name, value)| Some((Self::split(name)?.0, value)))
    }

    /// The value in the first of the languages that there is, else the one without a language, else
    /// any: to read something is better than nothing.
    fn choose<'m, L: AsRef<str>>(
        &'m self,
        member: &str,
        locales: &[L],
        plain: Option<&'m str>,
    ) -> Option<&'m str> {
        let blank = |text: &&str| !text.trim().is_empty();
        let wanted = || {
            let found = |tag: &L| claims::in_language(&self.members, member, tag.as_ref());
            locales.iter().find_map(found).and_then(Value::as_str)
        };
        let any = || self.by_member().filter(|(of, _)| *of == member).map(|(_, text)| text);
        // Most clients speak one language.
        let wanted = if self.is_empty() { None } else { wanted() };
        wanted.or(plain.filter(blank)).or_else(|| any().find(blank))
    }
}

/// What a page shows of a client to somebody who reads certain languages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LocalisedClient<'c> {
    /// Its name; the identifier if it has registered none.
    pub name: &'c str,
    /// Its home page.
    pub client_uri: Option<&'c str>,
    /// Its logo.
    pub logo_uri: Option<&'c str>,
    /// Its privacy policy.
    pub policy_uri: Option<&'c str>,
    /// Its terms of service.
    pub tos_uri: Option<&'c str>,
}

impl Client {
    /// What a page shows of the client, each member in the first of these languages in which it is
    /// registered ([RFC 7591 §2.2]): BCP 47 tags, best first, as in
    /// [`Hints::ui_locales`](crate::Hints::ui_locales). A value for `fr` does for `fr-CA`, and the other way
    /// round; what is registered without a language comes next, and then any other.
    ///
    /// ```
    /// use oidc_op::{Client, ClientId, ClientMetadata};
    ///
    /// let metadata: ClientMetadata = serde_json::from_str(
    ///     r#"{
    ///         "redirect_uris": ["https://shop.example/cb"],
    ///         "client_name": "Shop", "client_name#fr": "Boutique",
    ///         "tos_uri": "https://shop.example/terms"
    ///     }"#,
    /// )
    /// .unwrap();
    /// let shop = Client::public(ClientId::new("shop").unwrap(), metadata).unwrap();
    /// let shown = shop.localised(&["fr-CA", "en"]);
    /// assert_eq!((shown.name, shown.tos_uri), ("Boutique", Some("https://shop.example/terms")));
    /// assert_eq!(shop.localised(&["en"]).name, "Shop");
    /// ```
    ///
    /// [RFC 7591 §2.2]: https://www.rfc-editor.org/rfc/rfc7591#section-2.2
    pub fn localised<'c, L: AsRef<str>>(&'c self, locales: &[L]) -> LocalisedClient<'c> {
        let metadata = &self.metadata;
        let choose = |member, plain: &'c Option<String>| {
            metadata.localised.choose(member, locales, plain.as_deref())
        };
        LocalisedClient {
            name: choose(NAME, &metadata.client_name).unwrap_or(self.id.as_str()),
            client_uri: choose(CLIENT_URI, &metadata.client_uri),
            logo_uri: choose(LOGO_URI, &metadata.logo_uri),
            policy_uri: choose(POLICY_URI, &metadata.policy_uri),
            tos_uri: choose(TOS_URI, &metadata.tos_uri),
        }
    }
}
