//! What a host does with clients while the provider runs: those that are kept in the store, whoever
//! made them.

use super::{
    Client, ClientSecret,
    record::{self, ATTEMPTS, RegisteredClient, UnreadableClient},
    registration::{self, InitialAccess},
    secret::{self, MOST_SECRETS},
};
use crate::{
    client::InvalidMetadata,
    error::{InternalError, Reason},
    provider::{Core, Provider},
    secret::{Handle, HandleKind, random},
    store::{Cursor, Kind},
    types::ClientId,
};
use time::Duration;

/// What an administrator wanted of a client could not be done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdministrationError {
    /// There is one of this name already, in the store or among the host's own.
    #[error("there is a client of this name already")]
    Exists,
    /// There is none of this name in the store; the host's own are changed where they are kept.
    #[error("there is no client of this name in the store")]
    Unknown,
    /// What it was to have registered does not fit together.
    #[error(transparent)]
    Invalid(#[from] InvalidMetadata),
    /// It could not be done now.
    #[error(transparent)]
    Internal(InternalError),
}

impl<F> From<F> for AdministrationError
where
    InternalError: From<F>,
{
    fn from(failure: F) -> Self {
        Self::Internal(failure.into())
    }
}

/// Some of the clients of the store.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct RegisteredClients {
    /// The clients, in the store's own order.
    pub clients: Vec<RegisteredClient>,
    /// Those that are there and cannot be read.
    pub unreadable: Vec<UnreadableClient>,
    /// Where the next page begins; `None` after the last one.
    pub next: Option<Cursor>,
}

impl Provider {
    /// Adds a client to the store: from then on it is known to all nodes.
    ///
    /// Its [`epoch`](Client::epoch) is chosen here, so that one which takes the name of a deleted one
    /// inherits none of its grants. With a secret that is a key it needs a
    /// [storage secret](crate::Secrets::storage).
    ///
    /// ```
    /// use oidc_op::{Client, ClientId, ClientMetadata, Provider, RedirectUri};
    ///
    /// async fn add(provider: &Provider) -> Result<(), Box<dyn std::error::Error>> {
    ///     let mut metadata = ClientMetadata::default();
    ///     metadata.redirect_uris.push(RedirectUri::new("https://app.example/cb")?);
    ///     let (secret, text) = provider.new_secret()?;
    ///     let client = Client::confidential(ClientId::new("app")?, secret, metadata)?;
    ///     provider.create_client(client).await?;
    ///     // Shown once: what is kept is its digest.
    ///     println!("the secret of app is {text}");
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// See [`AdministrationError`].
    pub async fn create_client(
        &self,
        client: Client,
    ) -> Result<RegisteredClient, AdministrationError> {
        let core = self.core();
        client.check()?;
        if core.clients.client(&client.id).await?.is_some() {
            return Err(AdministrationError::Exists);
        }
        let epoch = u32::from_be_bytes(random(&*core.entropy)?);
        let client = Client { epoch, unused: None, ..client };
        let registered = RegisteredClient::new(client, core.clock.now());
        if record::create(core, &registered).await? {
            Ok(registered)
        } else {
            Err(AdministrationError::Exists)
        }
    }

