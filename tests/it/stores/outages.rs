//! A store whose server goes away while 64 callers write, held to what it says meanwhile and knows afterwards.

use std::sync::{Arc, OnceLock};

use oidc_op::store::{PostgresOptions, PostgresStore, contract::Contract};
use tokio::runtime::Runtime;

use crate::support::services::{Engine, Service};

type Act = fn(&Service);

fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| Runtime::new().unwrap())
}

/// RE-08: it is stopped in good order, and pulled down with nothing put in order.
#[test]
fn re_08_postgres_goes_away_and_comes_back() {
    if !Engine::Postgres.is_wanted() {
        return;
    }
    let server = Arc::new(Service::start(Engine::Postgres));
    for go_away in [Service::stop as Act, Service::kill] {
        let options = PostgresOptions::new(server.url());
        let store = runtime().block_on(PostgresStore::with_options(&options)).unwrap();
        let [going, coming] = [(); 2].map(|()| Arc::clone(&server));
        Contract::new().check_outage(store, move || go_away(&going), move || coming.resume());
    }
}
