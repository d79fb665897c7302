//! The management API of the example server.

mod clients;
mod guard;
mod keys;
mod limits;
mod owners;
mod registration;
mod users;

use std::{fmt::Write, future::poll_fn, task::Poll};

use reqwest::{Method, RequestBuilder, header::HeaderMap};
use serde_json::{Value, json};

use super::{
    party,
    server::{Server, Setup},
};

/// What its tokens are for.
const RESOURCE: &str = "https://id.example/manage";

/// A client that may use the API, with its secret.
type Admin = (&'static str, &'static str);

/// It may everything.
const ROOT: Admin = ("root", "root-secret-Jc72bUq9Lk31xW");
/// It may look.
const READER: Admin = ("reader", "reader-secret-0pQm45Tz8sYv");
/// It may what carol's clients may.
const CAROLS: Admin = ("carols", "carols-secret-Gh4n7Lw2kXe9");
/// The same of dave.
const DAVES: Admin = ("daves", "daves-secret-T5r3Bz6uMq1a");
/// It has a token for the API, and is none of those that may use it.
const OUTSIDER: Admin = ("outsider", "outsider-secret-Rw8f2Cj5");
/// It is known, and disabled.
const OFF: Admin = ("off", "off-secret-Vn3k6Ht9pLd1sE");
/// It sends its secret in the body.
const POSTER: Admin = ("poster", "poster-secret-Ey7m1Xb4gQo0");

/// The tables of a server with the API.
fn tables(more: &str) -> String {
    let mut toml = format!(
        "[manage]\nresource = {RESOURCE:?}\n\
         clients = [\"root\", \"reader\", \"carols\", \"daves\", \"off\", \"poster\"]\n"
    );
    for ((id, secret), members) in [
        (ROOT, ""),
        (READER, "scope = \"clients:read\"\n"),
        (CAROLS, "owner = \"sub-of-carol\"\n"),
        (DAVES, "owner = \"sub-of-dave\"\n"),
        (OUTSIDER, ""),
        (OFF, "enabled = false\n"),
        (POSTER, "token_endpoint_auth_method = \"client_secret_post\"\n"),
    ] {
        let _ = write!(
            toml,
            "[[clients]]\nclient_id = {id:?}\nclient_secret = {secret:?}\nresponse_types = []\n\
             grant_types = [\"client_credentials\"]\n{members}"
        );
    }
    for (name, members) in [
        ("carol", "permissions = \"clients:read clients:write users:write keys:write\"\n"),
        (
            "dave",
            "permissions = \"clients:read clients:write\"\nclient_grants = [\"client_credentials\"]\n",
        ),
    ] {
        let _ = write!(
            toml,
            "[[users]]\nusername = {name:?}\npassword = \"{name}-password\"\n\
             sub = \"sub-of-{name}\"\n{members}"
        );
    }
    toml + more
}

fn start(name: &str) -> Server {
    Server::start(Setup { name, tables: &tables(""), ..Setup::default() })
}

/// What the API answers.
#[derive(Debug)]
struct Said {
    status: u16,
    headers: HeaderMap,
    json: Value,
}

impl Said {
    async fn of(request: RequestBuilder) -> Self {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response.bytes().await.unwrap();
        let json = if body.is_empty() {
            Value::Null
        } else {
            assert_eq!(headers["content-type"], "application/json", "{status} {body:?}");
            serde_json::from_slice(&body).unwrap()
        };
        assert_eq!(headers["cache-control"], "no-store", "{status} {json}");
        assert!(!headers.contains_key("access-control-allow-origin"), "{headers:?}");
        Self { status, headers, json }
    }

    #[track_caller]
    fn is(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self:?}");
        self
    }

    #[track_caller]
    fn is_error(&self, status: u16, error: &str) {
        assert_eq!((self.status, self.json["error"].as_str()), (status, Some(error)), "{self:?}");
        assert!(self.json["error_description"].is_string(), "{self:?}");
    }

    /// The same, and the description names this.
    #[track_caller]
    fn names(&self, status: u16, error: &str, name: &str) {
        self.is_error(status, error);
        let text = self.json["error_description"].as_str().unwrap();
        assert!(text.contains(name), "{name}: {self:?}");
    }

    #[track_caller]
    fn text(&self, member: &str) -> String {
        let text = self.json[member].as_str();
        text.unwrap_or_else(|| panic!("no {member}: {self:?}")).to_owned()
    }

    fn challenges(&self) -> Vec<String> {
        let values = self.headers.get_all("www-authenticate").iter();
        values.map(|value| value.to_str().unwrap().to_owned()).collect()
    }
}

fn request(server: &Server, method: Method, path: &str) -> RequestBuilder {
    party::http().request(method, server.url(&format!("/manage{path}")))
}

/// One request with the secret of a client.
async fn call(
    server: &Server,
    (id, secret): Admin,
    method: Method,
    path: &str,
    body: Value,
) -> Said {
    let mut request = request(server, method, path).basic_auth(id, Some(secret));
    if !body.is_null() {
        request = request.json(&body);
    }
    Said::of(request).await
}

async fn get(server: &Server, admin: Admin, path: &str) -> Said {
    call(server, admin, Method::GET, path, Value::Null).await
}

async fn post(server: &Server, admin: Admin, path: &str, body: Value) -> Said {
    call(server, admin, Method::POST, path, body).await
}

async fn put(server: &Server, admin: Admin, path: &str, body: Value) -> Said {
    call(server, admin, Method::PUT, path, body).await
}

async fn patch(server: &Server, admin: Admin, path: &str, body: Value) -> Said {
    call(server, admin, Method::PATCH, path, body).await
}

async fn delete(server: &Server, admin: Admin, path: &str) -> Said {
    call(server, admin, Method::DELETE, path, Value::Null).await
}

/// An app that somebody wants.
fn app(name: &str) -> Value {
    json!({ "client_name": name, "redirect_uris": ["https://made.example/cb"] })
}

/// Asks for an access token for the API.
async fn token(server: &Server, (id, secret): Admin, scope: &str) -> (u16, Value) {
    let form = [("grant_type", "client_credentials"), ("scope", scope), ("resource", RESOURCE)];
    let request = party::http().post(server.url("/token")).basic_auth(id, Some(secret));
    let response = request.form(&form).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

/// Whether these are the credentials of a client that acts for itself.
async fn acts(server: &Server, id: &str, secret: &str) -> u16 {
    let form = [("grant_type", "client_credentials")];
    let request = party::http().post(server.url("/token")).basic_auth(id, Some(secret));
    request.form(&form).send().await.unwrap().status().as_u16()
}

/// Waits for all of them, which run at once.
async fn at_once<F: Future>(all: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let mut all: Vec<_> = all.into_iter().map(|one| (Box::pin(one), None)).collect();
    poll_fn(|context| {
        for (one, done) in &mut all {
            if done.is_none()
                && let Poll::Ready(output) = one.as_mut().poll(context)
            {
                *done = Some(output);
            }
        }
        if all.iter().all(|(_, done)| done.is_some()) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    all.into_iter().filter_map(|(_, done)| done).collect()
}
