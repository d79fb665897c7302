//! The start page, and on it the demo relying party: an application that signs people in with the
//! provider and shows what it learns.
//!
//! Its requests to the provider keep the issuer's addresses but travel over loopback, to the
//! server's own socket. So the demo needs neither a name that this machine can resolve nor a
//! certificate that it trusts, behind a proxy or with TLS of its own.

mod back_channel;
mod flow;
mod held;
mod relying_party;
mod tokens;
mod view;

use std::sync::Arc;

use axum::{
    Router,
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use oidc_op::Reason;
use tracing::{error, info};

use self::{flow::Wishes, held::Action};
pub(crate) use self::{
    flow::{DEMO_SCOPES, RESPONSE_TYPES},
    relying_party::{CLIENT_ID, Demo},
};
use crate::{
    App,
    layers::{Capped, Form, Received, chain, nothing},
    pages::DemoView,
};

/// The start page, and if there is a demo, its routes.
pub(crate) fn routes(app: &App) -> Router<Arc<App>> {
    let base = &app.site.base;
    let home_path = format!("{base}/");
    let router = match base.as_str() {
        "" => Router::new(),
        base => Router::new().route(base, get(Redirect::permanent(&home_path))),
    };
    let router =
        router.route(&home_path, get(home)).route(&format!("{base}/sign-out"), post(sign_out));
    if app.demo.is_none() {
        return router;
    }
    router
        .route(&format!("{base}/demo/login"), get(login).head(nothing))
        .route(&format!("{base}/demo/callback"), get(callback).head(nothing).post(callback_form))
        .route(&format!("{base}/demo/tokens"), post(use_tokens))
        .route(&format!("{base}/demo/logout"), post(leave))
}

async fn home(State(app): State<Arc<App>>, received: Received) -> Response {
    let person = match app.person(&received).await {
        Ok(person) => person,
        Err(error) => return app.refuse(error.reason()),
    };
    let person = person.as_ref();
    let signed_out = received.query().has("signed-out");
    let languages = &received.languages();
    let Some(demo) = &app.demo else {
        return app.site.home(person, signed_out && person.is_none(), languages);
    };
    let (login, problem) = demo.visit(&received);
    let signed_out = signed_out && login.is_none() && problem.is_none();
    app.site.demo(DemoView { login: login.as_deref(), person, problem, signed_out, languages })
}

/// Begins a sign-in.
async fn login(State(app): State<Arc<App>>, received: Received) -> Response {
    let Some(demo) = &app.demo else { return StatusCode::NOT_FOUND.into_response() };
    let query = received.query();
    let scopes: Vec<_> = if query.has("scope") || query.has("prompt") {
        query.all("scope").map(str::to_owned).collect()
    } else {
        DEMO_SCOPES.map(str::to_owned).into()
    };
    let wishes = Wishes {
        scopes,
        prompt: query.one("prompt").to_owned(),
        acr_values: query.one("acr_values").to_owned(),
        response_type: flow::response_type(query.one("response_type")),
        form_post: query.one("response_mode") == "form_post",
    };
    match demo.begin(&received, wishes).await {
        Ok((location, cookie)) => found(&location, cookie),
        Err(failure) => failure.page(&app),
    }
}

/// Comes back from the provider with an answer in the query, or with one in the fragment.
async fn callback(State(app): State<Arc<App>>, received: Received) -> Response {
    let Some(demo) = &app.demo else { return StatusCode::NOT_FOUND.into_response() };
    let query = received.query();
    if !query.has("state") && demo.awaits_fragment(&received) {
        return app.site.fragment();
    }
    finish(&app, demo, &received, &query).await
}

/// Comes back with an answer in a form: the provider's, or that of the page that read the fragment.
/// Who sends it does not matter, as the state must fit the cookie.
async fn callback_form(State(app): State<Arc<App>>, received: Received) -> Response {
    let Some(demo) = &app.demo else { return StatusCode::NOT_FOUND.into_response() };
    let Some(form) = received.form() else { return app.refuse(Reason::MediaType) };
    finish(&app, demo, &received, &form).await
}

async fn finish(app: &App, demo: &Demo, received: &Received, answer: &Form) -> Response {
    match demo.finish(received, answer).await {
        Ok(cookie) => found(&format!("{}/", app.site.base), Some(cookie)),
        Err(failure) => failure.page(app),
    }
}

/// Renews the tokens, asks what is true of them, or gives them back.
async fn use_tokens(State(app): State<Arc<App>>, received: Received) -> Response {
    let Some(demo) = &app.demo else { return StatusCode::NOT_FOUND.into_response() };
    let Some(form) = received.form() else { return app.refuse(Reason::MediaType) };
    if !received.is_from(&app.issuer) {
        return app.refuse(Reason::CrossOrigin);
    }
    let Some(action) = Action::parse(form.one("action")) else {
        return app.refuse(Reason::VerdictUnfit);
    };
    match demo.act(&received, action).await {
        Ok(()) => found(&format!("{}/", app.site.base), None),
        Err(failure) => failure.page(&app),
    }
}

/// Signs out of the provider, by its own button.
async fn sign_out(State(app): State<Arc<App>>, received: Received) -> Response {
    if received.form().is_none() {
        return app.refuse(Reason::MediaType);
    }
    if !received.is_from(&app.issuer) {
        return app.refuse(Reason::CrossOrigin);
    }
    let fields = received.fields();
    match app.provider.sign_out(received.request(&fields)).await {
        Ok(signed_out) => app.signed_out(signed_out),
        Err(error) => app.refuse(error.reason()),
    }
}

/// Signs out of the demo, and unless `where=here` goes to the provider to sign out there as well, as any
/// relying party does ([OpenID Connect RP-Initiated Logout §2]).
///
/// [OpenID Connect RP-Initiated Logout §2]: https://openid.net/specs/openid-connect-rpinitiated-1_0.html#RPLogout
async fn leave(State(app): State<Arc<App>>, received: Received) -> Response {
    let Some(demo) = &app.demo else { return StatusCode::NOT_FOUND.into_response() };
    let Some(form) = received.form() else { return app.refuse(Reason::MediaType) };
    if !received.is_from(&app.issuer) {
        return app.refuse(Reason::CrossOrigin);
    }
    if form.one("where") == "here" {
        demo.forget(&received);
        return found(&format!("{}/", app.site.base), None);
    }
    match demo.leave(&received).await {
        Ok(location) => found(&location, None),
        Err(failure) => failure.page(&app),
    }
}

/// To the next page, with GET.
pub(crate) fn found(location: &str, cookie: Option<String>) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(location) = HeaderValue::from_str(location) {
        headers.insert(header::LOCATION, location);
    }
    if let Some(Ok(cookie)) = cookie.map(|cookie| HeaderValue::from_str(&cookie)) {
        headers.insert(header::SET_COOKIE, cookie);
    }
    response
}

/// A sign-in at the demo that did not work.
#[derive(Debug)]
enum Failure {
    /// The answer is not one that this browser waits for, or not what it should be.
    Unexpected(&'static str),
    /// The provider could not be asked.
    Call(String),
    /// There is no randomness to be had.
    NoRandomness,
}

impl Failure {
    fn at(what: &str, error: &dyn std::error::Error) -> Self {
        Self::Call(format!("{what}: {}", chain(error)))
    }

    fn page(&self, app: &App) -> Response {
        let (status, text, code) = match self {
            Self::Unexpected(what) => {
                info!(what, "the demo refused an answer");
                (
                    StatusCode::BAD_REQUEST,
                    "The answer does not fit a sign-in of this browser.",
                    *what,
                )
            }
            Self::Call(what) => {
                error!(what = ?Capped(what), "the demo could not ask the provider");
                (StatusCode::BAD_GATEWAY, "The provider could not be asked.", "see the log")
            }
            Self::NoRandomness => {
                error!("the demo has no randomness");
                (
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "The demo met an internal error.",
                    "server_error",
                )
            }
        };
        let advice = "Start again at the start page.";
        app.site.error(status, "The demo could not go on", text, Some(advice), code)
    }
}
