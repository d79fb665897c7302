use std::{fmt::Debug, sync::Arc};

use async_trait::async_trait;

use super::Client;
use crate::{
    error::HostError,
    types::{Scope, Subject},
};

/// What the owner of a client may do, which bounds what the client may do for itself.
///
/// Asked at each token request of a client that has an [`owner`](Client::owner) and acts for itself, and
/// whenever somebody asks about such a token ([`inspect`](crate::Provider::inspect), introspection): one that is
/// out covers no more than the owner may do now. An API that verifies JWTs by itself does not hear of
/// that until they expire. Without this seam the owner's account must be active, and that is all.
#[async_trait]
pub trait ClientPermissions: Debug + Send + Sync + 'static {
    /// Of this scope, what the owner may do. What was not asked is dropped.
    ///
    /// # Errors
    ///
    /// It cannot be found out now; the request fails with `server_error`, and says nothing of a token.
    async fn permitted(
        &self,
        owner: &Subject,
        client: &Client,
        scope: &Scope,
    ) -> Result<Scope, HostError>;
}

#[async_trait]
impl<P: ClientPermissions + ?Sized> ClientPermissions for Arc<P> {
    async fn permitted(
        &self,
        owner: &Subject,
        client: &Client,
        scope: &Scope,
    ) -> Result<Scope, HostError> {
        (**self).permitted(owner, client, scope).await
    }
}
