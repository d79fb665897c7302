//! What pages show of a client, in the languages of whoever looks at them ([RFC 7591 §2.2],
//! [OIDC Dynamic Client Registration §2.1]).
//!
//! [RFC 7591 §2.2]: https://www.rfc-editor.org/rfc/rfc7591#section-2.2
//! [OIDC Dynamic Client Registration §2.1]: https://openid.net/specs/openid-connect-registration-1_0.html#LanguagesAndScripts

use super::{
    fixture::{ALICE, SHOP},
    party::authorize,
    server::Server,
    visitor::{Page, Visitor},
};

const ENGLISH: [&str; 4] = [
    "<bdi>Shop</bdi>",
    "id=\"client-uri\" href=\"https://shop.example/\"",
    "id=\"policy\" href=\"https://shop.example/privacy\"",
    "id=\"tos\" href=\"https://shop.example/terms\"",
];
const FRENCH: [&str; 5] = [
    "<bdi>Boutique &#60;été&#62;</bdi>",
    "src=\"https://shop.example/fr.png\"",
    "id=\"client-uri\" href=\"https://shop.example/fr/?a&#38;b\"",
    "id=\"policy\" href=\"https://shop.example/privacy\"",
    "id=\"tos\" href=\"https://shop.example/fr/terms\"",
];

fn shows(page: &Page, all: &[&str]) {
    for text in all {
        assert!(page.body.contains(text), "{text}: {}", page.body);
    }
    let french = all.iter().any(|text| text.contains("Boutique"));
    assert_eq!(page.body.contains("Boutique"), french, "{}", page.body);
}

/// The client's wish first, then the browser's, then no language at all.
#[tokio::test]
async fn pages_show_a_client_in_the_persons_language() {
    let server = Server::shared();
    let swiss = [&["<bdi>Lädeli</bdi>"], &ENGLISH[1..]].concat();
    for (accepted, ui_locales, shown) in [
        ("", "", &ENGLISH[..]),
        ("en", "", &ENGLISH),
        ("fr-CA, en;q=0.5", "", &FRENCH),
        ("en;q=0.5, fr-CA", "", &FRENCH),
        ("es, *", "fr", &FRENCH),
        ("en", "de", &swiss),
        ("de", "es fr-CH", &FRENCH),
    ] {
        let visitor = Visitor::reading(&server, accepted);
        let wish = [("prompt", "consent"), ("ui_locales", ui_locales)];
        let login = visitor.open(authorize(SHOP, &wish)).await;
        assert!(login.asks_password(), "{login:?}");
        shows(&login, shown);
        // The page once more, for a form that must be corrected.
        let wrong = [("login", "nobody"), ("password", "wrong")];
        shows(&visitor.submit(&login, "submit", &wrong).await, shown);
        let right = [("login", ALICE.0), ("password", ALICE.1)];
        let consent = visitor.submit(&login, "submit", &right).await;
        assert!(consent.asks_consent(), "{consent:?}");
        shows(&consent, shown);
    }
}

/// Where no client asks, the browser alone says it.
#[tokio::test]
async fn so_do_the_pages_of_the_provider() {
    let server = Server::shared();
    let visitor = Visitor::reading(&server, "fr-CH, en;q=0.5");
    let page = visitor.open(authorize(SHOP, &[("ui_locales", "en")])).await;
    visitor.consent(page, ALICE).await;
    for path in ["/", "/apps"] {
        let page = visitor.open(path).await;
        shows(&page, &FRENCH[..2]);
    }
}
