//! Where in the file something is.

use std::{ops::Range, path::Path, sync::Arc};

use toml::de::DeTable;

use super::ConfigError;

/// The file, for whatever is found out of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Source {
    name: Arc<str>,
    text: Arc<str>,
}

impl Source {
    pub(super) fn new(name: &str, text: &str) -> Self {
        Self { name: name.into(), text: text.into() }
    }

    /// The file by its name.
    pub(super) fn of(path: &Path, text: &str) -> Self {
        Self::new(&path.display().to_string(), text)
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// One line of the parser's finding: where, which member, what; never the text of the line itself,
    /// which may be a secret.
    pub(super) fn misread(&self, mut error: toml::de::Error) -> ConfigError {
        let message = without_literal(error.message()).replace('\n', "; ");
        let span = error.span();
        error.set_input(None);
        let shown = error.to_string();
        let member = shown.rsplit_once("in `").and_then(|(_, rest)| rest.split('`').next());
        let member = member.map(|member| format!("{member}: ")).unwrap_or_default();
        self.at(span.unwrap_or_default(), &format!("{member}{message}"))
    }

    /// The finding with the place of the member that it begins with, or of what that is to be in.
    pub(crate) fn locate(&self, error: &ConfigError) -> ConfigError {
        let finding = error.to_string();
        match self.find(member(&finding)) {
            Some((span, _)) => self.at(span, &finding),
            None if self.name.is_empty() => ConfigError(finding),
            None => ConfigError(format!("{}: {finding}", self.name)),
        }
    }

    /// Whether the file has the member.
    pub(super) fn has(&self, member: &str) -> bool {
        self.find(member).is_some_and(|(_, whole)| whole)
    }

    fn find(&self, member: &str) -> Option<(Range<usize>, bool)> {
        place(DeTable::parse(&self.text).ok()?.get_ref(), member)
    }

    fn at(&self, span: Range<usize>, finding: &str) -> ConfigError {
        let before = self.text.get(..span.start).unwrap_or(&self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        let name = &self.name;
        ConfigError(format!("{name}: line {line}, column {column}: {finding}"))
    }
}

/// The member that a finding begins with, as in `clients[2].owner: …` and `paths.token is …`.
fn member(finding: &str) -> &str {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "_-.[]".contains(c);
    finding.split(|c| !is_part(c)).next().unwrap_or_default()
}

/// Where the member is, or the last one on the way to it that is there; and whether it is the member.
fn place(table: &DeTable<'_>, member: &str) -> Option<(Range<usize>, bool)> {
    let (mut table, mut found) = (Some(table), None);
    for step in member.split('.') {
        let (name, index) = match step.split_once('[') {
            Some((name, index)) => (name, index.trim_end_matches(']').parse::<usize>().ok()),
            None => (step, None),
        };
        let entry = table.and_then(|t| t.iter().find(|(key, _)| **key.get_ref() == *name));
        let Some((key, mut value)) = entry else { return found.map(|span| (span, false)) };
        found = Some(key.span());
        let items = value.get_ref().as_array();
        if let Some(item) = items.zip(index).and_then(|(items, index)| items.get(index)) {
            found = Some(item.span());
            value = item;
        }
        table = value.get_ref().as_table();
    }
    found.map(|span| (span, true))
}

/// A finding of the wrong type without the value that was found, as in
/// `invalid type: string "…", expected a table`.
fn without_literal(message: &str) -> String {
    let literal = message.starts_with("invalid type: ").then(|| {
        let start = message.find([' '].as_slice()).and_then(|_| message.find(['"', '`']))?;
        let end = message.rfind(", expected")?;
        (start < end).then_some((start, end))
    });
    match literal.flatten() {
        Some((start, end)) => {
            let (before, after) = (message.get(..start), message.get(end..));
            format!("{}{}", before.unwrap_or_default().trim_end(), after.unwrap_or_default())
        }
        None => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str =
        "a = 1\n\n[[b]]\nc = 1\n\n[[b]]\nc = { d = 1,\n  e = [2] }\n[f]\n[f.g]\nh = 1\n";

    #[test]
    fn findings_are_located() {
        for (finding, place) in [
            ("a: no", "line 1, column 1"),
            ("a is no", "line 1, column 1"),
            ("a.x: no", "line 1, column 1"),
            ("b[0].c: no", "line 4, column 1"),
            ("b[1]: no", "line 6, column 1"),
            ("b[1].c.e is no", "line 8, column 3"),
            ("b[1].x: no", "line 6, column 1"),
            ("b: no", "line 3, column 3"),
            ("f.g.h: no", "line 11, column 1"),
        ] {
            let located = Source::new("x.toml", TEXT).locate(&ConfigError::new(finding));
            assert_eq!(located.to_string(), format!("x.toml: {place}: {finding}"));
        }
        let located = Source::new("x.toml", TEXT).locate(&ConfigError::new("nothing of it"));
        assert_eq!(located.to_string(), "x.toml: nothing of it");
    }
}
