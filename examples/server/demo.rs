//! The start page, and on it the demo relying party: an application that signs people in with the
//! provider, over HTTP, by the `openidconnect` crate, and shows what it learns.
//!
//! Its requests to the provider keep the issuer's addresses but travel over loopback, to the
//! server's own socket. So the demo needs neither a name that this machine can resolve nor a
//! certificate that it trusts, behind a proxy or with TLS of its own.

use std::{
    collections::HashMap,
    fmt,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use axum::{
    Router,
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use oidc_op::{
    Client, ClientMetadata, ClientSecret, Entropy, InvalidMetadata, Issuer, Reason, RedirectUri,
    SystemEntropy, Timestamp,
};
use openidconnect::{
    AccessTokenHash, AuthenticationFlow, AuthorizationCode, CsrfToken, EndpointMaybeSet,
    EndpointNotSet, EndpointSet, HttpRequest, HttpResponse, IssuerUrl, Nonce, OAuth2TokenResponse,
    PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope, TokenResponse,
    core::{CoreClient, CoreProviderMetadata, CoreResponseType, CoreTokenResponse},
};
use serde_json::{Map, Value, json};
use tracing::{error, info};

use crate::{
    App,
    config::ConfigError,
    interaction::with_fields,
    layers::{Capped, Received, chain},
    pages::{DemoView, LoginView, Row, Table, clean, initial},
    users::User,
};

/// The identifier of the demo's client; no other client may have it.
pub(crate) const CLIENT_ID: &str = "demo";
/// How long a browser is remembered, and by how many at most.
const MEMORY: Duration = Duration::from_secs(3600);
const MOST: usize = 1000;
/// How many sign-ins one browser may have under way, in as many tabs.
const TABS: usize = 8;

/// The demo relying party.
pub(crate) struct Demo {
    issuer: Issuer,
    redirect_uri: String,
    secret: String,
    http: reqwest::Client,
    /// Where the provider listens.
    provider: SocketAddr,
    cookie: &'static str,
    browsers: Mutex<HashMap<String, Browser>>,
}

/// What the demo remembers of a browser.
#[derive(Default)]
struct Browser {
    pending: Vec<Pending>,
    login: Option<Arc<LoginView>>,
    problem: Option<&'static str>,
    until: Option<Instant>,
}

/// A sign-in under way.
struct Pending {
    state: CsrfToken,
    nonce: Nonce,
    verifier: PkceCodeVerifier,
}

impl fmt::Debug for Demo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Demo").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

/// The start page, and if there is a demo, its routes.
pub(crate) fn routes(app: &App) -> Router<Arc<App>> {
    let base = &app.site.base;
    let router = Router::new()
        .route(&format!("{base}/"), get(home))
        .route(&format!("{base}/sign-out"), post(sign_out));
    if app.demo.is_none() {
        return router;
    }
    router
        .route(&format!("{base}/demo/login"), get(login))
        .route(&format!("{base}/demo/callback"), get(callback))
        .route(&format!("{base}/demo/logout"), post(sign_out))
}

async fn home(State(app): State<Arc<App>>, received: Received) -> Response {
    let fields = received.fields();
    let person = match app.provider.session(received.request(&fields)).await {
        Ok(session) => session.and_then(|session| app.users.by_subject(&session.subject)),
        Err(_) => return StatusCode::SERVICE_UNAVAILABLE.into_response(),
    };
    let person: Option<&User> = person.as_deref();
    let signed_out = received.query().has("signed-out");
    let Some(demo) = &app.demo else {
        return app.site.home(person, signed_out && person.is_none());
    };
    let (login, problem) = demo.visit(&received);
    let signed_out = signed_out && login.is_none() && problem.is_none();
    app.site.demo(DemoView { login: login.as_deref(), person, problem, signed_out })
}

/// Begins a sign-in.
async fn login(State(app): State<Arc<App>>, received: Received) -> Response {
    let Some(demo) = &app.demo else { return StatusCode::NOT_FOUND.into_response() };
    let query = received.query();
    let scopes: Vec<_> = if query.has("scope") || query.has("prompt") {
        query.all("scope").map(str::to_owned).collect()
    } else {
        ["profile", "email", "address", "phone"].map(str::to_owned).into()
    };
    match demo.begin(&received, scopes, query.one("prompt")).await {
        Ok((location, cookie)) => found(&location, cookie),
        Err(failure) => failure.page(&app),
    }
}

/// Comes back from the provider with a code or an error.
async fn callback(State(app): State<Arc<App>>, received: Received) -> Response {
    let Some(demo) = &app.demo else { return StatusCode::NOT_FOUND.into_response() };
    let home = format!("{}/", app.site.base);
    match demo.finish(&received).await {
        Ok(cookie) => found(&home, Some(cookie)),
        Err(failure) => failure.page(&app),
    }
}

/// Signs out of the demo, and unless `where=here` also of the provider.
async fn sign_out(State(app): State<Arc<App>>, received: Received) -> Response {
    let Some(form) = received.form() else { return app.refuse(Reason::MediaType) };
    if !received.is_from(&app.issuer) {
        return app.refuse(Reason::CrossOrigin);
    }
    if let Some(demo) = &app.demo {
        demo.forget(&received);
    }
    let home = format!("{}/", app.site.base);
    if form.one("where") == "here" {
        return found(&home, None);
    }
    let fields = received.fields();
    match app.provider.sign_out(received.request(&fields)).await {
        Ok(fields) => with_fields(found(&format!("{home}?signed-out"), None), fields),
        Err(error) => app.answer(Err(error.into())),
    }
}

/// To the next page, with GET.
fn found(location: &str, cookie: Option<String>) -> Response {
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

impl Demo {
    /// The demo, with a secret of this run.
    pub(crate) fn new(issuer: &Issuer, provider: SocketAddr) -> Result<Self, ConfigError> {
        let wrong = |e: &dyn fmt::Display| ConfigError::new(format!("features.demo: {e}"));
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .timeout(Duration::from_secs(10))
            .build();
        Ok(Self {
            issuer: issuer.clone(),
            redirect_uri: format!("{}{}/demo/callback", issuer.origin(), issuer.path()),
            secret: random().ok_or_else(|| wrong(&"no randomness"))?,
            http: http.map_err(|e| wrong(&e))?,
            provider,
            cookie: if issuer.is_https() { "__Host-demo" } else { "demo" },
            browsers: Mutex::new(HashMap::new()),
        })
    }

    /// What the demo has registered at the provider.
    pub(crate) fn client(&self) -> Result<Client, ConfigError> {
        let wrong = |e: &dyn fmt::Display| ConfigError::new(format!("features.demo: {e}"));
        let mut metadata = ClientMetadata::default();
        let redirect_uri = RedirectUri::new(&*self.redirect_uri).map_err(|e| wrong(&e))?;
        metadata.redirect_uris.push(redirect_uri);
        metadata.client_name = Some("Demo relying party".into());
        let id = oidc_op::ClientId::new(CLIENT_ID).map_err(|e| wrong(&e))?;
        Client::confidential(id, ClientSecret::new(&self.secret), metadata)
            .map_err(|e: InvalidMetadata| wrong(&e))
    }

    /// Forgets browsers that have not been here for a while.
    pub(crate) fn sweep(&self) {
        let now = Instant::now();
        self.browsers().retain(|_, browser| browser.until.is_some_and(|until| until > now));
    }

    fn browsers(&self) -> std::sync::MutexGuard<'_, HashMap<String, Browser>> {
        self.browsers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who is signed in at this browser, and what went wrong since its last visit.
    fn visit(&self, received: &Received) -> (Option<Arc<LoginView>>, Option<&'static str>) {
        let mut browsers = self.browsers();
        let Some(browser) = received.cookie(self.cookie).and_then(|id| browsers.get_mut(id)) else {
            return (None, None);
        };
        (browser.login.clone(), browser.problem.take())
    }

    fn forget(&self, received: &Received) {
        if let Some(id) = received.cookie(self.cookie) {
            self.browsers().remove(id);
        }
    }

    fn set_cookie(&self, id: &str) -> String {
        let secure = if self.issuer.is_https() { "; Secure" } else { "" };
        format!("{}={id}; Path=/{secure}; HttpOnly; SameSite=Lax", self.cookie)
    }

    /// Makes the authorization request, and remembers what the answer must fit.
    async fn begin(
        &self,
        received: &Received,
        scopes: Vec<String>,
        prompt: &str,
    ) -> Result<(String, Option<String>), Failure> {
        let client = self.discover().await?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let flow = AuthenticationFlow::<CoreResponseType>::AuthorizationCode;
        let mut request = client
            .authorize_url(flow, CsrfToken::new_random, Nonce::new_random)
            .add_scopes(scopes.into_iter().map(Scope::new))
            .set_pkce_challenge(challenge);
        if !prompt.is_empty() {
            request = request.add_extra_param("prompt", prompt);
        }
        let (url, state, nonce) = request.url();
        let pending = Pending { state, nonce, verifier };

        let known = received.cookie(self.cookie);
        let mut browsers = self.browsers();
        let (browser, cookie) = match known.filter(|id| browsers.contains_key(*id)) {
            Some(id) => (browsers.entry(id.to_owned()).or_default(), None),
            None if browsers.len() >= MOST => return Err(Failure::Full),
            None => {
                let id = random().ok_or(Failure::Full)?;
                let cookie = self.set_cookie(&id);
                (browsers.entry(id).or_default(), Some(cookie))
            }
        };
        browser.until = Some(Instant::now() + MEMORY);
        if browser.pending.len() >= TABS {
            browser.pending.remove(0);
        }
        browser.pending.push(pending);
        Ok((url.into(), cookie))
    }

    /// Takes the answer, redeems the code, and remembers what was learned, in a fresh cookie.
    async fn finish(&self, received: &Received) -> Result<String, Failure> {
        let query = received.query();
        let id = received.cookie(self.cookie).ok_or(Failure::Unexpected("no cookie"))?;
        let pending = {
            let mut browsers = self.browsers();
            let browser = browsers.get_mut(id).ok_or(Failure::Unexpected("unknown cookie"))?;
            let state = query.one("state");
            let fits = |pending: &Pending| pending.state.secret() == state;
            let position = browser.pending.iter().position(fits);
            browser.pending.remove(position.ok_or(Failure::Unexpected("unknown state"))?)
        };
        // RFC 9207 §2.4: an answer of another issuer's is no answer.
        if query.one("iss") != self.issuer.as_str() {
            return Err(Failure::Unexpected("the answer is not from the issuer"));
        }
        let outcome = match query.one("error") {
            "" => Ok(Arc::new(self.redeem(query.one("code"), pending).await?)),
            "access_denied" => Err("You cancelled the sign-in."),
            "login_required" | "interaction_required" | "account_selection_required" => {
                Err("The provider would have had to ask you something.")
            }
            "consent_required" => Err("The provider would have had to ask for your permission."),
            error => {
                info!(error = ?Capped(error), "the provider answered the demo with an error");
                Err("The provider answered with an error.")
            }
        };
        let fresh = random().ok_or(Failure::Full)?;
        let mut browsers = self.browsers();
        let mut browser = browsers.remove(id).unwrap_or_default();
        browser.until = Some(Instant::now() + MEMORY);
        match outcome {
            Ok(login) => browser.login = Some(login),
            Err(problem) => (browser.login, browser.problem) = (None, Some(problem)),
        }
        let cookie = self.set_cookie(&fresh);
        browsers.insert(fresh, browser);
        Ok(cookie)
    }

    /// The provider's metadata and keys, fetched afresh.
    async fn discover(&self) -> Result<RelyingParty, Failure> {
        let http = |request| self.call(request);
        let issuer = IssuerUrl::new(self.issuer.as_str().to_owned());
        let issuer = issuer.map_err(|e| Failure::at("the issuer", &e))?;
        let metadata = CoreProviderMetadata::discover_async(issuer, &http).await;
        let metadata = metadata.map_err(|e| Failure::at("discovery", &e))?;
        let redirect_uri = RedirectUrl::new(self.redirect_uri.clone());
        let redirect_uri = redirect_uri.map_err(|e| Failure::at("the redirect URI", &e))?;
        let id = openidconnect::ClientId::new(CLIENT_ID.to_owned());
        let secret = openidconnect::ClientSecret::new(self.secret.clone());
        Ok(CoreClient::from_provider_metadata(metadata, id, Some(secret))
            .set_redirect_uri(redirect_uri))
    }

    /// Redeems a code and checks all that can be checked.
    async fn redeem(&self, code: &str, pending: Pending) -> Result<LoginView, Failure> {
        let client = self.discover().await?;
        let http = |request| self.call(request);
        let code = AuthorizationCode::new(code.to_owned());
        let request = client.exchange_code(code).map_err(|e| Failure::at("the endpoint", &e))?;
        let tokens = request.set_pkce_verifier(pending.verifier).request_async(&http).await;
        let tokens = tokens.map_err(|e| Failure::at("the token endpoint", &e))?;

        let id_token = tokens.id_token().ok_or(Failure::Unexpected("no ID token"))?;
        let verifier = client.id_token_verifier();
        let wrong = |e: &dyn std::error::Error| Failure::at("the ID token", e);
        let claims = id_token.claims(&verifier, &pending.nonce).map_err(|e| wrong(&e))?;
        let expected = claims.access_token_hash().ok_or(Failure::Unexpected("no at_hash"))?;
        let algorithm = id_token.signing_alg().map_err(|e| wrong(&e))?;
        let key = id_token.signing_key(&verifier).map_err(|e| wrong(&e))?;
        let actual = AccessTokenHash::from_token(tokens.access_token(), algorithm, key);
        if actual.map_err(|e| wrong(&e))? != *expected {
            return Err(Failure::Unexpected("at_hash does not fit the access token"));
        }

        let userinfo = self.userinfo(&client, tokens.access_token().secret()).await?;
        let subject = claims.subject().as_str();
        if userinfo.get("sub").and_then(Value::as_str) != Some(subject) {
            return Err(Failure::Unexpected("UserInfo is about somebody else"));
        }
        let (head, body) = decode(&id_token.to_string()).ok_or(Failure::Unexpected("no JWT"))?;
        Ok(view(&tokens, &head, &body, &userinfo, subject))
    }

    async fn userinfo(
        &self,
        client: &RelyingParty,
        access_token: &str,
    ) -> Result<Map<String, Value>, Failure> {
        let endpoint = client.user_info_url().ok_or(Failure::Unexpected("no UserInfo endpoint"))?;
        let request = axum::http::Request::get(endpoint.as_str())
            .header(header::AUTHORIZATION, format!("Bearer {access_token}"))
            .body(Vec::new());
        let request = request.map_err(|e| Failure::at("UserInfo", &e))?;
        let response = self.call(request).await.map_err(|e| Failure::at("UserInfo", &e))?;
        if response.status() != StatusCode::OK {
            return Err(Failure::Unexpected("UserInfo refused the access token"));
        }
        serde_json::from_slice(response.body()).map_err(|e| Failure::at("UserInfo", &e))
    }

    /// Sends a request for one of the provider's addresses, over loopback.
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, CallError> {
        let (parts, body) = request.into_parts();
        let uri = parts.uri.to_string();
        let path = uri.strip_prefix(self.issuer.origin()).ok_or(CallError::Elsewhere)?;
        let url = format!("http://{}{path}", self.provider);
        let sent = self.http.request(parts.method, url).headers(parts.headers).body(body);
        // Without the address, which is not the one that anybody asked for.
        let response = sent.send().await.map_err(|e| CallError::Http(e.without_url()))?;
        let mut answer = HttpResponse::default();
        *answer.status_mut() = response.status();
        answer.headers_mut().clone_from(response.headers());
        let body = response.bytes().await.map_err(|e| CallError::Http(e.without_url()))?;
        *answer.body_mut() = body.into();
        Ok(answer)
    }
}

type RelyingParty = CoreClient<
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// A request to the provider came to nothing.
#[derive(Debug)]
enum CallError {
    /// The metadata name an address outside of the issuer's.
    Elsewhere,
    Http(reqwest::Error),
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Elsewhere => "the address is not one of the issuer's",
            Self::Http(_) => "the request failed",
        })
    }
}

