use std::fmt::Write;

use url::Url;

use super::{
    Reply,
    html::Escaped,
    page::{STYLE, STYLE_HASH},
};

/// Goes on once all frames have loaded, or failed to, or when that takes too long.
const GO_ON: &str = "(function(){var a=document.getElementById(\"continue\"),gone=false;function go(){if(!gone){gone=true;location.replace(a.href)}}addEventListener(\"load\",go);setTimeout(go,5000)})()";
/// SHA-256 of [`GO_ON`]; a test keeps them together.
const GO_ON_HASH: &str = "sha256-6OVRQZM3ePC2hOtUoahzIKv4AkFu6dBDYniBRg6jA2c=";

/// A page with hidden frames of other sites, in which clients hear that somebody has signed out ([OIDC
/// Front-Channel Logout §3]).
///
/// [OIDC Front-Channel Logout §3]: https://openid.net/specs/openid-connect-frontchannel-1_0.html#OPLogout
pub(crate) struct FramesPage<'p> {
    pub(crate) heading: &'p str,
    pub(crate) text: &'p str,
    pub(crate) frames: &'p [String],
    /// Where people can go on.
    pub(crate) link: Option<&'p str>,
    /// Whether the page goes there by itself.
    pub(crate) goes_on: bool,
}

impl FramesPage<'_> {
    /// What a page with these frames may load: they, and nothing else.
    pub(crate) fn policy(frames: &[String]) -> String {
        let mut sources: Vec<String> = Vec::with_capacity(frames.len());
        for frame in frames {
            let origin = Url::parse(frame).map(|url| url.origin()).ok();
            let source = origin.filter(url::Origin::is_tuple).map(|o| o.ascii_serialization());
            sources.extend(source.filter(|source| !sources.contains(source)));
        }
        let mut policy = "default-src 'none'; base-uri 'none'; frame-ancestors 'none'".to_owned();
        if !sources.is_empty() {
            let _ = write!(policy, "; frame-src {}", sources.join(" "));
        }
        policy
    }

    pub(crate) fn reply(&self) -> Reply {
        let goes_to = self.link.filter(|_| self.goes_on);
        let mut policy = Self::policy(self.frames);
        let _ = write!(policy, "; form-action 'none'; style-src '{STYLE_HASH}'");
        if goes_to.is_some() {
            let _ = write!(policy, "; script-src '{GO_ON_HASH}'");
        }
        let mut body = String::with_capacity(1024);
        let (heading, text) = (Escaped(self.heading), Escaped(self.text));
        let _ = write!(
            body,
            "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width\"><title>{heading}</title>"
        );
        if let Some(to) = goes_to {
            let _ = write!(
                body,
                "<noscript><meta http-equiv=\"refresh\" content=\"5;url={}\"></noscript>",
                Escaped(to)
            );
        }
        let _ = write!(
            body,
            "<style>{STYLE}</style></head><body><main><h1>{heading}</h1><p>{text}</p>"
        );
        if let Some(link) = self.link {
            let link = Escaped(link);
            let _ = write!(body, "<p><a id=\"continue\" href=\"{link}\">Continue</a></p>");
        }
        for frame in self.frames {
            // In a sandbox, so that none of them can take the page elsewhere.
            let _ = write!(
                body,
                "<iframe hidden sandbox=\"allow-scripts allow-same-origin allow-forms\" \
                 title=\"Sign-out\" src=\"{}\"></iframe>",
                Escaped(frame)
            );
        }
        body.push_str("</main>");
        if goes_to.is_some() {
            let _ = write!(body, "<script>{GO_ON}</script>");
        }
        body.push_str("</body></html>");
        Reply::html(200, body).with("content-security-policy", policy)
    }
}

#[cfg(test)]
mod tests {
    use base64::{Engine, engine::general_purpose::STANDARD};

    use super::*;
    use crate::secret::Digest;

    #[test]
    fn the_hash_fits_the_script() {
        let digest = STANDARD.encode(Digest::of(GO_ON.as_bytes()).as_bytes());
        assert_eq!(GO_ON_HASH, format!("sha256-{digest}"));
    }

    /// Threat LO-08: a frame is its address and nothing else, and the page may load the frames' origins
    /// only.
    #[test]
    fn frames_are_confined() {
        let frames = [
            "https://a.example/out?x=1&y=\"><script>alert(1)</script>".to_owned(),
            "https://a.example/other".to_owned(),
            "https://b.example:8443/out;x,y".to_owned(),
            "javascript:alert(1)".to_owned(),
        ];
        assert_eq!(
            FramesPage::policy(&frames),
            "default-src 'none'; base-uri 'none'; frame-ancestors 'none'; \
             frame-src https://a.example https://b.example:8443"
        );
        assert!(!FramesPage::policy(&[]).contains("frame-src"));
        let page = FramesPage {
            heading: "<h>",
            text: "<t>",
            frames: &frames,
            link: Some("https://c.example/?a=1&state=\"'><img>"),
            goes_on: true,
        };
        let reply = page.reply();
        let html = String::from_utf8(reply.body.clone()).unwrap();
        assert_eq!(html.matches("<script>").count(), 1, "{html}");
        assert!(!html.contains("<img") && !html.contains("<t>"), "{html}");
        assert!(html.contains("src=\"https://a.example/out?x=1&amp;y=&quot;&gt;&lt;script"));
        let policy = reply.header("content-security-policy").unwrap();
        assert!(policy.contains(GO_ON_HASH) && !policy.contains("unsafe"), "{policy}");
        let still = FramesPage { goes_on: false, ..page }.reply();
        assert!(!still.header("content-security-policy").unwrap().contains("script-src"));
        assert!(!String::from_utf8(still.body).unwrap().contains("refresh"));
    }
}
