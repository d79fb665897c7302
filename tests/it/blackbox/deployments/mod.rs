//! The files of `examples/deployments` that are whole identity services: each is started and walked through, and
//! its metadata say neither more nor less than what it does.

mod advertised;
#[cfg(feature = "sqlite")]
mod app_stack;
mod central_login;
mod delegating_token_server;
#[cfg(feature = "fetch")]
mod enterprise_op;
mod malformed;
mod mobile_suite;
mod upstream;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use reqwest::{Method, RequestBuilder, Url};
use serde_json::Value;

use super::{
    party::{self, CHALLENGE, VERIFIER, form},
    server::Server,
    visitor::{Page, Visitor},
};

/// All files of deployments that people start.
fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/deployments");
    let mut files: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// What is in a file.
fn file(name: &str) -> toml::Table {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("examples/deployments/{name}.toml"));
    fs::read_to_string(path).unwrap().parse().unwrap()
}

/// Puts an address in the place of each that begins otherwise.
fn moved(value: &mut toml::Value, from: &str, to: &str) {
    match value {
        toml::Value::String(text) => {
            if let Some(rest) = text.strip_prefix(from) {
                *text = format!("{to}{rest}");
            }
        }
        toml::Value::Array(values) => values.iter_mut().for_each(|value| moved(value, from, to)),
        toml::Value::Table(table) => table.iter_mut().for_each(|(_, value)| moved(value, from, to)),
        _ => {}
    }
}

/// A deployment that runs, with one of its issuers.
struct Deployment {
    server: Arc<Server>,
    metadata: Value,
}

/// A client of it that authenticates by `client_secret_basic`.
#[derive(Clone, Copy)]
struct Confidential<'c>(&'c str, &'c str);

impl Deployment {
    /// Starts what the file says, on this machine: its own address is another, and so are those that are named.
    async fn start(name: &str, elsewhere: &[(&str, &str)]) -> Self {
        Self::start_changed(name, elsewhere, |_| ()).await
    }

    /// The same with a file that says something else.
    async fn start_changed(
        name: &str,
        elsewhere: &[(&str, &str)],
        change: impl Fn(&mut toml::Table),
    ) -> Self {
        Self::start_text(name, file(name), elsewhere, change).await
    }

    /// The same with the contents of a file that is no example.
    async fn start_text(
        name: &str,
        config: toml::Table,
        elsewhere: &[(&str, &str)],
        change: impl Fn(&mut toml::Table),
    ) -> Self {
        let issuer: Url = config["issuer"].as_str().unwrap().parse().unwrap();
        let origin = issuer.origin().ascii_serialization();
        let mut server = Server::start_with(name, "info,oidc_op=debug", |port, place| {
            let mut config = toml::Value::Table(config.clone());
            moved(&mut config, &origin, &format!("http://localhost:{port}"));
            for (from, to) in elsewhere {
                moved(&mut config, from, to);
            }
            let toml::Value::Table(mut config) = config else { unreachable!("it was a table") };
            config.insert("listen".into(), format!("127.0.0.1:{port}").into());
            config.insert("data".into(), place.join("data").to_str().unwrap().into());
            change(&mut config);
            config.to_string()
        });
        let path = issuer.path().trim_end_matches('/');
        server.issuer = format!("http://localhost:{}{path}", server.port);
        let metadata = metadata(&server.issuer).await;
        Self { server: Arc::new(server), metadata }
    }

    /// Another issuer of the same server, by its path.
    async fn realm(&self, path: &str) -> Self {
        let issuer = format!("http://localhost:{}{path}", self.server.port);
        Self { server: Arc::clone(&self.server), metadata: metadata(&issuer).await }
    }

    /// Stops the server, of which nobody else has an issuer, and starts it anew with what it has kept.
    async fn restarted(self, name: &'static str) -> Self {
        let server = Arc::into_inner(self.server).expect("another issuer of it is in use");
        let server = tokio::task::spawn_blocking(move || server.restarted(name)).await.unwrap();
        let metadata = metadata(&server.issuer).await;
        assert_eq!(metadata, self.metadata, "after a restart");
        Self { server: Arc::new(server), metadata }
    }

    fn issuer(&self) -> &str {
        self.metadata["issuer"].as_str().unwrap()
    }

    /// An endpoint by its member of the metadata.
    #[track_caller]
    fn endpoint(&self, member: &str) -> &str {
        self.metadata[member].as_str().unwrap_or_else(|| panic!("no {member}"))
    }

    /// A browser that knows this issuer.
    fn visitor(&self) -> Visitor {
        Visitor::new(&self.server).knows(self.issuer(), self.endpoint("authorization_endpoint"))
    }

    /// The address of an authorization request for a code with PKCE; what is in `more` replaces what would be there,
    /// and is not sent if it is empty.
    fn request(&self, client: &str, redirect_uri: &str, more: &[(&str, &str)]) -> String {
        let usual = [
            ("response_type", "code"),
            ("client_id", client),
            ("redirect_uri", redirect_uri),
            ("scope", "openid profile email"),
            ("state", "xyz"),
            ("nonce", "n-0S6_WzA2Mj"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ];
        let kept = usual.iter().filter(|(name, _)| more.iter().all(|(n, _)| n != name));
        let all = kept.chain(more).copied().filter(|(_, value)| !value.is_empty());
        let query = form(&all.collect::<Vec<_>>());
        format!("{}?{query}", self.endpoint("authorization_endpoint"))
    }

    /// A request of a client to an endpoint; its status and its JSON, if it is JSON.
    async fn post(
        &self,
        member: &str,
        client: Confidential<'_>,
        pairs: &[(&str, &str)],
    ) -> (u16, Value) {
        let request = party::http().post(self.endpoint(member));
        sent(request.basic_auth(client.0, Some(client.1)).form(pairs)).await
    }

    /// A request with an access token.
    async fn with_token(
        &self,
        method: Method,
        url: &str,
        token: &str,
        body: Option<&Value>,
    ) -> (u16, Value) {
        let request = party::http().request(method, url).bearer_auth(token);
        sent(match body {
            Some(body) => request.json(body),
            None => request,
        })
        .await
    }

    async fn userinfo(&self, token: &str) -> (u16, Value) {
        self.with_token(Method::GET, self.endpoint("userinfo_endpoint"), token, None).await
    }

    /// Redeems the code of an answer.
    async fn redeem(&self, client: Confidential<'_>, redirect_uri: &str, page: &Page) -> Value {
        let code = page.code();
        let pairs = [
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", redirect_uri),
            ("code_verifier", VERIFIER),
        ];
        let (status, tokens) = self.post("token_endpoint", client, &pairs).await;
        assert_eq!(status, 200, "{tokens}");
        tokens
    }
}

async fn sent(request: RequestBuilder) -> (u16, Value) {
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    let text = answer.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

async fn metadata(issuer: &str) -> Value {
    let url = format!("{issuer}/.well-known/openid-configuration");
    let (status, metadata) = sent(party::http().get(url)).await;
    assert_eq!((status, metadata["issuer"].as_str()), (200, Some(issuer)));
    metadata
}
