//! What was measured, in words and figures.

use std::{fmt, time::Duration};

use crate::{client::Sizes, route::Route};

/// One slice.
pub(crate) struct Sample {
    pub(crate) time: Duration,
    /// Of each flow or request, in microseconds.
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

/// All rounds of one route; printing it is its purpose.
pub(crate) struct Report {
    pub(crate) route: Route,
    pub(crate) sizes: Sizes,
    pub(crate) rounds: Vec<Round>,
    /// Of the server process, which holds both routers, in KiB.
    pub(crate) peak_memory: u64,
}

impl Sample {
    fn steps(&self) -> f64 {
        u32::try_from(self.latencies.len()).map_or(f64::INFINITY, f64::from)
    }

    fn per_second(&self) -> f64 {
        self.steps() / self.time.as_secs_f64()
    }

    /// Microseconds of the server's CPU.
    fn cpu_per_step(&self) -> f64 {
        self.server.as_secs_f64() * 1e6 / self.steps()
    }
}

impl Report {
    fn side<'r>(&'r self, of: fn(&'r Round) -> &'r Sample) -> Side<'r> {
        Side(self.rounds.iter().map(of).collect())
    }

    /// Of flows or requests per second, library to bare.
    fn ratio(&self) -> Spread {
        self.ratios(|r| r.library.per_second() / r.bare.per_second())
    }

    /// Of CPU time for each of them, bare to library.
    fn cpu_ratio(&self) -> Spread {
        self.ratios(|r| r.bare.cpu_per_step() / r.library.cpu_per_step())
    }

    fn ratios(&self, of: impl Fn(&Round) -> f64) -> Spread {
        Spread::of(self.rounds.iter().map(of))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (library, bare) = (self.side(|r| &r.library), self.side(|r| &r.bare));
        let unit = self.route.unit();
        writeln!(f, "\n{:34}{:>16}{:>16}", self.route, "library", "bare")?;
        let mut row = |name: &str, digits: usize, value: &dyn Fn(&Side<'_>) -> f64| {
            let (library, bare) = (value(&library), value(&bare));
            writeln!(f, "  {name:32}{library:>16.digits$}{bare:>16.digits$}")
        };
        row(&format!("{unit}s/s, median"), 0, &|s| s.spread(Sample::per_second).median)?;
        row(&format!("latency of a {unit}, p50, µs"), 0, &|s| s.latency(50))?;
        row(&format!("latency of a {unit}, p99, µs"), 0, &|s| s.latency(99))?;
        row(&format!("server CPU per {unit}, µs"), 2, &|s| s.spread(Sample::cpu_per_step).median)?;
        row("server core busy, %", 0, &|s| s.busy(|sample| sample.server))?;
        row("client core busy, %", 0, &|s| s.busy(|sample| sample.client))?;
        let sizes = (Sum(&self.sizes.library), Sum(&self.sizes.bare));
        writeln!(f, "  {:32}{:>16}{:>16}", "reply sizes, bytes", sizes.0, sizes.1)?;
        writeln!(f, "  peak memory of the server: {} MiB", self.peak_memory / 1024)?;

        let name = format!("ratio of {unit}s/s, library / bare:");
        write!(f, "  {name:40}{}", self.ratio())?;
        match self.route.target() {
            Some(target) => writeln!(f, "   target {target:.2}")?,
            None => writeln!(f)?,
        }
        let name = format!("ratio of CPU per {unit}, bare / library:");
        writeln!(f, "  {name:40}{}", self.cpu_ratio())?;
        for (name, side) in [("library", &library), ("bare", &bare)] {
            if side.busy(|sample| sample.client) > 95.0 {
                writeln!(f, "  note: {name}: the client was the slower one, the rates say little")?;
            } else if side.busy(|sample| sample.server) < 90.0 {
                writeln!(f, "  note: {name}: something else used the cores, the rates say little")?;
            }
        }
        Ok(())
    }
}

/// The last words: a line for each route.
pub(crate) struct Table<'r>(pub(crate) &'r [Report]);

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "\n| route | ratio of rates | ratio of CPU | target | CPU, library / bare, µs |"
        )?;
        writeln!(f, "|---|---|---|---|---|")?;
        for report in self.0 {
            let target = report.route.target().map_or("-".into(), |target| format!("{target:.2}"));
            let cpu = |of| report.side(of).spread(Sample::cpu_per_step).median;
            let (library, bare) = (cpu(|r| &r.library), cpu(|r| &r.bare));
            write!(f, "| {} | {} | {} ", report.route, report.ratio(), report.cpu_ratio())?;
            writeln!(f, "| {target} | {library:.2} / {bare:.2} |")?;
        }
        Ok(())
    }
}

/// The sizes of a step's replies in one column.
struct Sum<'s>(&'s [usize]);

impl fmt::Display for Sum<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sizes: Vec<_> = self.0.iter().map(ToString::to_string).collect();
        f.pad(&sizes.join("+"))
    }
}

/// All slices of one side.
struct Side<'r>(Vec<&'r Sample>);

impl Side<'_> {
    fn spread(&self, of: fn(&Sample) -> f64) -> Spread {
        Spread::of(self.0.iter().map(|sample| of(sample)))
    }

    /// A percentile over all of them.
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
