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
    Clock, KeySet, Provider, SigningAlgorithm, SystemClock,
    adapter::{axum::router, http::Pages},
    store::MemoryStore,
};
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncReadExt, stdin},
    net::TcpListener,
    time::interval,
};

use crate::{
    call::Call, client_credentials, code, introspection, refresh, route::Route, userinfo, world,
};

/// What the server says once it listens.
#[derive(Serialize, Deserialize)]
pub(crate) struct Ready {
    pub(crate) library: SocketAddr,
    pub(crate) bare: SocketAddr,
    pub(crate) work: Work,
}

/// What the client is to do.
#[derive(Serialize, Deserialize)]
pub(crate) enum Work {
    /// The code flow, with the `Cookie` header of each person.
    Flow { cookies: Vec<String> },
    /// One of the calls at a time.
    Calls { library: Vec<Call>, bare: Vec<Call> },
}

impl Work {
    /// The same call for both sides.
    pub(crate) fn same(call: Call) -> Self {
        Self::Calls { library: vec![call.clone()], bare: vec![call] }
    }
}

/// Before which a route is set.
pub(crate) struct Stage {
    pub(crate) provider: Provider,
    pub(crate) keys: Arc<KeySet>,
    pub(crate) algorithm: SigningAlgorithm,
    /// The `Cookie` header of each person.
    pub(crate) cookies: Vec<String>,
    pub(crate) connections: usize,
}

/// A route that is ready to be measured: the library's needs nothing more than the provider.
pub(crate) struct Scene {
    pub(crate) work: Work,
    pub(crate) bare: Router,
}

/// Serves until standard input ends.
pub(crate) async fn run(
    route: Route,
    users: usize,
    connections: usize,
) -> Result<(), Box<dyn Error>> {
    let (now, algorithm) = (SystemClock.now(), route.algorithm());
    let keys = Arc::new(KeySet::generate(&[SigningAlgorithm::RS256, algorithm], now)?);
    let provider = world::provider(MemoryStore::new(), keys.clone(), algorithm, users, SystemClock);
    let mut cookies = Vec::with_capacity(users);
    for person in 0..users {
        cookies.push(world::settle(&provider, person).await);
    }
    let stage = Stage { provider, keys, algorithm, cookies, connections };
    let Scene { work, bare } = match route {
        Route::Code(_) => code::prepare(&stage).await,
        Route::ClientCredentials => client_credentials::opaque(&stage).await,
        Route::ClientCredentialsJwt => client_credentials::jwt(&stage).await,
        Route::UserInfo => userinfo::prepare(&stage).await,
        Route::Introspection => introspection::prepare(&stage).await,
        Route::Refresh => refresh::prepare(&stage).await,
    };

    let provider = stage.provider;
    let library = listen(router(&provider, Pages::at("/interaction/"))).await?;
    let bare = listen(bare).await?;
    tokio::spawn(async move {
        let mut every_second = interval(Duration::from_secs(1));
        loop {
            every_second.tick().await;
            provider.work(100_000).await.expect("a memory store does not fail");
        }
    });

    let ready = serde_json::to_string(&Ready { library, bare, work })?;
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
