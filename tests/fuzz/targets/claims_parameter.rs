//! F-06: a `claims` parameter that is accepted is within its bounds, asks for the names that any
//! JSON parser finds in it, and means the same when it is written down again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use oidc_op::fuzzing::{SingleClaims, claims_parameter};
use serde_json::{Map, Value, json};

const SIZE: usize = 8 * 1024;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = str::from_utf8(data) else { return };
    let Some(read) = claims_parameter(text) else { return };

    assert!(text.len() <= SIZE);
    for place in [&read.id_token, &read.userinfo] {
        assert!(place.len() <= 64);
        let fits = |name: &str| (1..=255).contains(&name.len()) && !name.contains(char::is_control);
        assert!(place.iter().all(|(name, _)| fits(name)), "{place:?}");
    }
    assert!(read.sub.iter().flatten().count() <= 32);
    assert!(read.acr.iter().flat_map(|(_, values)| values).count() <= 32);

    let json: Value = serde_json::from_str(text).expect("it was accepted");
    assert_eq!(read.id_token, listed(&json["id_token"]));
    assert_eq!(read.userinfo, listed(&json["userinfo"]));
    assert_eq!(read.acr.is_some(), json["id_token"].get("acr").is_some());

    let canonical = canonical(&read);
    if canonical.len() <= SIZE {
        assert_eq!(claims_parameter(&canonical), Some(read), "{canonical}");
    }
});

/// The names and whether they are essential, as another parser has them.
fn listed(place: &Value) -> Vec<(String, bool)> {
    let claims = place.as_object().into_iter().flatten();
    claims
        .map(|(name, wish)| (name.clone(), wish["essential"].as_bool().unwrap_or_default()))
        .collect()
}

/// The shortest text that says the same. Whom the client expects is said once, in the first place
/// that names `sub`.
fn canonical(read: &SingleClaims) -> String {
    let mut sub = read.sub.as_ref();
    let mut place = |claims: &[(String, bool)], acr: Option<&Vec<String>>| {
        let mut members = Map::new();
        for (name, essential) in claims {
            let mut wish = Map::new();
            if *essential {
                wish.insert("essential".into(), true.into());
            }
            match (&**name, acr) {
                ("sub", _) => match sub.take().map(Vec::as_slice) {
                    None => {}
                    // Nobody will do: a value that is no subject.
                    Some([]) => drop(wish.insert("value".into(), "\u{FC}".into())),
                    Some([one]) => drop(wish.insert("value".into(), one.as_str().into())),
                    Some(these) => drop(wish.insert("values".into(), json!(these))),
                },
                ("acr", Some(values)) => match &**values {
                    [] => {}
                    [one] => drop(wish.insert("value".into(), one.as_str().into())),
                    these => drop(wish.insert("values".into(), json!(these))),
                },
                _ => {}
            }
            let wish = if wish.is_empty() { Value::Null } else { Value::Object(wish) };
            members.insert(name.clone(), wish);
        }
        Value::Object(members)
    };
    let id_token = place(&read.id_token, read.acr.as_ref().map(|(_, values)| values));
    let userinfo = place(&read.userinfo, None);
    json!({ "id_token": id_token, "userinfo": userinfo }).to_string()
}
