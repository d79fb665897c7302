//! The one form in which what people are called is looked up.

/// How long a user name or an address may be, in characters.
pub(super) const LONGEST: usize = 254;

/// A login in the one form in which it is looked up and counted.
pub(crate) fn canonical(login: &str) -> String {
    login.trim().chars().take(LONGEST).flat_map(char::to_lowercase).collect()
}

/// An e-mail address; none if it is something else.
pub(crate) fn email_address(text: &str) -> Option<String> {
    let plain = text.len() <= LONGEST && text.bytes().all(|b| matches!(b, 0x21..=0x7E));
    let (local, domain) = text.split_once('@')?;
    let whole = !local.is_empty() && !domain.contains('@');
    let labels = domain.split('.').all(|label| !label.is_empty());
    (plain && whole && labels).then(|| text.to_owned())
}

/// Whether somebody else may be reached by it: who had it for a user name would be taken for them.
pub(super) fn reads_as_address(login: &str) -> bool {
    login.contains('@') || phone(login).is_some()
}

/// A phone number without what people put between its digits; none if it is something else.
pub(crate) fn phone(text: &str) -> Option<String> {
    let between = |c: &char| !matches!(c, ' ' | '-' | '.' | '(' | ')' | '/');
    let plain: String = text.trim().chars().take(64).filter(between).collect();
    let digits = plain.strip_prefix('+')?;
    let fits = (5..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    fits.then_some(plain)
}
