//! A router that an application merges into its own.

use axum::{
    Router,
    response::{IntoResponse, Response},
};

use super::{http::Pages, tower::OidcService};
use crate::{Provider, Reply};

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
