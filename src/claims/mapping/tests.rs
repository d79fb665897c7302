use serde_json::json;

use super::*;

fn mapping(json: Value) -> Result<ClaimMapping, InvalidMapping> {
    let Value::Object(rules) = json else { panic!("an object") };
    ClaimMapping::new(rules)
}

/// All that a mapping makes of a document.
fn all(json: Value, document: &Value) -> Value {
    let mapping = mapping(json).unwrap();
    let wanted: Vec<_> = mapping.claims().collect();
    Value::Object(mapping.apply(document, &wanted))
}

/// The value of one claim that points at a value.
fn one(claim: &str, value: &Value) -> Option<Value> {
    all(json!({claim: "/at"}), &json!({"at": value})).get(claim).cloned()
}

fn person() -> Value {
    json!({
        "profile": {
            "name": {"first": "Ada ", "middle": " ", "last": "Lovelace"},
            "kana": "エイダ",
            "phone_numbers": [{"value": "+44 20 7946 0000", "verified": "false"}],
            "emails": ["second@example.com"],
            "born": "1815-12-10T00:00:00Z",
            "language": "en-GB"
        },
        "login": {"email": ""},
        "meta": {"changed": "2024-02-29T12:00:00+01:00"},
        "work": {"department": {"id": 7}},
        "home": {"street": "Square", "number": 12, "addition": null, "city": "London", "zip": 1234},
        "a/b": {"m~n": "escaped"}
    })
}

fn example() -> Value {
    json!({
        "name": {"join": ["/profile/name/first", "/profile/name/middle", "/profile/name/last"]},
        "given_name": "/profile/name/first",
        "phone_number": "/profile/phone_numbers/0/value",
        "phone_number_verified": "/profile/phone_numbers/0/verified",
        "email": {"first": ["/login/email", "/profile/emails/0"]},
        "birthdate": "/profile/born",
        "locale": "/profile/language",
        "updated_at": "/meta/changed",
        "name#ja-Kana-JP": "/profile/kana",
        "https://example.com/claims/department": "/work/department",
        "nickname": "/a~1b/m~0n",
        "managed": {"value": "InternalAzureAD", "when": "/upstream"},
        "address": {"members": {
            "street_address": {"join": ["/home/street", "/home/number", "/home/addition"]},
            "locality": "/home/city", "region": "/home/state", "postal_code": "/home/zip",
            "formatted": {"join": ["/home/street", "/home/city"], "separator": "\n"}
        }}
    })
}

#[test]
fn a_document_becomes_claims() {
    let expected = json!({
        "name": "Ada Lovelace",
        "given_name": "Ada ",
        "phone_number": "+44 20 7946 0000",
        "phone_number_verified": false,
        "email": "second@example.com",
        "birthdate": "1815-12-10",
        "locale": "en-GB",
        "updated_at": 1_709_204_400,
        "name#ja-Kana-JP": "エイダ",
        "https://example.com/claims/department": {"id": 7},
        "nickname": "escaped",
        "address": {
            "street_address": "Square 12", "locality": "London", "postal_code": "1234",
            "formatted": "Square\nLondon"
        }
    });
    assert_eq!(all(example(), &person()), expected);
    assert_eq!(all(example(), &json!(null)), json!({}));
    assert_eq!(all(example(), &json!({"upstream": 0})), json!({"managed": "InternalAzureAD"}));
    for absent in [json!(false), json!(null), json!(""), json!([]), json!({})] {
        assert_eq!(all(example(), &json!({"upstream": absent})), json!({}));
    }
}

/// Threat IR-08: nothing but what is wanted.
#[test]
fn only_wanted_claims() {
    let mapping = mapping(example()).unwrap();
    let names =
        |wanted: &[&str]| mapping.apply(&person(), wanted).into_iter().map(|(name, _)| name);
    assert_eq!(names(&["locale", "gender", "sub"]).collect::<Vec<_>>(), ["locale"]);
    assert_eq!(names(&["name"]).collect::<Vec<_>>(), ["name", "name#ja-Kana-JP"]);
    assert_eq!(names(&["name#ja-Kana-JP"]).collect::<Vec<_>>(), ["name#ja-Kana-JP"]);
    assert_eq!(names(&["name#ja", "nam"]).count() + names(&[]).count(), 0);
}