impl std::error::Error for CallError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Elsewhere => None,
            Self::Http(cause) => Some(cause),
        }
    }
}

/// A sign-in at the demo that did not work.
#[derive(Debug)]
enum Failure {
    /// The answer is not one that this browser waits for, or not what it should be.
    Unexpected(&'static str),
    /// The provider could not be asked.
    Call(String),
    /// Too many browsers.
    Full,
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
            Self::Full => {
                let text = "Too many people are trying the demo. Come back later.";
                (StatusCode::SERVICE_UNAVAILABLE, text, "full")
            }
        };
        let advice = "Start again at the start page.";
        app.site.error(status, "The demo could not sign you in", text, Some(advice), code)
    }
}

/// 32 random bytes as text.
fn random() -> Option<String> {
    let mut bytes = [0; 32];
    SystemEntropy::new().fill(&mut bytes).ok()?;
    Some(URL_SAFE_NO_PAD.encode(bytes))
}

/// The header and the claims of a JWT.
fn decode(jwt: &str) -> Option<(Map<String, Value>, Map<String, Value>)> {
    let mut parts = jwt.split('.').map(|part| {
        let json = URL_SAFE_NO_PAD.decode(part).ok()?;
        serde_json::from_slice(&json).ok()
    });
    Some((parts.next()??, parts.next()??))
}

