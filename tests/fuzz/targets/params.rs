//! F-01: the form parser reads what `form_urlencoded` reads, whatever the parts, and what is kept
//! reads the same again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use oidc_op::{Reason, fuzzing::Form};
use url::form_urlencoded;

const LIMIT: usize = 100;

type Pair = (String, String);

fn library(part: &[u8]) -> Vec<Pair> {
    form_urlencoded::parse(part).into_owned().collect()
}

fn check(parts: &[&[u8]]) {
    let expected: Vec<Pair> = parts.iter().flat_map(|part| library(part)).collect();
    let form = Form::parse(parts);

    let bounded = form.clone().bounded();
    if expected.len() > LIMIT {
        assert_eq!(bounded.map(|_| ()), Err(Reason::TooManyParameters));
        return;
    }
    assert!(bounded.is_ok(), "{} parameters", expected.len());

    let mut names: Vec<&str> = expected.iter().map(|(name, _)| &**name).collect();
    assert_eq!(format!("{form:?}"), format!("Form({names:?})"), "the names, in order");
    names.sort_unstable();
    names.dedup();
    for name in &names {
        let values: Vec<&str> =
            expected.iter().filter(|(n, _)| n == name).map(|(_, value)| &**value).collect();
        let filled: Vec<&str> = values.iter().copied().filter(|value| !value.is_empty()).collect();
        assert_eq!(form.all(name), filled);
        match *values {
            [one] => assert_eq!(form.one(name), Ok(Some(one).filter(|one| !one.is_empty()))),
            _ => assert_eq!(form.one(name), Err(Reason::ParameterRepeated)),
        }
    }

    // All of it, and every other name of it.
    assert_eq!(library(form.keep(&names).as_bytes()), expected);
    let some: Vec<&str> = names.iter().copied().step_by(2).collect();
    let left: Vec<Pair> =
        expected.iter().filter(|(name, _)| some.contains(&&**name)).cloned().collect();
    let kept = form.keep(&some);
    assert_eq!(library(kept.as_bytes()), left);
    let again = Form::parse(&[kept.as_bytes()]);
    assert_eq!(again.keep(&some), kept);
    // It goes into a token, a header field or a log: nothing but visible ASCII.
    assert!(kept.bytes().all(|b| matches!(b, 0x21..=0x7E)));
}

fuzz_target!(|data: &[u8]| {
    check(&[data]);
    // A line end parts the query from the body.
    if let Some(at) = data.iter().position(|byte| *byte == b'\n') {
        check(&[&data[..at], &data[at + 1..]]);
    }
});