/// `claims_supported`: `name!x` sorts between `name` and `name#de`.
#[test]
fn each_claim_is_named_once() {
    let json =
        json!({"name#de": "/a", "name": "/b", "name!x": "/c", "name#fr": "/d", "email#x-y": "/e"});
    assert_eq!(mapping(json).unwrap().claims().collect::<Vec<_>>(), ["email", "name", "name!x"]);
}

/// OIDC Core §5.1: the type of each claim; §5.3.2: what cannot have it is left out.
#[test]
fn values_have_the_type_of_the_claim() {
    for (claim, value, expected) in [
        ("name", json!("Ada"), Some(json!("Ada"))),
        ("name#de", json!(["Ada"]), None),
        ("name", json!(" \t"), None),
        ("name", json!(true), None),
        ("preferred_username", json!(4711), Some(json!("4711"))),
        ("preferred_username", json!(47.5), None),
        ("email_verified", json!(true), Some(json!(true))),
        ("email_verified", json!("false"), Some(json!(false))),
        ("email_verified", json!("True"), None),
        ("email_verified", json!(1), None),
        ("updated_at", json!(1_700_000_000), Some(json!(1_700_000_000))),
        ("updated_at", json!(1.5), Some(json!(1.5))),
        ("updated_at", json!("1970-01-01T00:01:00.9Z"), Some(json!(60))),
        ("updated_at", json!("1970-01-01"), None),
        ("updated_at", json!("1700000000"), None),
        ("birthdate", json!("1815-12-10"), Some(json!("1815-12-10"))),
        ("birthdate", json!("0000-02-29"), Some(json!("0000-02-29"))),
        ("birthdate", json!("1815"), Some(json!("1815"))),
        ("birthdate", json!(1815), Some(json!("1815"))),
        ("birthdate", json!("0000"), None),
        ("birthdate", json!("1815-12-10T23:00:00-05:00"), Some(json!("1815-12-10"))),
        ("birthdate", json!("1815-12-10T23:00:00"), None),
        ("birthdate", json!("1815-02-29"), None),
        ("birthdate", json!("1815-13-01"), None),
        ("birthdate", json!("1815-1-001"), None),
        ("birthdate", json!("+815-12-10"), None),
        ("birthdate", json!("10.12.1815"), None),
        ("birthdate", json!("äöü-12"), None),
        ("picture", json!("https://example.com/a.png"), Some(json!("https://example.com/a.png"))),
        ("picture", json!("/a.png"), None),
        ("website#de", json!("javascript:alert(1)"), None),
        ("website#de", json!(" https://example.com"), None),
        ("profile", json!("https://example.com/\na"), None),
        (
            "address",
            json!({"locality": "Bern", "zip": 1, "region": 2, "country": null}),
            Some(json!({"locality": "Bern", "region": "2"})),
        ),
        ("address", json!({"zip": 1}), None),
        ("address", json!("Bern"), None),
        ("https://example.com/roles", json!(["a", null]), Some(json!(["a", null]))),
        ("https://example.com/roles", json!([]), None),
        ("other", json!(0), Some(json!(0))),
    ] {
        assert_eq!(one(claim, &value), expected, "{claim} {value}");
    }
}

/// The first value that the claim may hold, not just the first.
#[test]
fn the_first_that_can_be_sent() {
    let json = json!({"updated_at": {"first": ["/a", "/b", {"value": 1}]}});
    assert_eq!(all(json.clone(), &json!({"a": "soon", "b": 5})), json!({"updated_at": 5}));
    assert_eq!(all(json, &json!({"a": "soon"})), json!({"updated_at": 1}));
    let json = json!({"updated_at": {"join": ["/day", "/time"], "separator": "T"}});
    let document = json!({"day": "1970-01-02", "time": "00:00:00Z"});
    assert_eq!(all(json, &document), json!({"updated_at": 86_400}));
}

