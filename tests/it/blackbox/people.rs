//! Who is still there after a restart, and what people sign in by.

use super::{
    back_channel::post,
    fixture::{ALICE, FIRST_PARTY, HOUSE},
    party::{self, authorize},
    server::{Server, Setup},
    sign_up::{PASSWORD, filled, form},
    visitor::Visitor,
};

async fn signs_in(server: &Server, login: &str, password: &str) -> bool {
    let visitor = Visitor::new(server);
    let page = visitor.open(authorize(FIRST_PARTY, &[])).await;
    let page = visitor.submit(&page, "submit", &[("login", login), ("password", password)]).await;
    assert!(page.is_answer() || page.body.contains("is not right"), "{page:?}");
    page.is_answer()
}

/// Whoever signed up is there after a restart, signed in as they were, and their name is taken.
#[cfg(feature = "sqlite")]
#[tokio::test]
async fn whoever_signed_up_stays() {
    let setup = Setup { name: "people", store: "sqlite:", ..Setup::default() };
    let server = Server::start(setup);
    let visitor = Visitor::new(&server);
    let page = form(&visitor).await;
    let answer = visitor.submit(&page, "submit", &filled("nora", "nora@nora.example", "")).await;
    assert!(answer.answer().contains_key("code"));
    assert!(!signs_in(&server, "mallory", PASSWORD).await);
    let server = tokio::task::spawn_blocking(move || server.restarted("people-again"));
    let server = server.await.unwrap();
    assert!(party::is_signed_in(&visitor).await);
    assert!(signs_in(&server, "NORA", PASSWORD).await);
    assert!(!signs_in(&server, "nora", ALICE.1).await);
    let other = Visitor::new(&server);
    let page = form(&other).await;
    let mut taken = filled("Nora", "other@nora.example", "");
    taken[2].1 = "another password";
    taken[3].1 = "another password";
    let page = other.submit(&page, "submit", &taken).await;
    assert!(!page.is_answer() && page.body.contains("id=\"error\""), "{page:?}");
}

/// In memory nothing stays, and nothing is written.
#[tokio::test]
async fn in_memory_nobody_stays() {
    let server = Server::start(Setup { name: "people-memory", ..Setup::default() });
    let visitor = Visitor::new(&server);
    let page = form(&visitor).await;
    visitor.submit(&page, "submit", &filled("nora", "nora@nora.example", "")).await.answer();
    assert!(signs_in(&server, "nora", PASSWORD).await);
    assert!(!server.data().join("people.db").exists());
    let server = tokio::task::spawn_blocking(move || server.restarted("people-forgotten"));
    assert!(!signs_in(&server.await.unwrap(), "nora", PASSWORD).await);
}

/// Nobody signs in by an address that is not known to be theirs, whose it may be; neither at a page nor by a
/// client, and nobody learns that it is somebody's. The user name will do.
#[tokio::test]
async fn only_what_is_verified_is_a_login() {
    let tables = "[[users]]\nusername = \"trudy\"\npassword = \"trudys-password\"\nsub = \"sub-of-trudy\"\n\
                  claims = { email = \"victim@example.com\", email_verified = false, \
                  phone_number = \"+1 555 0155\" }\n";
    let server = Server::start(Setup { name: "people-logins", tables, ..Setup::default() });
    let visitor = Visitor::new(&server);
    let page = form(&visitor).await;
    visitor.submit(&page, "submit", &filled("nora", "nora@nora.example", "")).await.answer();
    for (login, password, fits) in [
        ("trudy", "trudys-password", true),
        ("victim@example.com", "trudys-password", false),
        ("+1 555 0155", "trudys-password", false),
        ("nora", PASSWORD, true),
        ("nora@nora.example", PASSWORD, false),
        ("alice@example.com", ALICE.1, true),
        ("+1 555 0100", ALICE.1, true),
    ] {
        assert_eq!(signs_in(&server, login, password).await, fits, "{login}");
        let form = [("grant_type", "password"), ("username", login), ("password", password)];
        let said = post(&server, "/token", HOUSE, &form).await;
        if fits {
            said.text("access_token");
        } else {
            said.is_error(400, "invalid_grant");
        }
    }
}
