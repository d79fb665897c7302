use super::policy::untagged;
use serde_json::Value;

/// What the value of a claim is to be ([OIDC Core §5.1]).
///
/// [OIDC Core §5.1]: https://openid.net/specs/openid-connect-core-1_0.html#StandardClaims
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A string.
    Text,
    /// A string that is the address of a Web page or of an image.
    Url,
    /// A string: a day, a day without its year, or a year.
    Birthdate,
    /// `true` or `false`.
    Boolean,
    /// Seconds since 1970-01-01T00:00:00Z.
    Time,
    /// An object of strings by the names in [`ADDRESS`].
    Address,
    /// Not a standard claim: any JSON.
    Any,
}

/// The standard claims but `sub`.
const STANDARD: [(&str, Kind); 19] = [
    ("name", Kind::Text),
    ("given_name", Kind::Text),
    ("family_name", Kind::Text),
    ("middle_name", Kind::Text),
    ("nickname", Kind::Text),
    ("preferred_username", Kind::Text),
    ("profile", Kind::Url),
    ("picture", Kind::Url),
    ("website", Kind::Url),
    ("email", Kind::Text),
    ("email_verified", Kind::Boolean),
    ("gender", Kind::Text),
    ("birthdate", Kind::Birthdate),
    ("zoneinfo", Kind::Text),
    ("locale", Kind::Text),
    ("phone_number", Kind::Text),
    ("phone_number_verified", Kind::Boolean),
    ("address", Kind::Address),
    ("updated_at", Kind::Time),
];

/// The members of an address ([OIDC Core §5.1.1]).
///
/// [OIDC Core §5.1.1]: https://openid.net/specs/openid-connect-core-1_0.html#AddressClaim
pub(crate) const ADDRESS: [&str; 6] =
    ["formatted", "street_address", "locality", "region", "postal_code", "country"];

/// Whether nobody but the provider says this claim, with a language tag or without.
///
/// Claims about a token and not about a person: the provider alone says them ([OIDC Core §2],
/// [RFC 7519 §4.1], [RFC 7800 §3.1], [RFC 8417 §2.2], [RFC 8693 §4], [OIDC Core §5.6.2]).
///
/// [OIDC Core §2]: https://openid.net/specs/openid-connect-core-1_0.html#IDToken
/// [RFC 7519 §4.1]: https://www.rfc-editor.org/rfc/rfc7519#section-4.1
/// [RFC 7800 §3.1]: https://www.rfc-editor.org/rfc/rfc7800#section-3.1
/// [RFC 8417 §2.2]: https://www.rfc-editor.org/rfc/rfc8417#section-2.2
/// [RFC 8693 §4]: https://www.rfc-editor.org/rfc/rfc8693#section-4
/// [OIDC Core §5.6.2]: https://openid.net/specs/openid-connect-core-1_0.html#AggregatedDistributedClaims
pub(crate) fn is_reserved(name: &str) -> bool {
    matches!(
        untagged(name),
        "iss"
            | "sub"
            | "aud"
            | "exp"
            | "iat"
            | "nbf"
            | "jti"
            | "auth_time"
            | "nonce"
            | "acr"
            | "amr"
            | "azp"
            | "at_hash"
            | "c_hash"
            | "s_hash"
            | "sid"
            | "cnf"
            | "client_id"
            | "scope"
            | "act"
            | "may_act"
            | "events"
            | "_claim_names"
            | "_claim_sources"
    )
}

/// What the value of the claim is to be, with a language tag or without.
pub(crate) fn kind_of(name: &str) -> Kind {
    let found = STANDARD.iter().find(|(known, _)| *known == untagged(name));
    found.map_or(Kind::Any, |(_, kind)| *kind)
}

/// A claim that is not known is left out, not sent empty ([OIDC Core §5.3.2]).
///
/// [OIDC Core §5.3.2]: https://openid.net/specs/openid-connect-core-1_0.html#UserInfoResponse
pub(crate) fn says_something(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.trim().is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(members) => !members.is_empty(),
        Value::Bool(_) | Value::Number(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claims::STANDARD_SCOPES;

    /// OIDC Core §5.1: what a scope asks for is what has a type.
    #[test]
    fn every_standard_claim_has_a_type() {
        let mut typed: Vec<_> = STANDARD.iter().map(|(name, _)| *name).collect();
        let asked = STANDARD_SCOPES.iter().flat_map(|(_, claims)| claims.iter().copied());
        let mut asked: Vec<_> = asked.collect();
        typed.sort_unstable();
        asked.sort_unstable();
        assert_eq!(typed, asked);
        assert_eq!(kind_of("website#de"), Kind::Url);
        assert_eq!(kind_of("Website"), Kind::Any);
    }

    #[test]
    fn a_tag_does_not_free_a_reserved_claim() {
        for name in ["sub", "sub#de", "sub#", "iss##", "_claim_names"] {
            assert!(is_reserved(name), "{name}");
        }
        for name in ["", "Sub", "subject", "name", "https://id.example/sub", "name#sub"] {
            assert!(!is_reserved(name), "{name}");
        }
        assert!(STANDARD.iter().all(|(name, _)| !is_reserved(name)));
    }
}
