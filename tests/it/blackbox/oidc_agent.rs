//! Debian's `oidc-agent`, which keeps tokens for command lines, as a client that registers itself.

use std::{
    fs::{self, DirBuilder, File},
    net::TcpListener,
    os::unix::{fs::DirBuilderExt, process::CommandExt},
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
    time::Duration,
};

use serde_json::json;
use tempfile::TempDir;
use url::Url;

use super::{
    fixture::{self, ALICE, BOB, user},
    party::{get, http},
    peers::Script,
    self_registered::REGISTRATION,
    server::{Server, Setup, output, tls, until},
    visitor::Visitor,
};

const SOON: Duration = Duration::from_secs(30);
/// The name that it gives to what it keeps of the provider.
const ACCOUNT: &str = "example";

/// An agent with a home of its own. It ends with this, and when the tests die.
struct Agent {
    home: TempDir,
    shell: Child,
    stdin: Option<ChildStdin>,
}

impl Agent {
    /// Starts it; the name is that of its log.
    fn start(name: &str) -> Self {
        let home = tempfile::tempdir().unwrap();
        for folder in ["config", "socket"] {
            DirBuilder::new().mode(0o700).create(home.path().join(folder)).unwrap();
        }
        fs::write(home.path().join("password"), "for-what-is-kept\n").unwrap();
        // It would go on for ever, in two processes: the shell ends both when nobody holds the other
        // end of its input.
        let script = "oidc-agent --console --no-scheme --bind_address=\"$OIDC_SOCK\" & \
                      read -r _; trap '' TERM; kill 0; wait";
        let log = File::create(output("logs").join(name).with_extension("log")).unwrap();
        let mut shell = command("sh", home.path())
            .args(["-c", script])
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let stdin = shell.stdin.take();
        let socket = home.path().join("socket/agent");
        let started = || socket.exists().then_some(());
        until("oidc-agent starts (if it is missing, run tests/setup)", SOON, started);
        Self { home, shell, stdin }
    }

    /// Runs one of its programs to its end; answers what it has printed.
    #[track_caller]
    fn run(&self, program: &str, arguments: &[&str]) -> String {
        let found = command(program, self.home.path()).args(arguments).output().unwrap();
        let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        assert!(
            found.status.success(),
            "{program}: {} {}",
            said(&found.stdout),
            said(&found.stderr)
        );
        said(&found.stdout)
    }

    /// Registers itself and prints an address.
    fn registration(&self, server: &Server, more: &[&str]) -> Command {
        let mut command = command("oidc-gen", self.home.path());
        command
            .args([format!("--issuer={}", server.issuer), format!("--cert-path={}", tls().0)])
            .args(["--scope=openid profile email", "--flow=code", "--no-url-call"])
            .args(more)
            .args(unattended(self.home.path()))
            .arg(ACCOUNT);
        command
    }

    /// Has it register itself, and wait for somebody to sign in.
    fn register(&self, server: &Server, more: &[&str]) -> Waiting {
        let place = self.home.path().join("said");
        let file = File::create(&place).unwrap();
        let mut registration = self.registration(server, more);
        let child = registration.stdout(file.try_clone().unwrap()).stderr(file).spawn().unwrap();
        let address = until("oidc-gen prints an address", SOON, || {
            let said = fs::read_to_string(&place).unwrap();
            let address =
                |line: &&str| line.starts_with("http") && said.contains(&format!("{line}\n"));
            said.lines().find(address).map(|line| line.parse().unwrap())
        });
        Waiting { child, address }
    }

    fn token(&self, more: &[&str]) -> String {
        self.run("oidc-token", &[more, &[ACCOUNT]].concat())
    }

    /// Runs `oidc-gen` to its end.
    #[track_caller]
    fn generate(&self, arguments: &[&str]) {
        let unattended = unattended(self.home.path());
        let unattended: Vec<_> = unattended.iter().map(String::as_str).collect();
        self.run("oidc-gen", &[&unattended, arguments].concat());
    }

    /// Forgets the account, and all that it has at the provider.
    #[track_caller]
    fn delete(&self) {
        self.generate(&["--delete", ACCOUNT]);
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        drop(self.stdin.take());
        let _ = self.shell.wait();
    }
}

/// A program of the agent's, which sees nothing of who runs the tests.
fn command(program: &str, home: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", home)
        .env("OIDC_CONFIG_DIR", home.join("config"))
        .env("OIDC_SOCK", home.join("socket/agent"))
        .stdin(Stdio::null());
    command
}

