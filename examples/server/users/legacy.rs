//! Password hashes as other services have made them, read and checked until their people sign in: then they
//! are made anew.
//!
//! | text | what | at most |
//! |---|---|---|
//! | `$argon2id$…`, `$argon2i$…`, `$argon2d$…` | PHC string ([RFC 9106]) | 256 MiB of memory, 1 GiB in all passes; 8 lanes |
//! | `$2a$…`, `$2b$…`, `$2y$…` | bcrypt, of the first 72 bytes | cost 15 |
//! | `$pbkdf2-sha256$i=600000$…`, `$pbkdf2-sha256$29000$…` | PHC string, or as `passlib` writes it ([RFC 8018]) | 4,000,000 iterations, for all blocks of 32 bytes together |
//!
//! Whoever may bring hashes must not choose how long everybody waits: what is dearer is no hash at all.
//!
//! [RFC 9106]: https://www.rfc-editor.org/rfc/rfc9106
//! [RFC 8018]: https://www.rfc-editor.org/rfc/rfc8018

use std::num::NonZeroU32;

use argon2::{Argon2, Params, PasswordVerifier, password_hash::phc};
use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use ring::pbkdf2;

/// Kibibytes that argon2 may take.
const ARGON2_MEMORY: u32 = 256 * 1024;
/// Kibibytes that it may write in all its passes.
const ARGON2_WRITES: u64 = 1024 * 1024;
const ARGON2_LANES: u32 = 8;
const BCRYPT_COST: u32 = 15;
/// How often it may iterate, for every block of what comes out.
const PBKDF2_ITERATIONS: u64 = 4_000_000;
/// A block of it, in bytes.
const PBKDF2_BLOCK: u64 = 32;
/// How short what came out may be, in bytes: a guess must not fit by chance.
const SHORTEST: usize = 16;
/// How long anything may be, in bytes.
const LONGEST: usize = 512;

/// A hash that was read.
pub(super) enum Known<'t> {
    Argon2(phc::PasswordHash),
    Bcrypt(&'t str),
    Pbkdf2Sha256 { iterations: NonZeroU32, salt: Vec<u8>, hash: Vec<u8> },
}

impl<'t> Known<'t> {
    /// None if it is something else, or too dear.
    pub(super) fn read(text: &'t str) -> Option<Self> {
        // The parsers below cut texts where they like.
        if text.len() > LONGEST || !text.is_ascii() {
            return None;
        }
        match text.strip_prefix('$')?.split('$').next()? {
            "argon2id" | "argon2i" | "argon2d" => argon2(text).map(Self::Argon2),
            "2a" | "2b" | "2y" => bcrypt(text).then_some(Self::Bcrypt(text)),
            "pbkdf2-sha256" => pbkdf2_sha256(text),
            _ => None,
        }
    }

    /// Whether the password is the one. Takes its time.
    pub(super) fn fits(&self, password: &str) -> bool {
        match self {
            Self::Argon2(hash) => {
                Argon2::default().verify_password(password.as_bytes(), hash).is_ok()
            }
            Self::Bcrypt(hash) => bcrypt::verify(password, hash).unwrap_or(false),
            Self::Pbkdf2Sha256 { iterations, salt, hash } => {
                let algorithm = pbkdf2::PBKDF2_HMAC_SHA256;
                pbkdf2::verify(algorithm, *iterations, salt, password.as_bytes(), hash).is_ok()
            }
        }
    }

    /// Whether it is as strong as it would be made today: in nothing weaker.
    pub(super) fn is_of_today(&self) -> bool {
        let Self::Argon2(hash) = self else { return false };
        let today = |params: &Params| {
            params.m_cost() >= Params::DEFAULT_M_COST
                && params.t_cost() >= Params::DEFAULT_T_COST
                && params.p_cost() >= Params::DEFAULT_P_COST
        };
        hash.algorithm.as_str() == "argon2id"
            && hash.version == Some(argon2::Version::V0x13.into())
            && hash.hash.is_some_and(|hash| hash.len() >= Params::DEFAULT_OUTPUT_LEN)
            && Params::try_from(hash).is_ok_and(|params| today(&params))
    }
}

