//! Reads the forms of the server's own pages, as far as a person without a browser needs them.

/// A form of a page.
#[derive(Clone, Debug)]
pub(crate) struct Form {
    pub(crate) action: String,
    pub(crate) method: String,
    /// Names and values that are sent whichever button is pressed.
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) buttons: Vec<Button>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Button {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) value: String,
}

/// The forms of a page, in order.
pub(crate) fn forms(html: &str) -> Vec<Form> {
    let mut forms: Vec<Form> = Vec::new();
    for tag in tags(html) {
        if tag.name == "form" {
            forms.push(Form {
                action: tag.attribute("action").unwrap_or_default(),
                method: tag.attribute("method").unwrap_or_default(),
                fields: Vec::new(),
                buttons: Vec::new(),
            });
            continue;
        }
        let Some(form) = forms.last_mut() else { continue };
        let attribute = |name| tag.attribute(name).unwrap_or_default();
        match &*tag.name {
            "button" => form.buttons.push(Button {
                id: attribute("id"),
                name: attribute("name"),
                value: attribute("value"),
            }),
            "input" if attribute("name").is_empty() || tag.attribute("disabled").is_some() => {}
            "input" if attribute("type") == "checkbox" && tag.attribute("checked").is_none() => {}
            "input" => {
                let value = tag.attribute("value").unwrap_or_else(|| {
                    if attribute("type") == "checkbox" { "on" } else { "" }.to_owned()
                });
                form.fields.push((attribute("name"), value));
            }
            _ => {}
        }
    }
    forms
}

/// A start tag.
struct Tag<'h> {
    name: String,
    rest: &'h str,
}

/// The start tags of a page.
fn tags(html: &str) -> impl Iterator<Item = Tag<'_>> {
    html.match_indices('<').filter_map(|(at, _)| {
        let tag = &html[at + 1..];
        let end = end_of_tag(tag)?;
        let name_end = tag.find(|c: char| !c.is_ascii_alphanumeric())?;
        let name = tag[..name_end].to_ascii_lowercase();
        (!name.is_empty()).then(|| Tag { name, rest: &tag[name_end..end.max(name_end)] })
    })
}

/// Where a tag ends: at the first `>` outside of quotes.
fn end_of_tag(tag: &str) -> Option<usize> {
    let mut quote = None;
    for (at, c) in tag.char_indices() {
        match (quote, c) {
            (None, '>') => return Some(at),
            (None, '"' | '\'') => quote = Some(c),
            (Some(q), c) if q == c => quote = None,
            _ => {}
        }
    }
    None
}

impl Tag<'_> {
    /// The value of an attribute; empty if it has none.
    fn attribute(&self, wanted: &str) -> Option<String> {
        let mut rest = self.rest.trim_start_matches(['/', ' ', '\n', '\t']);
        while !rest.is_empty() {
            let end = rest.find(['=', ' ', '\n', '\t', '/']).unwrap_or(rest.len());
            let (name, after) = rest.split_at(end);
            let after = after.trim_start();
            let (value, next) = match after.strip_prefix('=').map(str::trim_start) {
                None => ("", after),
                Some(value) => match value.chars().next() {
                    Some(quote @ ('"' | '\'')) => {
                        value[1..].split_once(quote).unwrap_or((&value[1..], ""))
                    }
                    _ => value.split_at(value.find([' ', '\n', '\t']).unwrap_or(value.len())),
                },
            };
            if name.eq_ignore_ascii_case(wanted) {
                return Some(unescape(value));
            }
            rest = next.trim_start_matches(['/', ' ', '\n', '\t']);
        }
        None
    }
}

/// Resolves the character references that our pages use.
fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        plain.push_str(before);
        let Some((entity, next)) = after.split_once(';') else {
            plain.push('&');
            rest = after;
            continue;
        };
        let number = entity.strip_prefix('#').and_then(|digits| match digits.strip_prefix('x') {
            Some(hex) => u32::from_str_radix(hex, 16).ok(),
            None => digits.parse().ok(),
        });
        match (entity, number.and_then(char::from_u32)) {
            (_, Some(c)) => plain.push(c),
            ("amp", _) => plain.push('&'),
            ("lt", _) => plain.push('<'),
            ("gt", _) => plain.push('>'),
            ("quot", _) => plain.push('"'),
            ("apos", _) => plain.push('\''),
            _ => panic!("an unknown character reference: &{entity};"),
        }
        rest = next;
    }
    plain + rest
}

#[test]
fn forms_are_read() {
    let html = r#"<p>1 < 2</p><form method="post" action="/a?b=1&amp;c=2"><input name=login
        value="&#34;a&gt;b&quot;" /><input type="checkbox" name="scope" value="email" checked>
        <input type=checkbox name="other"><input type="checkbox" name="x" checked disabled>
        <button id="submit">Go</button>
        <button id='cancel' name='verdict' value="cancel" formnovalidate>No</button></form>"#;
    let form = &forms(html)[0];
    assert_eq!((&*form.action, &*form.method), ("/a?b=1&c=2", "post"));
    let fields: Vec<_> = form.fields.iter().map(|(n, v)| (&**n, &**v)).collect();
    assert_eq!(fields, [("login", "\"a>b\""), ("scope", "email")]);
    assert_eq!(form.buttons[0].id, "submit");
    assert_eq!((&*form.buttons[1].name, &*form.buttons[1].value), ("verdict", "cancel"));
}
