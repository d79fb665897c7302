//! What may be said of people: nothing that tokens say of themselves, and everything in the form that clients
//! expect (OpenID Connect Core, section 5.1).

use serde_json::{Map, Value};
use time::{Date, Month};
use url::Url;

use crate::{
    layers::Capped,
    users::{email_address, phone_number},
};

/// What tokens say of themselves, and no account of a person (OpenID Connect Core, section 2).
pub(crate) const NOT_OF_PEOPLE: [&str; 19] = [
    "sub",
    "iss",
    "aud",
    "exp",
    "iat",
    "nbf",
    "jti",
    "nonce",
    "auth_time",
    "acr",
    "amr",
    "azp",
    "sid",
    "at_hash",
    "c_hash",
    "s_hash",
    "client_id",
    "scope",
    "act",
];

/// How long the tag of a language may be (RFC 5646, section 4.4.1).
const LONGEST_TAG: usize = 35;

/// The first of the claims that cannot be said so, and why; nothing that was sent is repeated but its name.
pub(crate) fn finding(claims: &Map<String, Value>) -> Option<String> {
    claims.iter().find_map(|(name, value)| of_name(name).or_else(|| of_value(name, value)))
}

/// The same of a change, where null takes a claim away.
pub(crate) fn change_finding(claims: &Map<String, Value>) -> Option<String> {
    claims.iter().find_map(|(name, value)| {
        of_name(name).or_else(|| of_value(name, value).filter(|_| !value.is_null()))
    })
}

fn of_name(name: &str) -> Option<String> {
    // A claim is the same in any language (section 5.2).
    let (plain, tag) = match name.split_once('#') {
        Some((plain, tag)) => (plain, Some(tag)),
        None => (name, None),
    };
    let is_tag = |tag: &str| {
        (1..=LONGEST_TAG).contains(&tag.len())
            && tag.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    if !tag.is_none_or(is_tag) {
        return Some(format!("claims: {:?} is in no language", Capped(name)));
    }
    let is_said = NOT_OF_PEOPLE.contains(&plain);
    is_said.then(|| format!("claims: {name} is said by tokens, not of people"))
}

fn of_value(name: &str, value: &Value) -> Option<String> {
    let plain = name.split_once('#').map_or(name, |(plain, _)| plain);
    expected(plain, value).map(|form| format!("claims: {name} is {form}"))
}

/// What the claim is, if this is not it. Of claims that the specification does not know, anything may be said.
fn expected(name: &str, value: &Value) -> Option<&'static str> {
    let is_text = |fits: fn(&str) -> bool| value.as_str().is_some_and(fits);
    let (fits, form) = match name {
        "name" | "given_name" | "family_name" | "middle_name" | "nickname"
        | "preferred_username" | "gender" | "zoneinfo" | "locale" => (value.is_string(), "a text"),
        "profile" | "picture" | "website" => (is_text(is_web_address), "an address on the web"),
        "email" => (
            is_text(|text| email_address(text).is_some()),
            "an e-mail address, like name@example.com",
        ),
        "phone_number" => (
            is_text(is_phone_number),
            "a phone number with its country code, like +44 20 7946 0018",
        ),
        "birthdate" => (is_text(is_birthdate), "a day, as YYYY-MM-DD, or a year"),
        "address" => (is_address(value), "an object, whose members are texts"),
        "updated_at" => (value.is_number(), "a number of seconds"),
        "email_verified" | "phone_number_verified" => (value.is_boolean(), "true or false"),
        _ => return None,
    };
    (!fits).then_some(form)
}

fn is_web_address(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https"))
}

/// Perhaps with an extension, as RFC 3966 writes it.
fn is_phone_number(text: &str) -> bool {
    let (number, extension) = text.split_once(";ext=").unwrap_or((text, "0"));
    let digits = !extension.is_empty() && extension.bytes().all(|b| b.is_ascii_digit());
    digits && phone_number(number).is_some()
}

