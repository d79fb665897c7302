use std::{
    collections::HashMap,
    future::{pending, poll_fn},
    sync::{Arc, Mutex},
    task::Poll,
};

use async_trait::async_trait;
use oidc_op::{Fetch, FetchError, FetchRequest, Fetched, NamedBy, PostRequest};
use serde_json::Value;

use crate::support::{claims, decode};

/// The clients' servers: remember what they get, and answer as they are told to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Receivers(Arc<Mutex<Desk>>);

#[derive(Debug, Default)]
struct Desk {
    moods: HashMap<String, Mood>,
    others: Mood,
    room: Option<usize>,
    documents: HashMap<String, String>,
    asked: usize,
    got: Vec<Received>,
    now: usize,
    peak: usize,
}

/// How a server answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Mood {
    /// Well.
    #[default]
    Fine,
    /// Well, after so many looks.
    Slow(u32),
    /// With this status.
    Says(u16),
    /// Not at all: there is no connection.
    Down,
    /// Not at all, and nobody may ask.
    Refused,
    /// Nothing is even tried.
    Busy,
    /// Never.
    Silent,
}

/// A logout token that has arrived.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) url: String,
    pub(crate) token: String,
    pub(crate) named_by: NamedBy,
}

impl Received {
    pub(crate) fn claim(&self, name: &str) -> Value {
        claims(&self.token)[name].clone()
    }
}

impl Receivers {
    /// How a server answers from now on.
    pub(crate) fn set(&self, url: &str, mood: Mood) {
        self.0.lock().unwrap().moods.insert(url.to_owned(), mood);
    }

    /// How those answer of which nothing else is said.
    pub(crate) fn set_all(&self, mood: Mood) {
        self.0.lock().unwrap().others = mood;
    }

    /// For how many requests at once there is room.
    pub(crate) fn room(&self, room: usize) {
        self.0.lock().unwrap().room = Some(room);
    }

    /// Puts a document there, or takes it away.
    pub(crate) fn document(&self, url: &str, document: Option<&Value>) {
        let documents = &mut self.0.lock().unwrap().documents;
        match document {
            Some(document) => drop(documents.insert(url.to_owned(), document.to_string())),
            None => drop(documents.remove(url)),
        }
    }

    /// How often a document was asked for.
    pub(crate) fn asked(&self) -> usize {
        self.0.lock().unwrap().asked
    }

    /// What has arrived since the last time, in the order of the addresses.
    pub(crate) fn take(&self) -> Vec<Received> {
        let mut got = std::mem::take(&mut self.0.lock().unwrap().got);
        got.sort_by(|one, other| one.url.cmp(&other.url));
        got
    }

    /// The addresses of it.
    pub(crate) fn urls(&self) -> Vec<String> {
        self.take().into_iter().map(|got| got.url).collect()
    }

    /// How many have been under way at once, at most.
    pub(crate) fn peak(&self) -> usize {
        self.0.lock().unwrap().peak
    }

    /// How many are under way.
    pub(crate) fn under_way(&self) -> usize {
        self.0.lock().unwrap().now
    }
}

/// One request, until it is answered or given up.
struct Visit(Receivers);

impl Drop for Visit {
    fn drop(&mut self) {
        self.0.0.lock().unwrap().now -= 1;
    }
}

/// Waits so many times.
pub(super) async fn wait(mut polls: u32) {
    poll_fn(|context| {
        if polls == 0 {
            return Poll::Ready(());
        }
        polls -= 1;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

#[async_trait]
impl Fetch for Receivers {
    async fn get(&self, request: &FetchRequest<'_>) -> Result<Fetched, FetchError> {
        let mut desk = self.0.lock().unwrap();
        desk.asked += 1;
        let document = desk.documents.get(request.url).cloned();
        let document = document.ok_or_else(|| FetchError::failed("connection refused"))?;
        Ok(Fetched::new(document.into_bytes(), Some("application/json")))
    }

    async fn post(&self, request: &PostRequest<'_>) -> Result<Fetched, FetchError> {
        let (mood, _visit) = {
            let mut desk = self.0.lock().unwrap();
            let mood = desk.moods.get(request.url).copied().unwrap_or(desk.others);
            if mood == Mood::Busy || desk.room.is_some_and(|room| desk.now >= room) {
                return Err(FetchError::Busy);
            }
            assert_eq!(request.content_type, "application/x-www-form-urlencoded");
            assert_eq!(request.authorization, None);
            let sent = decode(std::str::from_utf8(request.body).unwrap());
            let [(name, token)] = &sent[..] else { panic!("{sent:?}") };
            assert_eq!(name, "logout_token");
            if mood != Mood::Refused {
                desk.got.push(Received {
                    url: request.url.to_owned(),
                    token: token.clone(),
                    named_by: request.named_by,
                });
            }
            desk.now += 1;
            desk.peak = desk.peak.max(desk.now);
            (mood, Visit(self.clone()))
        };
        match mood {
            Mood::Slow(polls) => wait(polls).await,
            Mood::Silent => pending().await,
            _ => wait(1).await,
        }
        match mood {
            Mood::Says(status) => Err(FetchError::Answer(status)),
            Mood::Down => Err(FetchError::failed("connection refused")),
            Mood::Refused => Err(FetchError::Refused("it is on this machine")),
            _ => Ok(Fetched::new(*b"", None)),
        }
    }
}
