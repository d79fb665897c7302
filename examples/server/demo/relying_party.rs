//! The demo relying party: what it remembers of a browser, and how it signs somebody in, by the
//! `openidconnect` crate.

use std::{
    collections::HashMap,
    fmt,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use axum::http::{self, StatusCode, header};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use oidc_op::{Client, ClientMetadata, ClientSecret, Entropy, Issuer, RedirectUri, SystemEntropy};
use openidconnect::{
    AccessTokenHash, AsyncHttpClient, AuthenticationFlow, AuthorizationCode, CsrfToken,
    EndpointMaybeSet, EndpointNotSet, EndpointSet, IssuerUrl, Nonce, OAuth2TokenResponse,
    PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope, TokenResponse,
    core::{CoreClient, CoreProviderMetadata, CoreResponseType},
};
use serde_json::{Map, Value};
use tracing::info;

use super::{Failure, back_channel::BackChannel, view};
use crate::{
    config::ConfigError,
    layers::{Capped, Received},
    pages::LoginView,
};

/// The identifier of the demo's client; no other client may have it.
pub(crate) const CLIENT_ID: &str = "demo";
/// How long a browser is remembered, and by how many at most.
const MEMORY: Duration = Duration::from_secs(3600);
const MOST: usize = 1000;
/// How many sign-ins one browser may have under way, in as many tabs.
const TABS: usize = 8;

type RelyingParty = CoreClient<
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// The demo relying party.
pub(crate) struct Demo {
    issuer: Issuer,
    redirect_uri: String,
    secret: String,
    provider: BackChannel,
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

impl Demo {
    /// The demo, with a secret of this run.
    pub(crate) fn new(issuer: &Issuer, address: SocketAddr) -> Result<Self, ConfigError> {
        let wrong = |e: &dyn fmt::Display| ConfigError::new(format!("features.demo: {e}"));
        Ok(Self {
            issuer: issuer.clone(),
            redirect_uri: format!("{}{}/demo/callback", issuer.origin(), issuer.path()),
            secret: random().ok_or_else(|| wrong(&"no randomness"))?,
            provider: BackChannel::new(issuer, address).map_err(|e| wrong(&e))?,
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
        Client::confidential(id, ClientSecret::new(&self.secret), metadata).map_err(|e| wrong(&e))
    }

    /// Forgets browsers that have not been here for a while.
    pub(crate) fn sweep(&self) {
        let now = Instant::now();
        self.browsers().retain(|_, browser| browser.until.is_some_and(|until| until > now));
    }

    fn browsers(&self) -> MutexGuard<'_, HashMap<String, Browser>> {
        self.browsers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who is signed in at this browser, and what went wrong since its last visit.
    pub(super) fn visit(
        &self,
        received: &Received,
    ) -> (Option<Arc<LoginView>>, Option<&'static str>) {
        let mut browsers = self.browsers();
        let Some(browser) = received.cookie(self.cookie).and_then(|id| browsers.get_mut(id)) else {
            return (None, None);
        };
        (browser.login.clone(), browser.problem.take())
    }

    pub(super) fn forget(&self, received: &Received) {
        if let Some(id) = received.cookie(self.cookie) {
            self.browsers().remove(id);
        }
    }

    fn set_cookie(&self, id: &str) -> String {
        let secure = if self.issuer.is_https() { "; Secure" } else { "" };
        format!("{}={id}; Path=/{secure}; HttpOnly; SameSite=Lax", self.cookie)
    }

    /// Makes the authorization request, and remembers what the answer must fit.
    pub(super) async fn begin(
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
        let known = known.filter(|id| browsers.contains_key(*id)).map(str::to_owned);
        let (id, cookie) = if let Some(id) = known {
            (id, None)
        } else {
            if browsers.len() >= MOST {
                forget_oldest(&mut browsers);
            }
            let id = random().ok_or(Failure::NoRandomness)?;
            let cookie = self.set_cookie(&id);
            (id, Some(cookie))
        };
        let browser = browsers.entry(id).or_default();
        browser.until = Some(Instant::now() + MEMORY);
        if browser.pending.len() >= TABS {
            browser.pending.remove(0);
        }
        browser.pending.push(pending);
        Ok((url.into(), cookie))
    }

    /// Takes the answer, redeems the code, and remembers what was learned, in a fresh cookie.
    pub(super) async fn finish(&self, received: &Received) -> Result<String, Failure> {
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
        let fresh = random().ok_or(Failure::NoRandomness)?;
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
        let issuer = IssuerUrl::new(self.issuer.as_str().to_owned());
        let issuer = issuer.map_err(|e| Failure::at("the issuer", &e))?;
        let metadata = CoreProviderMetadata::discover_async(issuer, &self.provider).await;
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
        let code = AuthorizationCode::new(code.to_owned());
        let request = client.exchange_code(code).map_err(|e| Failure::at("the endpoint", &e))?;
        let tokens =
            request.set_pkce_verifier(pending.verifier).request_async(&self.provider).await;
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
        let (head, body) =
            view::decode(&id_token.to_string()).ok_or(Failure::Unexpected("no JWT"))?;
        Ok(view::login(&tokens, &head, &body, &userinfo, subject))
    }

    async fn userinfo(
        &self,
        client: &RelyingParty,
        access_token: &str,
    ) -> Result<Map<String, Value>, Failure> {
        let endpoint = client.user_info_url().ok_or(Failure::Unexpected("no UserInfo endpoint"))?;
        let request = http::Request::get(endpoint.as_str())
            .header(header::AUTHORIZATION, format!("Bearer {access_token}"))
            .body(Vec::new());
        let request = request.map_err(|e| Failure::at("UserInfo", &e))?;
        let response =
            self.provider.call(request).await.map_err(|e| Failure::at("UserInfo", &e))?;
        if response.status() != StatusCode::OK {
            return Err(Failure::Unexpected("UserInfo refused the access token"));
        }
        serde_json::from_slice(response.body()).map_err(|e| Failure::at("UserInfo", &e))
    }
}

/// Makes room for somebody who is here now.
fn forget_oldest(browsers: &mut HashMap<String, Browser>) {
    let oldest = browsers.iter().min_by_key(|(_, browser)| browser.until);
    if let Some(id) = oldest.map(|(id, _)| id.clone()) {
        browsers.remove(&id);
    }
}

/// 32 random bytes as text.
fn random() -> Option<String> {
    let mut bytes = [0; 32];
    SystemEntropy::new().fill(&mut bytes).ok()?;
    Some(URL_SAFE_NO_PAD.encode(bytes))
}
