//! What was measured, in words and figures.

use std::{fmt, time::Duration};

use oidc_op::SigningAlgorithm;

use crate::client::Sizes;

/// One slice.
pub(crate) struct Sample {
    pub(crate) time: Duration,
    /// Of each flow, in microseconds.
    pub(crate) latencies: Vec<u32>,
    /// CPU time of the server.
    pub(crate) server: Duration,
    /// CPU time of the client.
    pub(crate) client: Duration,
}

/// One slice of each side.
pub(crate) struct Round {
    pub(crate) library: Sample,
    pub(crate) bare: Sample,
}

/// All rounds with one algorithm; printing it is its purpose.
pub(crate) struct Report {
    pub(crate) algorithm: SigningAlgorithm,
    pub(crate) sizes: Sizes,
    pub(crate) rounds: Vec<Round>,
    /// Of the server process, which holds both routers, in KiB.
    pub(crate) peak_memory: u64,
}

impl Sample {
    fn flows(&self) -> f64 {
        u32::try_from(self.latencies.len()).map_or(f64::INFINITY, f64::from)
    }

    fn flows_per_second(&self) -> f64 {
        self.flows() / self.time.as_secs_f64()
    }

    /// Microseconds of the server's CPU.
    fn cpu_per_flow(&self) -> f64 {
        self.server.as_secs_f64() * 1e6 / self.flows()
    }
}

impl Report {
    /// What the library is to reach, as a part of the bare router's flows per second.
    fn target(&self) -> Option<f64> {
        match self.algorithm {
            SigningAlgorithm::RS256 => Some(0.90),
            SigningAlgorithm::ES256 => Some(0.60),
            _ => None,
        }
    }

    fn side<'r>(&'r self, of: fn(&'r Round) -> &'r Sample) -> Side<'r> {
        Side(self.rounds.iter().map(of).collect())
    }

    fn ratios(&self, of: impl Fn(&Round) -> f64) -> Spread {
        Spread::of(self.rounds.iter().map(of))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (library, bare) = (self.side(|r| &r.library), self.side(|r| &r.bare));
        writeln!(f, "\n{:34}{:>16}{:>16}", self.algorithm.as_str(), "library", "bare")?;
        let mut row = |name: &str, digits: usize, value: &dyn Fn(&Side<'_>) -> f64| {
            let (library, bare) = (value(&library), value(&bare));
            writeln!(f, "  {name:32}{library:>16.digits$}{bare:>16.digits$}")
        };
        row("flows/s, median", 0, &|s| s.spread(Sample::flows_per_second).median)?;
        row("latency of a flow, p50, µs", 0, &|s| s.latency(50))?;
        row("latency of a flow, p99, µs", 0, &|s| s.latency(99))?;
        row("server CPU per flow, median, µs", 1, &|s| s.spread(Sample::cpu_per_flow).median)?;
        row("server core busy, %", 0, &|s| s.busy(|sample| sample.server))?;
        row("client core busy, %", 0, &|s| s.busy(|sample| sample.client))?;
        let sizes = (Sum(&self.sizes.library), Sum(&self.sizes.bare));
        writeln!(f, "  {:32}{:>16}{:>16}", "reply sizes, bytes", sizes.0, sizes.1)?;
        writeln!(f, "  peak memory of the server: {} MiB", self.peak_memory / 1024)?;

        let ratio = |r: &Round| r.library.flows_per_second() / r.bare.flows_per_second();
        write!(f, "  ratio of flows/s, library / bare:      {}", self.ratios(ratio))?;
        match self.target() {
            Some(target) => writeln!(f, "   target {target:.2}")?,
            None => writeln!(f)?,
        }
        let ratio = |r: &Round| r.bare.cpu_per_flow() / r.library.cpu_per_flow();
        writeln!(f, "  ratio of CPU per flow, bare / library: {}", self.ratios(ratio))?;
        for (name, side) in [("library", &library), ("bare", &bare)] {
            if side.busy(|sample| sample.client) > 95.0 {
                writeln!(
                    f,
                    "  note: {name}: the client was as slow as the server, flows/s say little"
                )?;
            } else if side.busy(|sample| sample.server) < 90.0 {
                writeln!(f, "  note: {name}: something else used the cores, flows/s say little")?;
            }
        }
        Ok(())
    }
}

/// Three sizes in one column.
struct Sum<'s>(&'s [usize; 3]);

impl fmt::Display for Sum<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [authorize, token, userinfo] = self.0;
        f.pad(&format!("{authorize}+{token}+{userinfo}"))
    }
}

/// All slices of one side.
struct Side<'r>(Vec<&'r Sample>);

impl Side<'_> {
    fn spread(&self, of: fn(&Sample) -> f64) -> Spread {
        Spread::of(self.0.iter().map(|sample| of(sample)))
    }

    /// A percentile over all flows.
    fn latency(&self, percent: usize) -> f64 {
        let mut all: Vec<_> = self.0.iter().flat_map(|s| &s.latencies).copied().collect();
        all.sort_unstable();
        all.get((all.len() * percent / 100).min(all.len() - 1)).copied().map_or(0.0, f64::from)
    }

    /// How much of a core was used, in percent.
    fn busy(&self, of: fn(&Sample) -> Duration) -> f64 {
        let used: Duration = self.0.iter().map(|sample| of(sample)).sum();
        let time: Duration = self.0.iter().map(|sample| sample.time).sum();
        used.as_secs_f64() / time.as_secs_f64() * 100.0
    }
}

/// The middle and the ends.
struct Spread {
    median: f64,
    least: f64,
    most: f64,
}

impl Spread {
    fn of(values: impl Iterator<Item = f64>) -> Self {
        let mut values: Vec<_> = values.collect();
        values.sort_unstable_by(f64::total_cmp);
        let middle = values.len() / 2;
        let median = if values.len() % 2 == 1 {
            values[middle]
        } else {
            f64::midpoint(values[middle - 1], values[middle])
        };
        Self { median, least: values[0], most: values[values.len() - 1] }
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3} ({:.3}–{:.3})", self.median, self.least, self.most)
    }
}
