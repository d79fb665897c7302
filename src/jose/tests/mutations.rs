use proptest::{collection::vec, prelude::*, sample::Index};

use super::{
    jwe::{open, sealed},
    *,
};

/// Does everything with a text that can be done, and tells whether it was taken.
fn read(text: &str) -> bool {
    let _ = is_jwe(text);
    with_secret(text).is_ok()
        || with_keys(text).is_ok()
        || verify(text, VerifyWith::Nobody).is_ok()
        || open(text).is_ok()
}

static TOKENS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let claims = json!({ "sub": "alice", "exp": 1_700_000_000 });
    let mut tokens = vec![hs256(&claims)];
    tokens.extend(SigningAlgorithm::ALL.map(|algorithm| signed(algorithm, &claims)));
    for (n, alg) in KeyManagementAlgorithm::ALL.iter().enumerate() {
        let enc = ContentEncryption::ALL[n % ContentEncryption::ALL.len()];
        tokens.push(sealed(*alg, enc, b"plain"));
    }
    tokens
});

/// Threats JW-01, JW-09: not one character can be another one.
#[test]
fn no_character_of_a_signed_token_is_free() {
    let text = hs256(&json!({ "sub": "a" }));
    for position in 0..text.len() {
        for other in "AZaz09-_.=+/ \n\u{0}".chars().map(String::from) {
            if text[position..=position] != other {
                let (before, after) = (&text[..position], &text[position + 1..]);
                assert!(!read(&format!("{before}{other}{after}")), "{position} {other:?}");
                assert!(!read(&format!("{before}{other}{}", &text[position..])));
            }
        }
        assert!(!read(&format!("{}{}", &text[..position], &text[position + 1..])));
        assert!(!read(&text[..position]));
    }
}

proptest! {
    #[test]
    fn arbitrary_text_does_not_panic(text in any::<String>(), bytes in vec(any::<u8>(), 0..64)) {
        prop_assert!(!read(&text));
        let part = encode(&bytes);
        for parts in [3, 5] {
            let text = vec![part.as_str(); parts].join(".");
            prop_assert!(!read(&text));
        }
    }

    #[test]
    fn a_changed_character_is_noticed(
        token in any::<Index>(),
        at in any::<Index>(),
        other in "[A-Za-z0-9_.-]",
    ) {
        let text = token.get(&TOKENS);
        let at = at.index(text.len());
        prop_assume!(text[at..=at] != other);
        let changed = format!("{}{other}{}", &text[..at], &text[at + 1..]);
        prop_assert!(!read(&changed));
    }

    #[test]
    fn parts_of_other_tokens_are_noticed(
        tokens in vec(any::<Index>(), 2),
        parts in vec(any::<Index>(), 2),
    ) {
        let (into, from) = (tokens[0].get(&TOKENS), tokens[1].get(&TOKENS));
        let mut into: Vec<_> = into.split('.').collect();
        let from: Vec<_> = from.split('.').collect();
        let (position, part) = (parts[0].index(into.len()), parts[1].get(&from));
        prop_assume!(into[position] != *part);
        into[position] = *part;
        prop_assert!(!read(&into.join(".")));
    }

    #[test]
    fn headers_of_any_shape_do_not_panic(
        token in any::<Index>(),
        name in "alg|enc|kid|epk|apu|apv|iv|tag|zip|crit|p2c|x5c",
        value in prop_oneof![
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "[A-Za-z0-9_+-]{0,40}".prop_map(Value::from),
            Just(json!({ "kty": "EC", "crv": "P-256", "x": "", "y": "" })),
            Just(json!(["x"])),
        ],
    ) {
        let (header, rest) = token.get(&TOKENS).split_once('.').unwrap();
        let header = URL_SAFE_NO_PAD.decode(header).unwrap();
        let mut header: Value = serde_json::from_slice(&header).unwrap();
        prop_assume!(header.get(&name) != Some(&value));
        header[name.as_str()] = value;
        let header = encode(header.to_string());
        let changed = format!("{header}.{rest}");
        prop_assert!(!read(&changed));
    }
}
