//! Routes over HTTP, each against a bare one: what a provider costs beyond its web server and its
//! cryptography.
//!
//! | route | one step of the library | of the bare router | at least |
//! |---|---|---|---:|
//! | `code` | GET `/authorize` with the session cookie of one of the people (signed in, consent remembered), POST `/token` with the code, `client_secret_basic` and the PKCE verifier, GET `/userinfo` with the access token | one signature over as many bytes | RS256 0.90, ES256 0.60 |
//! | `client-credentials` | POST `/token`, `client_secret_basic`, an opaque token | 16 random bytes, HKDF-Expand, one AES-256-GCM seal of as many bytes | 0.75 |
//! | `client-credentials-jwt` | the same, a JWT signed with ES256 | one signature over as many bytes | 0.75 |
//! | `userinfo` | GET `/userinfo` with an access token of any of the people | HKDF-Expand, one AES-256-GCM open | 0.60 |
//! | `introspection` | POST `/introspect`, the same tokens, `client_secret_basic` | the same | 0.55 |
//! | `refresh` | POST `/token`, `client_secret_basic`, a token that rotates, no ID token; each connection has a grant of its own | three HMACs, two digests, one seal | 0.55 |
//!
//! All over loopback on keep-alive connections; every answer is checked, and the bare router's replies
//! have the same headers and sizes and know no protocol.
//!
//! Three processes take part. The **server** has one thread and one core, mimalloc, and two axum
//! routers on two ports: the *library*'s over a `MemoryStore` whose purge runs every second, and the
//! *bare* one. The **client** has the other core. This process starts both, anew for each route, and
//! takes down their CPU time.
//!
//! Slices of one second alternate between the two routers; a round is one slice each, and its ratio
//! is what drifts least. Read the ratio of CPU time too when the machine has other things to do.
//!
//! ```text
//! cargo bench --features axum,test-util --bench load -- \
//!     [--route all] [--rounds 12] [--alg RS256,ES256] [--users 10000] [--connections 16]
//! ```
//!
//! `--route` takes names from the table, with commas; `--alg` is for `code`.

mod bare;
mod call;
mod client;
mod client_credentials;
mod code;
mod flow;
mod harness;
mod introspection;
mod process;
mod refresh;
mod report;
mod route;
mod server;
mod userinfo;
#[path = "../world.rs"]
mod world;

use std::{error::Error, process::ExitCode};

use lexopt::{
    Arg::{Long, Value},
    ValueExt,
};
use oidc_op::SigningAlgorithm;

use self::route::Route;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const USAGE: &str = "usage: load [--route all] [--rounds N] [--alg RS256,ES256] [--users N] \
                     [--connections N] [--bench]";

/// What to do and how much of it.
struct Options {
    role: Role,
    routes: Vec<Route>,
    rounds: usize,
    users: usize,
    connections: usize,
}

enum Role {
    /// Starts the other two and reports.
    Harness,
    Server,
    Client,
    /// `cargo bench -- FILTER` means another benchmark.
    Nothing,
}

fn main() -> ExitCode {
    let options = match Options::parse(lexopt::Parser::from_env()) {
        Ok(options) => options,
        Err(error) => {
            eprintln!("{error}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("load: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().build()?;
    match options.role {
        Role::Harness => runtime.block_on(harness::run(options)),
        Role::Server => {
            runtime.block_on(server::run(options.routes[0], options.users, options.connections))
        }
        Role::Client => runtime.block_on(client::run(options.connections)),
        Role::Nothing => Ok(()),
    }
}

impl Options {
    fn parse(mut arguments: lexopt::Parser) -> Result<Self, lexopt::Error> {
        let (mut role, mut bench) = (Role::Harness, false);
        let (mut routes, mut algorithms) = (None, None);
        let (mut rounds, mut users, mut connections) = (None, None, None);
        while let Some(argument) = arguments.next()? {
            match argument {
                Long("server") => role = Role::Server,
                Long("client") => role = Role::Client,
                Long("bench") => bench = true,
                Long("route") => routes = Some(arguments.value()?.string()?),
                Long("rounds") => rounds = Some(arguments.value()?.parse()?),
                Long("users") => users = Some(arguments.value()?.parse()?),
                Long("connections") => connections = Some(arguments.value()?.parse()?),
                Long("alg") => {
                    let list = arguments.value()?.string()?;
                    let parsed: Result<Vec<_>, _> = list.split(',').map(str::parse).collect();
                    algorithms = Some(parsed.map_err(|e| format!("--alg {list}: {e}"))?);
                }
                Value(filter) if filter != "load" => role = Role::Nothing,
                Value(_) => {}
                other => return Err(other.unexpected()),
            }
        }
        // `cargo test --benches` says nothing at all: a short try is enough then.
        let chosen =
            routes.is_some() || rounds.is_some() || algorithms.is_some() || users.is_some();
        let try_out = !bench && !chosen;
        let default = |full, short| if try_out { short } else { full };
        let algorithms =
            algorithms.unwrap_or_else(|| vec![SigningAlgorithm::RS256, SigningAlgorithm::ES256]);
        let options = Self {
            role,
            routes: Route::parse_list(routes.as_deref().unwrap_or("all"), &algorithms)?,
            rounds: rounds.unwrap_or(default(12, 1)),
            users: users.unwrap_or(default(10_000, 100)),
            connections: connections.unwrap_or(16),
        };
        if options.rounds == 0 || options.users == 0 || options.connections == 0 {
            return Err("--rounds, --users and --connections are at least 1".into());
        }
        Ok(options)
    }
}
