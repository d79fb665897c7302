//! From the host's own document of a person to claims, as data.

mod error;
mod name;
mod parse;
#[cfg(test)]
mod properties;
mod rule;
mod shape;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, fmt};

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{Error, MapAccess, Visitor},
};
use serde_json::{Map, Value};

pub use self::error::{InvalidMapping, MappingProblem};
use self::{error::Flaw, name::Name, rule::Rule};
use super::standard::kind_of;

/// How the claims of a person are found in the host's own document about them: data, not code, so that
/// it may stand in a configuration file.
///
/// An object from the names of claims to rules. A name may carry a language tag (`name#ja-Kana-JP`,
/// [OIDC Core §5.2]).
///
/// | rule | the value |
/// |---|---|
/// | `"/profile/born"` | what the JSON Pointer ([RFC 6901]) finds |
/// | `{"join": [rule, …], "separator": " "}` | the texts one after the other; one space between them if there is no `separator` |
/// | `{"first": [rule, …]}` | the first that is there and that the claim may hold |
/// | `{"members": {"locality": rule, …}}` | an object |
/// | `{"value": …, "when": "/upstream"}` | this one; with `when`, only if something is there that is not `false` |
///
/// Values get the types that [OIDC Core §5.1] demands of a standard claim, and are left out when they
/// cannot:
///
/// * A text may be a whole number in the document; what is blank is not there.
/// * `profile`, `picture` and `website` are absolute URLs with `http` or `https`.
/// * `email_verified` and `phone_number_verified` may be the strings `true` and `false`.
/// * `updated_at` may be a date and time of [RFC 3339], which becomes seconds. So may `birthdate`,
///   which becomes a date; other than that it is `YYYY-MM-DD`, `0000-MM-DD` or `YYYY`.
/// * `address` has the members of [OIDC Core §5.1.1] and no others.
///
/// Other claims keep their JSON. Claims about a token, such as `sub` and `exp`, cannot be mapped.
///
/// ```
/// use async_trait::async_trait;
/// use oidc_op::{Account, Accounts, ClaimMapping, HostError, Subject};
/// use serde_json::{Value, json};
///
/// /// The people, as documents of a form of their own.
/// #[derive(Debug)]
/// struct People {
///     mapping: ClaimMapping,
/// }
///
/// impl People {
///     fn document(&self, subject: &Subject) -> Option<Value> {
///         (subject == "ada").then(|| {
///             json!({
///                 "name": {"first": "Ada", "last": "Lovelace"},
///                 "login": {"email": "ada@example.com", "proven": "true"},
///                 "home": {"street": "St James's Square", "number": 12, "city": "London"},
///             })
///         })
///     }
/// }
///
/// #[async_trait]
/// impl Accounts for People {
///     async fn account(
///         &self,
///         subject: &Subject,
///         wanted: &[&str],
///     ) -> Result<Option<Account>, HostError> {
///         let Some(document) = self.document(subject) else { return Ok(None) };
///         Ok(Some(Account::active().claims(self.mapping.apply(&document, wanted))))
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mapping: ClaimMapping = serde_json::from_str(
///     r#"{
///         "name": {"join": ["/name/first", "/name/middle", "/name/last"]},
///         "email": {"first": ["/login/email", "/emails/0"]},
///         "email_verified": "/login/proven",
///         "address": {"members": {
///             "street_address": {"join": ["/home/street", "/home/number"]},
///             "locality": "/home/city"
///         }},
///         "https://example.com/claims/managed": {"value": true, "when": "/upstream"}
///     }"#,
/// )?;
/// assert!(mapping.claims().any(|name| name == "address"));
///
/// let people = People { mapping };
/// let wanted = ["name", "email_verified", "address"];
/// let Ok(Some(account)) = people.account(&Subject::new("ada")?, &wanted).await else {
///     unreachable!()
/// };
/// let expected = json!({
///     "name": "Ada Lovelace",
///     "email_verified": true,
///     "address": {"street_address": "St James's Square 12", "locality": "London"},
/// });
/// assert_eq!(Value::Object(account.claims), expected);
/// # Ok(())
/// # }
/// ```
///
/// [OIDC Core §5.1]: https://openid.net/specs/openid-connect-core-1_0.html#StandardClaims
/// [OIDC Core §5.1.1]: https://openid.net/specs/openid-connect-core-1_0.html#AddressClaim
/// [OIDC Core §5.2]: https://openid.net/specs/openid-connect-core-1_0.html#ClaimsLanguagesAndScripts
/// [RFC 3339]: https://www.rfc-editor.org/rfc/rfc3339#section-5.6
/// [RFC 6901]: https://www.rfc-editor.org/rfc/rfc6901
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct ClaimMapping(BTreeMap<Name, Rule>);

impl ClaimMapping {
    /// From rules by the names of claims.
    ///
    /// # Errors
    ///
    /// [`InvalidMapping`], for the first claim that cannot be mapped in this way.
    pub fn new(rules: Map<String, Value>) -> Result<Self, InvalidMapping> {
        let mut mapping = BTreeMap::<Name, Rule>::new();
        for (claim, json) in rules {
            let name =
                Name::parse(&claim).map_err(|problem| InvalidMapping::new(&*claim, problem))?;
            if mapping.keys().any(|known| known.is(&name)) {
                return Err(InvalidMapping::new(claim, MappingProblem::Repeated));
            }
            let rule = parse::claim_rule(json, kind_of(&name.base));
            mapping.insert(name, rule.map_err(|flaw: Flaw| InvalidMapping::new(claim, flaw))?);
        }
        Ok(Self(mapping))
    }

    /// The wanted claims that the document knows.
    ///
    /// With a wanted `name` come its tagged forms, `name#…`: which of them fits is not decided here.
    pub fn apply(&self, document: &Value, wanted: &[&str]) -> Map<String, Value> {
        let answers = self.0.iter().filter_map(|(name, rule)| {
            let text = name.to_string();
            if !wanted.contains(&&*name.base) && !wanted.contains(&&*text) {
                return None;
            }
            Some((text, rule.answer(document, kind_of(&name.base))?))
        });
        answers.collect()
    }

    /// The names of the claims, without language tags, each once: for `claims_supported`.
    pub fn claims(&self) -> impl Iterator<Item = &str> {
        let mut last = None;
        let names = self.0.keys().map(|name| &*name.base);
        names.filter(move |name| last.replace(*name) != Some(*name))
    }
}

impl<'de> Deserialize<'de> for ClaimMapping {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Rules)
    }
}

/// Reads an object from names to rules, each name once.
struct Rules;

impl<'de> Visitor<'de> for Rules {
    type Value = ClaimMapping;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object from the names of claims to rules")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ClaimMapping, A::Error> {
        let mut rules = Map::new();
        while let Some((claim, rule)) = map.next_entry::<String, Value>()? {
            if rules.contains_key(&claim) {
                let problem = InvalidMapping::new(claim, MappingProblem::Repeated);
                return Err(A::Error::custom(problem));
            }
            rules.insert(claim, rule);
        }
        ClaimMapping::new(rules).map_err(A::Error::custom)
    }
}