fn argon2(text: &str) -> Option<phc::PasswordHash> {
    let hash = phc::PasswordHash::new(text).ok()?;
    let long = hash.hash.is_some_and(|hash| hash.len() >= SHORTEST) && hash.salt.is_some();
    let params = Params::try_from(&hash).ok()?;
    let writes = u64::from(params.m_cost()) * u64::from(params.t_cost());
    let cheap = params.m_cost() <= ARGON2_MEMORY
        && writes <= ARGON2_WRITES
        && params.p_cost() <= ARGON2_LANES;
    let version = hash.version.is_none_or(|version| argon2::Version::try_from(version).is_ok());
    (long && cheap && version).then_some(hash)
}

fn bcrypt(text: &str) -> bool {
    let parts = text.parse::<bcrypt::HashParts>();
    parts.is_ok_and(|parts| (4..=BCRYPT_COST).contains(&parts.get_cost()))
}

fn pbkdf2_sha256<'t>(text: &str) -> Option<Known<'t>> {
    let parts: Vec<_> = text.split('$').collect();
    let ["", _, params, salt, hash] = parts[..] else { return None };
    let (plain, length) = match params.split_once(',') {
        Some((iterations, length)) => (iterations, Some(length.strip_prefix("l=")?.parse().ok()?)),
        None => (params, None),
    };
    let number = plain.strip_prefix("i=").unwrap_or(plain);
    let iterations = number.parse::<NonZeroU32>().ok()?;
    // `passlib` writes a dot where base64 has a plus.
    let decode = |text: &str| {
        let config =
            GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::RequireNone);
        let base64 = GeneralPurpose::new(&alphabet::STANDARD, config);
        base64.decode(text.replace('.', "+")).ok()
    };
    let (salt, hash) = (decode(salt)?, decode(hash)?);
    let blocks = u64::try_from(hash.len()).ok()?.div_ceil(PBKDF2_BLOCK);
    let fits = u64::from(iterations.get()) * blocks <= PBKDF2_ITERATIONS
        && hash.len() >= SHORTEST
        && length.is_none_or(|length: usize| length == hash.len())
        && !salt.is_empty();
    fits.then_some(Known::Pbkdf2Sha256 { iterations, salt, hash })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by `crypt(3)`, by Python's `hashlib` (the first is the vector of RFC 7914, section 11), and of the
    /// tests of argon2's reference implementation.
    #[test]
    fn hashes_of_others_are_known() {
        for (text, password) in [
            ("$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U"),
            ("$2b$04$abcdefghijklmnopqrstuuyx2n0Zzopyr9QuYTMCfOJJOj526QVoC", "pässwörd"),
            ("$2y$07$BCryptRequires22Chrcte/VlQH0piJtjXl.0t1XkA8pw9dMXTpOq", "rasmuslerdorf"),
            (
                "$pbkdf2-sha256$i=1,l=64$c2FsdA$VawEblbjCJ/sFpHCJUS2BflBhSFt3gRl5oudV8INrLxJypzM8Xm2RZkWZLOdd+8xfHG4RbHjC9UJESBB06GXgw",
                "passwd",
            ),
            (
                "$pbkdf2-sha256$1000$.Pn6./z9/v/4.fr7/P3./w$nUfwAED6uJ/r3CGqRnjprpKjZAfrirdZo1F..od5k/4",
                "password",
            ),
            (
                "$argon2i$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$wWKIMhR9lyDFvRz9YTZweHKfbftvj+qf+YFY4NeBbtA",
                "password",
            ),
            (
                "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc",
                "password",
            ),
        ] {
            let known = Known::read(text).unwrap_or_else(|| panic!("{text}"));
            assert!(!known.is_of_today(), "{text}");
            for (tried, fits) in [(password, true), ("wrong", false), ("", false)] {
                assert_eq!(known.fits(tried), fits, "{text} {tried}");
            }
        }
    }

    /// What is as strong as ours in everything is let be.
    #[test]
    fn what_is_weaker_is_not_of_today() {
        let long = "bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc";
        for (kind, hash, fits) in [
            ("argon2id$v=19$m=19456,t=2,p=1", long, true),
            ("argon2id$v=19$m=65536,t=3,p=4", long, true),
            ("argon2id$v=19$m=65536,t=3,p=4", "bQk8UB/VmZZF4Oo79iDXuA", false),
            ("argon2id$v=19$m=262144,t=1,p=1", long, false),
            ("argon2id$v=19$m=19455,t=9,p=1", long, false),
            ("argon2id$v=16$m=65536,t=3,p=4", long, false),
            ("argon2id$m=65536,t=3,p=4", long, false),
            ("argon2i$v=19$m=65536,t=3,p=4", long, false),
            ("argon2d$v=19$m=65536,t=3,p=4", long, false),
        ] {
            let text = format!("${kind}$c29tZXNhbHRzb21lc2FsdA${hash}");
            let known = Known::read(&text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(known.is_of_today(), fits, "{text}");
        }
    }

    /// Nobody who brings a hash along chooses how long everybody waits, or what fits.
    #[test]
    fn what_is_dear_or_empty_is_none() {
        let argon2 = |params: &str| {
            format!(
                "$argon2id$v=19${params}$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc"
            )
        };
        let bcrypt = |cost: &str| {
            format!("$2b${cost}$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW")
        };
        let pbkdf2 = |params: &str| {
            format!(
                "$pbkdf2-sha256${params}$c2FsdHNhbHQ$Y11AchqV4b0sUisdZd0Xr97KWoymNE0LNNrnEgY4H9M"
            )
        };
        let wide =
            |params: &str| format!("$pbkdf2-sha256${params}$c2FsdHNhbHQ${}Zw", "Y11A".repeat(21));
        for text in [
            argon2("m=262144,t=4,p=1"),
            argon2("m=64,t=16384,p=1"),
            argon2("m=65536,t=3,p=8"),
            bcrypt("04"),
            bcrypt("15"),
            pbkdf2("i=4000000"),
            pbkdf2("i=1000,l=32"),
            pbkdf2("29000"),
            wide("i=2000000,l=64"),
        ] {
            assert!(Known::read(&text).is_some(), "{text}");
        }
        for text in [
            String::new(),
            "$".into(),
            "secret".into(),
            argon2("m=262145,t=1,p=1"),
            argon2("m=262144,t=5,p=1"),
            argon2("m=64,t=16385,p=1"),
            argon2("m=65536,t=3,p=9"),
            argon2("m=4294967295,t=4294967295,p=1"),
            argon2("m=65536,t=3,p=4").replace("v=19", "v=17"),
            argon2("m=65536,t=3,p=4").replace("argon2id", "argon2x"),
            "$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHQ".into(),
            "$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHQ$bQk8UB/VmZZF4A".into(),
            bcrypt("03"),
            bcrypt("16"),
            bcrypt("31"),
            bcrypt("99"),
            bcrypt("5"),
            bcrypt("10").replace("$2b$", "$2x$"),
            bcrypt("10") + "x",
            bcrypt("10").replace(".E", "\u{e9}"),
            pbkdf2("i=4000001"),
            pbkdf2("i=0"),
            wide("i=2000001,l=64"),
            wide("4000000"),
            pbkdf2("i=1000,l=31"),
            pbkdf2("i=1000,x=32"),
            pbkdf2("i=99999999999"),
            pbkdf2("1000").replace("sha256", "sha1"),
            "$pbkdf2-sha256$1000$$Y11AchqV4b0sUisdZd0Xr97KWoymNE0LNNrnEgY4H9M".into(),
            "$pbkdf2-sha256$1000$c2FsdHNhbHQ$".into(),
            "$pbkdf2-sha256$1000$c2FsdHNhbHQ$Y11AchqV4b0".into(),
            "$pbkdf2-sha256$1000$c2FsdHNhbHQ".into(),
            "$1$salt$qJH7.N4xYta3aEG/dfqo/0".into(),
            "5f4dcc3b5aa765d61d8327deb882cf99".into(),
        ] {
            assert!(Known::read(&text).is_none(), "{text}");
        }
    }
}
