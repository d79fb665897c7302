//! The scripts in `tests/peers`: one process of `node` or `python` per script, asked for scenarios by
//! name.

use std::{
    collections::HashMap,
    fs::{self, File},
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::{
        Arc, Mutex, PoisonError, Weak,
        mpsc::{Sender, channel},
    },
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::server::{output, tls};

/// A script that runs. It ends when its standard input does, so also when the tests die.
pub(crate) struct Script {
    name: &'static str,
    log: PathBuf,
    child: Mutex<Child>,
    jobs: Mutex<Jobs>,
}

/// The jobs under way.
struct Jobs {
    stdin: Option<ChildStdin>,
    waiting: Waiting,
    last: u64,
}

/// Who waits for which answer; `None` once the script has closed its output.
type Waiting = Arc<Mutex<Option<HashMap<u64, Sender<Value>>>>>;

impl Script {
    /// The script with this name; it runs for as long as one of the tests does that use it.
    pub(crate) fn shared(name: &'static str) -> Arc<Self> {
        static SHARED: Mutex<Vec<(&str, Weak<Script>)>> = Mutex::new(Vec::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        let running = shared.iter().find(|(n, _)| *n == name).and_then(|(_, s)| s.upgrade());
        running.unwrap_or_else(|| {
            let script = Arc::new(Self::start(name));
            shared.retain(|(n, _)| *n != name);
            shared.push((name, Arc::downgrade(&script)));
            script
        })
    }

    fn start(name: &'static str) -> Self {
        let peers = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers");
        let python = Path::new(name).extension().is_some_and(|extension| extension == "py");
        let (folder, program) = if python {
            (".venv", peers.join(".venv/bin/python"))
        } else {
            ("node_modules", "node".into())
        };
        assert!(peers.join(folder).exists(), "tests/peers/{folder} is missing: run tests/setup");
        let log = output("logs").join(name).with_extension("log");
        let mut child = Command::new(&program)
            .arg(name)
            .current_dir(&peers)
            .env("NODE_EXTRA_CA_CERTS", tls().0)
            .env("REQUESTS_CA_BUNDLE", tls().0)
            .env("no_proxy", "localhost")
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap_or_else(|error| {
                panic!("{} cannot be started ({error}): run tests/setup", program.display())
            });
        let waiting = Waiting::new(Mutex::new(Some(HashMap::new())));
        let stdout = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn({
            let waiting = Arc::clone(&waiting);
            move || {
                for line in stdout.lines().map_while(Result::ok) {
                    let Ok(answer) = serde_json::from_str::<Value>(&line) else { continue };
                    let id = answer["id"].as_u64().unwrap_or_default();
                    let mut waiting = waiting.lock().unwrap();
                    if let Some(sender) = waiting.as_mut().and_then(|w| w.remove(&id)) {
                        let _ = sender.send(answer);
                    }
                }
                // Nobody answers any more; whoever still waits hears of it.
                waiting.lock().unwrap().take();
            }
        });
        let stdin = child.stdin.take();
        let jobs = Mutex::new(Jobs { stdin, waiting, last: 0 });
        Self { name, log, child: Mutex::new(child), jobs }
    }

    /// Runs a scenario, and answers what it found; fails with what the script says.
    #[track_caller]
    pub(crate) fn run(&self, scenario: &str, mut given: Value) -> Value {
        let (sender, receiver) = channel();
        {
            let mut jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
            jobs.last += 1;
            given["id"] = json!(jobs.last);
            given["scenario"] = json!(scenario);
            let id = jobs.last;
            jobs.waiting.lock().unwrap().as_mut().map(|waiting| waiting.insert(id, sender));
            let line = format!("{given}\n");
            // If it is gone already, the answer that never comes says so.
            let _ = jobs.stdin.as_mut().unwrap().write_all(line.as_bytes());
        }
        let name = self.name;
        match receiver.recv_timeout(Duration::from_secs(90)) {
            Ok(answer) => match answer["error"].as_str() {
                Some(error) => panic!("{name}: {scenario}: {error}"),
                None => answer["ok"].clone(),
            },
            Err(error) => panic!(
                "{name}: {scenario}: no answer ({error}); if something is missing, run \
                 tests/setup. It said:\n{}",
                fs::read_to_string(&self.log).unwrap_or_default()
            ),
        }
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        let jobs = self.jobs.get_mut().unwrap_or_else(PoisonError::into_inner);
        drop(jobs.stdin.take());
        let child = self.child.get_mut().unwrap_or_else(PoisonError::into_inner);
        let end = Instant::now() + Duration::from_secs(10);
        while Instant::now() < end {
            match child.try_wait() {
                Ok(None) => std::thread::sleep(Duration::from_millis(5)),
                Ok(Some(status)) if !std::thread::panicking() => {
                    return assert!(status.success(), "{} ended with {status}", self.name);
                }
                _ => return,
            }
        }
        let _ = child.kill();
        let _ = child.wait();
    }
}
