//! What the host decides at the token endpoint and the registration endpoint: which tokens may be
//! exchanged, and whose word counts.

use async_trait::async_trait;
use oidc_op::{
    Assertion, Exchange, ExchangePolicy, HostError, Publishers, Scope, Subject, TrustedIssuer,
    TrustedIssuers,
};

use crate::config::{ExchangeRule, TrustedIssuerEntry};

/// Says yes to what some rule allows, and to nothing else.
#[derive(Debug)]
pub(crate) struct ExchangeRules(pub(crate) Vec<ExchangeRule>);

#[async_trait]
impl ExchangePolicy for ExchangeRules {
    async fn exchange(&self, exchange: &Exchange<'_>) -> Result<Option<Scope>, HostError> {
        let permitted = self.0.iter().filter(|rule| allows(rule, exchange));
        let scope = permitted.map(|rule| rule.scope.as_ref().unwrap_or(exchange.scope));
        let scope = scope.fold(None, |all: Option<Scope>, scope| {
            Some(all.map_or_else(|| scope.clone(), |all| all.union(scope)))
        });
        // A token that covers nothing of what was asked for is of no use to anybody.
        let useful = |scope: &Scope| {
            exchange.scope.is_empty() || !scope.intersection(exchange.scope).is_empty()
        };
        Ok(scope.filter(useful))
    }
}

/// The client, whom the token was issued to, and all of its new audience are named by the rule.
fn allows(rule: &ExchangeRule, exchange: &Exchange<'_>) -> bool {
    rule.client == exchange.client.id
        && rule.from.contains(exchange.issued_to)
        && exchange.audience.iter().all(|name| rule.audience.iter().any(|known| known == name))
}

/// The issuers that the configuration names, each with the people whom it may name.
#[derive(Debug)]
pub(crate) struct Issuers(pub(crate) Vec<TrustedIssuerEntry>);

impl Issuers {
    fn find(&self, issuer: &str) -> Option<&TrustedIssuerEntry> {
        self.0.iter().find(|entry| entry.issuer == issuer)
    }
}

#[async_trait]
impl TrustedIssuers for Issuers {
    async fn issuer(&self, issuer: &str) -> Result<Option<TrustedIssuer>, HostError> {
        Ok(self.find(issuer).map(|entry| entry.trusted.clone()))
    }

    async fn subject(&self, assertion: &Assertion<'_>) -> Result<Option<Subject>, HostError> {
        let entry = self.find(assertion.issuer);
        Ok(entry.and_then(|entry| entry.people.subject(assertion.subject)))
    }
}

/// Whose statements about software count, each by its name.
#[derive(Debug)]
pub(crate) struct Directory(pub(crate) Vec<(String, TrustedIssuer)>);

#[async_trait]
impl Publishers for Directory {
    async fn publisher(&self, issuer: &str) -> Result<Option<TrustedIssuer>, HostError> {
        let known = self.0.iter().find(|(name, _)| name == issuer);
        Ok(known.map(|(_, publisher)| publisher.clone()))
    }
}
