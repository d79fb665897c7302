use super::{InvalidMetadata as I, *};

const FRONT: &str = "frontchannel_logout_uri";
const BACK: &str = "backchannel_logout_uri";

/// OIDC Front-Channel Logout §2; threat LO-08.
#[test]
fn front_channel_logout_is_at_the_client() {
    for (uri, error) in [
        ("https://c.example/out", None),
        ("https://c.example", None),
        ("HTTPS://C.example:443/out?a=b", None),
        ("https://d.example:8443/out", None),
        ("https://c.example:8443/out", Some(I::FrontChannelOrigin)),
        ("https://d.example/out", Some(I::FrontChannelOrigin)),
        ("https://www.c.example/out", Some(I::FrontChannelOrigin)),
        ("https://c.example.evil.example/out", Some(I::FrontChannelOrigin)),
        ("https://c.example/out#", Some(I::Fragment(FRONT))),
        ("https://c.example/out#x", Some(I::Fragment(FRONT))),
        ("http://c.example/out", Some(I::Uri(FRONT))),
        ("http://127.0.0.1/out", Some(I::Uri(FRONT))),
        ("https://c.example@evil.example/out", Some(I::Uri(FRONT))),
        ("https://c.example\\@evil.example/out", Some(I::Uri(FRONT))),
        ("https:c.example/out", Some(I::Uri(FRONT))),
        ("javascript:alert(1)", Some(I::Uri(FRONT))),
        ("https://c.example/\"><script>", None),
        ("https://c.example/ onload", Some(I::Uri(FRONT))),
        ("/out", Some(I::Uri(FRONT))),
        ("", Some(I::Uri(FRONT))),
    ] {
        let members = json!({
            "redirect_uris": ["https://c.example/cb", "https://d.example:8443/cb", "http://127.0.0.1/"],
            FRONT: uri, "frontchannel_logout_session_required": true
        });
        assert_eq!(refusal(&members), error, "{uri}");
    }
}

/// OIDC Back-Channel Logout §2.2: anywhere, but as all that is fetched.
#[test]
fn back_channel_logout_is_anywhere() {
    for (uri, error) in [
        ("https://elsewhere.example:8443/out?a=b", None),
        (&*uri_of(512), None),
        (&*uri_of(513), Some(I::Uri(BACK))),
        ("https://c.example/#", Some(I::Fragment(BACK))),
        ("http://c.example/out", Some(I::Uri(BACK))),
        ("https://u:p@c.example/out", Some(I::Uri(BACK))),
        ("https:///out", Some(I::Uri(BACK))),
    ] {
        let members = json!({ BACK: uri, "backchannel_logout_session_required": true });
        assert_eq!(refusal(&members), error, "{uri}");
    }
}

/// OIDC RP-Initiated Logout §3.1: as redirect URIs.
#[test]
fn people_come_back_to_where_they_might_have_come_from() {
    let member = I::Member("post_logout_redirect_uris");
    for (uris, native, error) in [
        (json!(["https://c.example/bye", "https://other.example/bye?a=b"]), false, None),
        (json!(["http://localhost/bye"]), false, None),
        (json!(["com.example.app:/bye"]), true, None),
        (json!(["com.example.app:/bye"]), false, Some(I::PostLogoutScheme)),
        (json!(numbered(100, "https://c.example/")), false, None),
        (json!(numbered(101, "https://c.example/")), false, Some(I::PostLogoutRedirectUris)),
        (
            json!(["https://a.example/", "https://a.example/"]),
            false,
            Some(I::PostLogoutRedirectUris),
        ),
        (json!(["https://c.example/#x"]), false, Some(member)),
        (json!(["http://c.example/"]), false, Some(member)),
        (json!(["javascript:alert(1)"]), true, Some(member)),
        (json!("https://c.example/"), false, Some(member)),
    ] {
        let application_type = if native { "native" } else { "web" };
        let members =
            json!({"post_logout_redirect_uris": uris, "application_type": application_type});
        assert_eq!(refusal(&members), error, "{uris:.80}");
    }
}
