//! The Person API beside the upstream provider: one JSON document of whoever has an access token that the provider's
//! UserInfo takes.

use std::{
    net::{TcpListener, TcpStream},
    time::Duration,
};

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};

use crate::blackbox::{party, server::until};

/// People of whom it says nothing of use.
pub(super) const FAULTS: [&str; 6] = ["down", "html", "large", "refused", "somebody-else", "list"];

/// The API, which outlives the test that has started it.
pub(super) struct PersonApi {
    pub(super) url: String,
    runtime: Option<Runtime>,
}

impl PersonApi {
    /// Starts it beside the provider of this issuer.
    pub(super) fn beside(issuer: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let url = format!("http://{}/person", listener.local_addr().unwrap());
        let routes =
            Router::new().route("/person", get(person)).with_state(format!("{issuer}/userinfo"));
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.spawn(async {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            axum::serve(listener, routes).await.unwrap();
        });
        Self { url, runtime: Some(runtime) }
    }

    /// Stops it, and waits until nobody can ask it.
    pub(super) fn stop(&mut self) {
        self.runtime.take().unwrap().shutdown_background();
        let address = self.url.trim_start_matches("http://").trim_end_matches("/person");
        until("the Person API ends", Duration::from_secs(5), || {
            TcpStream::connect(address).is_err().then_some(())
        });
    }
}

impl Drop for PersonApi {
    fn drop(&mut self) {
        // Waiting is not for where tests run.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// GET: what is known of the person.
async fn person(State(userinfo): State<String>, headers: HeaderMap) -> Response {
    let Some(bearer) = headers.get(header::AUTHORIZATION) else {
        return StatusCode::UNAUTHORIZED.into_response();
    };
    let asked = party::http().get(userinfo).header(header::AUTHORIZATION, bearer);
    let Ok(answer) = asked.send().await.unwrap().error_for_status() else {
        return StatusCode::UNAUTHORIZED.into_response();
    };
    let known: Value = answer.json().await.unwrap();
    match known["sub"].as_str().unwrap() {
        "down" => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        "html" => ([(header::CONTENT_TYPE, "text/html")], "<h1>Sign in</h1>").into_response(),
        "large" => said(&json!({ "sub": "large", "display_name": "x".repeat(2 << 20) })),
        "refused" => StatusCode::UNAUTHORIZED.into_response(),
        "somebody-else" => said(&json!({ "sub": "u-1906", "display_name": "Grace Hopper" })),
        "list" => said(&json!([{ "sub": "list", "display_name": "Grace Hopper" }])),
        "u-1906" => said(&json!({
            "sub": "u-1906", "display_name": "Grace Hopper", "gender": "female",
            "birthdate": "1906-12-09", "locale": "en-US", "email": "grace@upstream.example",
            "phone": "+1 555 0119", "personnel_number": 4711, "name": "not this one",
            "address": {
                "street": "Main Street", "number": 12, "addition": "B", "postal_code": "22202",
                "city": "Arlington", "country": "US", "door": "left",
            },
        })),
        "u-1943" => said(&json!({
            "display_name": "Ken", "gender": null, "email": "ken@upstream.example",
            "address": { "street": " Side Road ", "number": "7", "addition": "", "postal_code": 7974 },
        })),
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

fn said(document: &Value) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], document.to_string()).into_response()
}
