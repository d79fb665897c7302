//! Codes that only who reads the mail or the phone can know, and what is kept of them.

use std::fmt;

use oidc_op::{Entropy, EntropyError, Timestamp};
use ring::hmac;

use super::{Channel, FormKey};

/// How many codes there are.
const CODES: u32 = 1_000_000;
/// How many wrong ones are borne before the right one is of no use any more.
const MOST_WRONG: u8 = 5;

/// Six digits.
#[derive(Clone, Copy)]
pub(crate) struct Code(u32);

impl Code {
    /// One that nobody can predict; all of them are as likely.
    pub(super) fn random(entropy: &dyn Entropy) -> Result<Self, EntropyError> {
        const FAIR: u32 = u32::MAX - u32::MAX % CODES;
        loop {
            let mut bytes = [0; 4];
            entropy.fill(&mut bytes)?;
            let number = u32::from_be_bytes(bytes);
            if number < FAIR {
                return Ok(Self(number % CODES));
            }
        }
    }

    /// As somebody has typed it; none if it is something else.
    pub(super) fn read(typed: &str) -> Option<Self> {
        let digits = typed.chars().take(32).filter(|c| !matches!(c, ' ' | '-')).collect::<String>();
        let fits = digits.len() == 6 && digits.bytes().all(|b| b.is_ascii_digit());
        digits.parse().ok().filter(|_| fits).map(Self)
    }

    /// The digits themselves, for whoever must read them.
    pub(crate) fn expose(self) -> String {
        format!("{:06}", self.0)
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Code(..)")
    }
}

/// Makes of codes what is kept of them: nobody who reads the memory of the process later on gets a
/// code out of it without the key, which dies with the process.
pub(super) struct Codes(hmac::Key);

/// What a code is for: it is good nowhere else.
#[derive(Clone, Copy, Debug)]
pub(super) struct Purpose {
    pub(super) form: FormKey,
    pub(super) channel: Channel,
    /// How many were sent before it within the same sign-up, and this one.
    pub(super) number: u32,
}

impl Purpose {
    fn with(&self, code: Code) -> Vec<u8> {
        let numbers = [self.channel as u32, self.number, code.0];
        let numbers = numbers.into_iter().flat_map(u32::to_be_bytes);
        self.form.as_bytes().iter().copied().chain(numbers).collect()
    }
}

impl Codes {
    pub(super) fn new(entropy: &dyn Entropy) -> Result<Self, EntropyError> {
        let mut key = [0; 32];
        entropy.fill(&mut key)?;
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, &key)))
    }

    pub(super) fn tag(&self, purpose: &Purpose, code: Code) -> hmac::Tag {
        hmac::sign(&self.0, &purpose.with(code))
    }
}

/// A code that was sent, as far as it is remembered.
#[derive(Clone)]
pub(super) struct Sent {
    pub(super) purpose: Purpose,
    tag: Tag,
    until: Timestamp,
    wrong: u8,
    /// The last wrong code: the same form, sent twice, is one try.
    last_wrong: Option<Tag>,
}

type Tag = [u8; 32];

/// What a try came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tried {
    Right,
    Wrong,
    /// It may have been right, but is of no use any more after so many wrong ones.
    Spent,
    Expired,
}

impl Sent {
    /// One that can be entered until then.
    pub(super) fn new(codes: &Codes, purpose: Purpose, code: Code, until: Timestamp) -> Self {
        let tag = bytes(&codes.tag(&purpose, code));
        Self { purpose, tag, until, wrong: 0, last_wrong: None }
    }

    /// One that nobody knows and nothing fits, where none was sent.
    pub(super) fn fits_nothing(mut self, entropy: &dyn Entropy) -> Result<Self, EntropyError> {
        entropy.fill(&mut self.tag)?;
        Ok(self)
    }

    /// Whether it can still be entered.
    pub(super) fn is_live(&self, now: Timestamp) -> bool {
        self.wrong < MOST_WRONG && now < self.until
    }

    /// Whether it is this one, whatever has become of it.
    pub(super) fn is(&self, codes: &Codes, code: Code) -> bool {
        hmac::verify(&codes.0, &self.purpose.with(code), &self.tag).is_ok()
    }

    pub(super) fn try_with(&mut self, codes: &Codes, code: Code, now: Timestamp) -> Tried {
        let right = self.is(codes, code);
        if now >= self.until {
            return Tried::Expired;
        }
        if self.wrong >= MOST_WRONG {
            return Tried::Spent;
        }
        if right {
            return Tried::Right;
        }
        let tag = Some(bytes(&codes.tag(&self.purpose, code)));
        if self.last_wrong != tag {
            self.wrong += 1;
            self.last_wrong = tag;
        }
        if self.wrong >= MOST_WRONG { Tried::Spent } else { Tried::Wrong }
    }
}

