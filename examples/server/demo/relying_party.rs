//! The demo relying party: what it remembers of a browser, and how it signs somebody in, by the
//! `openidconnect` crate.

use std::{
    collections::HashMap,
    fmt,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use oidc_op::{
    ApplicationType, Client, ClientMetadata, ClientSecret, Entropy, GrantType, InvalidMetadata,
    Issuer, RedirectUri, ResponseMode, ResponseType, SystemEntropy,
};
use openidconnect::{
    AdditionalProviderMetadata, CsrfToken, EndpointMaybeSet, EndpointNotSet, EndpointSet,
    IssuerUrl, Nonce, PkceCodeChallenge, PkceCodeVerifier, ProviderMetadata, RedirectUrl, Scope,
    core::{
        CoreAuthDisplay, CoreClaimName, CoreClaimType, CoreClient, CoreClientAuthMethod,
        CoreGrantType, CoreJsonWebKey, CoreJweContentEncryptionAlgorithm,
        CoreJweKeyManagementAlgorithm, CoreResponseMode, CoreResponseType,
        CoreSubjectIdentifierType,
    },
};
use serde::{Deserialize, Serialize};
use tracing::info;
use url::form_urlencoded;

use super::{
    Failure,
    back_channel::BackChannel,
    flow::{RESPONSE_TYPES, Wishes, authentication_flow, response_type},
    held::{Action, Done, Held, Pressed},
    tokens::Answered,
};
use crate::{
    config::ConfigError,
    layers::{Capped, Form, Received},
    pages::LoginView,
};

/// The identifier of the demo's client; no other client may have it.
pub(crate) const CLIENT_ID: &str = "demo";
/// How long a browser is remembered, and by how many at most.
const MEMORY: Duration = Duration::from_secs(3600);
const MOST: usize = 1000;
/// How many sign-ins one browser may have under way, in as many tabs.
const TABS: usize = 8;

pub(super) type RelyingParty = CoreClient<
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// The endpoints that the crate's own metadata leave out.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Endpoints {
    #[serde(rename = "introspection_endpoint")]
    introspection: String,
    #[serde(rename = "revocation_endpoint")]
    revocation: String,
    #[serde(rename = "end_session_endpoint")]
    end_session: String,
}

impl AdditionalProviderMetadata for Endpoints {}

type Metadata = ProviderMetadata<
    Endpoints,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

/// The provider, as it describes itself.
pub(super) struct Discovered {
    pub(super) client: RelyingParty,
    pub(super) introspection: String,
    pub(super) revocation: String,
    end_session: String,
}

/// The demo relying party.
pub(crate) struct Demo {
    issuer: Issuer,
    redirect_uri: String,
    /// Where people come back to once they have signed out.
    signed_out_uri: String,
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
    held: Option<Held>,
    /// What says at the provider whose session it is.
    id_token: Option<String>,
    problem: Option<&'static str>,
    until: Option<Instant>,
}

/// A sign-in under way.
struct Pending {
    state: CsrfToken,
    nonce: Nonce,
    verifier: PkceCodeVerifier,
    response_type: ResponseType,
    /// Whether the answer comes in a fragment, which only the browser sees.
    in_fragment: bool,
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
            signed_out_uri: format!("{}{}/?signed-out", issuer.origin(), issuer.path()),
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
        let signed_out_uri = RedirectUri::new(&*self.signed_out_uri).map_err(|e| wrong(&e))?;
        metadata.post_logout_redirect_uris.push(signed_out_uri);
        metadata.client_name = Some("Demo relying party".into());
        metadata.response_types = RESPONSE_TYPES.map(response_type).into();
        metadata.grant_types =
            vec![GrantType::AuthorizationCode, GrantType::Implicit, GrantType::RefreshToken];
        let id = oidc_op::ClientId::new(CLIENT_ID).map_err(|e| wrong(&e))?;
        let made = |metadata: &ClientMetadata| {
            let secret = ClientSecret::new(&self.secret);
            Client::confidential(id.clone(), secret, metadata.clone())
        };
        let client = made(&metadata).or_else(|error| {
            // On the machine of whoever tries it out, the demo is no web application.
            metadata.application_type = ApplicationType::Native;
            if error == InvalidMetadata::ImplicitRedirect { made(&metadata) } else { Err(error) }
        });
        client.map_err(|e| wrong(&e))
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

    pub(crate) fn forget(&self, received: &Received) {
        if let Some(id) = received.cookie(self.cookie) {
            self.browsers().remove(id);
        }
    }

    /// Forgets the browser, and says where it signs out of the provider.
    pub(super) async fn leave(&self, received: &Received) -> Result<String, Failure> {
        let endpoint = self.discover().await?.end_session;
        let known = received.cookie(self.cookie).and_then(|id| self.browsers().remove(id));
        let hint = known.and_then(|browser| browser.id_token);
        let mut query = form_urlencoded::Serializer::new(String::new());
        if let Some(hint) = hint {
            query.append_pair("id_token_hint", &hint);
        }
        query.append_pair("client_id", CLIENT_ID);
        query.append_pair("post_logout_redirect_uri", &self.signed_out_uri);
        Ok(format!("{endpoint}?{}", query.finish()))
    }

    fn set_cookie(&self, id: &str) -> String {
        let secure = if self.issuer.is_https() { "; Secure" } else { "" };
        format!("{}={id}; Path=/{secure}; HttpOnly; SameSite=Lax", self.cookie)
    }

