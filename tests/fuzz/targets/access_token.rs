//! Threats TK-03, RT-01: a token is good byte by byte. Whatever is changed of a genuine one, in its text, in the bytes
//! that it stands for, or in the parts of a JWT, is none, at UserInfo, at introspection and to the host;
//! the `jti` of a JWT is none either.
//!
//! One text has a twin: an ECDSA signature `(r, s)` is as good as `(r, n − s)`, whoever makes it, and both
//! are signatures of the same claims. Nothing is looked up by a token's signature (what is revoked is
//! found by `jti`), so the twin is the same token: it is good exactly while the other is. No other
//! text is, but for a refresh token before the newest under a `kid` of which nothing is known: see
//! [`World::find`].
//!
//! The first byte says which token, the second what becomes of it; edits are those of `edit.rs`.

#![no_main]

use std::sync::LazyLock;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use libfuzzer_sys::fuzz_target;
use oidc_op_fuzz::{
    back::{PARTIES, World, error},
    edit::edited,
};
use serde_json::Value;
use url::form_urlencoded;

/// All that was handed out, the assertions, the ID tokens, and what JWT access tokens are named by.
static TEXTS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let world = World::shared();
    let mut texts: Vec<_> = world.tokens.iter().map(|token| token.text.clone()).collect();
    texts.extend(world.others.iter().cloned());
    let jtis: Vec<String> = texts.iter().filter_map(|text| jti(text)).collect();
    // Of two grants, and of a client; assertions have shorter ones.
    assert!(jtis.iter().filter(|jti| jti.len() >= 68).count() >= 3);
    texts.extend(jtis);
    texts
});

fn jti(text: &str) -> Option<String> {
    let payload = BASE64.decode(text.split('.').nth(1)?).ok()?;
    let claims: Value = serde_json::from_slice(&payload).ok()?;
    claims["jti"].as_str().map(str::to_owned)
}

/// The order of P-256 (FIPS 186-4, D.1.2.3).
const ORDER: [u8; 32] = [
    0xFF, 0xFF, 0xFF, 0xFF, 0x00, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
    0xBC, 0xE6, 0xFA, 0xAD, 0xA7, 0x17, 0x9E, 0x84, 0xF3, 0xB9, 0xCA, 0xC2, 0xFC, 0x63, 0x25, 0x51,
];

/// The same claims with the other signature, of a token that is signed with ES256.
fn twin(text: &str) -> Option<String> {
    let [header, payload, signature] = *text.split('.').collect::<Vec<_>>() else { return None };
    let members: Value = serde_json::from_slice(&BASE64.decode(header).ok()?).ok()?;
    let mut signature = BASE64.decode(signature).ok()?;
    if members["alg"] != "ES256" || signature.len() != 64 {
        return None;
    }
    let mut borrow = 0;
    for (s, n) in signature[32..].iter_mut().zip(ORDER).rev() {
        let difference = i16::from(n) - i16::from(*s) - borrow;
        borrow = i16::from(difference < 0);
        *s = u8::try_from(difference.rem_euclid(256)).unwrap();
    }
    Some(format!("{header}.{payload}.{}", BASE64.encode(signature)))
}

/// Edits of four bytes each, of bytes that need not be text.
fn changed(bytes: &mut Vec<u8>, edits: &[u8]) {
    for edit in edits.chunks_exact(4).take(8) {
        let at = usize::from(u16::from_be_bytes([edit[0], edit[1]])) % (bytes.len() + 1);
        match edit[2] % 4 {
            0 if at < bytes.len() => bytes[at] = edit[3],
            1 if at < bytes.len() => bytes[at] ^= edit[3],
            2 => bytes.insert(at, edit[3]),
            3 => bytes.truncate(at),
            _ => {}
        }
    }
}

/// A text made of a token; none if it is not of a kind of which such a text can be made.
fn made(token: &str, how: u8, edits: &[u8]) -> Option<String> {
    Some(match how % 7 {
        0 => edited(token, edits),
        1 => {
            let mut bytes = BASE64.decode(token).ok()?;
            changed(&mut bytes, edits);
            BASE64.encode(bytes)
        }
        // A part of a JWT.
        2 | 3 => {
            let mut parts: Vec<_> = token.split('.').map(str::to_owned).collect();
            let [which, edits @ ..] = edits else { return None };
            let count = parts.len();
            let part = &mut parts[usize::from(*which) % count];
            let mut bytes = BASE64.decode(&*part).ok()?;
            changed(&mut bytes, edits);
            *part = BASE64.encode(bytes);
            parts.join(".")
        }
        // The parts of two tokens.
        4 => {
            let [other, cut, ..] = *edits else { return None };
            let other = &TEXTS[usize::from(other) % TEXTS.len()];
            let cut = usize::from(cut) % (token.len().min(other.len()) + 1);
            format!("{}{}", token.get(..cut)?, other.get(cut..)?)
        }
        5 => twin(token)?,
        _ => String::from_utf8_lossy(edits).into_owned(),
    })
}

fuzz_target!(|data: &[u8]| {
    let [which, how, edits @ ..] = data else { return };
    let world = World::shared();
    let token = &TEXTS[usize::from(*which) % TEXTS.len()];
    let Some(text) = made(token, *how, edits) else { return };
    // What it is as good as: itself, or the one whose twin it is.
    let same = |known: &&String| **known == text || twin(known).is_some_and(|twin| twin == text);
    let known = TEXTS.iter().find(same).unwrap_or(&text);

    let mut form = form_urlencoded::Serializer::new(String::new());
    let form = form.append_pair("access_token", &text).finish();
    let by_body = world.send("POST", "/userinfo", &[], form.as_bytes());
    assert_eq!(by_body.status == 200, world.is_for_userinfo(known), "{text}");
    if by_body.status != 200 && !text.is_empty() {
        assert!([400, 401, 403].contains(&by_body.status), "{}", by_body.status);
        assert!(by_body.header("www-authenticate").is_some_and(|c| c.starts_with("Bearer ")));
    }
    // RFC 9110 §5.5, §11.4: space around a credential is none of it.
    let bearer = format!("Bearer {text}");
    let by_header = world.send("GET", "/userinfo", &[("authorization", &bearer)], b"");
    assert!(by_header.status == by_body.status || text.trim() != text || by_header.status != 200);

    for asker in PARTIES.iter().filter(|party| party.method == "client_secret_basic") {
        if asker.id == "disabled" {
            continue;
        }
        let reply = world.post("/introspect", Some(asker.id), &[("token", &text)]);
        if text.is_empty() {
            assert_eq!(error(&reply), "invalid_request");
        } else {
            let active = World::introspected(&reply).is_some();
            assert_eq!(active, world.is_active(asker.id, known), "{} {text}", asker.id);
        }
    }
    assert_eq!(world.inspected(&text), world.is_good(known), "{text}");
});
