//! What bare routes are made of: replies that are ready but for their tokens, and the cryptography
//! of a token without what it says.

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, Response},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use oidc_op::{Entropy, Reply, SystemEntropy};
use ring::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    hkdf::{HKDF_SHA256, Prk},
};

/// A reply of the library around texts that differ from one to the next.
pub(crate) struct Template {
    headers: HeaderMap,
    /// One more than there are texts.
    fixed: Vec<String>,
}

impl Template {
    /// Cuts these texts out of a reply, in their order.
    pub(crate) fn around(reply: Reply, texts: &[&str]) -> Self {
        let (headers, body) = parts(reply);
        let mut rest = str::from_utf8(&body).expect("JSON is UTF-8");
        let mut fixed = Vec::new();
        for text in texts {
            let (before, after) = rest.split_once(text).expect("it is in there");
            fixed.push(before.to_owned());
            rest = after;
        }
        fixed.push(rest.to_owned());
        Self { headers, fixed }
    }

    /// The reply with these texts.
    pub(crate) fn with(&self, texts: &[&str]) -> Response<Body> {
        let size = self.fixed.iter().map(String::len).chain(texts.iter().map(|text| text.len()));
        let mut body = String::with_capacity(size.sum());
        for (n, fixed) in self.fixed.iter().enumerate() {
            body.push_str(fixed);
            body.push_str(texts.get(n).copied().unwrap_or_default());
        }
        let mut response = Response::new(body.into());
        *response.headers_mut() = self.headers.clone();
        response
    }
}

pub(crate) fn parts(reply: Reply) -> (HeaderMap, Bytes) {
    let (parts, body) = Response::<Bytes>::from(reply).into_parts();
    (parts.headers, body)
}

/// Seals and opens what is as long as an opaque token, in the same way.
pub(crate) struct Vault(Prk);

/// Kind, name of the key, salt.
const HEADER: usize = 19;
const TAG: usize = 16;

impl Vault {
    pub(crate) fn new() -> Self {
        Self(Prk::new_less_safe(HKDF_SHA256, &random::<32>()))
    }

    /// A token as long as this one.
    pub(crate) fn seal_like(&self, token: &str) -> String {
        self.seal(token.len() / 4 * 3 - HEADER - TAG)
    }

    /// A token around so many bytes.
    pub(crate) fn seal(&self, length: usize) -> String {
        let mut bytes = Vec::with_capacity(HEADER + length + TAG);
        bytes.extend_from_slice(&[31, 0, 0]);
        bytes.extend_from_slice(&random::<16>());
        bytes.resize(HEADER + length, 0);
        let (header, body) = bytes.split_at_mut(HEADER);
        let tag = self.key(header).seal_in_place_separate_tag(nonce(), Aad::from([0; 35]), body);
        bytes.extend_from_slice(tag.expect("it is short").as_ref());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// How much is in a token, if it is one of these.
    pub(crate) fn open(&self, token: &str) -> Option<usize> {
        let mut bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (header, body) = bytes.split_at_mut_checked(HEADER)?;
        let opened = self.key(header).open_in_place(nonce(), Aad::from([0; 35]), body);
        opened.ok().map(|plain| plain.len())
    }

    /// HKDF-Expand, then the schedule of AES-256.
    fn key(&self, header: &[u8]) -> LessSafeKey {
        let info = [header];
        let key = self.0.expand(&info, &AES_256_GCM).map(UnboundKey::from);
        LessSafeKey::new(key.expect("it is short"))
    }
}

fn nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; 12])
}

pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    SystemEntropy::new().fill(&mut bytes).expect("there is entropy");
    bytes
}