    /// A client of the store.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub async fn registered_client(
        &self,
        id: &ClientId,
    ) -> Result<Option<RegisteredClient>, InternalError> {
        Ok(record::find(self.core(), id).await?.map(|found| found.body))
    }

    /// The clients of the store, at most `limit` at once. A page may hold fewer than that, and there may
    /// still be a next one. A record that cannot be read is named, and keeps nobody from the others.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub async fn registered_clients(
        &self,
        after: Option<&Cursor>,
        limit: u32,
    ) -> Result<RegisteredClients, InternalError> {
        let core = self.core();
        let label = record::label(&core.config.issuer);
        let listing = core.store.list(Kind::Client, &label, after, limit).await?;
        let mut page = RegisteredClients { next: listing.next, ..RegisteredClients::default() };
        for key in &listing.keys {
            match record::read(core, key).await? {
                Some(Ok(client)) => page.clients.push(client),
                Some(Err(unreadable)) => page.unreadable.push(unreadable),
                None => {}
            }
        }
        Ok(page)
    }

    /// Changes a client of the store: what it has registered, whether it is enabled, who owns it. What
    /// the change leaves is checked whole, and written in one step; if somebody else was faster, the
    /// change is made anew on what they left. The identifier stays.
    ///
    /// Raise the [`epoch`](Client::epoch) to end every grant that the client holds, and what people have agreed to.
    /// An update that changes nothing seals its secrets anew, with the first storage secret;
    /// [`guide::keys`](crate::guide::keys#client-secrets-as-keys) has a walk over all clients.
    ///
    /// # Security
    ///
    /// A client that [manages itself](RegisteredClient::manages_itself) can change its redirect URIs: people had better be
    /// asked for consent, so leave [`first_party`](Client::first_party) alone.
    ///
    /// # Errors
    ///
    /// See [`AdministrationError`].
    pub async fn update_client(
        &self,
        id: &ClientId,
        mut change: impl FnMut(&mut Client) + Send,
    ) -> Result<RegisteredClient, AdministrationError> {
        self.core()
            .change(id, |registered| {
                change(&mut registered.client);
                registered.client.id = id.clone();
            })
            .await
    }

    /// Deletes a client of the store. Its grants and tokens end with it: they stand on it.
    ///
    /// # Errors
    ///
    /// [`AdministrationError::Unknown`], or the store failed.
    pub async fn delete_client(&self, id: &ClientId) -> Result<(), AdministrationError> {
        let core = self.core();
        for _ in 0..ATTEMPTS {
            let before = record::find(core, id).await?.ok_or(AdministrationError::Unknown)?;
            if record::remove(core, &before).await? {
                return Ok(());
            }
        }
        Err(Reason::StoreFailed.into())
    }

    /// Gives a client of the store a new secret, and answers it: it cannot be seen again. Those that it
    /// had are good for this much longer, at most for as long as they were to be.
    ///
    /// # Errors
    ///
    /// See [`AdministrationError`]; a public client gets no secret.
    pub async fn rotate_client_secret(
        &self,
        id: &ClientId,
        overlap: Duration,
    ) -> Result<String, AdministrationError> {
        let core = self.core();
        let ends = core.clock.now() + overlap.max(Duration::ZERO);
        // Both forms of one text: which one is needed, the client tells.
        let (text, kept) = secret::generate(core, true)?;
        let changed = core.change(id, |registered| {
            let client = &mut registered.client;
            let is_key = client.metadata.symmetric_uses().next().is_some();
            let fresh = if is_key { kept.clone() } else { ClientSecret::new(&text) };
            let former = client.secrets.drain(..).map(|former| {
                let ends = former.expires().map_or(ends, |expires| expires.min(ends));
                former.until(ends)
            });
            let living: Vec<_> = former.filter(|former| former.lives(core.clock.now())).collect();
            client.secrets = [fresh].into_iter().chain(living).take(MOST_SECRETS).collect();
        });
        changed.await.map(|_| text)
    }

    /// Gives a client of the store a new registration access token, by which it manages its own
    /// registration, and ends the one before; answers it, as it cannot be seen again.
    ///
    /// # Errors
    ///
    /// See [`AdministrationError`].
    pub async fn rotate_registration_token(
        &self,
        id: &ClientId,
    ) -> Result<String, AdministrationError> {
        let core = self.core();
        let token = Handle::random(HandleKind::Registration, &*core.entropy)?;
        core.change(id, |registered| registered.manage_by(token.whole_digest())).await?;
        Ok(token.encode())
    }

    /// A fresh secret for a client of the host's making, and its text, to be shown once: 384 random bits
    /// in 64 characters.
    ///
    /// # Errors
    ///
    /// The source of randomness failed.
    pub fn new_secret(&self) -> Result<(ClientSecret, String), InternalError> {
        let (text, _) = secret::generate(self.core(), false)?;
        Ok((ClientSecret::new(&text), text))
    }

    /// Makes an initial access token, with which clients register themselves
    /// ([RFC 7591 §1.2]).
    ///
    /// # Errors
    ///
    /// The store or the source of randomness failed.
    ///
    /// [RFC 7591 §1.2]: https://www.rfc-editor.org/rfc/rfc7591#section-1.2
    pub async fn issue_initial_access(
        &self,
        access: &InitialAccess,
    ) -> Result<String, InternalError> {
        Ok(registration::issue(self.core(), access).await?)
    }

    /// Ends an initial access token, and answers whether it was good until now. The clients that it has
    /// registered stay.
    ///
    /// # Errors
    ///
    /// The store failed; it may still be good.
    pub async fn withdraw_initial_access(&self, token: &str) -> Result<bool, InternalError> {
        Ok(registration::withdraw(self.core(), token).await?)
    }
}

impl Core {
    async fn change(
        &self,
        id: &ClientId,
        mut change: impl FnMut(&mut RegisteredClient) + Send,
    ) -> Result<RegisteredClient, AdministrationError> {
        for _ in 0..ATTEMPTS {
            let before = record::find(self, id).await?.ok_or(AdministrationError::Unknown)?;
            let mut after = before.body.clone();
            change(&mut after);
            after.client.check()?;
            if record::replace(self, &before, &after).await? {
                return Ok(after);
            }
        }
        Err(Reason::StoreFailed.into())
    }
}
