//! The example server, as a process of its own: started, waited for, watched and stopped.

use std::{
    fmt::Write as _,
    fs::{self, File},
    io::{Read, Write as _},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, OnceLock, PoisonError, Weak},
    time::{Duration, Instant},
};

use tempfile::TempDir;

/// A server that is running. Dropping it stops it.
pub(crate) struct Server {
    pub(crate) issuer: String,
    pub(crate) port: u16,
    child: Child,
    log: PathBuf,
    place: Arc<TempDir>,
}

/// A server that tests share, for as long as one of them runs.
pub(crate) type Shared = Mutex<Weak<Server>>;

/// How a server is configured: the test's own lines, besides what all have.
#[derive(Clone, Copy, Default)]
pub(crate) struct Setup<'s> {
    /// Names the log.
    pub(crate) name: &'s str,
    /// Where it keeps records; in memory if empty.
    pub(crate) store: &'s str,
    /// Members that stand before the first table.
    pub(crate) members: &'s str,
    /// Tables.
    pub(crate) tables: &'s str,
    /// Members of the table `[sign_up]`; without any, it is enabled.
    pub(crate) sign_up: &'s str,
    /// The log filter; the server's own default if empty.
    pub(crate) log: &'s str,
    /// Whether the server speaks TLS.
    pub(crate) tls: bool,
    /// Whether it makes keys of its own, which takes a second or two.
    pub(crate) own_keys: bool,
}

