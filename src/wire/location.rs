//! Addresses of clients: the bytes stay as they were registered.

use url::{Url, form_urlencoded};

/// What joins parameters to the query that the address has already, if it has one.
pub(crate) fn separator(uri: &str) -> &'static str {
    match uri.split_once('?') {
        None => "?",
        Some((_, query)) if query.is_empty() || query.ends_with('&') => "",
        Some(_) => "&",
    }
}

/// The address as it is, with these parameters in its query.
pub(crate) fn with_parameters(uri: &str, parameters: &[(&str, &str)]) -> String {
    let mut location = String::with_capacity(uri.len() + 64);
    location.push_str(uri);
    let mut join = separator(uri);
    for (name, value) in parameters {
        location.push_str(join);
        location.push_str(name);
        location.push('=');
        location.extend(form_urlencoded::byte_serialize(value.as_bytes()));
        join = "&";
    }
    location
}

/// Whose address it is, for showing to people: the host, or the scheme of an app.
pub(crate) fn host(uri: &str) -> String {
    match Url::parse(uri) {
        Ok(url) => match (url.host_str(), url.port()) {
            (Some(host), Some(port)) => format!("{host}:{port}"),
            (Some(host), None) => host.to_owned(),
            (None, _) => format!("{}:", url.scheme()),
        },
        Err(_) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_query_is_kept() {
        let state = [("state", "a b&c")];
        for (uri, location) in [
            ("https://c.example/out", "https://c.example/out?state=a+b%26c"),
            ("https://c.example/out?a=1", "https://c.example/out?a=1&state=a+b%26c"),
            ("https://c.example/out?", "https://c.example/out?state=a+b%26c"),
            ("https://c.example/out?a=1&", "https://c.example/out?a=1&state=a+b%26c"),
            ("com.example.app:/out", "com.example.app:/out?state=a+b%26c"),
        ] {
            assert_eq!(with_parameters(uri, &state), location);
            assert_eq!(with_parameters(uri, &[]), uri);
        }
        let two = with_parameters("https://c.example/?q", &[("iss", "https://id"), ("sid", "x")]);
        assert_eq!(two, "https://c.example/?q&iss=https%3A%2F%2Fid&sid=x");
    }
}
