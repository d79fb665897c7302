//! People who sign in and renew, all the time, and a record of what they were told.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use reqwest::Client;
use serde_json::Value;
use tokio::{sync::Notify, task::JoinHandle};

use super::super::{
    back_channel::{refresh, userinfo},
    fixture::{ALICE, STRICT, WEB},
    party::{VERIFIER, authorize},
    server::Server,
    visitor::{self, Visitor},
};

/// Traffic that goes on until it is stopped.
pub(super) struct Load {
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<()>>,
}

struct Shared {
    url: String,
    http: Client,
    seen: Mutex<Seen>,
    more: Notify,
    ends: AtomicBool,
}

/// What came of it.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Codes that were acknowledged as redeemed, with the last tokens that came of each.
    done: Vec<Done>,
    /// Codes whose redemption was not answered.
    open: Vec<String>,
    /// Requests that were not answered.
    lost: usize,
}

#[derive(Debug)]
struct Done {
    code: String,
    access: String,
    /// None if the answer to its last use was lost.
    refresh: Option<String>,
    kid: String,
}

impl Load {
    /// So many browsers of one person.
    pub(super) async fn start(server: &Server, browsers: usize) -> Self {
        let shared = Arc::new(Shared {
            url: server.url(""),
            // A connection for each request, or a server would keep those that are idle.
            http: visitor::http().pool_max_idle_per_host(0).build().unwrap(),
            seen: Mutex::default(),
            more: Notify::new(),
            ends: AtomicBool::new(false),
        });
        let mut workers = Vec::new();
        for _ in 0..browsers {
            let visitor = Visitor::new(server);
            let page = visitor.open(authorize(STRICT, &SCOPE)).await;
            visitor.consent(page, ALICE).await.code();
            let shared = Arc::clone(&shared);
            workers.push(tokio::spawn(async move {
                while !shared.ends.load(Ordering::SeqCst) {
                    shared.flow(&visitor).await;
                }
            }));
        }
        Self { shared, workers }
    }

    /// Waits until so many more flows were acknowledged.
    pub(super) async fn acknowledged(&self, more: usize) {
        let count = || self.shared.seen.lock().unwrap().done.len();
        let target = count() + more;
        while count() < target {
            let next = tokio::time::timeout(Duration::from_secs(60), self.shared.more.notified());
            next.await.expect("the traffic goes on");
        }
    }

    /// The name of the key that the next ID Token is signed with.
    pub(super) async fn signed_with(&self) -> String {
        self.acknowledged(1).await;
        self.shared.seen.lock().unwrap().done.last().unwrap().kid.clone()
    }

    pub(super) async fn stop(self) -> Seen {
        self.shared.ends.store(true, Ordering::SeqCst);
        for worker in self.workers {
            worker.await.unwrap();
        }
        std::mem::take(&mut *self.shared.seen.lock().unwrap())
    }
}

const SCOPE: [(&str, &str); 1] = [("scope", "openid email offline_access")];

impl Shared {
    /// One flow as far as it is answered.
    async fn flow(&self, visitor: &Visitor) {
        let Some(code) = self.code(visitor).await else { return self.loses(None) };
        let form = [
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", WEB),
            ("code_verifier", VERIFIER),
        ];
        let Some(given) = self.token(&form).await else { return self.loses(Some(code)) };
        let text = |member: &str| given[member].as_str().unwrap().to_owned();
        let kid = self.kid(&text("id_token")).await;
        let access = text("access_token");
        let form = [("grant_type", "refresh_token"), ("refresh_token", &*text("refresh_token"))];
        let renewed = self.token(&form).await;
        if renewed.is_none() {
            self.seen.lock().unwrap().lost += 1;
        }
        let refresh = renewed.and_then(|tokens| Some(tokens["refresh_token"].as_str()?.to_owned()));
        self.seen.lock().unwrap().done.push(Done { code, access, refresh, kid });
        self.more.notify_waiters();
        self.more.notify_one();
    }

    async fn code(&self, visitor: &Visitor) -> Option<String> {
        visitor.try_open(authorize(STRICT, &SCOPE)).await.map(|page| page.code())
    }

    /// None if no answer came; anything but success is a failure.
    async fn token(&self, form: &[(&str, &str)]) -> Option<Value> {
        let mut form = form.to_vec();
        form.extend([("client_id", STRICT.id), ("client_secret", STRICT.secret.unwrap())]);
        let sent = self.http.post(format!("{}/token", self.url)).form(&form).send().await;
        let answer = sent.ok()?;
        let status = answer.status();
        let body = answer.text().await.ok()?;
        assert_eq!(status, 200, "{body}");
        Some(serde_json::from_str(&body).unwrap())
    }

    /// The name of the key that signed it, which is published.
    async fn kid(&self, jwt: &str) -> String {
        let kid = crate::support::header(jwt)["kid"].as_str().unwrap().to_owned();
        if let Ok(answer) = self.http.get(format!("{}/jwks", self.url)).send().await
            && let Ok(set) = answer.json::<Value>().await
        {
            let keys = set["keys"].as_array().unwrap();
            assert!(keys.iter().any(|key| key["kid"] == *kid), "{kid} is not in {set}");
        }
        kid
    }

    fn loses(&self, code: Option<String>) {
        let mut seen = self.seen.lock().unwrap();
        seen.lost += 1;
        seen.open.extend(code);
    }
}

impl Seen {
    pub(super) const fn lost(&self) -> usize {
        self.lost
    }

    /// What was acknowledged is there, once; what was not has happened whole, or not at all.
    pub(super) async fn holds(&self, server: &Server) {
        let redeem =
            async |code: &str| super::back_channel::redeem(server, STRICT, code, &[]).await;
        assert!(!self.done.is_empty());
        for done in &self.done {
            assert_eq!(userinfo(server, &done.access).await, 200, "{done:?}");
            if let Some(token) = &done.refresh {
                assert_eq!(refresh(server, STRICT, token).await.status, 200, "{done:?}");
            }
            redeem(&done.code).await.is_error(400, "invalid_grant");
        }
        for code in &self.open {
            let first = redeem(code).await;
            if first.status != 200 {
                first.is_error(400, "invalid_grant");
            }
            redeem(code).await.is_error(400, "invalid_grant");
        }
    }
}
