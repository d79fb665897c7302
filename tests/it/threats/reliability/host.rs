//! A host with moods.

use std::{
    future::pending,
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
};

use async_trait::async_trait;
use oidc_op::{
    Account, Accounts, Assertion, Client, ClientPermissions, Exchange, ExchangePolicy,
    ExtensionGrant, ExtensionRequest, HostError, Issuance, Login, PasswordAuthenticator,
    PasswordCredentials, Provider, Request, Scope, Subject, TrustedIssuer, TrustedIssuers,
};
use serde_json::json;

use crate::support::{Op, Policies, Setup, client, host};

/// How the host is today.
#[derive(Clone, Debug, Default)]
pub(super) enum Mood {
    #[default]
    Well,
    Fails,
    Panics,
    Hangs,
    /// It asks the provider itself, about this token.
    Asks(String),
    /// It answers an account of this name, and with this address.
    Says(&'static str),
}

/// All that a host is asked for; clones share its mood.
#[derive(Clone, Debug, Default)]
pub(super) struct Moody {
    mood: Arc<Mutex<Mood>>,
    provider: Arc<OnceLock<Provider>>,
    policies: Policies,
    pub(super) asked: Arc<AtomicUsize>,
}

impl Moody {
    /// The provider of this host.
    pub(super) fn op() -> (Op, Self) {
        let moody = Self::default();
        *moody.policies.exchange.lock().unwrap() = Some(Scope::parse("openid email").unwrap());
        let host = moody.clone();
        let mut setup = Setup::full();
        let extra = json!({ "response_types": [], "grant_types": [MOODY] });
        setup.clients.push(client("moody", false, &[], &extra));
        let op = setup.build_with(|builder| {
            builder
                .accounts(host.clone())
                .passwords(host.clone())
                .exchanges(host.clone())
                .issuers(host.clone())
                .permissions(host.clone())
                .extension(Extension(host))
        });
        moody.provider.set(op.provider.clone()).unwrap();
        (op, moody)
    }

    pub(super) fn is(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    /// What every callback does first.
    async fn react(&self) -> Result<(), HostError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let mood = self.mood.lock().unwrap().clone();
        match mood {
            Mood::Well | Mood::Says(_) => Ok(()),
            Mood::Fails => Err("the database is away".into()),
            Mood::Panics => panic!("the host has a bug"),
            Mood::Hangs => pending().await,
            Mood::Asks(token) => {
                // What it asks leads back to itself, where it is well.
                self.is(Mood::Well);
                let provider = self.provider.get().unwrap();
                assert!(provider.inspect(&token).await.unwrap().is_some());
                assert_eq!(provider.jwks(Request::new("GET", "/jwks")).status, 200);
                let bearer = format!("Bearer {token}");
                let headers = [("authorization", bearer.as_bytes())];
                let request = Request::new("GET", "/userinfo").headers(&headers);
                assert_eq!(provider.userinfo(request).await.unwrap().status, 200);
                provider.work(10).await.unwrap();
                self.is(Mood::Asks(token));
                Ok(())
            }
        }
    }
}

#[async_trait]
impl Accounts for Moody {
    async fn account(
        &self,
        subject: &Subject,
        wanted: &[&str],
    ) -> Result<Option<Account>, HostError> {
        self.react().await?;
        let Mood::Says(sub) = *self.mood.lock().unwrap() else {
            return host().account(subject, wanted).await;
        };
        let claims = json!({ "sub": sub, "email": format!("{sub}@example.org") });
        Ok(Some(Account::active().claims(claims.as_object().unwrap().clone())))
    }
}

#[async_trait]
impl PasswordAuthenticator for Moody {
    async fn authenticate(
        &self,
        credentials: &PasswordCredentials<'_>,
    ) -> Result<Option<Login>, HostError> {
        self.react().await?;
        self.policies.authenticate(credentials).await
    }
}

#[async_trait]
impl ExchangePolicy for Moody {
    async fn exchange(&self, exchange: &Exchange<'_>) -> Result<Option<Scope>, HostError> {
        self.react().await?;
        self.policies.exchange(exchange).await
    }
}

#[async_trait]
impl TrustedIssuers for Moody {
    async fn issuer(&self, issuer: &str) -> Result<Option<TrustedIssuer>, HostError> {
        self.react().await?;
        self.policies.issuer(issuer).await
    }

    async fn subject(&self, assertion: &Assertion<'_>) -> Result<Option<Subject>, HostError> {
        self.react().await?;
        self.policies.subject(assertion).await
    }
}

#[async_trait]
impl ClientPermissions for Moody {
    async fn permitted(
        &self,
        owner: &Subject,
        client: &Client,
        scope: &Scope,
    ) -> Result<Scope, HostError> {
        self.react().await?;
        self.policies.permitted(owner, client, scope).await
    }
}

/// The grant type of this host.
pub(super) const MOODY: &str = "https://id.example/grants/moody";

/// It names the grant type.
#[derive(Debug)]
struct Extension(Moody);

#[async_trait]
impl ExtensionGrant for Extension {
    fn grant_type(&self) -> &str {
        MOODY
    }

    async fn grant(&self, request: &ExtensionRequest<'_>) -> Result<Option<Issuance>, HostError> {
        self.0.react().await?;
        self.0.policies.grant(request).await
    }
}
