use std::net::IpAddr;

use super::{KnownClient, document, record};
use crate::{
    error::{Failure, Reason},
    provider::Core,
    throttle::{Attempt, AttemptKind},
    types::ClientId,
};

impl Core {
    /// The client of this name, wherever it is known: to the host, in the store, at its own address.
    /// The host's word comes first, so that nobody can register in its clients' place.
    pub(crate) async fn client(&self, id: &ClientId) -> Result<Option<KnownClient>, Failure> {
        match self.known_client(id).await? {
            Some(client) => Ok(Some(client)),
            None => document::client(self, id).await,
        }
    }

    /// The client that somebody names of whom nothing is known yet. Before a document is fetched at an
    /// address of their choice, the host's throttle is asked; and whether nothing is there, or something
    /// else, or nobody answers, is told apart by nobody (threat SS-08).
    pub(crate) async fn named_client(
        &self,
        id: &ClientId,
        peer: Option<IpAddr>,
    ) -> Result<Option<KnownClient>, Failure> {
        if let Some(client) = self.known_client(id).await? {
            return Ok(Some(client));
        }
        if !document::may_be_described(self, id) {
            return Ok(None);
        }
        let attempt = Attempt::client(AttemptKind::ClientDocument, id.as_str(), peer);
        self.throttle.admit(&attempt).await.map_err(|_| Reason::ClientThrottled)?;
        let client = document::client(self, id).await?;
        client.map(Some).ok_or_else(|| Reason::ClientDocumentFailed.into())
    }

    /// The client of this name, if it is known here; for one that is not, nobody is asked.
    pub(crate) async fn known_client(&self, id: &ClientId) -> Result<Option<KnownClient>, Failure> {
        match self.clients.client(id).await? {
            Some(client) => Ok(Some(client)),
            None => Ok(record::look_up(self, id).await?),
        }
    }

    /// Whether a client that is not known here may be described at its own address.
    pub(crate) fn may_describe_itself(&self, id: &ClientId) -> bool {
        document::may_be_described(self, id)
    }
}
