//! A resource server: an API, "orders", that takes the access tokens of an OpenID Provider. On axum.
//!
//! ```sh
//! cargo run --example server --features axum,tracing,sqlite,fetch    # the provider, in one terminal
//! cargo run --example api --features axum,tracing,fetch       # the API, in another
//! curl -i http://localhost:9090/orders                        # 401, with a challenge
//! curl -i -H "Authorization: Bearer $TOKEN" http://localhost:9090/orders
//! ```
//!
//! `$TOKEN` is an access token that a client of the provider got for the resource
//! `http://localhost:9090` with the scope `orders:read`. JWTs are verified by the provider's keys; to
//! have it asked about opaque ones, configure the resource at the provider without `format = "jwt"` and with
//! `client = "orders-api"`, add a client of that name without grant and response types, and give its secret
//! to the API:
//!
//! ```sh
//! CLIENT_SECRET=… cargo run --example api --features axum,tracing,fetch -- --client-id orders-api
//! ```
//!
//! | route | scope | what |
//! |---|---|---|
//! | `GET /orders` | `orders:read` | what the person has ordered, one thing in a line |
//! | `POST /orders` | `orders:write` | order what the body says |
//! | `GET /me` | | what the token says |

mod arguments;
mod loopback;

use std::{
    collections::HashMap,
    error::Error,
    io::{self, IsTerminal},
    process::ExitCode,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Router,
    extract::{FromRef, State},
    http::{StatusCode, header},
    response::IntoResponse,
    routing::get,
};
use oidc_op::{
    AccessTokenVerifier, BearerError, Fetch, FetchPolicy, GuardedFetch, Introspection, IssuerKeys,
    TracingObserver, VerifiedToken,
};
use tokio::net::TcpListener;
use tracing::info;
use tracing_subscriber::EnvFilter;

use crate::{
    arguments::{Arguments, HELP},
    loopback::Loopback,
};

/// Everything that a request needs.
#[derive(Clone)]
struct App {
    verifier: AccessTokenVerifier,
    orders: Arc<Mutex<Orders>>,
}

/// What the extractor of [`VerifiedToken`] works with.
impl FromRef<App> for AccessTokenVerifier {
    fn from_ref(app: &App) -> Self {
        app.verifier.clone()
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("api: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    let Some(arguments) = Arguments::parse()? else {
        print!("{HELP}");
        return Ok(());
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| "info".into());
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(io::stdout().is_terminal()).init();
    let app = App { verifier: verifier(&arguments)?, orders: Arc::default() };
    let listener = TcpListener::bind(arguments.listen)
        .await
        .map_err(|error| format!("--listen {}: {error}", arguments.listen))?;
    let resource = app.verifier.resource().as_str();
    info!(issuer = arguments.issuer.as_str(), resource, address = %arguments.listen, "listening");
    axum::serve(listener, routes(app)).await?;
    Ok(())
}

/// JWTs by the provider's keys; opaque tokens by asking, if this API is a client there.
fn verifier(arguments: &Arguments) -> Result<AccessTokenVerifier, Box<dyn Error>> {
    let fetch = fetch(arguments)?;
    let (issuer, resource) = (arguments.issuer.clone(), arguments.resource.clone());
    let keys = IssuerKeys::at(&arguments.jwks_uri, Arc::clone(&fetch));
    let verifier = AccessTokenVerifier::by_keys(issuer, resource, keys).observer(TracingObserver);
    Ok(match &arguments.client {
        Some((id, secret)) => {
            let endpoint = arguments.introspection.as_str();
            verifier.and_source(Introspection::new(endpoint, id, secret, fetch))
        }
        None => verifier,
    })
}

/// What reaches the provider, which is a server that the operator has named and no stranger: it may
/// have any address, and be asked as often as this API is.
fn fetch(arguments: &Arguments) -> Result<Arc<dyn Fetch>, Box<dyn Error>> {
    if !arguments.issuer.is_https() {
        return Ok(Arc::new(Loopback::new(&arguments.issuer)?));
    }
    let mut policy = FetchPolicy::default();
    let issuer = url::Url::parse(arguments.issuer.as_str())?;
    policy.allow.extend(issuer.host_str().map(str::to_owned));
    (policy.concurrent, policy.concurrent_per_host) = (64, 64);
    policy.per_host_and_minute = u32::MAX;
    Ok(Arc::new(GuardedFetch::new(&policy)?))
}

fn routes(app: App) -> Router {
    Router::new().route("/orders", get(list).post(create)).route("/me", get(me)).with_state(app)
}

async fn list(token: VerifiedToken, State(app): State<App>) -> Result<String, BearerError> {
    token.require("orders:read")?;
    let orders = app.orders.lock().unwrap_or_else(PoisonError::into_inner);
    let lines = orders.get(&owner(&token)).map(|orders| orders.join("\n"));
    Ok(lines.unwrap_or_else(|| "nothing".to_owned()) + "\n")
}

async fn create(
    token: VerifiedToken,
    State(app): State<App>,
    order: String,
) -> Result<StatusCode, BearerError> {
    token.require("orders:write")?;
    let mut orders = app.orders.lock().unwrap_or_else(PoisonError::into_inner);
    orders.entry(owner(&token)).or_default().push(order.trim().to_owned());
    Ok(StatusCode::CREATED)
}

/// No scope is needed to be told what one has brought along.
async fn me(token: VerifiedToken) -> impl IntoResponse {
    let said = serde_json::to_string_pretty(token.claims()).unwrap_or_default();
    ([(header::CONTENT_TYPE, "application/json")], said + "\n")
}

/// Whether it is a client that acts for itself, and who it is.
type Owner = (bool, String);

type Orders = HashMap<Owner, Vec<String>>;

/// Whose orders: a person's, or those of a client that acts for itself. A client might be called what a
/// person's `sub` is (RFC 9068 §5), so the two are kept apart.
fn owner(token: &VerifiedToken) -> Owner {
    let client = token.client_id().unwrap_or_default();
    let subject = token.subject().unwrap_or(client);
    (subject == client, subject.to_owned())
}
