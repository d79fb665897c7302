//! No document and no mapping makes it panic, and nothing comes back that was not wanted.

use proptest::{collection::vec, prelude::*};
use serde_json::{Value, json};

use super::ClaimMapping;
use crate::claims::standard::says_something;

/// Any JSON without depth.
fn leaf() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        "[ -~é\n]{0,12}",
        "[0-9]{4}",
        "19[0-9]{2}-0[1-9]-1[0-9](T0[0-9]:00:00Z)?",
        "true|false",
        "https://[a-z]{1,5}",
    ];
    prop_oneof![
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => any::<f64>().prop_map(Value::from),
        4 => text.prop_map(Value::from),
    ]
}

/// Any JSON of few names.
fn json() -> impl Strategy<Value = Value> {
    leaf().prop_recursive(3, 16, 4, |inner| {
        let members = vec(("[ab]|locality|region", inner.clone()), 0..4);
        prop_oneof![
            vec(inner, 0..4).prop_map(Value::from),
            members.prop_map(|members| members.into_iter().collect()),
        ]
    })
}

/// An object with the places that most pointers point to.
fn document() -> impl Strategy<Value = Value> {
    let place = || prop_oneof![leaf(), json(), vec(leaf(), 2).prop_map(Value::from)];
    (place(), place()).prop_map(|(a, b)| json!({"a": a, "b": b}))
}

/// Mostly rules, some of them wrong.
fn rule() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        12 => "/[ab](/[01])?".prop_map(Value::from),
        1 => "(/[ab~]?){0,3}".prop_map(Value::from),
        4 => leaf().prop_map(|value| json!({"value": value, "when": "/a"})),
    ];
    leaf.prop_recursive(3, 8, 3, |inner| {
        let members = vec(("locality|region|a", inner.clone()), 1..3);
        prop_oneof![
            3 => inner.clone(),
            3 => (vec(inner.clone(), 1..3), "[ ,é]?").prop_map(|(rules, text)| {
                json!({"join": rules, "separator": text})
            }),
            3 => vec(inner, 0..3).prop_map(|rules| json!({"first": rules})),
            1 => members.prop_map(|members| json!({"members": members.into_iter().collect::<Value>()})),
        ]
    })
}

fn name() -> impl Strategy<Value = String> {
    let base = "name|email_verified|birthdate|updated_at|website|address|a|sub";
    (base, "(#(de|de-CH|x))?").prop_map(|(base, tag)| base + &tag)
}

/// Some names, or all but one.
fn wanted() -> impl Strategy<Value = Vec<String>> {
    let most = ["name", "email_verified", "birthdate", "updated_at", "website", "address"];
    prop_oneof![vec(name(), 0..8), Just(most.map(String::from).to_vec())]
}

proptest! {
    #[test]
    fn only_wanted_claims_that_say_something(
        rules in vec((name(), rule()), 4..12),
        document in document(),
        wanted in wanted(),
    ) {
        // One by one, for the sake of those that are valid.
        for (name, rule) in rules {
            let Ok(mapping) = ClaimMapping::new([(name, rule)].into_iter().collect()) else {
                continue;
            };
            let wanted: Vec<_> = wanted.iter().map(String::as_str).collect();
            for (name, value) in mapping.apply(&document, &wanted) {
                let base = name.split('#').next().unwrap();
                prop_assert!(wanted.contains(&base) || wanted.contains(&&*name));
                prop_assert!(says_something(&value));
            }
            let written = serde_json::to_value(&mapping).unwrap();
            prop_assert_eq!(serde_json::from_value::<ClaimMapping>(written).unwrap(), mapping);
        }
    }

    #[test]
    fn any_rules_at_all(name in ".{0,12}", rule in json(), document in document()) {
        if let Ok(mapping) = ClaimMapping::new([(name.clone(), rule)].into_iter().collect()) {
            mapping.apply(&document, &[&name]);
        }
    }
}
