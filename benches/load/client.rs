//! The client process: as many steps as the server bears, on keep-alive connections.

use std::{
    error::Error,
    io::{Write, stdout},
    rc::Rc,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines, Stdin, stdin},
    task::{JoinSet, LocalSet},
};

use crate::{
    call, flow,
    server::{Ready, Work},
};

/// Which router is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Side {
    Library,
    Bare,
}

/// A slice to run.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) side: Side,
    pub(crate) time: Duration,
}

/// The sizes of the replies of one step of each side.
#[derive(Serialize, Deserialize)]
pub(crate) struct Sizes {
    pub(crate) library: Vec<usize>,
    pub(crate) bare: Vec<usize>,
}

/// What came of a slice.
#[derive(Serialize, Deserialize)]
pub(crate) struct Slice {
    pub(crate) time: Duration,
    /// Of each step, in microseconds.
    pub(crate) latencies: Vec<u32>,
}

/// What a connection does over and over.
pub(crate) trait Step: 'static {
    /// Asks, checks the answers, and answers their sizes.
    async fn step(&mut self) -> Result<Vec<usize>, Box<dyn Error>>;
}

/// Reads what the server said, then runs a slice for every order, until standard input ends.
pub(crate) async fn run(connections: usize) -> Result<(), Box<dyn Error>> {
    let mut lines = BufReader::new(stdin()).lines();
    let ready = lines.next_line().await?.ok_or("the server said nothing")?;
    let Ready { library, bare, work } = serde_json::from_str(&ready)?;
    let connected = async move {
        match work {
            Work::Flow { cookies } => {
                let people = Rc::new(flow::People::new(&cookies)?);
                let library = flow::connect(library, Side::Library, &people, connections).await?;
                let bare = flow::connect(bare, Side::Bare, &people, connections).await?;
                obey(lines, library, bare).await
            }
            Work::Calls { library: ours, bare: theirs } => {
                let library = call::connect(library, &ours, connections).await?;
                let bare = call::connect(bare, &theirs, connections).await?;
                obey(lines, library, bare).await
            }
        }
    };
    LocalSet::new().run_until(connected).await
}

async fn obey<S: Step>(
    mut orders: Lines<BufReader<Stdin>>,
    mut library: Vec<S>,
    mut bare: Vec<S>,
) -> Result<(), Box<dyn Error>> {
    answer(&Sizes { library: library[0].step().await?, bare: bare[0].step().await? })?;
    while let Some(order) = orders.next_line().await? {
        let order: Order = serde_json::from_str(&order)?;
        let connections = match order.side {
            Side::Library => &mut library,
            Side::Bare => &mut bare,
        };
        answer(&slice(connections, order).await?)?;
    }
    Ok(())
}

fn answer(value: &impl Serialize) -> Result<(), Box<dyn Error>> {
    let line = serde_json::to_string(value)?;
    writeln!(stdout(), "{line}")?;
    Ok(())
}

/// Takes steps on every connection until the time is up; each finishes the one it has begun.
async fn slice<S: Step>(connections: &mut Vec<S>, order: Order) -> Result<Slice, Box<dyn Error>> {
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for mut connection in connections.drain(..) {
        tasks.spawn_local(async move {
            let mut latencies = Vec::new();
            while start.elapsed() < order.time {
                let begin = Instant::now();
                let done = connection.step().await;
                done.map_err(|error| format!("{:?}: {error}", order.side))?;
                latencies.push(u32::try_from(begin.elapsed().as_micros()).unwrap_or(u32::MAX));
            }
            Ok::<_, String>((connection, latencies))
        });
    }
    let mut latencies = Vec::new();
    while let Some(task) = tasks.join_next().await {
        let (connection, of_connection) = task??;
        connections.push(connection);
        latencies.extend(of_connection);
    }
    Ok(Slice { time: start.elapsed(), latencies })
}

/// Any of so many (xorshift64).
pub(crate) fn any(seed: &mut u64, of: usize) -> usize {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    usize::try_from(*seed >> 33).unwrap_or_default() % of
}
