//! The pages that the protocol itself needs; all others are the host's.

use std::fmt::Write;

use super::{Reply, html::Escaped};

/// Posts a form by itself where there is JavaScript; the button serves everybody else.
const SUBMIT: &str = "document.forms[0].submit()";
/// SHA-256 of [`SUBMIT`]; a test keeps them together.
const SUBMIT_HASH: &str = "sha256-ePniVEkSivX/c7XWBGafqh8tSpiRrKiqYeqbG7N1TOE=";

pub(super) const STYLE: &str = "body{font:1rem/1.5 system-ui,sans-serif;max-width:32rem;margin:15vh auto;padding:0 1.5rem;color:#1b1b1f;background:#fff}h1{font-size:1.4rem}p.code{color:#5a5a63;font-size:.9rem}button{font:inherit;padding:.6rem 1.2rem}@media(prefers-color-scheme:dark){body{color:#eee;background:#16161a}p.code{color:#a5a5ad}}";
/// SHA-256 of [`STYLE`]; a test keeps them together.
pub(super) const STYLE_HASH: &str = "sha256-cpXtGyALeO3AhwBRvw0/5TqLNBQmo1e0p1L3VnebiBw=";

/// The page that hands the answer to the client in a form ([Form Post Response Mode §2]).
///
/// [Form Post Response Mode §2]: https://openid.net/specs/oauth-v2-form-post-response-mode-1_0.html
pub(crate) fn form_post(action: &str, parameters: &[(&str, &str)]) -> Reply {
    // A source of `form-action` cannot hold a path with `;` or `,`; the origin is what matters.
    let target = match url::Url::parse(action) {
        Ok(url) if url.origin().is_tuple() => url.origin().ascii_serialization(),
        Ok(url) => format!("{}:", url.scheme()),
        Err(_) => "'none'".to_owned(),
    };
    let words = "Continue to go back to the application.";
    form(action, parameters, words, &format!("; form-action {target}"))
}

/// The page that has the browser post the same form to the same place once more: from here, and so with
/// its cookies.
///
/// What answers it may redirect to a client, and some browsers apply `form-action` to that as well; so it
/// has none.
pub(crate) fn form_post_again(action: &str, parameters: &[(&str, &str)]) -> Reply {
    form(action, parameters, "Continue to sign out.", "")
}

fn form(action: &str, parameters: &[(&str, &str)], words: &str, policy: &str) -> Reply {
    let mut body = String::with_capacity(1024);
    let _ = write!(
        body,
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>Continue</title>\
         <style>{STYLE}</style></head><body><form method=\"post\" action=\"{}\">",
        Escaped(action)
    );
    for (name, value) in parameters {
        let (name, value) = (Escaped(name), Escaped(value));
        let _ = write!(body, "<input type=\"hidden\" name=\"{name}\" value=\"{value}\">");
    }
    let _ = write!(
        body,
        "<noscript><h1>One more step</h1><p>{words}</p></noscript>\
         <button type=\"submit\">Continue</button></form><script>{SUBMIT}</script></body></html>"
    );
    Reply::html(200, body).with(
        "content-security-policy",
        format!(
            "default-src 'none'; script-src '{SUBMIT_HASH}'; style-src '{STYLE_HASH}'{policy}; \
             base-uri 'none'; frame-ancestors 'none'"
        ),
    )
}

/// The page for an error that must not be redirected ([RFC 6749 §4.1.2.1]): a fixed sentence, the
/// description and the code, never anything that the request brought along.
///
/// [RFC 6749 §4.1.2.1]: https://www.rfc-editor.org/rfc/rfc6749#section-4.1.2.1
pub(crate) fn error_page(status: u16, error: &str, description: &str, reason: &str) -> Reply {
    let body = format!(
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>Error</title>\
         <style>{STYLE}</style></head><body><main><h1>Oops! Something went wrong</h1>\
         <p>The request cannot go on: {}.</p><p class=\"code\">{} ({})</p></main></body></html>",
        Escaped(description),
        Escaped(error),
        Escaped(reason)
    );
    Reply::html(status, body).with(
        "content-security-policy",
        format!(
            "default-src 'none'; style-src '{STYLE_HASH}'; form-action 'none'; base-uri 'none'; \
             frame-ancestors 'none'"
        ),
    )
}

#[cfg(test)]
mod tests {
    use base64::{Engine, engine::general_purpose::STANDARD};

    use super::*;
    use crate::secret::Digest;

    #[test]
    fn hashes_fit_the_content() {
        for (text, hash) in [(SUBMIT, SUBMIT_HASH), (STYLE, STYLE_HASH)] {
            let digest = STANDARD.encode(Digest::of(text.as_bytes()).as_bytes());
            assert_eq!(hash, format!("sha256-{digest}"));
        }
    }

    /// Threat UI-07.
    #[test]
    fn form_post_escapes_and_confines() {
        let reply = form_post(
            "https://c.example/cb?a=1&b=2",
            &[("state", "\"></form><script>alert(1)</script>")],
        );
        let body = String::from_utf8(reply.body.clone()).unwrap();
        assert!(body.contains("action=\"https://c.example/cb?a=1&amp;b=2\""));
        assert!(!body.contains("<script>alert"));
        let csp = reply.header("content-security-policy").unwrap();
        assert!(csp.contains("form-action https://c.example;"), "{csp}");
        assert_eq!(reply.header("cache-control"), Some("no-store"));
    }
}
