//! The code flow in this process over each store, and what each step asks of it.

use std::{
    error::Error,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use oidc_op::{
    Clock, KeySet, Outcome, Provider, Reply, Request, SigningAlgorithm, SystemClock,
    store::{Calls, FaultyStore},
};
use serde_json::Value;

use crate::{
    TASKS,
    engine::{Engine, Place},
    median, world,
};

const SLICE: Duration = Duration::from_millis(1500);
const SLICES: usize = 5;

pub(crate) async fn run(engines: &[Engine]) -> Result<(), Box<dyn Error>> {
    println!("\n| store | code flows/s by 1 task | 16 | 64 |\n|---|---:|---:|---:|");
    for &engine in engines {
        let place = Place::of(engine)?;
        let stage = Arc::new(Stage::over(place.open(engine).await?, TASKS[2]).await?);
        print!("| {engine} |");
        for tasks in TASKS {
            let mut rates = Vec::new();
            for _ in 0..=SLICES {
                rates.push(slice(&stage, tasks).await);
            }
            // The first one warms up.
            print!(" {:.0} |", median(rates.split_off(1)));
        }
        println!();
    }
    calls().await
}

/// A provider, and people who are signed in there.
struct Stage {
    provider: Provider,
    cookies: Vec<String>,
}

impl Stage {
    async fn over(
        store: impl oidc_op::store::Store,
        people: usize,
    ) -> Result<Self, Box<dyn Error>> {
        let algorithm = SigningAlgorithm::ES256;
        let keys = KeySet::generate(&[SigningAlgorithm::RS256, algorithm], SystemClock.now())?;
        let provider = world::provider(store, keys, algorithm, people, SystemClock);
        let mut cookies = Vec::new();
        for person in 0..people {
            cookies.push(world::settle(&provider, person).await);
        }
        Ok(Self { provider, cookies })
    }

    async fn code(&self, person: usize) -> String {
        let query = world::authorize_query(person);
        let headers = [("cookie", self.cookies[person].as_bytes())];
        let request = Request::new("GET", "/authorize").query(&query).headers(&headers);
        let reply = self.answer(request).await;
        let code = reply.header("location").and_then(world::code_of).expect("there is a code");
        code.to_owned()
    }

    async fn tokens(&self, person: usize, code: &str) -> Value {
        let (form, basic) = (world::token_form(code, &world::verifier(person)), world::basic());
        let headers = [world::FORM, ("authorization", basic.as_bytes())];
        let request = Request::new("POST", "/token").headers(&headers).body(form.as_bytes());
        serde_json::from_slice(&self.answer(request).await.body).expect("it is JSON")
    }

    async fn userinfo(&self, tokens: &Value) {
        let bearer = format!("Bearer {}", world::token_of(tokens, "access_token"));
        let headers = [("authorization", bearer.as_bytes())];
        self.answer(Request::new("GET", "/userinfo").headers(&headers)).await;
    }

    async fn form(&self, path: &str, form: &str) -> Value {
        let basic = world::basic();
        let headers = [world::FORM, ("authorization", basic.as_bytes())];
        let request = Request::new("POST", path).headers(&headers).body(form.as_bytes());
        serde_json::from_slice(&self.answer(request).await.body).expect("it is JSON")
    }

    async fn answer(&self, request: Request<'_>) -> Reply {
        let path = request.path;
        match self.provider.dispatch(request).await {
            Outcome::Reply(reply) if reply.status < 400 => reply,
            other => panic!("{path}: {other:?}"),
        }
    }
}

/// Flows per second.
async fn slice(stage: &Arc<Stage>, tasks: usize) -> f64 {
    let ends = Arc::new(AtomicBool::new(false));
    let began = Instant::now();
    let running: Vec<_> = (0..tasks)
        .map(|person| {
            let (stage, ends) = (Arc::clone(stage), Arc::clone(&ends));
            tokio::spawn(async move {
                let mut flows = 0_u32;
                while !ends.load(Ordering::Relaxed) {
                    let code = stage.code(person).await;
                    let tokens = stage.tokens(person, &code).await;
                    stage.userinfo(&tokens).await;
                    flows += 1;
                    tokio::task::yield_now().await;
                }
                flows
            })
        })
        .collect();
    tokio::time::sleep(SLICE).await;
    ends.store(true, Ordering::Relaxed);
    let mut flows = 0;
    for task in running {
        flows += task.await.expect("it does not panic");
    }
    f64::from(flows) / began.elapsed().as_secs_f64()
}

/// What a step asks of the store, counted.
async fn calls() -> Result<(), Box<dyn Error>> {
    let store = FaultyStore::new(oidc_op::store::MemoryStore::new());
    let stage = Stage::over(store.clone(), 2).await?;
    println!("\n| step | reads | writes |\n|---|---:|---:|");
    let say = |step: &str| {
        let calls: Calls = store.calls();
        println!("| {step} | {} | {} |", calls.total() - calls.writes(), calls.writes());
        store.reset();
    };
    store.reset();
    let code = stage.code(0).await;
    say("authorization request under single sign-on");
    let tokens = stage.tokens(0, &code).await;
    say("code to tokens");
    stage.userinfo(&tokens).await;
    say("UserInfo");
    let offline = world::offline_tokens(&stage.provider, &stage.cookies[1], 1).await;
    store.reset();
    stage.form("/introspect", &world::about_form(world::token_of(&offline, "access_token"))).await;
    say("introspection");
    stage.form("/token", &world::refresh_form(world::token_of(&offline, "refresh_token"))).await;
    say("refresh");
    stage.form("/token", &world::client_form()).await;
    say("client credentials");
    Ok(())
}
