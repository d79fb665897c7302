//! The one form in which what people are called is looked up.

/// How long a user name or an address may be, in characters.
pub(super) const LONGEST: usize = 254;

/// A login in the one form in which it is looked up and counted.
pub(crate) fn canonical(login: &str) -> String {
    login.trim().chars().take(LONGEST).flat_map(char::to_lowercase).collect()
}

/// A phone number without what people put between its digits; none if it is something else.
pub(crate) fn phone(text: &str) -> Option<String> {
    let between = |c: &char| !matches!(c, ' ' | '-' | '.' | '(' | ')' | '/');
    let plain: String = text.trim().chars().take(64).filter(between).collect();
    let digits = plain.strip_prefix('+')?;
    let fits = (5..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    fits.then_some(plain)
}
