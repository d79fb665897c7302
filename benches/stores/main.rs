//! Stores: one conditional write against the raw driver's, the code flow over each, and what a million live
//! grants change.
//!
//! | part | what is measured |
//! |---|---|
//! | `write` | compare-and-set of a record of 1 KiB by 1, 16 and 64 tasks, each on its own record: the store, and the raw driver with the same statement on as many connections; slices alternate, the ratio of a round is what drifts least; 0.85 at least |
//! | `flow` | the code flow in this process (authorization request of somebody signed in, code to tokens with ES256, UserInfo) by 1, 16 and 64 tasks, and the store's calls of each step |
//! | `live` | each step over HTTP with 1,000 and with `--live` grants alive, subjects picked at random, slices alternating: the ratio of their latencies, 1.3 at most; the memory of the process or the size of the files |
//!
//! PostgreSQL and Redis are started for it, from Debian's packages, on loopback, with the durability that the
//! stores ask for.
//!
//! ```text
//! cargo bench --features full,test-util --bench stores -- \
//!     [--part write,flow,live] [--store memory,sqlite,postgres,redis] [--rounds 31] [--live 1000000]
//! ```

mod engine;
mod flow;
mod live;
mod raw;
#[allow(dead_code, reason = "tests use the rest")]
#[path = "../../tests/it/support/services.rs"]
mod services;
#[allow(dead_code, reason = "other benches use the rest")]
#[path = "../world.rs"]
mod world;
mod write;

use std::{error::Error, process::ExitCode};

use lexopt::{
    Arg::{Long, Value},
    ValueExt,
};

use self::engine::Engine;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How many act at once.
const TASKS: [usize; 3] = [1, 16, 64];

/// What to do and how much of it.
struct Options {
    parts: Vec<String>,
    engines: Vec<Engine>,
    rounds: usize,
    live: usize,
}

fn main() -> ExitCode {
    match Options::parse(lexopt::Parser::from_env()).and_then(|options| {
        let runtime = tokio::runtime::Runtime::new()?;
        options.map_or(Ok(()), |options| runtime.block_on(run(&options)))
    }) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("stores: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    for part in &options.parts {
        match part.as_str() {
            "write" => write::run(&options.engines, options.rounds).await?,
            "flow" => flow::run(&options.engines).await?,
            "live" => live::run(&options.engines, options.live).await?,
            other => return Err(format!("there is no part {other:?}").into()),
        }
    }
    Ok(())
}

impl Options {
    /// None if another bench is meant, or none.
    fn parse(mut arguments: lexopt::Parser) -> Result<Option<Self>, Box<dyn Error>> {
        let (mut parts, mut engines) = ("write,flow,live".to_owned(), Engine::ALL.to_vec());
        let (mut rounds, mut live, mut asked) = (31, 1_000_000, false);
        while let Some(argument) = arguments.next()? {
            match argument {
                Long("bench") => asked = true,
                Long("part") => parts = arguments.value()?.string()?,
                Long("rounds") => rounds = arguments.value()?.parse()?,
                Long("live") => live = arguments.value()?.parse()?,
                Long("store") => {
                    let list = arguments.value()?.string()?;
                    engines = list.split(',').map(str::parse).collect::<Result<_, _>>()?;
                }
                Value(filter) if filter != "stores" => return Ok(None),
                Value(_) => {}
                other => return Err(other.unexpected().into()),
            }
        }
        let parts = parts.split(',').map(str::to_owned).collect();
        // `cargo test --benches` says nothing at all: then it is enough that it can be built.
        Ok(asked.then_some(Self { parts, engines, rounds, live }))
    }
}

/// The middle one.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}
