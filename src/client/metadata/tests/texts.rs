use super::{InvalidMetadata as I, *};

/// RFC 7591 §5; threat RG-03: nobody needs more, and nobody stores more.
#[test]
fn texts_and_lists_are_bounded() {
    let ofs = |n: usize, text: &str| vec![text.to_owned(); n];
    let wide = |n: usize| "é".repeat(n);
    for (name, good, bad, error) in [
        ("client_name", json!(wide(256)), json!(wide(257)), I::Text("client_name", 256)),
        ("client_name", json!("\u{5D0} b"), json!("a\tb"), I::Text("client_name", 256)),
        ("client_name", json!(""), json!("a\u{85}"), I::Text("client_name", 256)),
        ("software_id", json!(wide(256)), json!(wide(257)), I::Text("software_id", 256)),
        ("software_id", json!("1"), json!("1\0"), I::Text("software_id", 256)),
        ("software_version", json!(wide(256)), json!(wide(257)), I::Text("software_version", 256)),
        ("contacts", json!(ofs(20, "a")), json!(ofs(21, "a")), I::TooMany("contacts", 20)),
        ("contacts", json!([wide(254)]), json!([wide(255)]), I::Text("contacts", 254)),
        ("contacts", json!([]), json!(["a@b.example", "\n"]), I::Text("contacts", 254)),
        (
            "default_acr_values",
            json!(ofs(20, "1")),
            json!(ofs(21, "1")),
            I::TooMany("default_acr_values", 20),
        ),
        (
            "default_acr_values",
            json!([wide(256)]),
            json!([wide(257)]),
            I::Text("default_acr_values", 256),
        ),
        (
            "request_uris",
            json!(ofs(100, "https://c.example/")),
            json!(ofs(101, "https://c.example/")),
            I::TooMany("request_uris", 100),
        ),
        (
            "redirect_uris",
            json!(numbered(100, "https://c.example/")),
            json!(numbered(101, "https://c.example/")),
            I::RedirectUris,
        ),
        (
            "grant_types",
            json!(ofs(32, "authorization_code")),
            json!(ofs(33, "authorization_code")),
            I::TooMany("grant_types", 32),
        ),
        (
            "response_types",
            json!(ofs(32, "code")),
            json!(ofs(33, "code")),
            I::TooMany("response_types", 32),
        ),
    ] {
        assert_eq!(refusal(&json!({ name: good })), None, "{name}: {good:.40}");
        assert_eq!(refusal(&json!({ name: bad })), Some(error), "{name}: {bad:.40}");
    }
}

/// Threats RU-11, RF-01: what people click, see or are sent to, and what is fetched.
#[test]
fn addresses_are_https() {
    let shown = ["client_uri", "logo_uri", "policy_uri", "tos_uri", "initiate_login_uri"];
    let fetched = ["jwks_uri", "sector_identifier_uri"];
    let all = shown.into_iter().chain(fetched);
    for (name, most) in all.map(|name| (name, if fetched.contains(&name) { 512 } else { 2048 })) {
        for good in ["https://c.example", "HTTPS://C.example:8443/@a?b=c#d", &uri_of(most)] {
            assert_eq!(refusal(&json!({ name: good })), None, "{name}: {good:.80}");
        }
        for bad in [
            "http://c.example/",
            "https:c.example/",
            "https:/c.example/",
            "https:///c.example/",
            "https:\\\\c.example/",
            "https://c.example\\@evil.example/",
            "https://c.example\\a",
            "https://shop.example@evil.example/",
            "https://c.example/ü",
            "https://c.example/\n",
            "https://",
            "https://xn--a.example/",
            "javascript://c.example/%0aalert(1)",
            "data:text/html,x",
            "file:///etc/passwd",
            "//c.example/",
            "",
            &uri_of(most + 1),
        ] {
            assert_eq!(refusal(&json!({ name: bad })), Some(I::Uri(name)), "{name}: {bad:.80}");
        }
    }
    for bad in ["http://c.example/", "https://u@c.example/", "", &uri_of(513)] {
        let members = json!({"request_uris": ["https://c.example/", bad]});
        assert_eq!(refusal(&members), Some(I::Uri("request_uris")), "{bad:.80}");
    }
    assert_eq!(refusal(&json!({"request_uris": [uri_of(512), "https://c.example/o#v1"]})), None);
}