fn bytes(tag: &hmac::Tag) -> Tag {
    let mut bytes = [0; 32];
    bytes.iter_mut().zip(tag.as_ref()).for_each(|(to, from)| *to = *from);
    bytes
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use oidc_op::{Duration, SystemEntropy};

    use super::*;

    const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);

    fn sent(codes: &Codes, code: &str) -> Sent {
        let purpose = Purpose { form: FormKey::of("a"), channel: Channel::Email, number: 1 };
        Sent::new(codes, purpose, Code::read(code).unwrap(), NOW + Duration::minutes(10))
    }

    #[test]
    fn codes_have_six_digits() {
        for (typed, read) in [
            ("012345", Some("012345")),
            (" 012 345 ", Some("012345")),
            ("012-345", Some("012345")),
            ("999999", Some("999999")),
            ("12345", None),
            ("1234567", None),
            ("+12345", None),
            ("１２３４５６", None),
            ("", None),
            (&"1".repeat(10_000), None),
        ] {
            assert_eq!(Code::read(typed).map(Code::expose).as_deref(), read, "{typed}");
        }
        assert_eq!(format!("{:?}", Code(7)), "Code(..)");
        let entropy = SystemEntropy::new();
        let made: HashSet<_> = (0..1000).map(|_| Code::random(&entropy).unwrap().0).collect();
        assert!(made.len() > 950 && made.iter().all(|code| *code < CODES), "{}", made.len());
        assert!(made.iter().any(|code| *code < CODES / 10), "some begin with a zero");
    }

    /// Numbers above the last whole million are drawn again: they would make low codes likelier.
    #[test]
    fn codes_are_fair() {
        #[derive(Debug)]
        struct Given(std::sync::Mutex<Vec<u32>>);
        impl Entropy for Given {
            fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyError> {
                let number = self.0.lock().unwrap().pop().ok_or(EntropyError)?;
                bytes.copy_from_slice(&number.to_be_bytes());
                Ok(())
            }
        }
        let code = |given: &[u32]| {
            let given = Given(given.iter().copied().rev().collect::<Vec<_>>().into());
            Code::random(&given).map(Code::expose)
        };
        assert_eq!(code(&[4_293_999_999]).as_deref(), Ok("999999"));
        assert_eq!(code(&[4_294_000_000, u32::MAX, 1_000_007]).as_deref(), Ok("000007"));
        assert_eq!(code(&[u32::MAX]), Err(EntropyError));
    }

    /// Threat UI-10: five wrong codes, and a code that is too old, end it.
    #[test]
    fn few_tries_within_ten_minutes() {
        let codes = Codes::new(&SystemEntropy::new()).unwrap();
        let code = |text| Code::read(text).unwrap();
        let mut guessed = sent(&codes, "424242");
        for wrong in ["000000", "000000", "000001", "000002", "000003"] {
            assert_eq!(guessed.try_with(&codes, code(wrong), NOW), Tried::Wrong, "{wrong}");
        }
        assert!(guessed.is_live(NOW), "the same wrong code twice is one try");
        assert_eq!(guessed.clone().try_with(&codes, code("424242"), NOW), Tried::Right);
        assert_eq!(guessed.try_with(&codes, code("000004"), NOW), Tried::Spent);
        assert_eq!(guessed.try_with(&codes, code("424242"), NOW), Tried::Spent);
        assert!(!guessed.is_live(NOW));

        let mut late = sent(&codes, "424242");
        let last = NOW + Duration::seconds(599);
        assert!(late.is_live(last) && !late.is_live(NOW + Duration::minutes(10)));
        assert_eq!(late.clone().try_with(&codes, code("424242"), last), Tried::Right);
        let after = NOW + Duration::minutes(10);
        assert_eq!(late.try_with(&codes, code("424242"), after), Tried::Expired);
    }

    /// A code is good for what it was sent for, and what is kept of it is not the code.
    #[test]
    fn codes_are_bound() {
        let codes = Codes::new(&SystemEntropy::new()).unwrap();
        let code = Code::read("424242").unwrap();
        let right = sent(&codes, "424242");
        assert!(right.is(&codes, code));
        for (form, channel, number) in
            [("b", Channel::Email, 1), ("a", Channel::Phone, 1), ("a", Channel::Email, 2)]
        {
            let purpose = Purpose { form: FormKey::of(form), channel, number };
            assert!(!Sent { purpose, ..right.clone() }.is(&codes, code), "{purpose:?}");
        }
        let others = Codes::new(&SystemEntropy::new()).unwrap();
        assert!(!right.is(&others, code), "the key decides");
        let none = right.fits_nothing(&SystemEntropy::new()).unwrap();
        assert!((0..CODES / 100).all(|n| !none.is(&codes, Code(n))) && !none.is(&codes, code));
    }
}
