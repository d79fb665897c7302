//! What the back channel needs of a host: passwords, a policy for exchanges, trusted issuers, a grant type
//! of its own, owners of clients; and the fixtures that use it.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use oidc_op::{
    AccessTokenFormat, Assertion, Client, ClientPermissions, Config, Exchange, ExchangePolicy,
    ExtensionGrant, ExtensionRequest, HostError, Issuance, JwtFormat, Login, PasswordAuthenticator,
    PasswordCredentials, Resource, ResourceServer, Scope, SigningAlgorithm, Subject, TrustedIssuer,
    TrustedIssuers,
};
use serde_json::json;

use super::{Answer, Ask, Browser, Op, clients::client, keys::client_jwks};

/// The grant type of the host's own.
pub(crate) const DEVICE_KEY: &str = "https://id.example/grants/device-key";
/// An issuer whose word counts; it signs with the keys of [`client_jwks`].
pub(crate) const PARTNER: &str = "https://partner.example";

/// What the host decides in the back channel; clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Policies {
    /// What an exchange may cover; nothing is exchanged while it is none.
    pub(crate) exchange: Arc<Mutex<Option<Scope>>>,
    /// What the policy was asked.
    pub(crate) asked: Arc<Mutex<Vec<String>>>,
    /// What owners may do.
    pub(crate) permitted: Arc<Mutex<Option<Scope>>>,
}

#[async_trait]
impl PasswordAuthenticator for Policies {
    /// Everybody's password is their name; who asks for the scope `otp` sends a code as well.
    async fn authenticate(
        &self,
        credentials: &PasswordCredentials<'_>,
    ) -> Result<Option<Login>, HostError> {
        let name = credentials.username.trim_end_matches("@example.org");
        let known = credentials.password == name;
        let code =
            !credentials.scope.contains("otp") || credentials.parameter("otp") == Some("123");
        Ok((known && code).then(|| Login::new(Subject::new(name).unwrap())))
    }
}

#[async_trait]
impl ExchangePolicy for Policies {
    async fn exchange(&self, exchange: &Exchange<'_>) -> Result<Option<Scope>, HostError> {
        let Exchange { client, subject, issued_to, scope, audience, delegation, .. } = exchange;
        let asked = format!(
            "{} {subject} {issued_to} {scope} {} {delegation}",
            client.id,
            audience.join(" ")
        );
        self.asked.lock().unwrap().push(asked);
        Ok(self.exchange.lock().unwrap().clone())
    }
}

#[async_trait]
impl TrustedIssuers for Policies {
    async fn issuer(&self, issuer: &str) -> Result<Option<TrustedIssuer>, HostError> {
        let keys = || serde_json::from_value(client_jwks()).unwrap();
        Ok((issuer == PARTNER).then(|| TrustedIssuer::new(keys())))
    }

    async fn subject(&self, assertion: &Assertion<'_>) -> Result<Option<Subject>, HostError> {
        Ok(assertion.subject.strip_prefix("partner:").and_then(|name| Subject::new(name).ok()))
    }
}

#[async_trait]
impl ExtensionGrant for Policies {
    fn grant_type(&self) -> &str {
        DEVICE_KEY
    }

    /// A device is whose name it sends; `self` is the client's own.
    async fn grant(&self, request: &ExtensionRequest<'_>) -> Result<Option<Issuance>, HostError> {
        let everything = request.scope.clone();
        Ok(match request.parameter("device") {
            Some("self") => Some(Issuance::of_client(everything)),
            Some(device) => {
                let login = Login::new(Subject::new(device).unwrap());
                let mut issuance = Issuance::of(login, everything);
                issuance.renewable = true;
                Some(issuance)
            }
            None => None,
        })
    }
}

#[async_trait]
impl ClientPermissions for Policies {
    async fn permitted(
        &self,
        _owner: &Subject,
        _client: &Client,
        scope: &Scope,
    ) -> Result<Scope, HostError> {
        Ok(self.permitted.lock().unwrap().clone().unwrap_or_else(|| scope.clone()))
    }
}

/// The APIs: three that take opaque tokens, of which the last can introspect, and one that takes JWTs.
pub(super) fn wire(config: &mut Config) {
    let server = |name: &str| ResourceServer::new(Resource::new(name).unwrap());
    let mut api = server("https://api.example/");
    api.client = Some("rs1".to_owned().try_into().unwrap());
    let mut orders = server("https://orders.example/");
    orders.client = Some("rs2".to_owned().try_into().unwrap());
    orders.scope = Some(Scope::parse("orders:read orders:write").unwrap());
    orders.format = AccessTokenFormat::Jwt(JwtFormat::signed(SigningAlgorithm::ES256));
    orders.claims = vec!["email".into()];
    config.resources =
        vec![server("https://a.example/"), server("https://b.example/"), api, orders];
    config.scopes = Scope::parse("otp").unwrap();
}

