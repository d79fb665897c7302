//! Reads an answer of the authorization endpoint as a browser and a client would.

use oidc_op::Reply;
use url::form_urlencoded;

use crate::redirect;

/// What the provider sends to clients; nothing else may be in an answer.
const PARAMETERS: [&str; 10] = [
    "code",
    "state",
    "iss",
    "error",
    "error_description",
    "access_token",
    "token_type",
    "expires_in",
    "scope",
    "id_token",
];

/// An answer that goes to a client.
#[derive(Debug)]
pub struct Sent {
    /// Where to: the redirect URI, as the request sent it.
    pub to: String,
    /// `?`, `&`, `#`, nothing after a URI that ends with a separator, or `P` for a form.
    pub by: char,
    pub parameters: Vec<(String, String)>,
}

impl Sent {
    pub fn one(&self, name: &str) -> Option<&str> {
        let mut found = self.parameters.iter().filter(|(known, _)| known == name);
        let value = found.next().map(|(_, value)| &**value);
        assert!(found.next().is_none(), "{name} is there twice: {self:?}");
        value
    }
}

/// Whether every header field could be sent as it is (threat HT-02).
pub fn is_well_formed(reply: &Reply) {
    for (name, value) in &reply.headers {
        assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{name}");
        assert!(value.bytes().all(|b| matches!(b, 0x20..=0x7E)), "{name}: {value:?}");
    }
    assert!(reply.headers.iter().filter(|(name, _)| *name == "location").count() <= 1);
}

/// F-13, F-19: the answer of a redirect or a form, if it goes to a registered URI and holds the
/// provider's parameters, each once.
pub fn sent(reply: &Reply, registered: &[String], issuer: &str) -> Result<Sent, String> {
    is_well_formed(reply);
    let sent = match reply.header("location") {
        Some(location) => {
            if reply.status != 303 || !reply.body.is_empty() {
                return Err(format!("a redirect with {} {:?}", reply.status, reply.body));
            }
            // One registered URI may begin with another.
            redirect::bases(registered, location)
                .filter_map(|base| redirected(location, base))
                .find(is_of_the_provider)
        }
        None => form(&reply.body).filter(is_of_the_provider).filter(|sent| {
            reply.status == 200 && registered.iter().any(|uri| redirect::matches(uri, &sent.to))
        }),
    };
    let sent = sent.ok_or_else(|| {
        let body = String::from_utf8_lossy(&reply.body);
        format!("goes to no registered URI: {:?} {body}", reply.header("location"))
    })?;
    if sent.one("iss") != Some(issuer) {
        return Err(format!("no iss: {sent:?}"));
    }
    Ok(sent)
}

/// The provider's parameters, each once.
fn is_of_the_provider(sent: &Sent) -> bool {
    let mut names: Vec<_> = sent.parameters.iter().map(|(name, _)| &**name).collect();
    names.sort_unstable();
    names.dedup();
    names.len() == sent.parameters.len() && names.iter().all(|name| PARAMETERS.contains(name))
}

fn redirected(location: &str, base: &str) -> Option<Sent> {
    let rest = &location[base.len()..];
    let by = rest.chars().next()?;
    let query = match base.find('?') {
        _ if by == '#' => &rest[1..],
        None => rest.strip_prefix('?')?,
        Some(at) if at + 1 == base.len() || base.ends_with('&') => rest,
        Some(_) => rest.strip_prefix('&')?,
    };
    let parameters = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    Some(Sent { to: base.to_owned(), by, parameters })
}

/// The one form of a page. Written for exactly that page: anything else in it is none.
fn form(body: &[u8]) -> Option<Sent> {
    let body = str::from_utf8(body).ok()?;
    let (_, rest) = body.split_once("<body><form method=\"post\" action=\"")?;
    let (action, mut rest) = rest.split_once("\">")?;
    let mut parameters = Vec::new();
    while let Some(input) = rest.strip_prefix("<input type=\"hidden\" name=\"") {
        let (name, after) = input.split_once("\" value=\"")?;
        let (value, after) = after.split_once("\">")?;
        parameters.push((unescaped(name)?, unescaped(value)?));
        rest = after;
    }
    let end = "<noscript><h1>One more step</h1><p>Continue to go back to the application.</p></noscript>\
               <button type=\"submit\">Continue</button></form><script>document.forms[0].submit()</script></body></html>";
    (rest == end).then_some(Sent { to: unescaped(action)?, by: 'P', parameters })
}

/// The text of an attribute; none if something could break out of it.
fn unescaped(text: &str) -> Option<String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['&', '<', '>', '"', '\'', '\r', '\n', '\0']) {
        out.push_str(&rest[..at]);
        let (reference, after) = rest[at..].strip_prefix('&')?.split_once(';')?;
        out.push(match reference {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "#39" => '\'',
            "#13" => '\r',
            "#10" => '\n',
            _ => return None,
        });
        rest = after;
    }
    out.push_str(rest);
    Some(out)
}
