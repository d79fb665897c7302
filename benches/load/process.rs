//! Children on a core of their own, and what the kernel knows of them.

use std::{env, error::Error, fs, io, process::Stdio, time::Duration};

use serde::{Serialize, de::DeserializeOwned};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
    time::timeout,
};

/// Longer than any answer takes.
const PATIENCE: Duration = Duration::from_secs(120);

/// The cores for server and client, if there are two and `taskset` can pin to them.
pub(crate) fn cores() -> Option<(usize, usize)> {
    let works = std::process::Command::new("taskset").arg("--version").output().is_ok();
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"))?;
    let mut cores = list.trim().split(',').flat_map(|range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let last = last.parse::<usize>().map_or(0, |last| last + 1);
        first.parse::<usize>().map_or(0..0, |first| first..last)
    });
    let (client, server) = (cores.next()?, cores.next()?);
    works.then_some((server, client))
}

/// This program in another role, spoken to by lines; it ends with this value.
pub(crate) struct Peer {
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Peer {
    pub(crate) fn start(core: Option<usize>, arguments: &[&str]) -> io::Result<Self> {
        let program = env::current_exe()?;
        let mut command = match core {
            Some(core) => {
                let mut command = Command::new("taskset");
                command.arg("-c").arg(core.to_string()).arg(program);
                command
            }
            None => Command::new(program),
        };
        command.args(arguments).kill_on_drop(true);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let pipes = child.stdin.take().zip(child.stdout.take());
        let (input, output) = pipes.ok_or(io::ErrorKind::BrokenPipe)?;
        Ok(Self { child, input, output: BufReader::new(output).lines() })
    }

    /// Sends a line.
    pub(crate) async fn tell(&mut self, value: &impl Serialize) -> Result<(), Box<dyn Error>> {
        let mut line = serde_json::to_vec(value)?;
        line.push(b'\n');
        Ok(self.input.write_all(&line).await?)
    }

    /// Waits for a line.
    pub(crate) async fn hear<T: DeserializeOwned>(&mut self) -> Result<T, Box<dyn Error>> {
        let line = timeout(PATIENCE, self.output.next_line()).await??;
        Ok(serde_json::from_str(&line.ok_or("a child has gone")?)?)
    }

    /// The CPU time that all its threads have used, to the nanosecond.
    pub(crate) fn cpu_time(&self) -> io::Result<Duration> {
        let mut nanoseconds = 0;
        for thread in fs::read_dir(format!("/proc/{}/task", self.pid()?))? {
            let stat = fs::read_to_string(thread?.path().join("schedstat"))?;
            let used = stat.split(' ').next().and_then(|text| text.parse::<u64>().ok());
            nanoseconds += used.ok_or(io::ErrorKind::InvalidData)?;
        }
        Ok(Duration::from_nanos(nanoseconds))
    }

    /// The most memory that it has ever held, in KiB.
    pub(crate) fn peak_memory(&self) -> io::Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid()?))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok());
        kib.ok_or_else(|| io::ErrorKind::InvalidData.into())
    }

    fn pid(&self) -> io::Result<u32> {
        self.child.id().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}
