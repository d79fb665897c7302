//! No document and no mapping makes it panic, and nothing comes back that was not wanted.

use proptest::{collection::vec, prelude::*};
use serde_json::{Value, json};

use super::ClaimMapping;
use crate::claims::standard::says_something;

/// Any document of few names, so that pointers often hit.
fn document() -> impl Strategy<Value = Value> {
    let text = prop_oneof!["[ -~é\n]{0,12}", "[0-9]{4}(-[0-9]{2}){2}(T[0-9:]{8}Z)?", "true|false"];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text.prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        let members = vec(("[ab]", inner.clone()), 0..4);
        prop_oneof![
            vec(inner, 0..4).prop_map(Value::from),
            members.prop_map(|members| members.into_iter().collect()),
        ]
    })
}

/// Mostly rules, some of them wrong.
fn rule() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        "(/[ab01]){1,3}".prop_map(Value::from),
        "(/[ab~]?){0,3}".prop_map(Value::from),
        document().prop_map(|value| json!({"value": value, "when": "/a"})),
    ];
    leaf.prop_recursive(3, 16, 3, |inner| {
        let members = vec(("locality|region|a", inner.clone()), 0..3);
        prop_oneof![
            (vec(inner.clone(), 0..3), "[ ,é]?")
                .prop_map(|(rules, text)| { json!({"join": rules, "separator": text}) }),
            vec(inner, 0..3).prop_map(|rules| json!({"first": rules})),
            members.prop_map(|members| json!({"members": members.into_iter().collect::<Value>()})),
        ]
    })
}

fn name() -> impl Strategy<Value = String> {
    let base = "name|email|email_verified|birthdate|updated_at|website|address|a|b|sub";
    (base, "(#(de|de-CH|x))?").prop_map(|(base, tag)| base + &tag)
}

proptest! {
    #[test]
    fn only_wanted_claims_that_say_something(
        rules in vec((name(), rule()), 0..8),
        document in document(),
        wanted in vec(name(), 0..4),
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
    fn any_rules_at_all(name in ".{0,12}", rule in document(), document in document()) {
        if let Ok(mapping) = ClaimMapping::new([(name.clone(), rule)].into_iter().collect()) {
            mapping.apply(&document, &[&name]);
        }
    }
}
