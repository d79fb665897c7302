use super::{InvalidMetadata as I, *};
use crate::{client::Client, types::ClientId};

fn client(members: &Value) -> Client {
    Client::public(ClientId::new("c").unwrap(), read(members).unwrap()).unwrap()
}

/// RFC 7591 §2.2, OIDC Registration §2.1; RFC 4647 §3.4.
#[test]
fn the_language_that_fits_best() {
    let plain = json!({"client_name": "Shop"});
    let french = json!({"client_name": "Shop", "client_name#fr": "Boutique"});
    let swiss =
        json!({"client_name": "Shop", "client_name#de-CH": "Lädeli", "client_name#de": "L"});
    let only = json!({"client_name#fr": "Boutique", "client_name#de": "Laden"});
    let blank = json!({"client_name": " ", "client_name#fr": "", "client_name#de": "Laden"});
    for (members, locales, name) in [
        (&json!({}), "fr en", "c"),
        (&plain, "", "Shop"),
        (&plain, "fr", "Shop"),
        (&french, "", "Shop"),
        (&french, "en", "Shop"),
        (&french, "fr", "Boutique"),
        (&french, "FR-ca", "Boutique"),
        (&french, "en fr", "Boutique"),
        (&french, "frr * - fr_CA", "Shop"),
        (&swiss, "de-CH", "Lädeli"),
        (&swiss, "de-CH-1996", "Lädeli"),
        (&swiss, "de", "L"),
        (&swiss, "de-AT", "L"),
        (&only, "de", "Laden"),
        (&only, "es", "Boutique"),
        (&only, "", "Boutique"),
        // Nothing is no name.
        (&blank, "fr", "Laden"),
        (&blank, "", "Laden"),
        (&json!({"client_name": ""}), "", "c"),
    ] {
        let locales: Vec<_> = locales.split_whitespace().collect();
        assert_eq!(client(members).localised(&locales).name, name, "{members} {locales:?}");
    }
    assert_eq!(client(&french).name(), "Shop");
    assert_eq!(client(&json!({"client_name": ""})).name(), "c");
}

/// OIDC Registration §2.1: each member by itself.
#[test]
fn all_that_people_see_has_languages() {
    let uri = |path: &str| format!("https://c.example/{path}");
    let client = client(&json!({
        "client_name": "n", "client_uri": uri("c"), "logo_uri": uri("l"), "tos_uri": uri("t"),
        "client_name#fr": "nom", "client_uri#fr": uri("fr/c"), "logo_uri#de": uri("de/l"),
        "policy_uri#fr": uri("fr/p"), "tos_uri#fr-CA": uri("fr-CA/t")
    }));
    let shown = |locales: &[&str]| {
        let LocalisedClient { name, client_uri, logo_uri, policy_uri, tos_uri } =
            client.localised(locales);
        let paths = [client_uri, logo_uri, policy_uri, tos_uri].map(Option::unwrap);
        let paths = paths.map(|uri| uri.strip_prefix("https://c.example/").unwrap());
        format!("{name} {}", paths.join(" "))
    };
    assert_eq!(shown(&["fr"]), "nom fr/c l fr/p fr-CA/t");
    assert_eq!(shown(&["de", "fr"]), "nom fr/c de/l fr/p fr-CA/t");
    assert_eq!(shown(&["en"]), "n c l fr/p t");
}

/// RFC 7591 §2.2, RFC 5646 §2.1; threat RG-03.
#[test]
fn tags_are_well_formed_and_not_repeated() {
    let long = |n: usize| format!("de{}", "-abcdefgh".repeat(n));
    for (name, error) in [
        ("client_name#", I::Language("client_name")),
        ("client_name##fr", I::Language("client_name")),
        ("client_name#fr#fr", I::Language("client_name")),
        ("client_name#fr_CA", I::Language("client_name")),
        ("logo_uri# fr", I::Language("logo_uri")),
        ("tos_uri#é", I::Language("tos_uri")),
        (&format!("client_name#{}", long(4)), I::Language("client_name")),
        (&format!("client_name#x-{}", "a".repeat(60_000)), I::Language("client_name")),
    ] {
        assert_eq!(read(&json!({ name: "https://c.example/" })), Err(error), "{name:.60}");
        assert_eq!(read(&json!({ name: null })).map(|_| ()), Ok(()), "{name:.60}");
    }
    let twice = json!({"client_name#fr-CA": "a", "client_name#FR-ca": "a"});
    assert_eq!(read(&twice), Err(I::Language("client_name")));
    assert_eq!(
        refusal(&json!({"client_name#fr": "a", "policy_uri#fr": "https://a.example"})),
        None
    );
    assert_eq!(refusal(&json!({ format!("client_name#{}", long(3)): "a" })), None);

    // Whatever else has a tag is not known, and ignored (§2).
    for name in ["redirect_uris#fr", "contacts#fr", "Client_name#fr", "software_id#", "#fr", "x#"] {
        assert_eq!(read(&json!({ name: 1 })), read(&json!({})), "{name}");
        assert!(!ClientMetadata::is_member(name), "{name}");
    }
    assert!(ClientMetadata::is_member("client_name#fr") && ClientMetadata::is_member("tos_uri#"));
}

/// The same rules as without a language.
#[test]
fn values_are_checked_in_every_language() {
    for (name, value, error) in [
        ("client_name#fr", json!(1), I::Member("client_name")),
        ("client_name#fr", json!(["a"]), I::Member("client_name")),
        ("policy_uri#fr", json!({}), I::Member("policy_uri")),
        ("client_name#fr", json!("a\n"), I::Text("client_name", 256)),
        ("client_name#fr", json!("a".repeat(257)), I::Text("client_name", 256)),
        ("client_uri#fr", json!("http://c.example/"), I::Uri("client_uri")),
        ("logo_uri#fr", json!("javascript:x"), I::Uri("logo_uri")),
        ("policy_uri#fr", json!("data:text/html,x"), I::Uri("policy_uri")),
        ("tos_uri#fr", json!("/terms"), I::Uri("tos_uri")),
    ] {
        assert_eq!(refusal(&json!({ name: value })), Some(error), "{name}: {value}");
    }
    let many = |n: u32| {
        (0..n).map(|i| (format!("client_name#de-x{i:03}"), json!("a"))).collect::<Map<_, _>>()
    };
    assert_eq!(refusal(&Value::Object(many(100))), None);
    assert_eq!(refusal(&Value::Object(many(101))), Some(I::Languages));
}
