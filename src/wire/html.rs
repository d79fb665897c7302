use std::fmt;

/// Text inside an element or a quoted attribute.
///
/// Line ends are written as references, since a parser would otherwise fold CR LF into LF.
pub(super) struct Escaped<'t>(pub(super) &'t str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        while let Some(at) = rest.find(['&', '<', '>', '"', '\'', '\r', '\n', '\0']) {
            let (plain, special) = rest.split_at(at);
            f.write_str(plain)?;
            f.write_str(match special.as_bytes().first() {
                Some(b'&') => "&amp;",
                Some(b'<') => "&lt;",
                Some(b'>') => "&gt;",
                Some(b'"') => "&quot;",
                Some(b'\'') => "&#39;",
                Some(b'\r') => "&#13;",
                Some(b'\n') => "&#10;",
                _ => "\u{FFFD}",
            })?;
            rest = special.get(1..).unwrap_or_default();
        }
        f.write_str(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_breaks_out() {
        let escaped = Escaped("a\"'><script>&\r\n\0ü").to_string();
        assert_eq!(escaped, "a&quot;&#39;&gt;&lt;script&gt;&amp;&#13;&#10;\u{FFFD}ü");
    }
}
