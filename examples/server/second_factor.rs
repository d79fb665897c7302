//! Codes that change every half minute ([RFC 6238]), as a second factor.
//!
//! [RFC 6238]: https://www.rfc-editor.org/rfc/rfc6238

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use oidc_op::Timestamp;
use totp_rs::{Builder, Secret, Totp};

/// The secret that a person's authenticator knows too, and the last code that was used.
#[derive(Clone)]
pub(crate) struct SecondFactor {
    codes: Arc<Totp>,
    last: Arc<Mutex<Last>>,
}

/// The last code that was accepted.
#[derive(Default)]
struct Last {
    /// Its time step.
    step: u64,
    /// The form that it came with.
    form: String,
}

impl SecondFactor {
    /// From the secret in base32, as authenticators read it.
    pub(crate) fn new(base32: &str) -> Result<Self, &'static str> {
        const SHAPE: &str = "totp: a secret is base32 of at least 16 bytes, without padding";
        let plain = base32.replace(' ', "").to_ascii_uppercase();
        let secret = Secret::try_from_base32(plain).map_err(|_| SHAPE)?;
        let codes = Builder::new().with_secret(secret).build().map_err(|_| SHAPE)?;
        Ok(Self { codes: Arc::new(codes), last: Arc::default() })
    }

    /// Whether it is the code of now, or of the half minute before or after. Each is accepted once,
    /// and none that is older than one that was (RFC 6238 §5.2). The same form, sent twice by a
    /// double click, is one use of it; without a form there is no such thing.
    pub(crate) fn accept(&self, code: &str, form: &str, now: Timestamp) -> bool {
        let Ok(now) = u64::try_from(now.unix()) else { return false };
        let code = code.replace(' ', "");
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        match self.codes.check(&code, now) {
            Some(step) if step > last.step => {
                *last = Last { step, form: form.to_owned() };
                true
            }
            Some(step) => step == last.step && form == last.form && !form.is_empty(),
            None => false,
        }
    }
}

impl fmt::Debug for SecondFactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecondFactor(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The secret of RFC 6238 Appendix B, in base32.
    const SECRET: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

    /// RFC 6238 Appendix B, the last six digits; §5.2.
    #[test]
    fn a_code_is_accepted_once() {
        let factor = SecondFactor::new(SECRET).unwrap();
        for (time, code, form, accepted) in [
            (59, "287082", "a", true),
            (59, "287082", "a", true),
            (59, "287082", "b", false),
            (60, "287082", "b", false),
            (1_111_111_109, "081 804", "a", true),
            (1_111_111_111, "050471", "a", true),
            (1_111_111_111, "081804", "a", false),
            (1_234_567_890, "", "a", false),
            (1_234_567_890, "5924", "a", false),
            (1_234_567_890, "00592400", "a", false),
            (1_234_567_890 + 30, "005924", "a", true),
            (2_000_000_000 + 90, "279037", "a", false),
            (2_000_000_000, "279037", "", true),
            (2_000_000_000, "279037", "", false),
        ] {
            let found = factor.accept(code, form, Timestamp::from_unix(time));
            assert_eq!(found, accepted, "{code} at {time} in {form}");
        }
        assert_eq!(format!("{factor:?}"), "SecondFactor(..)");
    }

    #[test]
    fn secrets_are_base32_and_long_enough() {
        assert!(SecondFactor::new("gezd gnbv gy3t qojq gezd gnbv gy3t qojq").is_ok());
        for wrong in ["", "GEZDGNBV", "not base32 at all, but 1 sentence!"] {
            assert!(SecondFactor::new(wrong).is_err(), "{wrong}");
        }
    }
}