fn view(
    tokens: &CoreTokenResponse,
    head: &Map<String, Value>,
    claims: &Map<String, Value>,
    userinfo: &Map<String, Value>,
    subject: &str,
) -> LoginView {
    let name = userinfo.get("name").and_then(Value::as_str).map(clean);
    let name = name.filter(|name| !name.is_empty()).unwrap_or_else(|| subject.to_owned());
    let secret = tokens.access_token().secret();
    let shown: String = secret.chars().take(12).collect();
    let scope = tokens
        .scopes()
        .map(|scopes| scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(" "));
    let answer = json!({
        "access_token": format!("{shown}…"),
        "token_type": tokens.token_type(),
        "expires_in": tokens.expires_in().map(|time| time.as_secs()),
        "scope": scope,
    });
    let table = |id, title, about, object: &Map<String, Value>| Table {
        id,
        title,
        about,
        rows: object.iter().filter(|(_, value)| !value.is_null()).map(row).collect(),
    };
    let header = head.iter().map(|(name, value)| {
        let Row { name, value, .. } = row((name, value));
        Row { name, value, note: Some("header".into()) }
    });
    let about = "Signed by the provider: who signed in, when and how, for this application only.";
    let mut id_token = table("id-token", "ID token", about, claims);
    id_token.rows.splice(0..0, header);
    let about = "What the token endpoint gave for the code.";
    let tokens =
        table("tokens", "Token response", about, answer.as_object().unwrap_or(&Map::new()));
    let about = "What the UserInfo endpoint says to the bearer of the access token.";
    let userinfo = table("userinfo", "UserInfo", about, userinfo);
    LoginView {
        initial: initial(&name),
        name,
        steps: vec!["state", "issuer", "PKCE", "signature", "audience", "nonce", "at_hash", "sub"],
        tables: vec![userinfo, id_token, tokens],
    }
}

