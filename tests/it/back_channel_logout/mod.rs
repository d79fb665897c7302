//! Back-Channel Logout 1.0: whoever knows of a session hears of its end, whatever happens in between.
//!
//! | file | what |
//! |---|---|
//! | `receivers.rs` | the clients' servers, in memory |
//! | `token.rs` | what they get |
//! | `delivery.rs` | how often, how many at once, and until when |
//! | `ends.rs` | which ends they are told of |
//! | `faults.rs` | what fails or dies on the way |
//! | `nodes.rs` | many nodes at once |
//! | `https.rs` | the same over the network |

mod delivery;
mod ends;
mod faults;
#[cfg(feature = "fetch")]
pub(crate) mod https;
mod nodes;
mod receivers;
mod token;

use std::sync::Arc;

use oidc_op::{Client, InternalError, Reason, Request, Subject, What, store::FaultyStore};
use serde_json::{Value, json};

pub(crate) use self::receivers::{Mood, Receivers};
use crate::support::{Ask, Browser, Op, Setup, client, keyed, redirect_uri};

/// Where a client wants to be told.
pub(crate) fn logout_uri(client: &str) -> String {
    format!("https://{client}.example/logout")
}

/// A client that wants to be told; nobody is asked for consent to it.
pub(crate) fn told(name: &str, extra: &Value) -> Client {
    let mut members = json!({
        "backchannel_logout_uri": logout_uri(name), "backchannel_logout_session_required": true,
    });
    members.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    let mut client = if name.starts_with("keyed") {
        keyed(name, &members)
    } else {
        client(name, false, &[&redirect_uri(name)], &members)
    };
    client.first_party = true;
    client
}

/// So many clients that want to be told, with quick signatures: `app-0`, `app-1`…
pub(crate) fn apps(count: usize) -> Vec<Client> {
    let quick = json!({"id_token_signed_response_alg": "EdDSA"});
    (0..count).map(|n| told(&format!("app-{n}"), &quick)).collect()
}

/// A provider whose clients' servers are in memory, on a store that fails when it is told to.
pub(crate) struct World {
    pub(crate) op: Op,
    pub(crate) store: FaultyStore,
    pub(crate) receivers: Receivers,
    clients: Vec<Client>,
}

impl World {
    pub(crate) fn new(clients: Vec<Client>) -> Self {
        Self::with(clients, |_| {})
    }

    pub(crate) fn with(clients: Vec<Client>, change: impl FnOnce(&mut Setup)) -> Self {
        let mut setup = Setup::new();
        change(&mut setup);
        let receivers = Receivers::default();
        let (setup, store) = Setup { clients: clients.clone(), ..setup }.faulty();
        let op = setup.build_with(|builder| builder.fetch(receivers.clone()));
        Self { op, store, receivers, clients }
    }

    /// Another node, or the same one after a restart.
    pub(crate) fn node(&self, seed: u64) -> Op {
        self.node_with(seed, self.clients.clone())
    }

    /// The same, which knows these clients.
    pub(crate) fn node_with(&self, seed: u64, clients: Vec<Client>) -> Op {
        let setup = Setup {
            store: Arc::new(self.store.clone()),
            clock: self.op.clock.clone(),
            clients,
            seed,
            ..Setup::new()
        };
        setup.build_with(|builder| builder.fetch(self.receivers.clone()))
    }

    /// A browser at which a person uses these clients.
    pub(crate) async fn browser(&self, clients: &[&str], who: &str) -> Browser {
        let mut browser = Browser::new(&self.op);
        for client in clients {
            visit(&mut browser, client, who).await;
        }
        browser
    }

    /// The same with all clients.
    pub(crate) async fn browser_everywhere(&self, who: &str) -> Browser {
        let ids: Vec<_> = self.clients.iter().map(|client| client.id.as_str()).collect();
        self.browser(&ids, who).await
    }

    pub(crate) async fn work(&self) -> u32 {
        self.op.provider.work(1_000).await.unwrap()
    }

    /// Works until there is nothing to do now.
    pub(crate) async fn work_off(&self) {
        for _ in 0..100 {
            if self.work().await == 0 {
                return;
            }
        }
        panic!("the work does not end");
    }

    /// What became of deliveries since the last time this was asked.
    pub(crate) fn noted(&self) -> Vec<(What, Option<Reason>)> {
        noted(&self.op)
    }

    /// How many announcements there are, as one look of a node at them tells.
    pub(crate) async fn announced(&self) -> usize {
        self.store.reset();
        self.op.provider.work(0).await.unwrap();
        let calls = self.store.calls();
        assert_eq!((calls.writes(), calls.list), (0, 1), "{calls:?}");
        calls.get.div_ceil(2)
    }
}

pub(crate) fn noted(op: &Op) -> Vec<(What, Option<Reason>)> {
    let mut seen = op.recorder.take();
    seen.retain(|(what, _)| matches!(what, What::LogoutDelivered | What::LogoutUndelivered));
    seen
}

pub(crate) const DELIVERED: (What, Option<Reason>) = (What::LogoutDelivered, None);
pub(crate) const DELAYED: (What, Option<Reason>) =
    (What::LogoutUndelivered, Some(Reason::LogoutDelayed));
pub(crate) const GIVEN_UP: (What, Option<Reason>) =
    (What::LogoutUndelivered, Some(Reason::LogoutGivenUp));

/// A person uses a client at a browser; nothing is signed.
pub(crate) async fn visit(browser: &mut Browser, client: &str, who: &str) {
    let sent = browser.ask(&Ask::of(client, "code").with("scope", "email"), who).await;
    assert!(sent.parameters.contains_key("code"), "{sent:?}");
}

/// What the host hears when somebody signs out.
pub(crate) async fn try_to_sign_out(op: &Op, browser: &Browser) -> Result<(), InternalError> {
    let cookies: Vec<_> = browser.cookies.iter().map(|(n, v)| format!("{n}={v}")).collect();
    let cookies = cookies.join("; ");
    let headers = [("cookie", cookies.as_bytes())];
    let request = Request::new("POST", "/sign-out").headers(&headers);
    op.provider.sign_out(request).await.map(drop)
}

pub(crate) fn subject(name: &str) -> Subject {
    Subject::new(name).unwrap()
}
