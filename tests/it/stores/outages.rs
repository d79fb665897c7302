//! A store whose server goes away while 64 callers write, held to what it says meanwhile and knows afterwards.

use std::sync::{Arc, OnceLock};

use oidc_op::store::{Store, contract::Contract};
use tokio::runtime::Runtime;

use crate::support::services::{Engine, Service};

type Act = fn(&Service);

fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| Runtime::new().unwrap())
}

/// RE-08: it is stopped in good order, and pulled down with nothing put in order.
fn goes_away_and_comes_back<S: Store>(engine: Engine, open: impl Fn(String) -> S) {
    if !engine.is_wanted() {
        return;
    }
    let server = Arc::new(Service::start(engine));
    for go_away in [Service::stop as Act, Service::kill] {
        let [going, coming] = [(); 2].map(|()| Arc::clone(&server));
        let store = open(server.url());
        Contract::new().check_outage(store, move || go_away(&going), move || coming.resume());
    }
}

#[cfg(feature = "postgres")]
#[test]
fn re_08_postgres_goes_away_and_comes_back() {
    goes_away_and_comes_back(Engine::Postgres, |url| {
        runtime().block_on(oidc_op::store::PostgresStore::open(url)).unwrap()
    });
}

#[cfg(feature = "redis")]
#[test]
fn re_08_redis_goes_away_and_comes_back() {
    goes_away_and_comes_back(Engine::Redis, |url| {
        runtime().block_on(oidc_op::store::RedisStore::open(url)).unwrap()
    });
}
