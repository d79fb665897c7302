//! `mobile-suite.toml`.

mod advertises;
mod consent;
mod partner;
mod registration;
mod requests;
mod scopes;
mod steering;
mod tokens;

use std::sync::{Arc, Weak};

use serde_json::Value;
use tokio::sync::Mutex;

use super::{Confidential, Deployment};
use crate::blackbox::{
    upstream::stub::{CLIENT, SECRET, STUB},
    visitor::{Page, Visitor},
};

const APP: Confidential<'_> = Confidential("suite-app", "suite-app-of-the-suite-1qR2sT3uV4wX5");
/// The redirect URI that is nobody else's, so that a consent may be remembered.
const APP_AT: &str = "https://app.mobile.example/cb";
const PHONE: Confidential<'_> = Confidential("phone", "phone-of-the-suite-6yZ7aB8cD9eF0gH1");
const WEATHER_API: Confidential<'_> =
    Confidential("weather-api", "weather-api-of-the-suite-7kL8mN9oP0");
const OPERATOR: Confidential<'_> =
    Confidential("operator", "operator-of-the-mobile-suite-4fG5hI6j");
const MIA: (&str, &str) = ("mia", "mias-password");
const WEATHER: &str = "https://weather.mobile.example/";

/// One server for the tests that leave it as it was.
async fn suite() -> Arc<Deployment> {
    static SHARED: Mutex<Weak<Deployment>> = Mutex::const_new(Weak::new());
    let mut shared = SHARED.lock().await;
    if let Some(suite) = shared.upgrade() {
        return suite;
    }
    let suite = Arc::new(start().await);
    *shared = Arc::downgrade(&suite);
    suite
}

/// One of a test's own. More wrong passwords are borne than elsewhere, since all come from one address.
async fn start() -> Deployment {
    let partner = STUB.issuer("main");
    let elsewhere = [("https://login.partner.example", &*partner)];
    Deployment::start_changed("mobile-suite", &elsewhere, |config| {
        let limits = [("login_failures", 1000), ("login_failures_per_source", 1000)];
        let limits = limits.into_iter().chain([("client_failures", 1000)]);
        let limits = limits.map(|(name, number)| (name.to_owned(), number.into()));
        let upstream = &mut config["upstreams"][0];
        upstream["client_id"] = CLIENT.into();
        upstream["client_secret"] = SECRET.into();
        config.insert("limits".into(), limits.collect::<toml::Table>().into());
    })
    .await
}

impl Deployment {
    /// A token of the operator's for the management API.
    async fn operator(&self) -> String {
        let resource = format!("{}/manage", self.issuer());
        let pairs = [("grant_type", "client_credentials"), ("resource", &resource)];
        let (status, tokens) = self.post("token_endpoint", OPERATOR, &pairs).await;
        assert_eq!(status, 200, "{tokens}");
        tokens["access_token"].as_str().unwrap().to_owned()
    }

    /// What a token says to whoever may ask.
    async fn introspect(&self, asker: Confidential<'_>, token: &str) -> Value {
        let pairs = [("token", token)];
        let (status, said) = self.post("introspection_endpoint", asker, &pairs).await;
        assert_eq!(status, 200, "{said}");
        said
    }

    /// The answer to a request of the app's, signed in as mia and agreed to.
    async fn answered(&self, visitor: &Visitor, more: &[(&str, &str)]) -> Page {
        let page = visitor.open(self.request(APP.0, APP_AT, more)).await;
        visitor.consent(page, MIA).await
    }
}

/// Agrees, and has nothing remembered.
async fn agree_once(visitor: &Visitor, page: &Page) -> Page {
    let (url, body) = page.filled_in("submit", &[]);
    let once = body.replace("remember=yes", "");
    assert_ne!(once, body, "it can be remembered");
    let headers = [("origin", "null"), ("sec-fetch-site", "same-origin")];
    visitor.post(url, once, &headers).await
}

/// A member that is a text.
#[track_caller]
fn text<'v>(value: &'v Value, member: &str) -> &'v str {
    value[member].as_str().unwrap_or_else(|| panic!("no {member}: {value}"))
}
