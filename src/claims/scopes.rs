use crate::types::Scope;

/// The scopes of OpenID Connect and the claims that each asks for ([OIDC Core §5.4]).
///
/// [OIDC Core §5.4]: https://openid.net/specs/openid-connect-core-1_0.html#ScopeClaims
pub(crate) const STANDARD_SCOPES: [(&str, &[&str]); 5] = [
    ("openid", &[]),
    (
        "profile",
        &[
            "name",
            "family_name",
            "given_name",
            "middle_name",
            "nickname",
            "preferred_username",
            "profile",
            "picture",
            "website",
            "gender",
            "birthdate",
            "zoneinfo",
            "locale",
            "updated_at",
        ],
    ),
    ("email", &["email", "email_verified"]),
    ("address", &["address"]),
    ("phone", &["phone_number", "phone_number_verified"]),
];

/// The claims that a scope asks for.
pub(crate) fn claims_of(scope: &Scope) -> Vec<&'static str> {
    let asked = STANDARD_SCOPES.iter().filter(|(token, _)| scope.contains(token));
    asked.flat_map(|(_, claims)| claims.iter().copied()).collect()
}

/// Every claim that some scope asks for.
pub(crate) fn standard_claims() -> impl Iterator<Item = &'static str> {
    STANDARD_SCOPES.iter().flat_map(|(_, claims)| claims.iter().copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// OIDC Core §5.4.
    #[test]
    fn scopes_ask_for_claims() {
        let claims = claims_of(&Scope::parse("phone openid email unknown").unwrap());
        assert_eq!(claims, ["email", "email_verified", "phone_number", "phone_number_verified"]);
        assert!(claims_of(&Scope::parse("openid").unwrap()).is_empty());
        assert_eq!(standard_claims().count(), 19);
    }
}
