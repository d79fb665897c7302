/// The scopes of OpenID Connect and the claims that each asks for ([OIDC Core §5.4]).
///
/// [OIDC Core §5.4]: https://openid.net/specs/openid-connect-core-1_0.html#ScopeClaims
pub(crate) const STANDARD_SCOPES: [(&str, &[&str]); 6] = [
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
    (OFFLINE_ACCESS, &[]),
];

/// The scope that asks for refresh tokens which outlive the session ([OIDC Core §11]).
///
/// [OIDC Core §11]: https://openid.net/specs/openid-connect-core-1_0.html#OfflineAccess
pub(crate) const OFFLINE_ACCESS: &str = "offline_access";
