//! Database servers that tests start for themselves, from Debian's packages, on loopback.
//!
//! `tests/setup` installs them. Where one cannot be had, `OIDC_OP_TESTS_WITHOUT=postgres,redis` leaves its
//! tests out, and every one of them says so; without that, its absence is a failure.

use std::{
    env, fs,
    io::{self, Write as _},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU16, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

/// A database server that a test talks to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    Postgres,
    Redis,
}

impl Engine {
    const fn name(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Redis => "redis",
        }
    }

    /// The user to be where a server refuses to be root.
    const fn user(self) -> &'static str {
        self.name()
    }

    /// Its program, wherever Debian puts it.
    fn program(self, name: &str) -> Option<PathBuf> {
        let mut folders: Vec<_> =
            env::split_paths(&env::var_os("PATH").unwrap_or_default()).collect();
        if self == Self::Postgres {
            let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
            folders = versions.map(|version| version.path().join("bin")).chain(folders).collect();
        }
        folders.into_iter().map(|folder| folder.join(name)).find(|program| program.is_file())
    }

    /// False if these tests are to run without it, which is then said aloud.
    #[track_caller]
    pub(crate) fn is_wanted(self) -> bool {
        let without = env::var("OIDC_OP_TESTS_WITHOUT").unwrap_or_default();
        let names = || without.split(',').map(str::trim).filter(|name| !name.is_empty());
        let known = [Self::Postgres, Self::Redis].map(Self::name);
        assert!(
            names().all(|name| known.contains(&name)),
            "OIDC_OP_TESTS_WITHOUT={without:?}: {known:?}"
        );
        if !names().any(|name| name == self.name()) {
            return true;
        }
        let test = thread::current().name().unwrap_or_default().to_owned();
        // Not by `eprintln!`, which the harness keeps to itself when all goes well.
        let _ = writeln!(std::io::stderr(), "SKIPPED for want of {}: {test}", self.name());
        false
    }
}

/// A server that is running, or stopped for a while. Dropping it ends it and removes what it kept.
#[derive(Debug)]
pub(crate) struct Service {
    engine: Engine,
    port: u16,
    options: Vec<String>,
    place: TempDir,
    child: Mutex<Option<Child>>,
}

impl Service {
    /// Starts an empty server of the test's own.
    pub(crate) fn start(engine: Engine) -> Self {
        Self::start_with(engine, |_| Vec::new())
    }

    /// The same with options of its own, which may name files that are put into its place.
    pub(crate) fn start_with(engine: Engine, options: impl Fn(&Path) -> Vec<String>) -> Self {
        let place = tempfile::tempdir().unwrap();
        let options = options(place.path());
        own(place.path(), engine);
        if engine == Engine::Postgres {
            let mut make = as_user(engine, &required(engine, "initdb"));
            make.args([
                "--auth=trust",
                "--no-sync",
                "--username=op",
                "--encoding=UTF8",
                "--pgdata",
            ]);
            let made = make.arg(place.path().join("data")).output().unwrap();
            assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        }
        let port = free_port();
        let service = Self { engine, port, options, place, child: Mutex::new(None) };
        service.resume();
        service
    }

    /// Where it is: an address for its store, without any database of its own.
    pub(crate) fn url(&self) -> String {
        let port = self.port;
        match self.engine {
            Engine::Postgres => format!("postgres://op@127.0.0.1:{port}/postgres"),
            Engine::Redis => format!("redis://127.0.0.1:{port}"),
        }
    }

