use std::{collections::HashMap, fmt::Debug, sync::Arc};

use async_trait::async_trait;

use super::Client;
use crate::{error::HostError, types::ClientId};

/// Knows the clients.
///
/// [`StaticClients`] is ready-made for a fixed list.
#[async_trait]
pub trait Clients: Debug + Send + Sync + 'static {
    /// The client with this identifier, if there is one.
    ///
    /// # Errors
    ///
    /// It cannot be found out now; the request fails with `server_error`, never as if the client
    /// were unknown.
    async fn client(&self, id: &ClientId) -> Result<Option<Arc<Client>>, HostError>;

    /// All of them, for a [look over the configuration](crate::Provider::lint). A host that has too many,
    /// or cannot tell, answers none, as it does by default.
    ///
    /// # Errors
    ///
    /// It cannot be found out now.
    async fn all(&self) -> Result<Vec<Arc<Client>>, HostError> {
        Ok(Vec::new())
    }
}

/// A fixed list of clients.
#[derive(Clone, Debug, Default)]
pub struct StaticClients(HashMap<ClientId, Arc<Client>>);

impl FromIterator<Client> for StaticClients {
    /// A later client takes the place of an earlier one with the same identifier.
    fn from_iter<I: IntoIterator<Item = Client>>(clients: I) -> Self {
        Self(clients.into_iter().map(|client| (client.id.clone(), Arc::new(client))).collect())
    }
}

#[async_trait]
impl Clients for StaticClients {
    async fn client(&self, id: &ClientId) -> Result<Option<Arc<Client>>, HostError> {
        Ok(self.0.get(id).cloned())
    }

    async fn all(&self) -> Result<Vec<Arc<Client>>, HostError> {
        let mut all: Vec<_> = self.0.values().cloned().collect();
        all.sort_by(|one, other| one.id.cmp(&other.id));
        Ok(all)
    }
}

#[async_trait]
impl<C: Clients + ?Sized> Clients for Arc<C> {
    async fn client(&self, id: &ClientId) -> Result<Option<Arc<Client>>, HostError> {
        (**self).client(id).await
    }

    async fn all(&self) -> Result<Vec<Arc<Client>>, HostError> {
        (**self).all().await
    }
}
