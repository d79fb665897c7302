//! F-10: only what was encrypted for the provider, or with the client's secret, is decrypted, and
//! only as it was sent.
//!
//! The first byte says how: any text, a good token with edits, a good token whose header has other
//! members too (a JSON object), or a header and four parts.

#![no_main]

use std::sync::LazyLock;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use libfuzzer_sys::fuzz_target;
use oidc_op::{
    ContentEncryption::{self, A128CbcHs256, A128Gcm, A256CbcHs512, A256Gcm},
    KeyManagementAlgorithm::{self, A128GcmKw, A256Kw, Dir, EcdhEs, EcdhEsA128Kw, RsaOaep256},
    fuzzing::{SealedFor, decrypt_jwe, encrypt_jwe},
};
use oidc_op_fuzz::{
    edit::edited,
    op::{DECRYPTION, SECRET},
};
use serde_json::{Map, Value};

const PLAIN: &[u8] = b"eyJhbGciOiJub25lIn0.e30.";

static TOKENS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let sealed = |(algorithm, encryption): (KeyManagementAlgorithm, ContentEncryption)| {
        let to = if matches!(algorithm, RsaOaep256 | EcdhEs | EcdhEsA128Kw) {
            SealedFor::Keys(&DECRYPTION)
        } else {
            SealedFor::Secret(SECRET.as_bytes())
        };
        encrypt_jwe(PLAIN, algorithm, encryption, to).unwrap()
    };
    // RSA last and once: it is slow.
    [
        (Dir, A128CbcHs256),
        (Dir, A256Gcm),
        (A256Kw, A256CbcHs512),
        (A128GcmKw, A128Gcm),
        (EcdhEs, A256Gcm),
        (EcdhEs, A128CbcHs256),
        (EcdhEsA128Kw, A128Gcm),
        (RsaOaep256, A256Gcm),
    ]
    .map(sealed)
    .to_vec()
});

fn decrypted(text: &str) -> bool {
    let secrets: [&[u8]; 2] = [b"an older secret, of thirty-two bytes", SECRET.as_bytes()];
    let opened = decrypt_jwe(text, Some(&DECRYPTION), &secrets);
    assert!(opened.as_deref().is_none_or(|plain| plain == PLAIN), "{opened:?}");
    // Nobody's keys open nothing.
    assert!(decrypt_jwe(text, None, &[]).is_none());
    opened.is_some()
}

fuzz_target!(|data: &[u8]| {
    let [how, rest @ ..] = data else { return };
    match how % 4 {
        0 => {
            let Ok(text) = str::from_utf8(rest) else { return };
            assert!(!decrypted(text) || TOKENS.iter().any(|token| token == text));
        }
        1 => {
            let [which, edits @ ..] = rest else { return };
            let token = &TOKENS[usize::from(*which) % TOKENS.len()];
            let text = edited(token, edits);
            assert_eq!(decrypted(&text), text == *token, "{token} {text}");
        }
        2 => {
            let [which, members @ ..] = rest else { return };
            let token = &TOKENS[usize::from(*which) % TOKENS.len()];
            let Ok(members) = serde_json::from_slice::<Map<String, Value>>(members) else { return };
            let (header, parts) = token.split_once('.').unwrap();
            let mut changed: Map<String, Value> =
                serde_json::from_slice(&BASE64.decode(header).unwrap()).unwrap();
            changed.extend(members);
            let changed = Value::Object(changed).to_string();
            let text = format!("{}.{parts}", BASE64.encode(&changed));
            assert_eq!(decrypted(&text), text == *token, "{token} {changed}");
        }
        _ => {
            let at = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
            let (header, rest) = (&rest[..at], rest.get(at + 1..).unwrap_or_default());
            // The sizes of the key, the IV and the tag; the rest is the text.
            let (sizes, mut rest) = rest.split_at(rest.len().min(3));
            let mut parts = vec![BASE64.encode(header)];
            for size in sizes {
                let (part, after) = rest.split_at(rest.len().min(usize::from(*size)));
                parts.push(BASE64.encode(part));
                rest = after;
            }
            parts.insert(parts.len().min(3), BASE64.encode(rest));
            assert!(!decrypted(&parts.join(".")));
        }
    }
});