#[test]
fn mistakes_are_found_when_the_mapping_is_made() {
    use MappingProblem as P;
    let deep = |n: usize| (0..n).fold(json!("/a"), |rule, _| json!({"first": [rule]}));
    assert!(mapping(json!({"name": deep(7)})).is_ok());
    assert!(mapping(json!({"n".repeat(255): "/a"})).is_ok());
    let down = "/first/0".repeat(8);
    for (claim, rule, at, problem) in [
        ("", json!("/a"), "", P::Name),
        ("#de", json!("/a"), "", P::Name),
        (&*"n".repeat(256), json!("/a"), "", P::Name),
        ("sub", json!("/a"), "", P::Reserved),
        ("iss#de", json!("/a"), "", P::Reserved),
        ("name#", json!("/a"), "", P::Tag),
        ("name#de_CH", json!("/a"), "", P::Tag),
        ("name#de#fr", json!("/a"), "", P::Tag),
        ("name", json!(1), "", P::Rule),
        ("name", json!(null), "", P::Rule),
        ("name", json!({}), "", P::Rule),
        ("name", json!({"separator": " "}), "", P::Rule),
        ("name", json!(""), "", P::Pointer),
        ("name", json!("a"), "", P::Pointer),
        ("name", json!("/~"), "", P::Pointer),
        ("name", json!("/a~2b"), "", P::Pointer),
        ("name", json!({"join": []}), "/join", P::Empty),
        ("name", json!({"join": "/a"}), "/join", P::Empty),
        ("name", json!({"first": []}), "/first", P::Empty),
        ("name", json!({"join": ["/a", {"first": ["/b", "c"]}]}), "/join/1/first/1", P::Pointer),
        ("name", json!({"join": ["/a"], "separator": 1}), "/separator", P::Separator),
        ("name", json!({"join": ["/a"], "first": ["/a"]}), "", P::Unknown("first".into())),
        ("name", json!({"first": ["/a"], "separator": ""}), "", P::Unknown("separator".into())),
        ("name", json!({"value": "x", "if": "/a"}), "", P::Unknown("if".into())),
        ("name", json!({"value": "x", "when": "a"}), "/when", P::Pointer),
        ("name", json!({"value": "x", "when": null}), "/when", P::Pointer),
        ("name", json!({"value": {"a": 1}}), "/value", P::Value),
        ("email_verified", json!({"value": "yes"}), "/value", P::Value),
        ("other", json!({"value": null}), "/value", P::Value),
        ("name", json!({"members": {"a": "/a"}}), "/members", P::Type),
        ("other", json!({"join": [{"members": {"a": "/a"}}]}), "/join/0/members", P::Type),
        ("address", json!({"join": ["/a"]}), "", P::Type),
        ("address", json!({"members": {}}), "/members", P::Empty),
        ("address", json!({"members": ["/a"]}), "/members", P::Empty),
        ("address", json!({"members": {"zip": "/a"}}), "/members/zip", P::AddressMember),
        ("address", json!({"members": {"region": 1}}), "/members/region", P::Rule),
        ("name", deep(8), &*down, P::Depth),
        ("name", deep(100), &*down, P::Depth),
    ] {
        let error = mapping(json!({claim: rule.clone()})).unwrap_err();
        assert_eq!((error.claim(), error.at()), (claim, at), "{rule}");
        assert_eq!(error.problem(), &problem, "{claim} {rule}");
    }
    let twice = mapping(json!({"name#de": "/a", "name#DE": "/b"})).unwrap_err();
    assert_eq!(twice.problem(), &P::Repeated);
    assert!(mapping(json!({"name#de": "/a", "name": "/a", "Name": "/b"})).is_ok());
}

/// JSON and TOML say the same, and refuse the same in the same words.
#[test]
fn is_read_and_written_as_data() {
    let known = mapping(example()).unwrap();
    let written = serde_json::to_string(&known).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&written).unwrap(), example());
    assert_eq!(serde_json::from_str::<ClaimMapping>(&written).unwrap(), known);
    let written = toml::to_string(&known).unwrap();
    assert_eq!(toml::from_str::<ClaimMapping>(&written).unwrap(), known);

    let reserved = r#"the claim "sub": this claim is said by the provider alone"#;
    let wrong = serde_json::from_str::<ClaimMapping>(r#"{"sub": "/a"}"#).unwrap_err();
    assert!(wrong.to_string().starts_with(reserved), "{wrong}");
    let wrong = toml::from_str::<ClaimMapping>("sub = '/a'").unwrap_err();
    assert!(wrong.to_string().contains(reserved), "{wrong}");
    let wrong = serde_json::from_str::<ClaimMapping>(r#"{"a": "/a", "a": "/b"}"#).unwrap_err();
    assert!(wrong.to_string().starts_with(r#"the claim "a": this claim has two rules"#), "{wrong}");
    let wrong = serde_json::from_str::<ClaimMapping>("[]").unwrap_err();
    assert!(wrong.to_string().contains("an object from the names of claims to rules"), "{wrong}");
}
