use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::secret::{Digest, serde_bytes};

/// An S256 code challenge: SHA-256 of the code verifier ([RFC 7636 §4.2]).
///
/// ```
/// use oidc_op::CodeChallenge;
///
/// // RFC 7636 Appendix B
/// let challenge = CodeChallenge::parse("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM").unwrap();
/// assert!(challenge.verify("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"));
/// assert!(!challenge.verify("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"));
/// ```
///
/// [RFC 7636 §4.2]: https://www.rfc-editor.org/rfc/rfc7636#section-4.2
#[derive(Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct CodeChallenge(#[serde(with = "serde_bytes")] [u8; 32]);

impl CodeChallenge {
    /// Reads a `code_challenge` of method S256: 43 base64url characters, nothing else.
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        if text.len() != 43 {
            return None;
        }
        (URL_SAFE_NO_PAD.decode_slice(text, &mut bytes) == Ok(32)).then_some(Self(bytes))
    }

    /// Whether this is the challenge of the verifier, which must be 43 to 128 unreserved
    /// characters ([RFC 7636 §4.1], [§4.6]).
    ///
    /// [RFC 7636 §4.1]: https://www.rfc-editor.org/rfc/rfc7636#section-4.1
    /// [§4.6]: https://www.rfc-editor.org/rfc/rfc7636#section-4.6
    pub fn verify(&self, verifier: &str) -> bool {
        let unreserved =
            |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~');
        if !(43..=128).contains(&verifier.len()) || !verifier.bytes().all(unreserved) {
            return false;
        }
        Digest::of(verifier.as_bytes()).same(&self.0)
    }
}

impl fmt::Debug for CodeChallenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CodeChallenge(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    /// RFC 7636 §4.1, §4.6; threats PK-03, PK-05.
    #[test]
    fn only_the_very_verifier_fits() {
        let challenge = CodeChallenge::parse(CHALLENGE).unwrap();
        assert!(challenge.verify(VERIFIER));
        for wrong in [
            "",
            CHALLENGE,
            &VERIFIER[..42],
            &format!("{VERIFIER}="),
            &format!("{VERIFIER}\n"),
            &VERIFIER.to_uppercase(),
            &"a".repeat(129),
            &"a".repeat(10_000),
        ] {
            assert!(!challenge.verify(wrong), "{wrong:?}");
        }
    }

    /// RFC 7636 §4.2: 43 characters of base64url, canonical.
    #[test]
    fn challenges_are_strict() {
        for wrong in [
            "",
            &CHALLENGE[..42],
            &format!("{CHALLENGE}="),
            &CHALLENGE.replace('-', "+"),
            &format!("{}N", &CHALLENGE[..42]), // spare bits set
        ] {
            assert!(CodeChallenge::parse(wrong).is_none(), "{wrong:?}");
        }
    }
}
