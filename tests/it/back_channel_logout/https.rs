//! The same over the network: `GuardedFetch`, and a client's server that speaks HTTPS.

use std::{net::TcpListener, sync::Arc};

use axum::{
    Router,
    body::Bytes,
    http::{HeaderMap, Method, StatusCode, Uri, header},
    response::IntoResponse,
};
use axum_server::tls_rustls::RustlsConfig;
use oidc_op::{GuardedFetch, Reason, What};
use serde_json::json;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::{DELAYED, DELIVERED, noted, told, visit};
use crate::support::{ALICE, Browser, Op, Setup, Tls, claims, decode, header as jose_header};

/// A server at `https://localhost:PORT` that answers as its paths are called.
#[derive(Debug)]
pub(crate) struct Site {
    origin: String,
    pub(crate) tls: Tls,
    got: UnboundedReceiver<(String, String)>,
}

impl Site {
    pub(crate) fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let origin = format!("https://localhost:{}", listener.local_addr().unwrap().port());
        let (arrived, got) = unbounded_channel();
        let site = Self { origin, tls: Tls::new(), got };
        let config = RustlsConfig::from_config(Arc::clone(&site.tls.config));
        let answer = async move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| {
            assert_eq!(method, Method::POST);
            assert_eq!(headers[header::CONTENT_TYPE], "application/x-www-form-urlencoded");
            for none in [header::COOKIE, header::AUTHORIZATION] {
                assert!(!headers.contains_key(none));
            }
            let body = String::from_utf8(body.to_vec()).unwrap();
            arrived.send((uri.path().to_owned(), body)).unwrap();
            match uri.path() {
                "/200" => (StatusCode::OK, "signed out").into_response(),
                "/204" => StatusCode::NO_CONTENT.into_response(),
                "/307" => {
                    (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, "/200")]).into_response()
                }
                _ => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
            }
        };
        let routes = Router::new().fallback(answer);
        let server = axum_server::from_tcp_rustls(listener, config).unwrap();
        tokio::spawn(server.serve(routes.into_make_service()));
        site
    }

    /// An address here.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }

    /// Waits for what comes next: at which path, and the logout token.
    pub(crate) async fn next(&mut self) -> (String, String) {
        let (path, body) = self.got.recv().await.unwrap();
        let sent = decode(&body);
        let [(name, token)] = &sent[..] else { panic!("{sent:?}") };
        assert_eq!(name, "logout_token");
        (path, token.clone())
    }

    /// What has come.
    fn take(&mut self) -> Vec<(String, String)> {
        std::iter::from_fn(|| self.got.try_recv().ok()).collect()
    }
}

#[tokio::test]
async fn over_the_network() {
    let mut site = Site::open();
    let paths = ["200", "204", "307", "500"];
    let mut setup = Setup::new();
    setup.clients = paths
        .iter()
        .map(|path| {
            let uri = site.url(&format!("/{path}"));
            let members =
                json!({"backchannel_logout_uri": uri, "id_token_signed_response_alg": "EdDSA"});
            told(&format!("app-{path}"), &members)
        })
        .collect();
    let fetch = GuardedFetch::new(&site.tls.policy()).unwrap();
    let op: Op = setup.build_with(|builder| builder.fetch(fetch));
    let mut browser = Browser::new(&op);
    for path in paths {
        visit(&mut browser, &format!("app-{path}"), ALICE).await;
    }
    browser.sign_out().await;
    let waited =
        tokio::time::timeout(std::time::Duration::from_secs(10), op.provider.work_waiting());
    waited.await.expect("there is work");
    // Two at once go to one host; the others wait for them.
    assert_eq!(op.provider.work(10).await.unwrap(), 4);
    let mut got = Vec::new();
    for _ in paths {
        got.push(site.next().await);
    }
    got.sort();
    for ((at, token), path) in got.iter().zip(paths) {
        assert_eq!(*at, format!("/{path}"), "once, and a redirect is not followed");
        assert_eq!(jose_header(token)["typ"], "logout+jwt");
        assert_eq!(claims(token)["aud"], format!("app-{path}"));
    }
    assert!(site.take().is_empty());
    let mut events = noted(&op);
    events.sort_by_key(|event| *event != DELIVERED);
    assert_eq!(events, [DELIVERED, DELIVERED, DELAYED, DELAYED]);

    // Nobody is there any more whose certificate counts.
    let mut strange = Site::open();
    let mut setup = Setup::new();
    let uri = strange.url("/200");
    setup.clients = vec![told("app", &json!({"backchannel_logout_uri": uri}))];
    let fetch = GuardedFetch::new(&site.tls.policy()).unwrap();
    let op = setup.build_with(|builder| builder.fetch(fetch));
    let mut browser = Browser::new(&op);
    visit(&mut browser, "app", ALICE).await;
    browser.sign_out().await;
    op.provider.work(10).await.unwrap();
    assert_eq!(noted(&op), [(What::LogoutUndelivered, Some(Reason::LogoutDelayed))]);
    assert!(strange.take().is_empty());
}
