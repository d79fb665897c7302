use std::collections::{BTreeMap, BTreeSet};

use super::{Check, ensure, expires_in};
use crate::support::{decode, is_hard_to_guess};

/// What was asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) issuer: &'a str,
    pub(crate) response_type: &'a str,
    pub(crate) state: &'a str,
    pub(crate) redirect_uri: &'a str,
}

impl Asked<'_> {
    pub(crate) fn has(&self, word: &str) -> bool {
        self.response_type.split(' ').any(|found| found == word)
    }
}

/// OIDC Core §3.1.2.5, §3.2.2.5, §3.3.2.5, RFC 9207 §2: a redirect that grants something; answers its
/// parameters.
pub(crate) fn authorization(location: &str, asked: &Asked<'_>) -> Check<BTreeMap<String, String>> {
    // The redirect URI is there as it was registered, its own query included.
    let rest = location.strip_prefix(asked.redirect_uri).unwrap_or_default();
    let separator = match (asked.response_type, asked.redirect_uri.contains('?')) {
        ("code", false) => '?',
        ("code", true) => '&',
        _ => '#',
    };
    let text = rest.strip_prefix(separator).ok_or_else(|| format!("it went to {location}"))?;
    ensure(!text.contains('#'), format_args!("two places: {location}"))?;
    let pairs = decode(text);
    let answer: BTreeMap<_, _> = pairs.iter().cloned().collect();
    ensure(answer.len() == pairs.len(), format_args!("something comes twice: {location}"))?;

    let mut wanted = BTreeSet::from(["iss", "state"]);
    for (word, names) in [
        ("code", &["code"][..]),
        ("id_token", &["id_token"]),
        ("token", &["access_token", "token_type", "expires_in", "scope"]),
    ] {
        wanted.extend(names.iter().filter(|_| asked.has(word)));
    }
    let names: BTreeSet<_> = answer.keys().map(String::as_str).collect();
    ensure(names == wanted, format_args!("{answer:?}, not {wanted:?}"))?;
    ensure(answer["iss"] == asked.issuer, format_args!("iss: {}", answer["iss"]))?;
    ensure(answer["state"] == asked.state, format_args!("state: {}", answer["state"]))?;
    if asked.has("code") {
        ensure(is_hard_to_guess(&answer["code"]), "the code is easy to guess")?;
    }
    if asked.has("token") {
        ensure(is_hard_to_guess(&answer["access_token"]), "the access token is easy to guess")?;
        let bearer = answer["token_type"].eq_ignore_ascii_case("bearer");
        ensure(bearer, format_args!("token_type: {}", answer["token_type"]))?;
        expires_in(answer["expires_in"].parse().ok())?;
    }
    Ok(answer)
}

#[test]
fn the_checks_can_fail() {
    const HARD: &str = "aZ0bY1cX2dW3eV4fU5gT6hS7iR8jQ9kP";
    const CB: &str = "https://rp.example/cb";
    let asked = |response_type, redirect_uri| {
        let location = move |rest: &str| format!("{CB}{rest}");
        let asked = Asked { issuer: "https://op", response_type, state: "s", redirect_uri };
        move |rest: &str| authorization(&location(rest), &asked).is_ok()
    };
    let code = format!("code={HARD}&state=s&iss=https%3A%2F%2Fop");
    let query = asked("code", CB);
    assert!(query(&format!("?{code}")));
    for rest in [
        format!("#{code}"),
        format!("/?{code}"),
        format!("?a=b&{code}"),
        format!("?{code}&state=s"),
        format!("?{code}&id_token=x"),
        format!("?{code}#x"),
        code.replace("code=", "?code=1&c="),
        format!("?{}", code.replace(HARD, "1234")),
        format!("?{}", code.replace("state=s", "state=t")),
        format!("?{}", code.replace("state=s&", "")),
        format!("?{}", code.replace("op", "op%2F")),
        "?error=invalid_request&state=s&iss=https%3A%2F%2Fop".into(),
    ] {
        assert!(!query(&rest), "{rest}");
    }
    let own_query = asked("code", "https://rp.example/cb?a=b");
    assert!(own_query(&format!("?a=b&{code}")));
    assert!(!own_query(&format!("?a=c&{code}")) && !own_query(&format!("?{code}")));

    let fragment = asked("code token", "https://rp.example/cb?a=b");
    let token = format!("{code}&access_token={HARD}&token_type=bearer&expires_in=9&scope=openid");
    assert!(fragment(&format!("?a=b#{token}")));
    for rest in [
        format!("?a=b&{token}"),
        format!("?a=b&{code}#{token}"),
        format!("#{token}"),
        format!("?a=b#{code}"),
        format!("?a=b#{}", token.replace("expires_in=9", "expires_in=0")),
        format!("?a=b#{}", token.replace("expires_in=9", "expires_in=soon")),
        format!("?a=b#{}", token.replace("bearer", "mac")),
        format!("?a=b#{}", token.replace(&format!("access_token={HARD}"), "access_token=1")),
    ] {
        assert!(!fragment(&rest), "{rest}");
    }
}
