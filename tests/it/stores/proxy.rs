//! A way to a server on which answers are changed, late or lost.

use std::{
    fmt,
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

type Rule = Box<dyn FnMut(&mut Vec<u8>) -> bool + Send>;

/// Hands on what is said, each answer as its rule has it.
#[derive(Clone)]
pub(super) struct Proxy {
    port: u16,
    rule: Arc<Mutex<Option<Rule>>>,
    /// In milliseconds.
    delay: Arc<AtomicU64>,
    /// How many connections there were.
    count: Arc<AtomicU64>,
    /// On those that came before this one, nothing is heard any more.
    first: Arc<AtomicU64>,
}

impl Proxy {
    pub(super) fn before(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let proxy = Self {
            port: listener.local_addr().unwrap().port(),
            rule: Arc::default(),
            delay: Arc::default(),
            count: Arc::default(),
            first: Arc::default(),
        };
        let accepting = proxy.clone();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let server = TcpStream::connect(("127.0.0.1", port)).unwrap();
                let (asks, asked) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                thread::spawn(move || hand_on(asks, asked, |_| true));
                let (proxy, number) =
                    (accepting.clone(), accepting.count.fetch_add(1, Ordering::SeqCst));
                thread::spawn(move || hand_on(server, client, |bytes| proxy.judge(number, bytes)));
            }
        });
        proxy
    }

    pub(super) const fn port(&self) -> u16 {
        self.port
    }

    /// From now on every answer goes through this, which may change it; where it says false, the connection
    /// ends instead.
    pub(super) fn rule(&self, rule: impl FnMut(&mut Vec<u8>) -> bool + Send + 'static) {
        *self.rule.lock().unwrap() = Some(Box::new(rule));
    }

    pub(super) fn no_rule(&self) {
        *self.rule.lock().unwrap() = None;
    }

    /// How much later every answer comes.
    pub(super) fn delay(&self, by: Duration) {
        self.delay.store(u64::try_from(by.as_millis()).unwrap(), Ordering::SeqCst);
    }

    /// The connections that there are go on without an answer or an end, as when a firewall has forgotten
    /// them; new ones do not.
    pub(super) fn fall_silent(&self) {
        self.first.store(self.count.load(Ordering::SeqCst), Ordering::SeqCst);
    }

    fn judge(&self, number: u64, bytes: &mut Vec<u8>) -> bool {
        thread::sleep(Duration::from_millis(self.delay.load(Ordering::SeqCst)));
        if number < self.first.load(Ordering::SeqCst) {
            bytes.clear();
            return true;
        }
        self.rule.lock().unwrap().as_mut().is_none_or(|rule| rule(bytes))
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy").field("port", &self.port).finish_non_exhaustive()
    }
}

fn hand_on(mut from: TcpStream, mut to: TcpStream, mut judge: impl FnMut(&mut Vec<u8>) -> bool) {
    let mut bytes = vec![0; 64 * 1024];
    while let Ok(read @ 1..) = from.read(&mut bytes) {
        let mut said = bytes[..read].to_vec();
        if !judge(&mut said) || to.write_all(&said).is_err() {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