/// Where logs, screenshots and the like of a test run are to be found: `target/test-output`.
pub(crate) fn output(folder: &str) -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let folder = target.join("test-output").join(folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// Waits for something that will be so soon; says what, if it does not happen.
#[track_caller]
pub(crate) fn until<T>(what: &str, within: Duration, mut check: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + within;
    loop {
        if let Some(found) = check() {
            return found;
        }
        assert!(Instant::now() < end, "{what}: not within {within:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The signing keys that the first server has made, for all others.
static KEYS: OnceLock<String> = OnceLock::new();

impl Server {
    /// The server that tests share which leave nothing behind that others could see. It runs for as
    /// long as one of them does.
    pub(crate) fn shared() -> Arc<Self> {
        static SHARED: Shared = Shared::new(Weak::new());
        Self::share(&SHARED, Setup { name: "shared", ..Setup::default() })
    }

    /// The same with another configuration.
    pub(crate) fn share(shared: &Shared, setup: Setup<'_>) -> Arc<Self> {
        let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
        shared.upgrade().unwrap_or_else(|| {
            let server = Arc::new(Self::start(setup));
            *shared = Arc::downgrade(&server);
            server
        })
    }

    /// Starts a server of the test's own, and waits until it answers.
    pub(crate) fn start(setup: Setup<'_>) -> Self {
        Self::start_in(setup, &Arc::new(tempfile::tempdir().unwrap()))
    }

    /// The same with what an earlier one may have left behind.
    pub(crate) fn start_in(setup: Setup<'_>, place: &Arc<TempDir>) -> Self {
        for _ in 0..3 {
            // The port is free now; should somebody take it first, another one is tried.
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let mut server = Self::spawn(port, setup, Arc::clone(place));
            if server.is_ready(setup.tls) {
                // Not if its keys are somewhere else.
                if let Ok(keys) = fs::read_to_string(server.data().join("keys.json")) {
                    KEYS.get_or_init(|| keys);
                }
                return server;
            }
            let log = server.log();
            assert!(log.contains("in use"), "the server did not start:\n{log}");
        }
        panic!("no port stays free");
    }

    /// Starts a server with a configuration that the test writes, for a port and a place.
    pub(crate) fn start_with(name: &str, log: &str, config: impl Fn(u16, &Path) -> String) -> Self {
        for _ in 0..3 {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let place = Arc::new(tempfile::tempdir().unwrap());
            fs::write(place.path().join("server.toml"), config(port, place.path())).unwrap();
            let address = format!("http://127.0.0.1:{port}");
            let setup = Setup { name, log, ..Setup::default() };
            let mut server = Self::launch(port, address, place, setup);
            if server.is_ready(false) {
                return server;
            }
            let log = server.log();
            assert!(log.contains("in use"), "the server did not start:\n{log}");
        }
        panic!("no port stays free");
    }

    /// Starts a server that the world sees at another address than its own, with a configuration that the
    /// test writes for its port. Its addresses here are those of the world.
    #[cfg(any(feature = "postgres", feature = "redis"))]
    pub(crate) fn start_behind(name: &str, issuer: &str, config: impl Fn(u16) -> String) -> Self {
        let mut server = Self::start_with(name, "", |port, _| config(port));
        issuer.clone_into(&mut server.issuer);
        server
    }

    /// Starts the demo, which needs no configuration but port 8080; if somebody else has that port,
    /// answers how it ended and what it said.
    pub(crate) fn demo() -> Result<Self, (Option<i32>, String)> {
        let place = Arc::new(tempfile::tempdir().unwrap());
        let issuer = "http://localhost:8080".to_owned();
        let mut server =
            Self::launch(8080, issuer, place, Setup { name: "demo", ..Setup::default() });
        // Somebody else's server may answer at this port, so ours must say so itself.
        let started = |server: &Self| server.log().contains("open http").then_some(true);
        let begun = until("the demo starts or ends", Duration::from_secs(30), || {
            let ended = server.child.try_wait().unwrap().is_some();
            started(&server).or(ended.then_some(false))
        });
        if begun && server.is_ready(false) {
            return Ok(server);
        }
        Err((server.ended(Duration::from_secs(1)).code(), server.log()))
    }

    /// Waits until it answers; false if it ends instead.
    fn is_ready(&mut self, tls: bool) -> bool {
        until("the server answers", Duration::from_secs(30), || {
            if self.child.try_wait().unwrap().is_some() {
                return Some(false);
            }
            if tls {
                return TcpStream::connect(("127.0.0.1", self.port)).ok().map(|_| true);
            }
            get(self.port, "/health").map(|answer| answer.contains("200"))
        })
    }

    /// Writes the configuration and starts the process.
    fn spawn(port: u16, setup: Setup<'_>, place: Arc<TempDir>) -> Self {
        let scheme = if setup.tls { "https" } else { "http" };
        let issuer = format!("{scheme}://localhost:{port}");
        let data = place.path().join("data");
        let mut fixture = super::fixture::tables();
        if setup.tables.contains("local = false") {
            // Nobody has a password there.
            fixture = fixture.replace("\"password\"", "\"client_credentials\"");
            fixture = fixture.replace("password_grant = true\n", "");
        }
        let mut text = format!(
            "issuer = {issuer:?}\nlisten = \"127.0.0.1:{port}\"\nstore = {:?}\n\
             data = {:?}\n{}\n{}\n[sign_up]\n{}\n{}",
            if setup.store.is_empty() { "memory:" } else { setup.store },
            data.to_str().unwrap(),
            setup.members,
            setup.tables,
            if setup.sign_up.is_empty() { "enabled = true" } else { setup.sign_up },
            fixture,
        );
        if setup.tls {
            let (certificate, key) = tls();
            let _ = write!(text, "[tls]\ncertificate = {certificate:?}\nkey = {key:?}\n");
        }
        if let Some(keys) = KEYS.get().filter(|_| !setup.own_keys) {
            let file = place.path().join("keys.json");
            fs::write(&file, keys).unwrap();
            let _ = write!(text, "[keys]\nfile = {:?}\n", file.to_str().unwrap());
        }
        fs::write(place.path().join("server.toml"), text).unwrap();
        Self::launch(port, issuer, place, setup)
    }

    /// Starts the process; its configuration is what is in its place.
    fn launch(port: u16, issuer: String, place: Arc<TempDir>, setup: Setup<'_>) -> Self {
        let log = output("logs").join(format!("{}-{port}.log", setup.name));
        let file = File::create(&log).unwrap();
        let mut command = Command::new(binary());
        command.current_dir(place.path()).stdin(Stdio::null()).env_remove("RUST_LOG");
        if place.path().join("server.toml").exists() {
            command.args(["--config", "server.toml"]);
        }
        if !setup.log.is_empty() {
            command.env("RUST_LOG", setup.log);
        }
        command.stdout(file.try_clone().unwrap()).stderr(file);
        let child = command.spawn().unwrap();
        Self { issuer, port, child, log, place }
    }

    /// Stops it, and starts it anew at the same address with the same data; what it had in memory is
    /// gone. `name` names the log.
    pub(crate) fn restarted(mut self, name: &str) -> Self {
        assert!(self.signal("TERM"));
        self.ended(Duration::from_secs(10));
        let place = Arc::clone(&self.place);
        let setup = Setup { name, ..Setup::default() };
        let mut server = Self::launch(self.port, self.issuer.clone(), place, setup);
        assert!(server.is_ready(false), "{}", server.log());
        server
    }

    /// An address of the server.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.issuer)
    }

    /// What it has written to standard output and error.
    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap()).into_owned()
    }

    /// The file of it.
    pub(crate) fn log_file(&self) -> &Path {
        &self.log
    }

    /// The folder that it runs in.
    #[cfg(any(feature = "postgres", feature = "redis"))]
    pub(crate) fn place(&self) -> &Path {
        self.place.path()
    }

    /// Its data directory.
    pub(crate) fn data(&self) -> PathBuf {
        self.place.path().join("data")
    }

    /// The memory that it holds now, in KiB.
    pub(crate) fn memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    /// The processor time that it has used, in ticks of the system's clock.
    pub(crate) fn processor_ticks(&self) -> u64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let (_, after_name) = stat.rsplit_once(") ").unwrap();
        let fields = after_name.split(' ').skip(11).take(2);
        fields.map(|ticks| ticks.parse::<u64>().unwrap()).sum()
    }

    /// Sends a signal; false if that was not possible.
    pub(crate) fn signal(&self, signal: &str) -> bool {
        let kill = format!("kill -s {signal} {}", self.child.id());
        Command::new("sh").args(["-c", &kill]).status().is_ok_and(|status| status.success())
    }

    /// Waits until nobody can connect any more.
    pub(crate) fn stops_listening(&self, within: Duration) {
        until("the server stops listening", within, || {
            TcpStream::connect(("127.0.0.1", self.port)).is_err().then_some(())
        });
    }

    /// How it ended, if it did within this time.
    pub(crate) fn ended(&mut self, within: Duration) -> ExitStatus {
        until("the server ends", within, || self.child.try_wait().unwrap())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let end = Instant::now() + Duration::from_secs(5);
        if matches!(self.child.try_wait(), Ok(None)) && self.signal("TERM") {
            while Instant::now() < end && matches!(self.child.try_wait(), Ok(None)) {
                std::thread::sleep(Duration::from_millis(5));
            }
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        if !std::thread::panicking() {
            let log = self.log();
            assert!(!log.contains("panicked"), "the server panicked:\n{log}");
        }
    }
}

/// A plain GET; none if nobody answers.
fn get(port: u16, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}

/// A certificate for localhost and its key, as files; made once.
pub(crate) fn tls() -> (String, String) {
    static FILES: OnceLock<TempDir> = OnceLock::new();
    let place = FILES.get_or_init(|| {
        let place = tempfile::tempdir().unwrap();
        let names = vec!["localhost".to_owned()];
        let made = rcgen::generate_simple_self_signed(names).unwrap();
        fs::write(place.path().join("certificate.pem"), made.cert.pem()).unwrap();
        fs::write(place.path().join("key.pem"), made.signing_key.serialize_pem()).unwrap();
        place
    });
    let file = |name| place.path().join(name).to_str().unwrap().to_owned();
    (file("certificate.pem"), file("key.pem"))
}

/// Runs the server with a configuration that it is to refuse; answers how it ended and what it said.
pub(crate) fn refuse(config: &str) -> (Option<i32>, String) {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("server.toml");
    fs::write(&path, config.replace("{data}", &place.path().join("data").display().to_string()))
        .unwrap();
    let mut child = Command::new(binary())
        .arg("--config")
        .arg(&path)
        .current_dir(place.path())
        .env_remove("RUST_LOG")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let end = Instant::now() + Duration::from_secs(20);
    while child.try_wait().unwrap().is_none() {
        if Instant::now() > end {
            child.kill().unwrap();
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&said).into_owned())
}

/// The server's binary, next to the tests' own. `cargo test` builds its unit tests only, so it is built here
/// if it is missing or older than its sources.
/// `OIDC_OP_SERVER` names another one, such as a release build.
fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        if let Some(given) = std::env::var_os("OIDC_OP_SERVER") {
            return given.into();
        }
        let test = std::env::current_exe().unwrap();
        let profile = test.parent().and_then(Path::parent).unwrap();
        let binary =
            profile.join("examples").join(format!("server{}", std::env::consts::EXE_SUFFIX));
        if !is_fresh(&binary) {
            build(profile.ends_with("release"));
        }
        assert!(
            binary.exists(),
            "{} is missing: run `cargo build --example server --features axum,tracing,sqlite`",
            binary.display()
        );
        binary
    })
}

