//! Claims in several languages and scripts ([OIDC Core §5.2], [§5.5.2]).
//!
//! [OIDC Core §5.2]: https://openid.net/specs/openid-connect-core-1_0.html#ClaimsLanguagesAndScripts
//! [§5.5.2]: https://openid.net/specs/openid-connect-core-1_0.html#IndividualClaimsLanguages

use serde_json::{Map, Value};

use super::standard::says_something;

/// Those of the answered claims that were wanted, each in the language that fits best.
///
/// A wanted name with a tag (`name#de`) is answered under the name as asked, or not at all. One without
/// a tag is answered without a tag: in the first of the locales that matches, else with the value
/// that has no language.
pub(crate) fn select(
    answered: &Map<String, Value>,
    wanted: &[&str],
    locales: &[Box<str>],
) -> Map<String, Value> {
    // The common case, without a look-up for each name.
    if locales.is_empty() && !wanted.iter().any(|name| name.contains('#')) {
        let mut said = Map::with_capacity(wanted.len().min(answered.len()));
        for (name, value) in answered {
            if wanted.contains(&name.as_str()) && says_something(value) {
                said.insert(name.clone(), value.clone());
            }
        }
        return said;
    }
    let value_of = |name: &str| {
        if let Some((base, tag)) = name.split_once('#') {
            return best(answered, base, tag);
        }
        let preferred = locales.iter().find_map(|locale| best(answered, name, locale));
        preferred.or_else(|| answered.get(name).filter(|value| says_something(value)))
    };
    let found = wanted.iter().filter_map(|name| Some(((*name).into(), value_of(name)?.clone())));
    found.collect()
}

/// The value of the claim whose tag fits the range best: the tag itself, else the least specific one
/// that begins with it (`de-CH` for `de`), else a less specific one (`de` for `de-CH`), as in the
/// lookup of [RFC 4647 §3.4]. Case does not matter.
///
/// [RFC 4647 §3.4]: https://www.rfc-editor.org/rfc/rfc4647#section-3.4
pub(crate) fn best<'a>(
    answered: &'a Map<String, Value>,
    base: &str,
    range: &str,
) -> Option<&'a Value> {
    let tagged = || {
        let known = answered.iter().filter(|(_, value)| says_something(value));
        known.filter_map(|(name, value)| {
            let (name, tag) = name.split_once('#')?;
            (name == base && !tag.is_empty()).then_some((tag, value))
        })
    };
    let exactly = |range: &str| tagged().find(|(tag, _)| tag.eq_ignore_ascii_case(range));
    let within = || {
        let fitting = tagged().filter(|(tag, _)| is_within(tag, range));
        fitting.min_by_key(|(tag, _)| (tag.len(), *tag))
    };
    let found = exactly(range).or_else(within).or_else(|| shortened(range).find_map(exactly));
    found.map(|(_, value)| value)
}

/// Whether the tag goes on after the subtags of the range.
fn is_within(tag: &str, range: &str) -> bool {
    tag.split_at_checked(range.len()).is_some_and(|(head, rest)| {
        !head.is_empty() && head.eq_ignore_ascii_case(range) && rest.starts_with('-')
    })
}

/// The range without its last subtag, without its last two, and so on.
fn shortened(range: &str) -> impl Iterator<Item = &str> {
    let mut rest = range;
    std::iter::from_fn(move || {
        rest = rest.rsplit_once('-')?.0;
        Some(rest)
    })
}

