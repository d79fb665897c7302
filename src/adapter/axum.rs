//! A router that an application merges into its own, and an extractor for access tokens.

use axum::{
    Router,
    extract::{FromRef, FromRequestParts, OptionalFromRequestParts},
    http::request::Parts,
    response::{IntoResponse, Response},
};

use super::{
    http::{Pages, fields, request},
    tower::OidcService,
};
use crate::{AccessTokenVerifier, BearerError, Provider, Reply, VerifiedToken};

/// The provider's endpoints as a router.
///
/// Merge it at the root of the application: the paths carry the issuer's path already.
///
/// ```no_run
/// # fn example(provider: oidc_op::Provider) {
/// use axum::Router;
/// use oidc_op::adapter::{axum::router, http::Pages};
///
/// let app: Router = Router::new().merge(router(&provider, Pages::at("/interaction/")));
/// # }
/// ```
pub fn router<S>(provider: &Provider, pages: Pages) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    let service = OidcService::new(provider.clone(), pages);
    provider
        .paths()
        .into_iter()
        .fold(Router::new(), |router, path| router.route_service(path, service.clone()))
}

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        self.into()
    }
}

/// The valid access token of a request, by the verifier in the state; without one the request is
/// refused, challenge and all.
///
/// ```
/// use axum::{Router, routing::get};
/// use oidc_op::{AccessTokenVerifier, BearerError, VerifiedToken};
///
/// async fn orders(token: VerifiedToken) -> Result<String, BearerError> {
///     token.require("orders:read")?;
///     Ok(format!("the orders of {}", token.subject().unwrap_or("nobody")))
/// }
///
/// fn routes(verifier: AccessTokenVerifier) -> Router {
///     Router::new().route("/orders", get(orders)).with_state(verifier)
/// }
/// ```
///
/// Where the state is more than the verifier, [`FromRef`] says how to come by it:
///
/// ```
/// use axum::extract::FromRef;
/// use oidc_op::AccessTokenVerifier;
///
/// #[derive(Clone)]
/// struct App {
///     verifier: AccessTokenVerifier,
/// }
///
/// impl FromRef<App> for AccessTokenVerifier {
///     fn from_ref(app: &App) -> Self {
///         app.verifier.clone()
///     }
/// }
/// ```
impl<S> FromRequestParts<S> for VerifiedToken
where
    AccessTokenVerifier: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = BearerError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, BearerError> {
        let fields = fields(&parts.headers);
        AccessTokenVerifier::from_ref(state).verify(&request(parts, &fields, b"")).await
    }
}

/// The access token of a request that may have none; one that is not valid is refused.
impl<S> OptionalFromRequestParts<S> for VerifiedToken
where
    AccessTokenVerifier: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = BearerError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Option<Self>, BearerError> {
        match <Self as FromRequestParts<S>>::from_request_parts(parts, state).await {
            Ok(token) => Ok(Some(token)),
            // Nothing was sent that could be wrong.
            Err(error) if error.reason().is_none() => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl IntoResponse for BearerError {
    fn into_response(self) -> Response {
        self.reply().into()
    }
}