    /// Makes the authorization request, and remembers what the answer must fit.
    pub(super) async fn begin(
        &self,
        received: &Received,
        wishes: Wishes,
    ) -> Result<(String, Option<String>), Failure> {
        let client = self.discover().await?.client;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let response_type = wishes.response_type;
        let mut request = client
            .authorize_url(
                authentication_flow(response_type),
                CsrfToken::new_random,
                Nonce::new_random,
            )
            .add_scopes(wishes.scopes.into_iter().map(Scope::new));
        if response_type.code() {
            request = request.set_pkce_challenge(challenge);
        }
        for (name, value) in [("prompt", wishes.prompt), ("acr_values", wishes.acr_values)] {
            if !value.is_empty() {
                request = request.add_extra_param(name, value);
            }
        }
        if wishes.form_post {
            request = request.add_extra_param("response_mode", "form_post");
        }
        let (url, state, nonce) = request.url();
        let in_fragment =
            !wishes.form_post && response_type.default_mode() == ResponseMode::Fragment;
        let pending = Pending { state, nonce, verifier, response_type, in_fragment };

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

    /// Whether this browser may have come back with an answer that it has not shown yet.
    pub(super) fn awaits_fragment(&self, received: &Received) -> bool {
        let browsers = self.browsers();
        let browser = received.cookie(self.cookie).and_then(|id| browsers.get(id));
        browser.is_some_and(|browser| browser.pending.iter().any(|pending| pending.in_fragment))
    }

    /// Takes the answer, checks it, and remembers what was learned, in a fresh cookie.
    pub(super) async fn finish(
        &self,
        received: &Received,
        answer: &Form,
    ) -> Result<String, Failure> {
        let id = received.cookie(self.cookie).ok_or(Failure::Unexpected("no cookie"))?;
        let pending = {
            let mut browsers = self.browsers();
            let browser = browsers.get_mut(id).ok_or(Failure::Unexpected("unknown cookie"))?;
            let state = answer.one("state");
            let fits = |pending: &Pending| pending.state.secret() == state;
            let position = browser.pending.iter().position(fits);
            browser.pending.remove(position.ok_or(Failure::Unexpected("unknown state"))?)
        };
        // RFC 9207 §2.4: an answer of another issuer's is no answer.
        if answer.one("iss") != self.issuer.as_str() {
            return Err(Failure::Unexpected("the answer is not from the issuer"));
        }
        let outcome = match answer.one("error") {
            "" => Ok(self.learn(answer, pending).await?),
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
            Ok((login, held, id_token)) => {
                (browser.login, browser.held) = (Some(Arc::new(login)), held);
                browser.id_token = Some(id_token);
            }
            Err(problem) => {
                (browser.login, browser.held, browser.problem) = (None, None, Some(problem));
            }
        }
        let cookie = self.set_cookie(&fresh);
        browsers.insert(fresh, browser);
        Ok(cookie)
    }

    /// Does what a button on the page says with the tokens of this browser, and remembers what came of
    /// it.
    pub(super) async fn act(&self, received: &Received, action: Action) -> Result<(), Failure> {
        let id = received.cookie(self.cookie).ok_or(Failure::Unexpected("no cookie"))?;
        let known = {
            let browsers = self.browsers();
            let browser = browsers.get(id);
            browser.and_then(|b| Some((b.held.clone()?, LoginView::clone(b.login.as_ref()?))))
        };
        let (held, view) = known.ok_or(Failure::Unexpected("nobody is signed in"))?;
        let credentials = (CLIENT_ID, &*self.secret);
        let (found, provider) = (self.discover().await?, &self.provider);
        let done = Pressed { provider, found, credentials, held, view }.act(action).await?;
        let mut browsers = self.browsers();
        if let Some(browser) = browsers.get_mut(id) {
            match done {
                Done::Changed(held, view) => {
                    (browser.held, browser.login) = (Some(held), Some(Arc::new(view)));
                }
                Done::Refused(why) => browser.problem = Some(why),
            }
        }
        Ok(())
    }

    async fn learn(
        &self,
        answer: &Form,
        pending: Pending,
    ) -> Result<(LoginView, Option<Held>, String), Failure> {
        let Pending { nonce, verifier, response_type, .. } = pending;
        let client = self.discover().await?.client;
        let provider = &self.provider;
        Answered { client, provider, answer, response_type, nonce }.learn(verifier).await
    }

    /// The provider's metadata and keys, fetched afresh.
    async fn discover(&self) -> Result<Discovered, Failure> {
        let issuer = IssuerUrl::new(self.issuer.as_str().to_owned());
        let issuer = issuer.map_err(|e| Failure::at("the issuer", &e))?;
        let metadata = Metadata::discover_async(issuer, &self.provider).await;
        let metadata = metadata.map_err(|e| Failure::at("discovery", &e))?;
        let redirect_uri = RedirectUrl::new(self.redirect_uri.clone());
        let redirect_uri = redirect_uri.map_err(|e| Failure::at("the redirect URI", &e))?;
        let id = openidconnect::ClientId::new(CLIENT_ID.to_owned());
        let secret = openidconnect::ClientSecret::new(self.secret.clone());
        let Endpoints { introspection, revocation, end_session } =
            metadata.additional_metadata().clone();
        let client = CoreClient::from_provider_metadata(metadata, id, Some(secret))
            .set_redirect_uri(redirect_uri);
        Ok(Discovered { client, introspection, revocation, end_session })
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
