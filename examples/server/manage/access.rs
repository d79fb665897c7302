//! Who calls, and whether they may: a client of the operator's that acts for itself, with an access token
//! for this API or with its secret.

use axum::http::{StatusCode, header};
use oidc_op::{
    BearerError, Client, ClientId, Clients, ErrorCode, Request, Resource, TokenError, VerifiedToken,
};
use serde_json::Value;
use url::form_urlencoded::Serializer;

use super::{Manage, answer::Problem};
use crate::{App, layers::Received};

/// Somebody who may do what this request needs.
#[derive(Debug)]
pub(super) struct Caller {
    /// As it is configured now.
    pub(super) client: Client,
}

impl App {
    /// The management API; its routes are there only if it is.
    pub(super) fn manage(&self) -> Result<&Manage, Problem> {
        self.manage.as_ref().ok_or_else(Problem::not_found)
    }

    /// Lets whoever holds this scope pass.
    pub(super) async fn admit(&self, received: &Received, scope: &str) -> Result<Caller, Problem> {
        let manage = self.manage()?;
        // A browser keeps the password of `Basic`, and sends it along for pages of others.
        if !received.is_from(&self.issuer) || received.is_from_nowhere() {
            return Err(Problem::denied("this is not for pages of other sites"));
        }
        let fields = received.fields();
        let request = received.request(&fields);
        let resource = manage.verifier.resource();
        let refused = |error: &BearerError| bearer(error, resource);
        let token = if is_basic(received) {
            let token = self.token_for(&request, received, resource, scope).await?;
            manage.verifier.verify_token(&token).await
        } else {
            manage.verifier.verify(&request).await
        };
        let token = token.map_err(|error| refused(&error))?;
        let id = itself(&token).filter(|id| manage.clients.contains(id));
        let id = id.ok_or_else(|| Problem::denied("the client may not use this API"))?;
        token.require(scope).map_err(|error| refused(&error))?;
        let client = self.clients.client(&id).await.ok().flatten().filter(|client| client.enabled);
        let client = client.ok_or_else(|| Problem::denied("the client may not use this API"))?;
        Ok(Caller { client: Client::clone(&client) })
    }

    /// Takes the client's credentials to the token endpoint, where all that holds of clients holds of it:
    /// its method, whether it is enabled, its grant types, its owner, and how often it may guess.
    async fn token_for(
        &self,
        request: &Request<'_>,
        received: &Received,
        resource: &Resource,
        scope: &str,
    ) -> Result<String, Problem> {
        let body = Serializer::new(String::new())
            .append_pair("grant_type", "client_credentials")
            .append_pair("scope", scope)
            .append_pair("resource", resource.as_str())
            .finish();
        let mut headers: Vec<(&str, &[u8])> =
            vec![("content-type", b"application/x-www-form-urlencoded")];
        let credentials = received.parts.headers.get_all(header::AUTHORIZATION).iter();
        headers.extend(credentials.map(|value| ("authorization", value.as_bytes())));
        let path = &self.provider.config().paths.token;
        let mut asked = Request::new("POST", path).headers(&headers).body(body.as_bytes());
        if let Some(peer) = request.peer {
            asked = asked.peer(peer);
        }
        let reply = self.provider.token(asked).await;
        let reply = reply.map_err(|error| basic(&error, resource, scope))?;
        let body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
        Ok(body["access_token"].as_str().unwrap_or_default().to_owned())
    }
}

fn is_basic(received: &Received) -> bool {
    let fields = received.parts.headers.get_all(header::AUTHORIZATION).iter();
    let scheme = |value: &[u8]| value.get(..6).is_some_and(|s| s.eq_ignore_ascii_case(b"basic "));
    fields.into_iter().any(|value| scheme(value.as_bytes()))
}

/// The client, if it acts for itself. A client and a person may have the same name, but only people have
/// been authenticated at some time.
fn itself(token: &VerifiedToken) -> Option<ClientId> {
    let client = token.client_id()?;
    let itself =
        token.subject() == Some(client) && token.auth_time().is_none() && token.actor().is_none();
    if itself { ClientId::new(client).ok() } else { None }
}

/// What is wrong with an access token, or that there is none: whoever is asked who they are is told both
/// ways to say it.
fn bearer(error: &BearerError, resource: &Resource) -> Problem {
    let problem = Problem::said(&error.reply());
    if problem.is(StatusCode::UNAUTHORIZED) {
        return problem.with(header::WWW_AUTHENTICATE, challenge("Basic", resource));
    }
    problem
}

/// What the token endpoint says of the client, in the words of this API.
fn basic(error: &TokenError, resource: &Resource, scope: &str) -> Problem {
    match error.reason().error() {
        ErrorCode::InvalidClient => {
            let text = error.reason().description();
            Problem::new(StatusCode::UNAUTHORIZED, "invalid_client", text)
                .with(header::WWW_AUTHENTICATE, challenge("Bearer", resource))
                .with(header::WWW_AUTHENTICATE, challenge("Basic", resource))
        }
        ErrorCode::InvalidScope => {
            let text = "the client does not have the scope that is needed here";
            let challenge = format!(
                "{}, error=\"insufficient_scope\", scope=\"{scope}\"",
                challenge("Bearer", resource)
            );
            Problem::new(StatusCode::FORBIDDEN, "insufficient_scope", text)
                .with(header::WWW_AUTHENTICATE, challenge)
        }
        ErrorCode::UnauthorizedClient | ErrorCode::InvalidTarget => {
            Problem::denied("the client may not use this API")
        }
        _ => Problem::said(&error.reply()),
    }
}

/// No resource has a quote or a backslash in it: it is a URI.
fn challenge(scheme: &str, resource: &Resource) -> String {
    let realm: String = resource.as_str().chars().filter(|c| !matches!(c, '"' | '\\')).collect();
    match scheme {
        "Basic" => format!("Basic realm=\"{realm}\", charset=\"UTF-8\""),
        scheme => format!("{scheme} realm=\"{realm}\""),
    }
}