    /// The folder with all that it keeps.
    #[allow(dead_code, reason = "a bench uses it")]
    pub(crate) fn place(&self) -> &Path {
        self.place.path()
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    /// Starts it where it was, and waits until it answers.
    pub(crate) fn resume(&self) {
        self.resume_with(&[]);
    }

    /// The same, with more on its command line.
    pub(crate) fn resume_with(&self, more: &[&str]) {
        let log = fs::File::options().create(true).append(true).open(self.log()).unwrap();
        let mut command = self.command();
        command.args(more).stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        *self.child.lock().unwrap() = Some(spawn_lasting(command));
        let end = Instant::now() + Duration::from_secs(60);
        while !self.answers() {
            let ended = self.child.lock().unwrap().as_mut().unwrap().try_wait().unwrap();
            assert!(ended.is_none() && Instant::now() < end, "{ended:?}\n{}", self.said());
            // Nobody tells when it is ready.
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Ends it as an operator would, with all that it keeps on its disk.
    pub(crate) fn stop(&self) {
        // SIGINT is PostgreSQL's fast shutdown, which does not wait for clients.
        self.signal("INT");
        let child = self.child.lock().unwrap().take();
        if let Some(mut child) = child {
            child.wait().unwrap();
        }
    }

    /// Ends it at once, with nothing put in order.
    pub(crate) fn kill(&self) {
        self.signal("CONT");
        if self.engine == Engine::Postgres {
            // Its processes end with the first of them, which would leave them to end on their own.
            self.signal("QUIT");
        } else {
            self.signal("KILL");
        }
        let child = self.child.lock().unwrap().take();
        if let Some(mut child) = child {
            let end = Instant::now() + Duration::from_secs(10);
            while matches!(child.try_wait(), Ok(None)) && Instant::now() < end {
                // Nobody tells when it has ended.
                thread::sleep(Duration::from_millis(5));
            }
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Stops it, or has it go on, with all its processes: it keeps its connections and says nothing.
    #[allow(dead_code, reason = "tests of one engine use it")]
    pub(crate) fn freeze(&self, frozen: bool) {
        let signal = if frozen { "STOP" } else { "CONT" };
        let Some(first) = self.child.lock().unwrap().as_ref().map(Child::id) else { return };
        let children = fs::read_to_string(format!("/proc/{first}/task/{first}/children"));
        let kill = format!("kill -s {signal} {first} {}", children.unwrap_or_default());
        let _ = Command::new("sh").args(["-c", &kill]).status();
    }

    /// Sends a signal to it.
    pub(crate) fn signal(&self, signal: &str) {
        if let Some(child) = &*self.child.lock().unwrap() {
            let kill = format!("kill -s {signal} {}", child.id());
            let _ = Command::new("sh").args(["-c", &kill]).status();
        }
    }

    fn command(&self) -> Command {
        let port = self.port.to_string();
        match self.engine {
            Engine::Postgres => {
                let mut command = as_user(self.engine, &required(self.engine, "postgres"));
                command.arg("-D").arg(self.place.path().join("data")).arg("-p").arg(port);
                command.arg("-k").arg(self.place.path());
                command.args(["-c", "listen_addresses=127.0.0.1", "-c", "max_connections=400"]);
                command.args(&self.options);
                command
            }
            Engine::Redis => {
                let mut command = as_user(self.engine, &required(self.engine, "redis-server"));
                command.args(["--port", &port, "--bind", "127.0.0.1", "--save", ""]);
                command.args(["--appendonly", "yes", "--appendfsync", "always", "--dir"]);
                command.arg(self.place.path()).args(&self.options);
                command
            }
        }
    }

    fn answers(&self) -> bool {
        let mut ask = match self.engine {
            Engine::Postgres => Command::new(required(self.engine, "pg_isready")),
            Engine::Redis => Command::new(required(self.engine, "redis-cli")),
        };
        ask.args(["-h", "127.0.0.1", "-p", &self.port.to_string()]);
        if self.engine == Engine::Redis {
            ask.arg("ping");
        }
        let answer = ask.output().unwrap();
        // While it loads what it has kept, Redis answers that it does.
        answer.status.success()
            && (self.engine != Engine::Redis || answer.stdout.starts_with(b"PONG"))
    }

    fn log(&self) -> PathBuf {
        self.place.path().join("log")
    }

    fn said(&self) -> String {
        fs::read_to_string(self.log()).unwrap_or_default()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // Redis may decline to stop, and it may be stopped already.
        self.kill();
    }
}

/// A port that nobody has, below those that the system gives to outgoing connections: a server that is away for a
/// while finds it free again.
fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = u16::try_from(std::process::id() % 10_000).unwrap();
    let mut ports = std::iter::repeat_with(|| NEXT.fetch_add(1, Ordering::SeqCst)).take(10_000);
    let port = ports.find_map(|next| {
        let port = 20_000 + (first + next % 10_000) % 10_000;
        TcpListener::bind(("127.0.0.1", port)).ok().map(|_| port)
    });
    port.expect("a port is free")
}

/// The program, or why the test fails.
#[track_caller]
fn required(engine: Engine, name: &str) -> PathBuf {
    let name_of = engine.name();
    engine.program(name).unwrap_or_else(|| {
        panic!("{name} is not installed: run tests/setup, or set OIDC_OP_TESTS_WITHOUT={name_of}")
    })
}

/// A command that is not run as root, and that ends with the thread that starts it.
fn as_user(engine: Engine, program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    if is_root() {
        let user = engine.user();
        command.args(["--reuid", user, "--regid", user, "--clear-groups"]);
    }
    command.args(["--pdeathsig", "INT"]).arg(program);
    command
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    id.stdout.trim_ascii() == b"0"
}

/// The folder is to be the server's.
fn own(folder: &Path, engine: Engine) {
    if is_root() {
        let owned =
            Command::new("chown").arg("-R").arg(engine.user()).arg(folder).status().unwrap();
        assert!(owned.success());
    }
}

/// Starts a process from a thread that lasts as long as the tests: it ends with that thread.
fn spawn_lasting(command: Command) -> Child {
    type Order = (Command, mpsc::Sender<io::Result<Child>>);
    static ORDERS: Mutex<Option<mpsc::Sender<Order>>> = Mutex::new(None);
    let (give, given) = mpsc::channel();
    let mut orders = ORDERS.lock().unwrap_or_else(PoisonError::into_inner);
    let orders = orders.get_or_insert_with(|| {
        let (orders, received) = mpsc::channel::<Order>();
        thread::spawn(move || {
            for (mut command, give) in received {
                // Should it fail, the test that asked has to know, and the others live on.
                let _ = give.send(command.spawn());
            }
        });
        orders
    });
    orders.send((command, give)).unwrap();
    given.recv().unwrap().unwrap()
}
