//! Several servers as one provider: behind a balancer, over one store, with shared keys and secrets.

use std::{
    fs,
    path::Path,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use oidc_op::Entropy;
use tempfile::TempDir;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::Notify,
};

use super::super::{fixture, server::Server};

/// Servers behind one address.
pub(super) struct Cluster {
    pub(super) front: Front,
    nodes: Vec<Option<Server>>,
    store: String,
    secrets: TempDir,
}

impl Cluster {
    /// So many servers over this store, one after the other, so that the first one makes the keys.
    pub(super) async fn start(store: &str, nodes: usize) -> Self {
        let front = Front::open(nodes).await;
        let secrets = tempfile::tempdir().unwrap();
        for name in ["token", "storage", "pairwise"] {
            write_secret(secrets.path(), name);
        }
        let mut cluster = Self { front, nodes: Vec::new(), store: store.to_owned(), secrets };
        for node in 0..nodes {
            let tables = cluster.config("token = { file = \"token.secret\" }");
            let issuer = cluster.front.issuer();
            let server = Server::start_behind(&format!("node-{node}"), &issuer, |port| {
                format!("listen = \"127.0.0.1:{port}\"\n{tables}")
            });
            cluster.front.put(node, server.port);
            cluster.nodes.push(Some(server));
        }
        cluster
    }

    /// All that the nodes have in common, with the members of their secrets that change.
    fn config(&self, token: &str) -> String {
        let place = self.secrets.path().display();
        let token = token.replace("file = \"", &format!("file = \"{place}/"));
        format!(
            "issuer = {:?}\nstore = {:?}\n\
             [secrets]\n{token}\nstorage = {{ file = \"{place}/storage.secret\" }}\n\
             pairwise = {{ file = \"{place}/pairwise.secret\" }}\n\
             [keys]\nstore = true\nalgorithms = [\"RS256\", \"ES256\", \"EdDSA\"]\n\
             [manage]\nresource = {MANAGE:?}\nclients = [\"root\"]\n\
             [[clients]]\nclient_id = \"root\"\nclient_secret = {ROOT:?}\nresponse_types = []\n\
             grant_types = [\"client_credentials\"]\n{}",
            self.front.issuer(),
            self.store,
            fixture::tables(),
        )
    }

    /// A secret besides those that there are.
    pub(super) fn new_secret(&self, name: &str) {
        write_secret(self.secrets.path(), name);
    }

    /// A server that is there; its addresses lead to the balancer.
    pub(super) fn any(&self) -> &Server {
        self.nodes.iter().flatten().next().unwrap()
    }

    /// Ends a server at once, whatever it has under way.
    pub(super) fn kill(&mut self, node: usize) {
        let mut server = self.nodes[node].take().unwrap();
        assert!(server.signal("KILL"));
        server.ended(Duration::from_secs(10));
    }

    /// Starts each server anew, one at a time, with these secrets: it gets nothing new, ends what it has under
    /// way, and comes back.
    pub(super) async fn roll(&mut self, token: &str) {
        for node in 0..self.nodes.len() {
            self.front.drain(node).await;
            let server = self.nodes[node].take().unwrap();
            let config = format!("listen = \"127.0.0.1:{}\"\n{}", server.port, self.config(token));
            fs::write(server.place().join("server.toml"), config).unwrap();
            let name = format!("node-{node}");
            let server = tokio::task::spawn_blocking(move || server.restarted(&name));
            let server = server.await.unwrap();
            self.front.put(node, server.port);
            self.nodes[node] = Some(server);
        }
    }
}

pub(super) const MANAGE: &str = "https://id.example/manage";
pub(super) const ROOT: &str = "root-secret-Jc72bUq9Lk31xW";

fn write_secret(folder: &Path, name: &str) {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    let mut secret = [0; 32];
    oidc_op::SystemEntropy::new().fill(&mut secret).unwrap();
    fs::write(folder.join(format!("{name}.secret")), URL_SAFE_NO_PAD.encode(secret)).unwrap();
}

/// A balancer: gives each connection to the next server that takes it.
#[derive(Clone)]
pub(super) struct Front {
    port: u16,
    ring: Arc<Mutex<Ring>>,
    less: Arc<Notify>,
}

struct Ring {
    nodes: Vec<Node>,
    next: usize,
    only: Option<usize>,
}

#[derive(Clone, Copy, Default)]
struct Node {
    port: u16,
    takes: bool,
    open: usize,
}

impl Front {
    async fn open(nodes: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let ring = Ring { nodes: vec![Node::default(); nodes], next: 0, only: None };
        let port = listener.local_addr().unwrap().port();
        let front = Self { port, ring: Arc::new(Mutex::new(ring)), less: Arc::default() };
        let serving = front.clone();
        tokio::spawn(async move {
            while let Ok((from, _)) = listener.accept().await {
                let front = serving.clone();
                tokio::spawn(async move { front.pass(from).await });
            }
        });
        front
    }

    pub(super) fn issuer(&self) -> String {
        format!("http://localhost:{}", self.port)
    }

    /// The server takes connections from now on.
    fn put(&self, node: usize, port: u16) {
        self.ring.lock().unwrap().nodes[node] = Node { port, takes: true, open: 0 };
    }

    /// Everything goes to one server; to all of them if none is named.
    pub(super) fn only(&self, node: impl Into<Option<usize>>) {
        self.ring.lock().unwrap().only = node.into();
    }

    /// The server gets no more connections, and has none.
    async fn drain(&self, node: usize) {
        self.ring.lock().unwrap().nodes[node].takes = false;
        let end = Instant::now() + Duration::from_secs(20);
        loop {
            let ended = self.less.notified();
            if self.ring.lock().unwrap().nodes[node].open == 0 {
                return;
            }
            assert!(Instant::now() < end, "the connections of {node} do not end");
            let _ = tokio::time::timeout(Duration::from_secs(1), ended).await;
        }
    }

    async fn pass(&self, mut from: TcpStream) {
        let tries = self.ring.lock().unwrap().nodes.len();
        for _ in 0..tries {
            let Some((node, port)) = self.take() else { return };
            let connected = TcpStream::connect(("127.0.0.1", port)).await;
            if let Ok(mut to) = connected {
                let _ = copy_bidirectional(&mut from, &mut to).await;
                self.give_back(node);
                return;
            }
            self.give_back(node);
        }
    }

    fn take(&self) -> Option<(usize, u16)> {
        let mut ring = self.ring.lock().unwrap();
        let count = ring.nodes.len();
        let (next, only) = (ring.next, ring.only);
        ring.next += 1;
        let mut order = (0..count).map(|n| (next + n) % count);
        let node = order.find(|node| ring.nodes[*node].takes && only.is_none_or(|o| o == *node))?;
        ring.nodes[node].open += 1;
        Some((node, ring.nodes[node].port))
    }

    fn give_back(&self, node: usize) {
        self.ring.lock().unwrap().nodes[node].open -= 1;
        self.less.notify_waiters();
    }
}