/// Whether the text has the form of a language tag ([RFC 5646 §2.1]): subtags of one to eight letters
/// and digits, the first of letters, and after a single one something that it introduces.
///
/// [RFC 5646 §2.1]: https://www.rfc-editor.org/rfc/rfc5646#section-2.1
pub(crate) fn is_tag(text: &str) -> bool {
    let (mut private, mut open) = (false, false);
    for (position, subtag) in text.split('-').enumerate() {
        let alphanumeric = subtag.bytes().all(|b| b.is_ascii_alphanumeric());
        if !alphanumeric || !(1..=8).contains(&subtag.len()) {
            return false;
        }
        let single = subtag.len() == 1 && !private;
        let language = subtag.bytes().all(|b| b.is_ascii_alphabetic())
            && (!single || matches!(subtag, "x" | "X" | "i" | "I"));
        if (position == 0 && !language) || (open && single) {
            return false;
        }
        private |= single && subtag.eq_ignore_ascii_case("x");
        open = single;
    }
    !open
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn selected(answered: &Value, wanted: &[&str], locales: &str) -> Value {
        let locales: Vec<Box<str>> = locales.split_whitespace().map(Into::into).collect();
        Value::Object(select(answered.as_object().unwrap(), wanted, &locales))
    }

    /// OIDC Core §5.2 and §5.5.2, with their examples.
    #[test]
    fn the_language_that_fits_best() {
        let family = json!({"family_name": "Y", "family_name#ja-Kana-JP": "K", "family_name#ja-Hani-JP": "H"});
        let website = json!({"website": "w", "website#de": "d"});
        let swiss = json!({"website": "w", "website#de-CH": "s", "website#de-Latn-CH": "l"});
        let german = json!({"website#de": "d", "website#DE-at": "a"});
        let both = json!({"name": "n", "name#de": "d", "website": "w", "website#fr": "f"});
        for (answered, wanted, locales, expected) in [
            // Asked for individually (§5.5.2).
            (&family, "family_name#ja-Kana-JP", "", json!({"family_name#ja-Kana-JP": "K"})),
            (&family, "family_name#ja-Hani-JP", "", json!({"family_name#ja-Hani-JP": "H"})),
            (&family, "family_name#JA-hani-jp", "", json!({"family_name#JA-hani-jp": "H"})),
            (&family, "family_name#ja-Hira-JP", "", json!({})),
            (&family, "family_name#ja", "", json!({"family_name#ja": "H"})),
            (&family, "family_name#j", "", json!({})),
            (&family, "family_name#", "", json!({})),
            (&website, "website#de", "", json!({"website#de": "d"})),
            (&website, "website#de-CH", "", json!({"website#de-CH": "d"})),
            (&website, "website#de-CH-x-y", "", json!({"website#de-CH-x-y": "d"})),
            (&website, "website#den", "", json!({})),
            (&website, "website#fr", "fr de", json!({})),
            // The German speaker gets the Swiss value (§5.2); the least specific one of several.
            (&swiss, "website#de", "", json!({"website#de": "s"})),
            (&swiss, "website#de-AT", "", json!({})),
            (&german, "website#de-AT", "", json!({"website#de-AT": "a"})),
            (&german, "website#de-CH", "", json!({"website#de-CH": "d"})),
            // Without a tag, and without locales.
            (&website, "website", "", json!({"website": "w"})),
            (&german, "website", "", json!({})),
            // Without a tag, with locales: no tag in the answer (§5.2).
            (&website, "website", "de", json!({"website": "d"})),
            (&swiss, "website", "fr de en", json!({"website": "s"})),
            (&swiss, "website", "fr en * -", json!({"website": "w"})),
            (&german, "website", "fr", json!({})),
            (&family, "family_name", "ja-Kana ja", json!({"family_name": "K"})),
            // Never more than asked, and each claim by itself.
            (&both, "name", "de fr", json!({"name": "d"})),
            (&both, "name website", "fr de", json!({"name": "d", "website": "f"})),
            (&both, "name name#de name#fr", "", json!({"name": "n", "name#de": "d"})),
            (&both, "", "de", json!({})),
            (&both, "email nam", "de", json!({})),
        ] {
            let wanted: Vec<_> = wanted.split_whitespace().collect();
            assert_eq!(selected(answered, &wanted, locales), expected, "{wanted:?} {locales}");
        }
    }

    /// OIDC Core §5.3.2: what says nothing is not there.
    #[test]
    fn an_empty_value_does_not_win() {
        let answered = json!({"name": "n", "name#de": null, "name#de-CH": " ", "name#de-AT": "a", "email": ""});
        assert_eq!(selected(&answered, &["name", "email"], "de"), json!({"name": "a"}));
        assert_eq!(selected(&answered, &["name#de-CH"], ""), json!({}));
    }

    /// RFC 5646 §2.1.
    #[test]
    fn tags_are_well_formed() {
        for tag in [
            "de",
            "de-CH",
            "ja-Kana-JP",
            "sl-rozaj",
            "de-CH-1996",
            "x-a",
            "i-klingon",
            "en-a-bb-x-a",
        ] {
            assert!(is_tag(tag), "{tag}");
        }
        for tag in [
            "",
            "-",
            "d",
            "de-",
            "-de",
            "de--CH",
            "de_CH",
            "department",
            "1de",
            "de-a",
            "de-a-b",
            "x",
            "dé",
            "*",
        ] {
            assert!(!is_tag(tag), "{tag}");
        }
    }

    proptest::proptest! {
        #[test]
        fn only_what_was_wanted(
            names in proptest::collection::vec("[ab](#[-deCH]{0,6})?", 0..6),
            wanted in proptest::collection::vec("[ab](#[-dech]{0,6})?", 0..4),
            locales in proptest::collection::vec("[-deé]{0,4}", 0..3),
        ) {
            let answered = names.iter().map(|name| (name.clone(), Value::from(&**name))).collect();
            let wanted: Vec<_> = wanted.iter().map(String::as_str).collect();
            let locales: Vec<Box<str>> = locales.iter().map(|l| l.as_str().into()).collect();
            for (name, value) in select(&answered, &wanted, &locales) {
                proptest::prop_assert!(wanted.contains(&&*name));
                let value = value.as_str().unwrap();
                proptest::prop_assert_eq!(name.get(..1), value.get(..1));
            }
        }
    }
}
