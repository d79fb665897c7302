//! What the OpenID Foundation's suite checks of every authorization answer; whatever a
//! [`Visitor`](super::visitor::Visitor) is answered with passes through it. (The scripts have the
//! same in `lib/conformance.mjs`, and ID Tokens and UserInfo besides.)

use std::collections::BTreeMap;

use reqwest::Url;

use crate::support::is_hard_to_guess;

/// The parameters that may be beside an error.
const WITH_ERROR: [&str; 6] =
    ["error", "error_description", "error_uri", "state", "session_state", "iss"];

/// Reads the answer in a redirect to a client: each parameter comes once, in the query or in the
/// fragment, and says what it must. `states` are those of the requests that were sent.
pub(crate) fn read(
    location: &Url,
    issuer: &str,
    states: &[Option<String>],
) -> Result<BTreeMap<String, String>, String> {
    let text = location.fragment().or(location.query()).unwrap_or_default();
    let pairs: Vec<(String, String)> =
        url::form_urlencoded::parse(text.as_bytes()).into_owned().collect();
    let answer: BTreeMap<_, _> = pairs.iter().cloned().collect();
    if answer.len() != pairs.len() {
        return Err("a parameter comes twice".into());
    }
    if location.fragment().is_some() && location.query().is_some() {
        return Err("something is in the query, too".into());
    }
    check(&answer, issuer, states)?;
    let through_browser =
        ["id_token", "access_token"].iter().any(|name| answer.contains_key(*name));
    if through_browser && location.fragment().is_none() {
        return Err("a token is in the query".into());
    }
    Ok(answer)
}

fn check(
    answer: &BTreeMap<String, String>,
    issuer: &str,
    states: &[Option<String>],
) -> Result<(), String> {
    if answer.get("iss").map(String::as_str) != Some(issuer) {
        return Err("iss is not the issuer".into());
    }
    if !states.contains(&answer.get("state").cloned()) {
        return Err("state is of no request".into());
    }
    if answer.contains_key("error") {
        if let Some(name) = answer.keys().find(|name| !WITH_ERROR.contains(&name.as_str())) {
            return Err(format!("{name} is beside an error"));
        }
        let plain = |c| matches!(c, '\x20'..='\x21' | '\x23'..='\x5b' | '\x5d'..='\x7e');
        let told = [&answer["error"], answer.get("error_description").unwrap_or(&String::new())]
            .into_iter()
            .all(|text| text.chars().all(plain));
        return if told { Ok(()) } else { Err("a character that errors do not have".into()) };
    }
    let secrets: Vec<_> =
        ["code", "access_token"].iter().filter_map(|name| answer.get(*name)).collect();
    if secrets.is_empty() && !answer.contains_key("id_token") {
        return Err("neither an error nor anything else".into());
    }
    match secrets.into_iter().find(|secret| !is_hard_to_guess(secret)) {
        Some(secret) => Err(format!("easy to guess: {secret}")),
        None => Ok(()),
    }
}

#[test]
fn the_checks_can_fail() {
    const HARD: &str = "aZ0bY1cX2dW3eV4fU5gT6hS7iR8jQ9kP";
    let error = "iss=https%3A%2F%2Fop&state=s&error=invalid_request";
    let fine = format!("iss=https%3A%2F%2Fop&state=s&code={HARD}");
    let read = |rest: &str| {
        let location = Url::parse(&format!("https://rp.example/cb{rest}")).unwrap();
        read(&location, "https://op", &[Some("s".into())])
    };
    for rest in [
        format!("?{error}"),
        format!("#{error}&error_description=what+is+wrong"),
        format!("?{fine}"),
        format!("#{fine}&id_token=x&access_token={HARD}"),
    ] {
        assert!(read(&rest).is_ok(), "{rest}: {:?}", read(&rest));
    }
    for (rest, names) in [
        (format!("?{fine}&id_token=x"), "query"),
        (format!("?{fine}&access_token={HARD}"), "query"),
        (format!("?code={HARD}#{fine}"), "query"),
        (format!("?{fine}&code={HARD}"), "twice"),
        (format!("?{}", fine.replace("op", "op%2F")), "iss"),
        (format!("?{}", error.replace("iss", "issuer")), "iss"),
        (format!("?{}", fine.replace("state=s", "state=S")), "state"),
        (format!("?{}", fine.replace("state=s", "status=s")), "state"),
        (format!("?{error}&code={HARD}"), "code"),
        (format!("?{error}&reason=x"), "reason"),
        (format!("?{error}&error_description=a%0Ab"), "character"),
        (format!("?{error}&error_description=%22a%22"), "character"),
        (format!("?{error}&error_description=%5C"), "character"),
        (format!("?{error}&error_description=%C3%BC"), "character"),
        ("?iss=https%3A%2F%2Fop&state=s".into(), "neither"),
        (format!("?{}", fine.replace(HARD, &HARD[..21])), "guess"),
        (format!("?{}", fine.replace(HARD, &"ab".repeat(40))), "guess"),
        (format!("#{fine}&access_token={}", "a".repeat(500)), "guess"),
    ] {
        let found = read(&rest).unwrap_err();
        assert!(found.contains(names), "{rest}: {found}");
    }
}