/// A day, the year of which may be left out as 0000, or a year.
fn is_birthdate(text: &str) -> bool {
    let digits = |text: &str, many: usize| {
        text.parse()
            .ok()
            .filter(|_: &u16| text.len() == many && text.bytes().all(|b| b.is_ascii_digit()))
    };
    let parts: Vec<_> = text.split('-').collect();
    match parts[..] {
        [year] => digits(year, 4).is_some(),
        [year, month, day] => {
            let (Some(year), Some(month), Some(day)) =
                (digits(year, 4), digits(month, 2), digits(day, 2))
            else {
                return false;
            };
            let month = u8::try_from(month).ok().and_then(|month| Month::try_from(month).ok());
            let date = |month| {
                let day = u8::try_from(day).unwrap_or_default();
                Date::from_calendar_date(year.into(), month, day).ok()
            };
            month.and_then(date).is_some()
        }
        _ => false,
    }
}

/// Section 5.1.1.
fn is_address(value: &Value) -> bool {
    let known = |name: &str| {
        matches!(
            name,
            "formatted" | "street_address" | "locality" | "region" | "postal_code" | "country"
        )
    };
    let fits = |(name, value): (&String, &Value)| !known(name) || value.is_string();
    value.as_object().is_some_and(|members| members.iter().all(fits))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found(name: &str, value: Value) -> Option<String> {
        finding(&Map::from_iter([(name.to_owned(), value)]))
    }

    /// OpenID Connect Core, sections 5.1 and 5.2.
    #[test]
    fn claims_have_the_form_that_clients_expect() {
        for (name, value) in [
            ("name", json!("Erin")),
            ("name#de", json!("Erin")),
            ("name#zh-Hant-HK", json!("Erin")),
            ("roles#abcdefgh-abcdefgh-abcdefgh-abcdefgh", json!("Erin")),
            ("picture", json!("https://pictures.example/erin.png")),
            ("email", json!("erin@example.com")),
            ("phone_number", json!("+1 (555) 01-77")),
            ("phone_number", json!("+1 (555) 01-77;ext=5678")),
            ("birthdate", json!("1987-10-31")),
            ("birthdate", json!("0000-02-29")),
            ("birthdate", json!("1987")),
            ("address", json!({ "locality": "Paris", "country": "FR", "floor": 3 })),
            ("updated_at", json!(1_700_000_000)),
            ("email_verified", json!(false)),
            ("roles", json!(["any", 1, null])),
        ] {
            assert_eq!(found(name, value.clone()), None, "{name} {value}");
        }
        for (name, value) in [
            ("name", json!(1)),
            ("name#de", json!(["Erin"])),
            ("nickname", json!(null)),
            ("zoneinfo", json!({})),
            ("picture", json!("javascript:alert(1)")),
            ("website", json!("erin")),
            ("email", json!("erin")),
            ("email", json!("+15550177")),
            ("email", json!(["erin@example.com"])),
            ("phone_number", json!(15_550_177)),
            ("phone_number", json!("555 0177")),
            ("phone_number", json!("+1 555 0177;ext=")),
            ("phone_number", json!("+1 555 0177;ext=a")),
            ("birthdate", json!("31.10.1987")),
            ("birthdate", json!("1987-02-30")),
            ("birthdate", json!("1987-13-01")),
            ("birthdate", json!("1987-1-1")),
            ("birthdate", json!("+987-01-01")),
            ("birthdate", json!("1987-10-31T00:00")),
            ("birthdate", json!(1987)),
            ("address", json!("Paris")),
            ("address", json!({ "locality": 75_001 })),
            ("updated_at", json!("yesterday")),
            ("email_verified", json!("true")),
            ("phone_number_verified", json!(1)),
            ("sub", json!("sub-of-alice")),
            ("acr#de", json!("high")),
            ("name#", json!("Erin")),
            ("name#de_DE", json!("Erin")),
            ("name#de#fr", json!("Erin")),
            ("roles#abcdefgh-abcdefgh-abcdefgh-abcdefghi", json!("Erin")),
        ] {
            let text = found(name, value.clone()).unwrap_or_default();
            assert!(text.contains(name), "{name} {value}: {text}");
        }
        let change = |name: &str, value| change_finding(&Map::from_iter([(name.into(), value)]));
        assert_eq!(change("nickname#de", json!(null)), None);
        let long = format!("name#{}", "x".repeat(60_000));
        for (name, value) in [
            ("nickname", json!(1)),
            ("sub", json!(null)),
            ("name#", json!(null)),
            (&*long, json!(null)),
        ] {
            let text = change(name, value).unwrap_or_default();
            assert!(text.contains(&name[..name.len().min(99)]) && text.len() < 400, "{text}");
        }
    }
}
