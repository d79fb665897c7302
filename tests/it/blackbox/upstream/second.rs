//! A second server like this one as the upstream provider, with people, pages and keys as they are.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{CLIENT, SECRET, userinfo};
use crate::blackbox::{
    fixture::{ALICE, FIRST_PARTY, WEB},
    party::{authorize, is_signed_in},
    server::{Server, Setup},
    visitor::Visitor,
};

/// From the client to the upstream's own sign-in page, where the password is typed and consent given, and
/// back to the client. Cancelling there is told here.
#[tokio::test]
async fn a_server_like_this_one() {
    // At another host, so that browsers keep their cookies apart.
    let there = format!(
        "[[clients]]\nclient_id = {CLIENT:?}\nclient_secret = {SECRET:?}\nclient_name = \"Ours\"\n\
         application_type = \"native\"\n\
         redirect_uris = [\"http://127.0.0.1/upstream/main/callback\"]\n"
    );
    let upstream = Server::start(Setup { name: "theirs", tables: &there, ..Setup::default() });
    let issuer = upstream.issuer.clone();
    let secret = FIRST_PARTY.secret.unwrap();
    let ours = Server::start_with("ours", "", |port, place| {
        format!(
            "issuer = \"http://127.0.0.1:{port}\"\nlisten = \"127.0.0.1:{port}\"\nstore = \"memory:\"\n\
             data = {:?}\n[sign_in]\nlocal = false\n[[upstreams]]\nname = \"main\"\n\
             issuer = {issuer:?}\nclient_id = {CLIENT:?}\nclient_secret = {SECRET:?}\n\
             claims = {{ name = \"/userinfo/name\", email = \"/userinfo/email\" }}\n\
             [[clients]]\nclient_id = \"first-party\"\nclient_secret = {secret:?}\n\
             redirect_uris = [{WEB:?}]\nfirst_party = true\n",
            place.join("data")
        )
    });
    let (here, there) = (Visitor::new(&ours), Visitor::new(&upstream));
    let request = authorize(FIRST_PARTY, &[("login_hint", "alice"), ("ui_locales", "de en")]);
    let sent = here.open(&request).await.location().unwrap();
    assert!(sent.as_str().starts_with(&format!("{issuer}/authorize?")), "{sent}");
    let page = there.open(&sent).await;
    assert!(page.asks_password() && page.body.contains("value=\"alice\""), "{}", page.body);

    let cancelled = there.submit(&page, "cancel", &[]).await.location().unwrap();
    let problem = here.come_back(cancelled).await;
    assert!(problem.body.contains("upstream_denied"), "{}", problem.body);
    assert!(!is_signed_in(&here).await);

    let again = here.submit(&problem, "again", &[]).await.location().unwrap();
    let page = there.open(&again).await;
    let back = there.consent(page, ALICE).await.location().unwrap();
    let answer = here.come_back(back).await;
    let said = userinfo(&ours, FIRST_PARTY, &answer).await;
    let expected = json!({
        "sub": said["sub"], "name": "Alice Example", "email": "alice@example.com",
    });
    assert_eq!(said, expected);
    assert!(is_signed_in(&here).await);

    // Whoever is signed in there is asked again nevertheless, if the client here asks for that.
    for (name, value) in [("prompt", "login"), ("max_age", "1")] {
        let here = Visitor::new(&ours);
        let sent = here.open(authorize(FIRST_PARTY, &[(name, value)])).await.location().unwrap();
        assert!(sent.query_pairs().any(|pair| pair == (name.into(), value.into())), "{sent}");
        let end = Instant::now() + Duration::from_secs(10);
        let page = loop {
            let page = there.open(&sent).await;
            // The sign-in there has to become a second old.
            if page.asks_password() || name == "prompt" || Instant::now() > end {
                break page;
            }
        };
        assert!(page.asks_password(), "{name}: {page:?}");
        let back = there.consent(page, ALICE).await.location().unwrap();
        here.come_back(back).await.code();
    }
    drop(upstream);
    let quiet = here.open(authorize(FIRST_PARTY, &[("prompt", "none")])).await;
    assert_eq!(
        userinfo(&ours, FIRST_PARTY, &quiet).await,
        said,
        "an outage there harms nobody here"
    );
}
