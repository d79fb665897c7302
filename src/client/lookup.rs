use std::sync::Arc;

use super::{KnownClient, document, record};
use crate::{
    env::{Event, What},
    error::Failure,
    provider::Core,
    types::ClientId,
};

impl Core {
    /// The client of this name, wherever it is known: to the host, in the store, at its own address.
    /// The host's word comes first, so that nobody can register in its clients' place.
    pub(crate) async fn client(&self, id: &ClientId) -> Result<Option<KnownClient>, Failure> {
        if let Some(client) = self.clients.client(id).await? {
            return Ok(Some(client));
        }
        if let Some(client) = record::look_up(self, id).await? {
            return Ok(Some(client));
        }
        Ok(document::client(self, id).await?.map(Arc::new))
    }

    /// A client that describes itself does not do so well: to everybody else it is unknown.
    pub(super) fn note_unfit<T>(&self, id: &ClientId, failure: &Failure) -> Option<T> {
        let event = Event::new(What::RegistrationRefused).client(id);
        self.observer.observe(&event.refused(failure.reason, failure.cause.as_deref()));
        None
    }
}
