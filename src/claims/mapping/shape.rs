use std::borrow::Cow;

use serde_json::{Map, Number, Value};
use time::{Date, Month, OffsetDateTime, format_description::well_known::Rfc3339};
use url::Url;

use crate::claims::standard::{ADDRESS, Kind, says_something};

/// The value as the claim demands it, or nothing: a claim is left out rather than sent wrong
/// ([OIDC Core §5.3.2]).
///
/// [OIDC Core §5.3.2]: https://openid.net/specs/openid-connect-core-1_0.html#UserInfoResponse
pub(super) fn shape(value: &Value, kind: Kind) -> Option<Value> {
    if !says_something(value) {
        return None;
    }
    match kind {
        Kind::Any => Some(value.clone()),
        Kind::Text => text(value).map(|text| Value::String(text.into())),
        Kind::Url => value.as_str().filter(|text| is_web_address(text)).map(Value::from),
        Kind::Birthdate => birthdate(&text(value)?).map(Value::from),
        Kind::Boolean => boolean(value).map(Value::Bool),
        Kind::Time => seconds(value).map(Value::Number),
        Kind::Address => address(value).map(Value::Object),
    }
}

/// Text, or a whole number, such as that of a house.
fn text(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::Number(number) if !number.is_f64() => Some(Cow::Owned(number.to_string())),
        _ => None,
    }
}

/// A script or a file is no page that a client should send anybody to. Blanks are looked for here, as
/// the parser passes over them.
fn is_web_address(text: &str) -> bool {
    !text.contains(|c: char| c.is_whitespace() || c.is_control())
        && Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https"))
}

fn boolean(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(value) => Some(*value),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

fn seconds(value: &Value) -> Option<Number> {
    match value {
        Value::Number(number) => Some(number.clone()),
        Value::String(text) => {
            let time = OffsetDateTime::parse(text, &Rfc3339).ok()?;
            Some(time.unix_timestamp().into())
        }
        _ => None,
    }
}

/// `YYYY-MM-DD`, `0000-MM-DD` or `YYYY`; of a point in time, the day as it is written there.
fn birthdate(text: &str) -> Option<&str> {
    match text.len() {
        4 => digits(text).filter(|year| *year > 0).map(|_| text),
        10 => is_day(text).then_some(text),
        _ => {
            OffsetDateTime::parse(text, &Rfc3339).ok()?;
            text.get(..10)
        }
    }
}

/// Whether there is such a day; the year 0000, which stands for no year, is a leap year.
fn is_day(text: &str) -> bool {
    let mut parts = text.split('-');
    let (Some(year), Some(month), Some(day), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    let date = || {
        let month = Month::try_from(u8::try_from(digits(month)?).ok()?).ok()?;
        let day = u8::try_from(digits(day)?).ok()?;
        Date::from_calendar_date(digits(year)?.into(), month, day).ok()
    };
    (year.len(), month.len(), day.len()) == (4, 2, 2) && date().is_some()
}

fn digits(text: &str) -> Option<u16> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

/// The members that an address has, those of them that are text.
fn address(value: &Value) -> Option<Map<String, Value>> {
    let members = value.as_object()?;
    let known = ADDRESS.iter().filter_map(|name| {
        let value = shape(members.get(*name)?, Kind::Text)?;
        Some(((*name).to_owned(), value))
    });
    let address: Map<_, _> = known.collect();
    (!address.is_empty()).then_some(address)
}
