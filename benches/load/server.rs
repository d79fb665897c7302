//! The server process: both routers in one thread.

use std::{
    error::Error,
    io::{Write, stdout},
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use axum::{
    Router,
    serve::{ListenerExt, serve},
};
use oidc_op::{
    Clock, KeySet, Outcome, Provider, Reply, Request, SigningAlgorithm, SystemClock,
    adapter::{axum::router, http::Pages},
};
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncReadExt, stdin},
    net::TcpListener,
    time::interval,
};

use crate::{
    bare::{self, Samples},
    world,
};

/// What the server says once it listens.
#[derive(Serialize, Deserialize)]
pub(crate) struct Ready {
    pub(crate) library: SocketAddr,
    pub(crate) bare: SocketAddr,
    /// The `Cookie` header of each person.
    pub(crate) cookies: Vec<String>,
}

/// Serves until standard input ends.
pub(crate) async fn run(algorithm: SigningAlgorithm, users: usize) -> Result<(), Box<dyn Error>> {
    let now = SystemClock.now();
    let keys = Arc::new(KeySet::generate(&[SigningAlgorithm::RS256, algorithm], now)?);
    let provider = world::provider(keys.clone(), algorithm, users, SystemClock);
    let mut cookies = Vec::with_capacity(users);
    for person in 0..users {
        cookies.push(world::settle(&provider, person).await);
    }
    let samples = sample(&provider, &cookies[0]).await;

    let library = listen(router(&provider, Pages::at("/interaction/"))).await?;
    let bare = listen(bare::router(samples, keys, algorithm)).await?;
    tokio::spawn(async move {
        let mut every_second = interval(Duration::from_secs(1));
        loop {
            every_second.tick().await;
            provider.work(100_000).await.expect("a memory store does not fail");
        }
    });

    let ready = serde_json::to_string(&Ready { library, bare, cookies })?;
    writeln!(stdout(), "{ready}")?;
    stdin().read_to_end(&mut Vec::new()).await?;
    Ok(())
}

async fn listen(router: Router) -> Result<SocketAddr, Box<dyn Error>> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    let listener = listener.tap_io(|stream| {
        // Only a matter of latency.
        let _ = stream.set_nodelay(true);
    });
    tokio::spawn(async move { serve(listener, router).await });
    Ok(address)
}

/// One flow of the library, whose replies the bare router imitates.
async fn sample(provider: &Provider, cookie: &str) -> Samples {
    let query = world::authorize_query(0);
    let headers = [("cookie", cookie.as_bytes())];
    let request = Request::new("GET", "/authorize").query(&query).headers(&headers);
    let authorize = answer(provider, request).await;
    let code = authorize.header("location").and_then(world::code_of).expect("there is a code");

    let (form, basic) = (world::token_form(code, &world::verifier(0)), world::basic());
    let headers = [
        ("content-type", &b"application/x-www-form-urlencoded"[..]),
        ("authorization", basic.as_bytes()),
    ];
    let request = Request::new("POST", "/token").headers(&headers).body(form.as_bytes());
    let token = answer(provider, request).await;

    let tokens: serde_json::Value = serde_json::from_slice(&token.body).expect("it is JSON");
    let bearer = format!("Bearer {}", tokens["access_token"].as_str().expect("there is one"));
    let headers = [("authorization", bearer.as_bytes())];
    let userinfo = answer(provider, Request::new("GET", "/userinfo").headers(&headers)).await;
    Samples { authorize, token, userinfo }
}

async fn answer(provider: &Provider, request: Request<'_>) -> Reply {
    match provider.dispatch(request).await {
        Outcome::Reply(reply) if reply.status < 400 => reply,
        other => panic!("{}: {other:?}", request.path),
    }
}
