//! What a million live grants change: each step over HTTP, beside the same with a thousand.

use std::{
    collections::BTreeMap,
    error::Error,
    fs,
    net::Ipv4Addr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use axum::{
    body::Bytes,
    http::{HeaderValue, Method, Request, StatusCode, header},
    serve::ListenerExt,
};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use oidc_op::{
    Clock, KeySet, SigningAlgorithm, SystemClock, Timestamp,
    adapter::{axum::router, http::Pages},
    store::{Cursor, Expect, Key, Kind, Label, Listing, Put, Record, Store, StoreError, Version},
};
use ring::digest::{SHA256, digest};
use tokio::net::TcpStream;

use crate::{
    engine::{Engine, Place},
    median, world,
};

/// Grants on the small side.
const FEW: usize = 1_000;
/// People who act; all other grants are there.
const ACTORS: usize = 1_000;
/// How many copies are made at once.
const AT_ONCE: usize = 256;
const SLICE: Duration = Duration::from_millis(500);
const ROUNDS: usize = 21;

pub(crate) async fn run(engines: &[Engine], live: usize) -> Result<(), Box<dyn Error>> {
    println!("\n| store | live grants | step | p50, µs | ratio to {FEW} |");
    println!("|---|---:|---|---:|---:|");
    for &engine in engines {
        let before = resident();
        let (few, many) = (Place::of(engine)?, Place::of(engine)?);
        let mut small = Side::over(few.open(engine).await?, FEW).await?;
        let began = Instant::now();
        let mut large = Side::over(many.open(engine).await?, live).await?;
        let filled = began.elapsed();
        // What filling has left to do is no part of a steady state.
        for place in [&few, &many] {
            place.settle(engine).await?;
        }
        let (mut small_times, mut ratios) = (BTreeMap::new(), BTreeMap::new());
        for round in 0..=ROUNDS {
            let (less, more) = (small.slice().await?, large.slice().await?);
            if round == 0 {
                continue;
            }
            for (step, times) in more {
                let more = median(times);
                let less = less.get(step).map_or(more, |times| median(times.clone()));
                small_times.entry(step).or_insert_with(Vec::new).push(more);
                ratios.entry(step).or_insert_with(Vec::new).push(more / less);
            }
        }
        for (step, times) in small_times {
            let ratio = median(ratios.remove(step).unwrap_or_default());
            println!("| {engine} | {live} | {step} | {:.0} | {ratio:.2} |", median(times));
        }
        let memory = resident().saturating_sub(before) >> 10;
        println!(
            "| {engine} | {live} | filled in {:.0} s; this process {memory} MiB more, on disk {} MiB | | |",
            filled.as_secs_f64(),
            many.size(),
        );
        if engine == Engine::Redis {
            println!("| {engine} | {live} | the server has {} | | |", memory_of(&many)?);
        }
    }
    Ok(())
}

/// What Redis says of its memory.
fn memory_of(place: &Place) -> Result<String, Box<dyn Error>> {
    let mut connection = redis::Client::open(place.url())?.get_connection()?;
    let said: String = redis::cmd("INFO").arg("memory").query(&mut connection)?;
    let used = said.lines().find_map(|line| line.strip_prefix("used_memory_human:"));
    Ok(used.unwrap_or("?").trim().to_owned())
}

/// This process's memory, in KiB.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// A provider with so many live grants, its server, and a connection to it.
struct Side {
    sender: SendRequest<Full<Bytes>>,
    host: HeaderValue,
    actors: Vec<Actor>,
    seed: u64,
}

struct Actor {
    cookie: String,
    refresh: String,
}

impl Side {
    async fn over(store: Arc<dyn Store>, grants: usize) -> Result<Self, Box<dyn Error>> {
        let seen = Arc::new(Seen { store, last: Mutex::default() });
        let algorithm = SigningAlgorithm::ES256;
        let keys = KeySet::generate(&[SigningAlgorithm::RS256, algorithm], SystemClock.now())?;
        let provider = world::provider(Arc::clone(&seen), keys, algorithm, ACTORS, SystemClock);
        let mut actors = Vec::new();
        for person in 0..ACTORS.min(grants) {
            let cookie = world::settle(&provider, person).await;
            let tokens = world::offline_tokens(&provider, &cookie, person).await;
            let refresh = world::token_of(&tokens, "refresh_token").to_owned();
            actors.push(Actor { cookie, refresh });
        }
        seen.copy(grants.saturating_sub(ACTORS)).await?;

        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
        let routes = router(&provider, Pages::at("/interaction/"));
        tokio::spawn(async move { axum::serve(listener, routes).await });
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Self { sender, host: address.to_string().parse()?, actors, seed: 0x9E37_79B9 })
    }

    /// The times of each step for a while, in microseconds.
    async fn slice(&mut self) -> Result<BTreeMap<&'static str, Vec<f64>>, Box<dyn Error>> {
        let mut times: BTreeMap<_, Vec<_>> = BTreeMap::new();
        let began = Instant::now();
        while began.elapsed() < SLICE {
            self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let person = (self.seed >> 33) as usize % self.actors.len();
            let mut say = |step, time: Duration| {
                times.entry(step).or_default().push(time.as_secs_f64() * 1e6);
            };
            let path = format!("/authorize?{}", world::authorize_query(person));
            let cookie = self.actors[person].cookie.clone();
            let (location, time) = self.ask(&path, (header::COOKIE, cookie), None).await?;
            say("1 authorize", time);
            let code = world::code_of(&location).ok_or("no code")?;
            let form = world::token_form(code, &world::verifier(person));
            let (answer, time) = self.post("/token", form).await?;
            say("2 token", time);
            let tokens: serde_json::Value = serde_json::from_str(&answer)?;
            let access = world::token_of(&tokens, "access_token").to_owned();
            let bearer = (header::AUTHORIZATION, format!("Bearer {access}"));
            let (_, time) = self.ask("/userinfo", bearer, None).await?;
            say("3 userinfo", time);
            let (_, time) = self.post("/introspect", world::about_form(&access)).await?;
            say("4 introspect", time);
            let form = world::refresh_form(&self.actors[person].refresh);
            let (answer, time) = self.post("/token", form).await?;
            say("5 refresh", time);
            let tokens: serde_json::Value = serde_json::from_str(&answer)?;
            let refresh = &mut self.actors[person].refresh;
            world::token_of(&tokens, "refresh_token").clone_into(refresh);
        }
        Ok(times)
    }

    async fn post(
        &mut self,
        path: &str,
        form: String,
    ) -> Result<(String, Duration), Box<dyn Error>> {
        self.ask(path, (header::AUTHORIZATION, world::basic()), Some(form)).await
    }

    /// The place that a redirect leads to, or else the body.
    async fn ask(
        &mut self,
        path: &str,
        (name, value): (header::HeaderName, String),
        form: Option<String>,
    ) -> Result<(String, Duration), Box<dyn Error>> {
        let mut request = Request::new(Full::default());
        *request.uri_mut() = path.parse()?;
        request.headers_mut().insert(header::HOST, self.host.clone());
        request.headers_mut().insert(name, value.parse()?);
        if let Some(form) = form {
            *request.method_mut() = Method::POST;
            let form_type = HeaderValue::from_static("application/x-www-form-urlencoded");
            request.headers_mut().insert(header::CONTENT_TYPE, form_type);
            *request.body_mut() = form.into();
        }
        self.sender.ready().await?;
        let began = Instant::now();
        let (parts, body) = self.sender.send_request(request).await?.into_parts();
        let body = body.collect().await?.to_bytes();
        let time = began.elapsed();
        if parts.status.as_u16() >= 400 {
            return Err(format!("{path}: {} {body:?}", parts.status).into());
        }
        if parts.status == StatusCode::SEE_OTHER {
            let location = parts.headers.get(header::LOCATION).ok_or("no location")?;
            return Ok((location.to_str()?.to_owned(), time));
        }
        Ok((String::from_utf8(body.to_vec())?, time))
    }
}

