use super::{Client, record::ClientEntry};
use crate::{
    store::{Loaded, Version},
    types::Timestamp,
};

/// A client of the store, as it was read or written there, and what only the store knows of it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RegisteredClient {
    /// The client.
    pub client: Client,
    /// When it was registered.
    pub registered_at: Timestamp,
    manages_itself: bool,
    version: Version,
}

impl RegisteredClient {
    /// Whether it manages its own registration ([RFC 7592]).
    ///
    /// [RFC 7592]: https://www.rfc-editor.org/rfc/rfc7592
    pub fn manages_itself(&self) -> bool {
        self.manages_itself
    }

    /// Until when it must have been used, or it is forgotten; never, once it has been.
    pub fn unused_until(&self) -> Option<Timestamp> {
        self.client.unused.map(|unused| unused.until)
    }

    /// Tells this state of it from every other one, those included that differ in a secret or a token only:
    /// for an [`ETag`](https://www.rfc-editor.org/rfc/rfc9110#section-8.8.3), say. It is random, and no secret.
    pub fn version(&self) -> &Version {
        &self.version
    }
}

impl From<Loaded<ClientEntry>> for RegisteredClient {
    fn from(Loaded { body, version }: Loaded<ClientEntry>) -> Self {
        let manages_itself = body.management.is_some();
        let ClientEntry { client, registered_at, .. } = body;
        Self { client, registered_at, manages_itself, version }
    }
}
