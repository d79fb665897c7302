//! What scopes and claims are called, for people.

/// A standard scope: what it means to people ([OpenID Connect Core §5.4]).
///
/// [OpenID Connect Core §5.4]: https://openid.net/specs/openid-connect-core-1_0.html#ScopeClaims
pub(super) struct ScopeWords {
    pub(super) title: &'static str,
    pub(super) about: &'static str,
}

/// The standard scope of this name.
pub(super) fn scope(token: &str) -> Option<ScopeWords> {
    let (title, about) = match token {
        "openid" => ("Know who you are", "An identifier of yours, to recognise you next time"),
        "profile" => (
            "See your profile",
            "Name, nickname, picture, website, gender, birthday, time zone and language",
        ),
        "email" => ("See your e-mail address", "And whether it has been verified"),
        "address" => ("See your postal address", "Street, town, region, code and country"),
        "phone" => ("See your phone number", "And whether it has been verified"),
        _ => return None,
    };
    Some(ScopeWords { title, about })
}

/// What a standard claim is called ([OpenID Connect Core §5.1]).
///
/// [OpenID Connect Core §5.1]: https://openid.net/specs/openid-connect-core-1_0.html#StandardClaims
pub(super) fn claim(name: &str) -> Option<&'static str> {
    Some(match name {
        "name" => "Full name",
        "family_name" => "Family name",
        "given_name" => "Given name",
        "middle_name" => "Middle name",
        "nickname" => "Nickname",
        "preferred_username" => "User name",
        "profile" => "Profile page",
        "picture" => "Picture",
        "website" => "Website",
        "gender" => "Gender",
        "birthdate" => "Birthday",
        "zoneinfo" => "Time zone",
        "locale" => "Language and region",
        "updated_at" => "When your profile last changed",
        "email" => "E-mail address",
        "email_verified" => "Whether your e-mail address is verified",
        "address" => "Postal address",
        "phone_number" => "Phone number",
        "phone_number_verified" => "Whether your phone number is verified",
        _ => return None,
    })
}