/// A member, with times in words as well.
fn row((name, value): (&String, &Value)) -> Row {
    let time = matches!(&**name, "iat" | "exp" | "nbf" | "auth_time" | "updated_at");
    let note = value.as_i64().filter(|_| time).map(|time| Timestamp::from_unix(time).to_string());
    let value = match value {
        Value::String(text) => text.clone(),
        Value::Object(_) => serde_json::to_string_pretty(value).unwrap_or_default(),
        value => value.to_string(),
    };
    Row { name: name.clone(), value, note }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jwts_are_taken_apart() {
        let part = |json: &str| URL_SAFE_NO_PAD.encode(json);
        let jwt = format!("{}.{}.x", part(r#"{"alg":"RS256"}"#), part(r#"{"iat":0}"#));
        let (head, claims) = decode(&jwt).unwrap();
        assert_eq!(head["alg"], "RS256");
        let row = row(("iat".to_owned(), claims["iat"].clone()).as_pair());
        assert_eq!(row.note.as_deref(), Some("1970-01-01T00:00:00Z"));
        assert!(decode("a.b").is_none());
    }

    trait AsPair {
        fn as_pair(&self) -> (&String, &Value);
    }

    impl AsPair for (String, Value) {
        fn as_pair(&self) -> (&String, &Value) {
            (&self.0, &self.1)
        }
    }
}