/// Nobody is there to be asked.
fn unattended(home: &Path) -> [String; 3] {
    let password = home.join("password");
    ["--prompt=none".into(), "--confirm-yes".into(), format!("--pw-file={}", password.display())]
}

/// `oidc-gen`, once it has registered a client.
struct Waiting {
    child: Child,
    /// Where the person is to go.
    address: Url,
}

impl Waiting {
    fn parameter(&self, name: &str) -> String {
        let mut pairs = self.address.query_pairs();
        pairs.find(|(found, _)| found == name).unwrap().1.into_owned()
    }

    #[track_caller]
    fn ends(mut self) {
        let status = until("oidc-gen ends", SOON, || self.child.try_wait().unwrap());
        assert!(status.success(), "{status}");
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn server(name: &str, tls: bool) -> Server {
    Server::start(Setup { name, tls, tables: REGISTRATION, ..Setup::default() })
}

/// A port that is free now.
fn port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Over TLS, in a real browser, to the agent's own web server.
#[test]
fn registers_and_signs_in_with_a_browser() {
    let server = server("agent-tls", true);
    let (agent, port) = (Agent::start("oidc-agent-tls"), port());
    let waiting = agent.register(&server, &[&format!("--port={port}")]);
    let given = json!({
        "issuer": server.issuer,
        "clients": fixture::clients(),
        "user": user(ALICE),
        "users": [user(ALICE), user(BOB)],
        "screenshots": output("screenshots"),
        "address": waiting.address,
        "ends": { "origin": format!("http://localhost:{port}"), "says": "Success" },
    });
    Script::shared("browser.mjs").run("at_a_program", given);
    waiting.ends();
    assert_ne!(agent.token(&[]), agent.token(&["--force-new"]));
    agent.delete();
}

/// Its tokens work and are renewed; they end with its registration (RFC 7592 §2.3).
#[tokio::test]
async fn registers_signs_in_refreshes_and_goes() {
    let server = server("agent", false);
    let (agent, port) = (Agent::start("oidc-agent"), port());
    let waiting = agent.register(&server, &["--no-webserver", &format!("--port={port}")]);
    assert_eq!(waiting.parameter("redirect_uri"), format!("http://localhost:{port}"));
    assert_eq!(waiting.parameter("scope"), "openid profile email offline_access");
    assert_eq!(waiting.parameter("code_challenge_method"), "S256");
    let address = waiting.address.clone();
    waiting.ends();

    let visitor = Visitor::new(&server);
    let login = visitor.open(&address).await;
    let password = [("login", ALICE.0), ("password", ALICE.1)];
    let consent = visitor.submit(&login, "submit", &password).await;
    for part in ["oidc-agent:example", &format!("localhost:{port}")] {
        assert!(consent.body.contains(part), "RG-10: {part} in {}", consent.body);
    }
    let answer = visitor.submit(&consent, "submit", &[]).await;
    agent.generate(&[&format!("--codeExchange={}", answer.location().unwrap())]);

    let userinfo = async |token: &str| {
        let asked = http().get(server.url("/userinfo")).bearer_auth(token).send();
        asked.await.unwrap()
    };
    let first = agent.token(&[]);
    let second = agent.token(&["--force-new"]);
    assert_ne!(first, second);
    for token in [&first, &second] {
        let claims: serde_json::Value = userinfo(token).await.json().await.unwrap();
        assert_eq!(claims["sub"], "sub-of-alice", "{claims}");
        assert_eq!(claims["email"], "alice@example.com", "{claims}");
    }

    assert_eq!(get(&address).await.status(), 303, "it is known");
    agent.delete();
    assert_eq!(userinfo(&second).await.status(), 401);
    let gone = get(&address).await;
    assert_eq!(gone.status(), 400, "it is not known any more");
    assert!(gone.text().await.unwrap().contains("client_unknown"));
}

/// Without a port it asks for a scheme of its own too, although it says that it is a web client.
#[test]
fn what_it_asks_for_by_default_is_refused_with_a_reason() {
    let server = server("agent-default", false);
    let agent = Agent::start("oidc-agent-default");
    let found = agent.registration(&server, &["--no-webserver"]).output().unwrap();
    let said = String::from_utf8_lossy(&[found.stdout, found.stderr].concat()).into_owned();
    assert!(said.contains("invalid_redirect_uri: redirect_uris"), "{said}");
    assert!(!said.contains("/authorize"), "{said}");
}