/// The clients of the back channel; confidential ones have their name as their secret.
pub(super) fn clients() -> Vec<Client> {
    let cb = |host: &str| format!("https://{host}.example/cb");
    let refresh = json!({"grant_types": ["authorization_code", "refresh_token"]});
    let none = |grant_types: &[&str]| json!({"response_types": [], "grant_types": grant_types});
    let mut online = client("online", false, &[&cb("online")], &refresh);
    online.refresh.online = true;
    let mut fixed = client("fixed", false, &[&cb("fixed")], &refresh);
    fixed.refresh.rotation = Some(oidc_op::Rotation::Off);
    let mut password = client("password", false, &[], &none(&["password", "refresh_token"]));
    password.first_party = true;
    password.password_grant = true;
    let mut owned = client("owned", false, &[], &none(&["client_credentials"]));
    owned.owner = Some(Subject::new(super::BOB).unwrap());
    let exchange = "urn:ietf:params:oauth:grant-type:token-exchange";
    let bearer = "urn:ietf:params:oauth:grant-type:jwt-bearer";
    let mut trusted = client("trusted", false, &[], &none(&[bearer]));
    trusted.first_party = true;
    vec![
        client("refresh", false, &[&cb("refresh")], &refresh),
        client("public-refresh", true, &[&cb("public-refresh")], &refresh),
        online,
        fixed,
        client("rs1", false, &[], &none(&[])),
        client("rs2", false, &[], &none(&[])),
        client("cc-client", false, &[], &none(&["client_credentials"])),
        owned,
        password,
        client("exchanger", false, &[], &none(&[exchange])),
        trusted,
        client("untrusted", false, &[], &none(&[bearer])),
        client("device", false, &[], &none(&[DEVICE_KEY, "refresh_token"])),
    ]
}

/// Tokens of one person at one client.
#[derive(Clone, Debug)]
pub(crate) struct Tokens {
    pub(crate) client: &'static str,
    pub(crate) access: String,
    pub(crate) refresh: String,
    pub(crate) id: String,
}

impl Op {
    /// Signs in with `offline_access` at a client that may refresh, and redeems the code.
    pub(crate) async fn tokens(&self, client: &'static str, who: &str) -> Tokens {
        self.tokens_for(client, who, "openid email offline_access", &[]).await
    }

    /// The same, for these resources.
    pub(crate) async fn tokens_for(
        &self,
        client: &'static str,
        who: &str,
        scope: &str,
        resources: &[&str],
    ) -> Tokens {
        let mut ask = Ask::of(client, "code").with("scope", scope);
        for resource in resources {
            ask.0.push(("resource".into(), (*resource).into()));
        }
        let mut browser = Browser::new(self);
        let sent = browser.ask(&ask, who).await;
        let answer = self.exchange(&ask, sent.get("code")).await;
        assert_eq!(answer.status(), 200, "{:?}", answer.json());
        Tokens::of(client, &answer)
    }

    /// A request to the token endpoint as this client.
    pub(crate) async fn token_as(&self, client: &str, body: &[(&str, &str)]) -> Answer {
        self.post_as("/token", client, body).await
    }

    pub(crate) async fn introspect(&self, client: &str, token: &str) -> Answer {
        self.post_as("/introspect", client, &[("token", token)]).await
    }

    pub(crate) async fn revoke(&self, client: &str, token: &str) -> Answer {
        self.post_as("/revoke", client, &[("token", token)]).await
    }

    /// Posts a form with Basic credentials; a public client sends its identifier.
    pub(crate) async fn post_as(&self, path: &str, client: &str, body: &[(&str, &str)]) -> Answer {
        use base64::{Engine, engine::general_purpose::STANDARD};
        if client.starts_with("public") {
            let body = [body, &[("client_id", client)]].concat();
            return self.post(path, &super::form(&body), &[]).await;
        }
        let basic = format!("Basic {}", STANDARD.encode(format!("{client}:{client}")));
        self.post(path, &super::form(body), &[("authorization", &basic)]).await
    }

    /// Refreshes, and may fail.
    pub(crate) async fn refresh(&self, client: &str, token: &str) -> Answer {
        self.refresh_with(client, token, &[]).await
    }

    pub(crate) async fn refresh_with(
        &self,
        client: &str,
        token: &str,
        more: &[(&str, &str)],
    ) -> Answer {
        let body = [&[("grant_type", "refresh_token"), ("refresh_token", token)], more].concat();
        self.token_as(client, &body).await
    }
}

impl Tokens {
    pub(crate) fn of(client: &'static str, answer: &Answer) -> Self {
        let member =
            |name: &str| answer.json()[name].as_str().map(str::to_owned).unwrap_or_default();
        Self {
            client,
            access: member("access_token"),
            refresh: member("refresh_token"),
            id: member("id_token"),
        }
    }

    /// The next ones.
    pub(crate) async fn refreshed(&self, op: &Op) -> Self {
        let answer = op.refresh(self.client, &self.refresh).await;
        assert_eq!(answer.status(), 200, "{:?}", answer.json());
        Self::of(self.client, &answer)
    }
}
