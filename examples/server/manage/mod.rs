//! The management API: what a backend of the operator's does with clients, people and keys while the
//! server runs. JSON in, JSON out; errors are `{"error", "error_description"}`.
//!
//! | route, below `/manage` | scope | what |
//! |---|---|---|
//! | `GET /clients?limit=&cursor=` | `clients:read` | the clients, a page at a time |
//! | `POST /clients` | `clients:write` | a new client |
//! | `GET /clients/{id}` | `clients:read` | one client |
//! | `PUT /clients/{id}` | `clients:write` | its metadata anew, and the settings that are named |
//! | `DELETE /clients/{id}` | `clients:write` | it is gone, and its grants with it |
//! | `POST /clients/{id}/enable`, `/disable` | `clients:write` | whether anybody knows it |
//! | `POST /clients/{id}/secret` | `clients:write` | a new secret; the old ones for `overlap` seconds |
//! | `POST /clients/{id}/registration-token` | `clients:write` | a new registration access token |
//! | `POST /clients/{id}/revoke` | `clients:write` | ends every grant that it holds |
//! | `POST /initial-access`, `DELETE` | `clients:write` | a token to register with; ends one |
//! | `POST /users` | `users:write` | a new account of a person |
//! | `GET /users/{sub}` | `users:read` | one person |
//! | `PATCH /users/{sub}` | `users:write` | what is named is otherwise |
//! | `DELETE /users/{sub}` | `users:write` | nobody knows them any more; not of those in the configuration |
//! | `POST /users/{sub}/login-token` | `users:write` | a token that signs them in once, by a link |
//! | `POST /keys/rotate` | `keys:write` | the key of an algorithm gets a successor |
//! | `DELETE /keys/{kid}` | `keys:write` | a key is trusted no more |
//!
//! | body of | members, those with a question mark need not be there |
//! |---|---|
//! | `POST /clients`, `PUT /clients/{id}` | the metadata of RFC 7591, and settings such as `client_id?`, `owner?`, `enabled?`, `first_party?` |
//! | `POST /clients/{id}/secret` | `overlap?`: seconds in which the old secrets are good; without it they end at once |
//! | `POST /initial-access` | `uses?`, `lifetime?` in seconds, `purpose?`; `DELETE` has `token` |
//! | `POST /users` | `username`, `password?` (8 characters or more) or `password_hash?` of another service (`users/legacy.rs`), `claims?`, `email_verified?`, `phone_number_verified?` |
//! | `PATCH /users/{sub}` | `disabled?`, `permissions?` (null lets their clients do anything), `password?`, `pin?` (4 to 32 digits), `claims?` (null takes one away), `email_verified?`, `phone_number_verified?` |
//! | `POST /users/{sub}/login-token` | `lifetime?` in seconds |
//! | `POST /keys/rotate` | `alg`, `announce?` and `retire?` in seconds |
//!
//! Whatever changes a client obeys `If-Match`, with the `ETag` of an answer that has shown it.
//!
//! parse → admit the caller → read the body → decide → write → answer.
//!
//! | file | what |
//! |---|---|
//! | `access.rs` | who calls, and with which scope |
//! | `bounds.rs` | what the owner of the caller leaves it to do |
//! | `address.rs`, `body.rs`, `answer.rs` | what comes in, what goes out |
//! | `clients/` | clients |
//! | `initial_access.rs` | initial access tokens |
//! | `users.rs`, `claims.rs`, `login_tokens.rs` | people, what may be said of them, and how they sign in once |
//! | `keys.rs` | signing keys |

mod access;
mod address;
pub(crate) mod answer;
pub(crate) mod body;
mod bounds;
pub(crate) mod claims;
mod clients;
mod initial_access;
mod keys;
mod login_tokens;
mod users;

use std::{collections::HashMap, sync::Arc};

use axum::{
    Router,
    routing::{delete, get, post},
};
use oidc_op::{AccessTokenVerifier, ClientId, GrantType, Provider, Subject};

use crate::{
    App,
    config::{ConfigError, Offers, Settings},
};

/// Everything that tokens for the API may cover.
pub(crate) const SCOPES: [&str; 5] =
    ["clients:read", "clients:write", "users:read", "users:write", "keys:write"];

/// What the API needs besides what every request does.
#[derive(Debug)]
pub(crate) struct Manage {
    /// Where it is, the issuer's path included.
    pub(crate) base: String,
    verifier: AccessTokenVerifier,
    /// Who may use it.
    clients: Vec<ClientId>,
    offers: Offers,
    /// Grant types that clients of these people may be given besides those of every app.
    grants: HashMap<Subject, Vec<GrantType>>,
}

impl Manage {
    /// The API that the settings want, if they want one.
    pub(crate) fn of(settings: &Settings) -> Option<Unbound> {
        let entry = settings.manage.clone()?;
        let grants = settings.users.iter();
        let grants = grants.map(|user| (user.sub.clone(), user.client_grants.clone())).collect();
        Some(Unbound {
            base: format!("{}{}", settings.issuer.path(), entry.path),
            issuer: settings.issuer.clone(),
            offers: settings.offers(),
            grants,
            entry,
        })
    }
}

/// The API before there is a provider.
pub(crate) struct Unbound {
    base: String,
    issuer: oidc_op::Issuer,
    entry: crate::config::ManageEntry,
    offers: Offers,
    grants: HashMap<Subject, Vec<GrantType>>,
}

impl Unbound {
    /// The API over this provider.
    pub(crate) fn over(self, provider: &Provider) -> Result<Manage, ConfigError> {
        let resource = self.entry.resource(&self.issuer);
        let resource = resource.ok_or_else(|| ConfigError::new("manage.resource: is none"))?;
        Ok(Manage {
            base: self.base,
            verifier: AccessTokenVerifier::by_source(self.issuer, resource, provider.clone())
                .observer(oidc_op::TracingObserver),
            clients: self.entry.clients,
            offers: self.offers,
            grants: self.grants,
        })
    }
}

/// The routes, below this path.
pub(crate) fn routes(base: &str) -> Router<Arc<App>> {
    let at = |path: &str| format!("{base}{path}");
    Router::new()
        .route(&at("/clients"), get(clients::list).post(clients::create))
        .route(
            &at("/clients/{id}"),
            get(clients::show).put(clients::replace).delete(clients::remove),
        )
        .route(&at("/clients/{id}/enable"), post(clients::enable))
        .route(&at("/clients/{id}/disable"), post(clients::disable))
        .route(&at("/clients/{id}/revoke"), post(clients::revoke))
        .route(&at("/clients/{id}/secret"), post(clients::rotate_secret))
        .route(&at("/clients/{id}/registration-token"), post(clients::rotate_registration_token))
        .route(&at("/initial-access"), post(initial_access::issue).delete(initial_access::withdraw))
        .route(&at("/users"), post(users::create))
        .route(&at("/users/{sub}"), get(users::show).patch(users::change).delete(users::remove))
        .route(&at("/users/{sub}/login-token"), post(login_tokens::issue))
        .route(&at("/keys/rotate"), post(keys::rotate))
        .route(&at("/keys/{kid}"), delete(keys::remove))
}
