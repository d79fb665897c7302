//! What the suite checks of every answer, whatever the module is about: each a function that says what
//! is wrong.

mod authorization;
mod id_token;
mod published;
mod registration;
mod tokens;
mod userinfo;

use std::fmt::Display;

use serde_json::Value;

use crate::support::Answer;

pub(crate) use authorization::{Asked, authorization};
pub(crate) use id_token::{IdToken, id_token};
pub(crate) use published::{keys, metadata};
pub(crate) use registration::{deleted, read, registered, unregistered};
pub(crate) use tokens::{refused, tokens};
pub(crate) use userinfo::{signed_userinfo, userinfo};

/// What a check finds: the problem, in words.
pub(crate) type Check<T = ()> = Result<T, String>;

fn ensure(holds: bool, otherwise: impl Display) -> Check {
    if holds { Ok(()) } else { Err(otherwise.to_string()) }
}

/// An answer, as far as it is looked at.
#[derive(Clone, Debug)]
pub(crate) struct Http {
    status: u16,
    media_type: String,
    cache_control: String,
    body: String,
}

impl From<&Answer> for Http {
    fn from(answer: &Answer) -> Self {
        let header = |name| answer.header(name).unwrap_or_default().to_owned();
        let body = String::from_utf8_lossy(&answer.reply().body).into_owned();
        let (media_type, cache_control) = (header("content-type"), header("cache-control"));
        Self { status: answer.status(), media_type, cache_control, body }
    }
}

impl Http {
    /// JSON that is not to be stored.
    fn of(status: u16, body: &Value) -> Self {
        let (media_type, cache_control) = ("application/json".into(), "no-store".into());
        Self { status, media_type, cache_control, body: body.to_string() }
    }

    /// The object of a JSON answer with this status.
    fn json(&self, status: u16) -> Check<Value> {
        let body = &self.body;
        ensure(self.status == status, format_args!("{} {body}", self.status))?;
        let media_type = self.media_type.split(';').next();
        ensure(media_type == Some("application/json"), &self.media_type)?;
        let json: Value = serde_json::from_str(body).map_err(|error| format!("{error}: {body}"))?;
        ensure(json.is_object(), format_args!("no object: {body}"))?;
        Ok(json)
    }
}

/// A member that is text and not empty.
fn text<'j>(json: &'j Value, member: &str) -> Check<&'j str> {
    let found = json[member].as_str().filter(|text| !text.trim().is_empty());
    found.ok_or_else(|| format!("{member}: {}", json[member]))
}

/// RFC 6749 §5.2, §4.1.2.1: the characters of `error` and `error_description`.
fn plain(text: &str) -> bool {
    text.chars().all(|c| matches!(c, '\x20'..='\x21' | '\x23'..='\x5b' | '\x5d'..='\x7e'))
}

/// An error in a JSON answer: one of these.
fn error(json: &Value, errors: &[&str]) -> Check {
    let found = text(json, "error")?;
    ensure(errors.contains(&found), format_args!("{json}, not {errors:?}"))?;
    let description = json["error_description"].as_str().unwrap_or_default();
    ensure(plain(found) && plain(description), format_args!("characters of {json}"))
}

/// An `expires_in` of at most a year.
fn expires_in(seconds: Option<i64>) -> Check {
    let good = seconds.is_some_and(|seconds| seconds > 0 && seconds <= 366 * 24 * 3600);
    ensure(good, format_args!("expires_in: {seconds:?}"))
}
