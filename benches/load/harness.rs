//! Starts server and client, runs the slices, and takes down what they cost.

use std::{error::Error, time::Duration};

use crate::{
    Options,
    client::{Order, Side, Sizes, Slice},
    process::{self, Peer},
    report::{self, Report, Round, Sample},
    route::Route,
    server::Ready,
};

const SLICE: Duration = Duration::from_secs(1);
const WARM_UP: Duration = Duration::from_secs(2);
/// How much the replies of the two sides may differ, in bytes.
const TOLERANCE: usize = 8;

/// Measures each route with a server and a client of its own.
pub(crate) async fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let cores = process::cores();
    match cores {
        Some((server, client)) => println!("server on core {server}, client on core {client}"),
        None => println!("not pinned: no second core, or no taskset (util-linux)"),
    }
    println!(
        "{} people, {} connections, {} rounds of {SLICE:?} + {SLICE:?}",
        options.users, options.connections, options.rounds
    );
    let mut reports = Vec::new();
    for route in &options.routes {
        let report = measure(options, *route, cores).await?;
        print!("{report}");
        reports.push(report);
    }
    print!("{}", report::Table(&reports));
    Ok(())
}

async fn measure(
    options: &Options,
    route: Route,
    cores: Option<(usize, usize)>,
) -> Result<Report, Box<dyn Error>> {
    let (users, connections) = (options.users.to_string(), options.connections.to_string());
    let algorithm = route.algorithm();
    let mut arguments = vec!["--server", "--route", route.name(), "--alg", algorithm.as_str()];
    arguments.extend(["--users", &users, "--connections", &connections]);
    let mut server = Peer::start(cores.map(|(server, _)| server), &arguments)?;
    let ready: Ready = server.hear().await?;

    let arguments = ["--client", "--connections", &connections];
    let mut client = Peer::start(cores.map(|(_, client)| client), &arguments)?;
    client.tell(&ready).await?;
    let sizes: Sizes = client.hear().await?;
    for (library, bare) in sizes.library.iter().zip(&sizes.bare) {
        if library.abs_diff(*bare) > TOLERANCE {
            return Err(format!("replies differ in size: {library} and {bare} bytes").into());
        }
    }

    for side in [Side::Library, Side::Bare] {
        slice(&server, &mut client, side, WARM_UP).await?;
    }
    let mut rounds = Vec::with_capacity(options.rounds);
    for _ in 0..options.rounds {
        rounds.push(Round {
            library: slice(&server, &mut client, Side::Library, SLICE).await?,
            bare: slice(&server, &mut client, Side::Bare, SLICE).await?,
        });
    }
    Ok(Report { route, sizes, rounds, peak_memory: server.peak_memory()? })
}

/// Has the client run a slice; what server and client used of their cores meanwhile is its price.
async fn slice(
    server: &Peer,
    client: &mut Peer,
    side: Side,
    time: Duration,
) -> Result<Sample, Box<dyn Error>> {
    let before = (server.cpu_time()?, client.cpu_time()?);
    client.tell(&Order { side, time }).await?;
    let Slice { time, latencies } = client.hear().await?;
    if latencies.is_empty() {
        return Err("not one step was finished".into());
    }
    let server = server.cpu_time()?.saturating_sub(before.0);
    let client = client.cpu_time()?.saturating_sub(before.1);
    Ok(Sample { time, latencies, server, client })
}
