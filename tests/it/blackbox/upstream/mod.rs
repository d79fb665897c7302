//! People who sign in with another OpenID Provider: a stub of one, which does wrong what it is told to.

mod faults;
mod second;
mod sign_in;
pub(crate) mod stub;

use std::sync::{Arc, Weak};

use reqwest::Url;
use serde_json::Value;

use self::stub::{CLIENT, SECRET, STUB};
use super::{
    fixture::{FIRST_PARTY, Registered},
    party::{self, authorize, tokens},
    server::{Server, Setup, Shared},
    visitor::{Page, Visitor},
};

/// An upstream provider, as the configuration names it.
fn upstream(name: &str, issuer: &str, more: &str) -> String {
    let issuer = if issuer.contains(':') { issuer.to_owned() } else { STUB.issuer(issuer) };
    format!(
        "[[upstreams]]\nname = {name:?}\nissuer = {issuer:?}\nclient_id = {CLIENT:?}\n\
         client_secret = {SECRET:?}\nscope = \"openid profile groups\"\n{more}\n"
    )
}

/// What is made of what the one called `main` says.
fn main() -> String {
    let mapping = "claims = { name = \"/userinfo/name\", email = \"/userinfo/email\", \
                   email_verified = \"/userinfo/email_verified\", nickname = \"/person/display_name\", \
                   role = \"/userinfo/groups\", department = \"/id_token/department\", \
                   managed = { value = \"main\" }, address = { members = { street_address = \
                   { join = [\"/person/address/street\", \"/person/address/number\"] } } } }";
    let person = format!("person = {{ url = \"{}/person\" }}", STUB.issuer("main"));
    upstream("main", "main", &format!("acr = \"urn:upstream\"\n{person}\n{mapping}"))
}

/// A server with people of its own, and several upstream providers.
fn server() -> Arc<Server> {
    static SHARED: Shared = Shared::new(Weak::new());
    let tables = [
        "[claims]\nscopes = { roles = [\"role\", \"department\", \"managed\"] }\n".to_owned(),
        main(),
        upstream("plain", "post", "userinfo = false"),
        upstream("dead", "http://127.0.0.1:1", ""),
        upstream("liar", "liar", ""),
        upstream("garbled", "garbled", ""),
        upstream("script", "script", ""),
        upstream("mac", "mac", ""),
        upstream("rotates", "rotates", ""),
    ];
    let tables = tables.concat();
    Server::share(&SHARED, Setup { name: "upstream", tables: &tables, ..Setup::default() })
}

/// A server without people of its own.
fn delegating() -> Arc<Server> {
    static SHARED: Shared = Shared::new(Weak::new());
    let tables = format!("[sign_in]\nlocal = false\n{}", main());
    let (name, sign_up) = ("delegating", "enabled = false");
    Server::share(&SHARED, Setup { name, tables: &tables, sign_up, ..Setup::default() })
}

/// The login page for a client that needs no consent, with a wish of what is to go wrong upstream.
async fn login_page(visitor: &Visitor, wrong: &str) -> Page {
    visitor.open(authorize(FIRST_PARTY, &[("login_hint", wrong)])).await
}

/// Where the upstream provider sends the person back to.
pub(crate) async fn sent_back(page: &Page) -> Url {
    let there = page.location().unwrap_or_else(|| panic!("not sent anywhere: {page:?}"));
    assert!(there.as_str().starts_with(&STUB.origin), "{there}");
    let answer = party::http().get(there).send().await.unwrap();
    Url::parse(answer.headers()["location"].to_str().unwrap()).unwrap()
}

/// Presses the button of an upstream provider, and comes back.
pub(crate) async fn through(visitor: &Visitor, page: &Page, name: &str) -> Page {
    let sent = visitor.submit(page, &format!("upstream-{name}"), &[]).await;
    visitor.come_back(sent_back(&sent).await).await
}

/// What UserInfo says to whoever got the code in this answer.
async fn userinfo(server: &Server, client: Registered, answer: &Page) -> Value {
    let tokens = tokens(server, client, &answer.code()).await;
    let token = tokens["access_token"].as_str().unwrap();
    let asked = party::http().get(server.url("/userinfo")).bearer_auth(token);
    asked.send().await.unwrap().json().await.unwrap()
}
