use base64::{Engine, engine::general_purpose::STANDARD};

use crate::{provider::Core, secret::Digest, wire::Reply};

/// What the frame does; it depends on nothing, and reads nothing but the cookie of the login state.
const SCRIPT: &str = include_str!("check_session.js");

/// The frame that clients ask whether somebody has signed in or out ([OIDC Session Management §3.2]):
/// the one page of the provider's that may stand in pages of other sites, since it shows nothing and does
/// nothing but answer.
///
/// [OIDC Session Management §3.2]: https://openid.net/specs/openid-connect-session-1_0.html#OPiframe
pub(crate) fn check_session(core: &Core) -> Reply {
    let cookie = core.cookies.state.name();
    let body = format!(
        "<!DOCTYPE html><html lang=\"en\" data-cookie=\"{cookie}\"><head><meta charset=\"utf-8\">\
         <title>Session</title></head><body><script>{SCRIPT}</script></body></html>"
    );
    let hash = STANDARD.encode(Digest::of(SCRIPT.as_bytes()).as_bytes());
    let seconds = core.config.lifetimes.metadata_cache.whole_seconds();
    Reply { body: body.into_bytes(), ..Reply::empty(200) }
        .cached(format!("public, max-age={seconds}"))
        .with("content-type", "text/html; charset=utf-8")
        .with("x-content-type-options", "nosniff")
        .with("referrer-policy", "no-referrer")
        .with(
            "content-security-policy",
            format!(
                "default-src 'none'; script-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'"
            ),
        )
}