/// Whether the binary is younger than every file that Cargo says it was made of.
fn is_fresh(binary: &Path) -> bool {
    let modified = |path: &Path| fs::metadata(path).and_then(|file| file.modified());
    let Ok(built) = modified(binary) else { return false };
    let Ok(sources) = fs::read_to_string(binary.with_extension("d")) else { return false };
    let sources = sources.split_once(": ").map_or("", |(_, sources)| sources).trim();
    !sources.is_empty()
        && sources
            .split(' ')
            .all(|source| modified(Path::new(source)).is_ok_and(|changed| changed <= built))
}

/// Builds the server with the features that these tests were built with, so that nothing is built
/// twice.
fn build(release: bool) {
    let features = [
        ("full", cfg!(feature = "full")),
        ("http", cfg!(feature = "http")),
        ("tower", cfg!(feature = "tower")),
        ("axum", true),
        ("fetch", cfg!(feature = "fetch")),
        ("tracing", true),
        ("sqlite", cfg!(feature = "sqlite")),
        ("postgres", cfg!(feature = "postgres")),
        ("redis", cfg!(feature = "redis")),
        ("test-util", cfg!(feature = "test-util")),
        ("vendored", cfg!(feature = "vendored")),
    ];
    let on = features.into_iter().filter(|(_, on)| *on).map(|(name, _)| name);
    let list = on.collect::<Vec<_>>().join(",");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--example", "server", "--features", &list]);
    if release {
        cargo.arg("--release");
    }
    let status = cargo.current_dir(env!("CARGO_MANIFEST_DIR")).status().unwrap();
    assert!(status.success(), "run `cargo build --example server --features {list}` and see why");
}
