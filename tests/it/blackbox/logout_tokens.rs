//! Logout tokens of the example server, over the network.

use std::{fs, time::Duration};

use serde_json::Value;

use super::{
    fixture::{ALICE, FIRST_PARTY, Registered, WEB},
    party::{authorize, tokens},
    server::{Server, Setup},
    visitor::Visitor,
};
use crate::{
    back_channel_logout::https::Site,
    support::{claims, header},
};

const TOLD: Registered =
    Registered { id: "told", secret: Some("told-secret-Pz81e4R0Ty"), ..FIRST_PARTY };

/// A client hears that somebody has signed out right away, not with what is done each minute.
#[tokio::test]
async fn a_client_hears_at_once() {
    let mut site = Site::open();
    let place = tempfile::tempdir().unwrap();
    let ca = place.path().join("ca.der");
    fs::write(&ca, &site.tls.root).unwrap();
    let tables = format!(
        "[fetch]\nenabled = true\nca = {ca:?}\nallow = [\"localhost\", \"127.0.0.0/8\"]\n\
         [[clients]]\nclient_id = {:?}\nclient_secret = {:?}\nfirst_party = true\n\
         redirect_uris = [{WEB:?}]\nbackchannel_logout_uri = {:?}\n",
        TOLD.id,
        TOLD.secret.unwrap(),
        site.url("/204"),
    );
    let setup = Setup { name: "logout-tokens", tables: &tables, ..Setup::default() };
    let server = Server::start(Setup { log: "info,oidc_op=debug", ..setup });
    let visitor = Visitor::new(&server);
    let page = visitor.open(authorize(TOLD, &[])).await;
    let page = visitor.consent(page, ALICE).await;
    let tokens = tokens(&server, TOLD, &page.code()).await;
    let id_token = claims(tokens["id_token"].as_str().unwrap());

    let home = visitor.open("/").await;
    let gone = visitor.submit(&home, "sign-out", &[]).await;
    assert!(gone.body.contains("id=\"signed-out\""), "{}", gone.body);
    let arrives = tokio::time::timeout(Duration::from_secs(30), site.next());
    let (path, token) = arrives.await.expect("before the next minute");
    assert_eq!(path, "/204");
    assert_eq!(header(&token)["typ"], "logout+jwt");
    let token: Value = claims(&token);
    for same in ["iss", "aud", "sub", "sid"] {
        assert_eq!(token[same], id_token[same], "{same}");
    }
    let metadata: Value = super::party::get(server.url("/.well-known/openid-configuration"))
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(metadata["backchannel_logout_supported"], true);
    assert_eq!(metadata["backchannel_logout_session_supported"], true);
}