/// A store that remembers the last grant that came of a code, to make others like it.
#[derive(Debug)]
struct Seen {
    store: Arc<dyn Store>,
    last: Mutex<Option<(Record, usize)>>,
}

impl Seen {
    /// Grants that live for months, as many as are still missing, each under labels of its own.
    async fn copy(self: &Arc<Self>, count: usize) -> Result<(), Box<dyn Error>> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (record, labels) = last.ok_or("no grant was made")?;
        let mut copies = tokio::task::JoinSet::new();
        for task in 0..AT_ONCE {
            let (store, body) = (Arc::clone(&self.store), record.body.to_vec());
            copies.spawn(async move {
                for n in (task..count).step_by(AT_ONCE) {
                    let name = |what: &str| {
                        let mut hash = [0; 32];
                        let text = format!("{what} {n}");
                        hash.copy_from_slice(digest(&SHA256, text.as_bytes()).as_ref());
                        hash
                    };
                    let labels: Vec<_> = (0..labels)
                        .map(|l| Label::from_hash(name(&format!("label {l}"))))
                        .collect();
                    let mut version = [0; 16];
                    version.copy_from_slice(&name("version")[..16]);
                    let until = SystemClock.now() + oidc_op::Duration::days(60);
                    let record = Record::new(Version::from_bytes(version), body.as_slice(), until);
                    let key = Key::from_parts(Kind::Grant, name("grant"));
                    let put = store.put(&key, Expect::Absent { labels: &labels }, record).await?;
                    assert_eq!(put, Put::Done);
                }
                Ok::<_, StoreError>(())
            });
        }
        while let Some(done) = copies.join_next().await {
            done??;
        }
        Ok(())
    }
}

#[async_trait]
impl Store for Seen {
    async fn get(&self, key: &Key) -> Result<Option<Record>, StoreError> {
        self.store.get(key).await
    }

    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Record>>, StoreError> {
        self.store.get_many(keys).await
    }

    async fn put(&self, key: &Key, expect: Expect<'_>, record: Record) -> Result<Put, StoreError> {
        if key.kind() == Kind::Grant {
            let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
            let labels = match expect {
                Expect::Absent { labels } => labels.len(),
                Expect::Version(_) => last.as_ref().map_or(0, |(_, labels)| *labels),
            };
            *last = Some((record.clone(), labels));
        }
        self.store.put(key, expect, record).await
    }

    async fn delete(&self, key: &Key, version: &Version) -> Result<Put, StoreError> {
        self.store.delete(key, version).await
    }

    async fn list(
        &self,
        kind: Kind,
        label: &Label,
        after: Option<&Cursor>,
        limit: u32,
    ) -> Result<Listing, StoreError> {
        self.store.list(kind, label, after, limit).await
    }

    async fn purge(&self, before: Timestamp, limit: u32) -> Result<u32, StoreError> {
        self.store.purge(before, limit).await
    }
}
