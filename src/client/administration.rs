//! What a host does with clients while the provider runs: those that are kept in the store, whoever
//! made them.

use super::{
    Client, ClientSecret, RegisteredClient,
    record::{self, ClientEntry, UnreadableClient},
    registration::{self, InitialAccess},
    secret,
};
use crate::{
    client::{CheckedClient, InvalidMetadata, Misfit, fit},
    error::InternalError,
    provider::Provider,
    secret::random,
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
    /// An initial access token with which nobody could ever register.
    #[error("an initial access token needs at least one use, and a lifetime")]
    Useless,
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
        let entry = ClientEntry::new(client, core.clock.now());
        record::create(core, &entry).await?.ok_or(AdministrationError::Exists)
    }

    /// Everything of a client that could never work at this provider as it is now, such as an algorithm
    /// without a key; nothing, if all is well. A client that registers itself is refused for it.
    /// [`create_client`](Self::create_client) and its like are not: a host may know what is to come. One that
    /// lets others administer clients asks here first.
    pub fn misfits(&self, client: &Client) -> Vec<Misfit> {
        let core = self.core();
        fit::misfits(core, client, core.clock.now())
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
        Ok(record::find(self.core(), id).await?.map(Into::into))
    }

    /// The clients of the store, at most `limit` at once. A page may hold fewer than that, and there may
    /// still be a next one. A record that cannot be read is named, and keeps nobody from the others.
    ///
    /// # Errors
    ///
    /// [`Reason::CursorUnfit`](crate::Reason::CursorUnfit) if `after` is no cursor of the store; or the store
    /// failed.
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
        let change = |client: &mut Client| {
            change(client);
            Ok(())
        };
        self.unchecked_client(id).update(change).await.map(|(registered, ())| registered)
    }

    /// A client of the store, to be changed, deleted, or given a new secret only if this check passes on the
    /// very state that is written over. For hosts that let others administer clients: to ask before with
    /// [`registered_client`](Self::registered_client) is not enough, as the client may be somebody else's by
    /// the time it is changed.
    ///
    /// ```
    /// use oidc_op::{AdministrationError, ClientId, Provider, RegisteredClient, Subject};
    ///
    /// enum Refused {
    ///     NotYours,
    ///     Failed(AdministrationError),
    /// }
    ///
    /// impl From<AdministrationError> for Refused {
    ///     fn from(error: AdministrationError) -> Self {
    ///         Self::Failed(error)
    ///     }
    /// }
    ///
    /// async fn delete(provider: &Provider, id: &ClientId, by: &Subject) -> Result<(), Refused> {
    ///     let theirs = |registered: &RegisteredClient| {
    ///         let yes = registered.client.owner.as_ref() == Some(by);
    ///         if yes { Ok(()) } else { Err(Refused::NotYours) }
    ///     };
    ///     provider.checked_client(id, theirs).delete().await
    /// }
    /// ```
    pub fn checked_client<'p, C, E>(&'p self, id: &'p ClientId, check: C) -> CheckedClient<'p, C>
    where
        C: FnMut(&RegisteredClient) -> Result<(), E> + Send,
        E: From<AdministrationError>,
    {
        CheckedClient::new(self.core(), id, check)
    }

    /// Deletes a client of the store. Its grants and tokens end with it: they stand on it.
    ///
    /// # Errors
    ///
    /// [`AdministrationError::Unknown`], or the store failed.
    pub async fn delete_client(&self, id: &ClientId) -> Result<(), AdministrationError> {
        self.unchecked_client(id).delete().await
    }

    /// Gives a client of the store a new secret, and answers it: it cannot be seen again. Those that it
    /// had are good for this much longer, at most for as long as they were to be. The new one of a client
    /// that [manages itself](RegisteredClient::manages_itself) is good for
    /// [`Registration::secret_lifetime`](crate::Registration::secret_lifetime).
    ///
    /// # Errors
    ///
    /// See [`AdministrationError`]; a public client gets no secret.
    pub async fn rotate_client_secret(
        &self,
        id: &ClientId,
        overlap: Duration,
    ) -> Result<String, AdministrationError> {
        self.unchecked_client(id).rotate_secret(overlap).await.map(|(_, text)| text)
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
        self.unchecked_client(id).rotate_registration_token().await.map(|(_, token)| token)
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
    /// [`AdministrationError::Useless`] for one without a use or a lifetime, or the store or the source of
    /// randomness failed.
    ///
    /// [RFC 7591 §1.2]: https://www.rfc-editor.org/rfc/rfc7591#section-1.2
    pub async fn issue_initial_access(
        &self,
        access: &InitialAccess,
    ) -> Result<String, AdministrationError> {
        if !access.is_usable() {
            return Err(AdministrationError::Useless);
        }
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

    /// The same for a host that administers its clients itself.
    fn unchecked_client<'p>(
        &'p self,
        id: &'p ClientId,
    ) -> CheckedClient<'p, impl FnMut(&RegisteredClient) -> Result<(), AdministrationError> + Send>
    {
        self.checked_client(id, |_| Ok(()))
    }
}
