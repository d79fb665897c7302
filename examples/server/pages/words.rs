//! What scopes, claims, addresses and times are called, for people.

use oidc_op::Timestamp;

use crate::{profile, sign_up::Channel};

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
        "profile:read" => {
            ("See all that your account says of you", "Addresses and numbers as well")
        }
        "profile:write" => ("Change your profile", "Such as your name and your picture"),
        "offline_access" => (
            "Keep access while you are away",
            "Until you end it, on the page “Your apps and devices”",
        ),
        _ => return None,
    };
    Some(ScopeWords { title, about })
}

/// What a scope of the server's own APIs lets a client do.
pub(super) fn permission(token: &str) -> Option<&'static str> {
    match token {
        profile::READ => Some("See all that your account says of you"),
        profile::WRITE => Some("Change your profile"),
        _ => None,
    }
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

/// What the page says on which a code is entered.
pub(super) struct ChannelWords {
    pub(super) title: &'static str,
    /// The question before the way back.
    pub(super) wrong: &'static str,
}

/// What it says of this channel.
pub(super) fn channel(channel: Channel) -> ChannelWords {
    let (title, wrong) = match channel {
        Channel::Email => ("Check your e-mail", "Not your address?"),
        Channel::Phone => ("Check your phone", "Not your number?"),
    };
    ChannelWords { title, wrong }
}

/// A time, for programs and for people.
pub(super) struct Moment {
    pub(super) machine: String,
    pub(super) words: String,
}

impl Moment {
    pub(super) fn new(time: Timestamp) -> Self {
        let machine = time.to_string();
        Self { words: in_words(&machine).unwrap_or_else(|| machine.clone()), machine }
    }
}

/// `2025-01-31T12:34:56Z` as `31 January 2025, 12:34 UTC`.
fn in_words(rfc3339: &str) -> Option<String> {
    const MONTHS: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    let (date, time) = rfc3339.split_once('T')?;
    let mut parts = date.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let month = MONTHS.get(month.parse::<usize>().ok()?.checked_sub(1)?)?;
    let day: u8 = day.parse().ok()?;
    Some(format!("{day} {month} {year}, {} UTC", time.get(..5)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_can_be_read() {
        for (unix, words) in [
            (0, "1 January 1970, 00:00 UTC"),
            (1_738_326_896, "31 January 2025, 12:34 UTC"),
            (1_767_225_599, "31 December 2025, 23:59 UTC"),
        ] {
            assert_eq!(Moment::new(Timestamp::from_unix(unix)).words, words);
        }
        assert!(!Moment::new(Timestamp::MAX).words.is_empty());
    }
}
