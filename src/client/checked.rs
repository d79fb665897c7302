use std::fmt;

use time::Duration;

use super::{
    AdministrationError, Client, ClientSecret, RegisteredClient,
    record::{self, ATTEMPTS, ClientEntry},
    secret::{self, MOST_SECRETS},
};
use crate::{
    error::{InternalError, Reason},
    provider::Core,
    secret::{Handle, HandleKind},
    store::Loaded,
    types::{ClientId, Timestamp},
};

/// A client of the store that is changed only if a check passes on the very state that is written over:
/// whose it is, say, or whether it is still as somebody has seen it. Made by
/// [`Provider::checked_client`](crate::Provider::checked_client).
///
/// If somebody else was faster, the check is asked anew on what they left. What it refuses is not written.
#[must_use = "nothing has happened yet"]
pub struct CheckedClient<'p, C> {
    core: &'p Core,
    id: &'p ClientId,
    check: C,
}

impl<'p, C> CheckedClient<'p, C> {
    pub(super) fn new(core: &'p Core, id: &'p ClientId, check: C) -> Self {
        Self { core, id, check }
    }
}

impl<C, E> CheckedClient<'_, C>
where
    C: FnMut(&RegisteredClient) -> Result<(), E> + Send,
    E: From<AdministrationError>,
{
    /// As [`Provider::update_client`](crate::Provider::update_client), for a change that may itself refuse,
    /// and says something of what it has done: of the state that was written.
    ///
    /// # Errors
    ///
    /// What the check or the change has said, or an [`AdministrationError`]; nothing is written then, unless the
    /// store itself does not know.
    pub async fn update<T>(
        self,
        mut change: impl FnMut(&mut Client) -> Result<T, E> + Send,
    ) -> Result<(RegisteredClient, T), E> {
        let id = self.id;
        self.change(|entry| {
            let said = change(&mut entry.client)?;
            entry.client.id = id.clone();
            Ok(said)
        })
        .await
    }

    /// As [`Provider::delete_client`](crate::Provider::delete_client).
    ///
    /// # Errors
    ///
    /// What the check has said, or an [`AdministrationError`].
    pub async fn delete(mut self) -> Result<(), E> {
        for _ in 0..ATTEMPTS {
            let before = self.checked().await?;
            if record::remove(self.core, &before).await.map_err(failed)? {
                return Ok(());
            }
        }
        Err(failed(Reason::StoreFailed))
    }

    /// As [`Provider::rotate_client_secret`](crate::Provider::rotate_client_secret); answers the client as well,
    /// which tells when the secret [expires](ClientSecret::expires).
    ///
    /// # Errors
    ///
    /// What the check has said, or an [`AdministrationError`].
    pub async fn rotate_secret(self, overlap: Duration) -> Result<(RegisteredClient, String), E> {
        let core = self.core;
        let now = core.clock.now();
        let lifetime = core.config.registration.as_ref().and_then(|rules| rules.secret_lifetime);
        // Both forms of one text: which one is needed, the client tells.
        let (text, kept) = secret::generate(core, true).map_err(failed)?;
        let digest = ClientSecret::new(&text);
        let change = |entry: &mut ClientEntry| {
            let is_key = entry.client.metadata.symmetric_uses().next().is_some();
            let fresh = if is_key { kept.clone() } else { digest.clone() };
            // Who does not manage itself could not get another one.
            let fresh = match lifetime.filter(|_| entry.management.is_some()) {
                Some(lifetime) => fresh.until(now + lifetime),
                None => fresh,
            };
            succeed(&mut entry.client, fresh, now, overlap.max(Duration::ZERO));
            Ok(())
        };
        let (registered, ()) = self.change(change).await?;
        Ok((registered, text))
    }

    /// As [`Provider::rotate_registration_token`](crate::Provider::rotate_registration_token); answers the client
    /// as well.
    ///
    /// # Errors
    ///
    /// What the check has said, or an [`AdministrationError`].
    pub async fn rotate_registration_token(self) -> Result<(RegisteredClient, String), E> {
        let token =
            Handle::random(HandleKind::Registration, &*self.core.entropy).map_err(failed)?;
        let change = |entry: &mut ClientEntry| {
            entry.manage_by(token.whole_digest());
            Ok(())
        };
        let (registered, ()) = self.change(change).await?;
        Ok((registered, token.encode()))
    }

    async fn change<T>(
        mut self,
        mut change: impl FnMut(&mut ClientEntry) -> Result<T, E> + Send,
    ) -> Result<(RegisteredClient, T), E> {
        for _ in 0..ATTEMPTS {
            let before = self.checked().await?;
            let mut after = before.body.clone();
            let said = change(&mut after)?;
            after.client.check().map_err(AdministrationError::from)?;
            let written = record::replace(self.core, &before, &after).await.map_err(failed)?;
            if let Some(written) = written {
                return Ok((written, said));
            }
        }
        Err(failed(Reason::StoreFailed))
    }

    /// The client as it is now, on which the check has passed.
    async fn checked(&mut self) -> Result<Loaded<ClientEntry>, E> {
        let found = record::find(self.core, self.id).await.map_err(failed)?;
        let found = found.ok_or(AdministrationError::Unknown)?;
        (self.check)(&found.clone().into())?;
        Ok(found)
    }
}

impl<C> fmt::Debug for CheckedClient<'_, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CheckedClient").field("id", self.id).finish_non_exhaustive()
    }
}

/// A new secret before those that are good for this much longer, at most.
fn succeed(client: &mut Client, fresh: ClientSecret, now: Timestamp, overlap: Duration) {
    let ends = now + overlap;
    let former = client.secrets.drain(..).map(|former| {
        let ends = former.expires().map_or(ends, |expires| expires.min(ends));
        former.until(ends)
    });
    let living: Vec<_> = former.filter(|former| former.lives(now)).collect();
    client.secrets = [fresh].into_iter().chain(living).take(MOST_SECRETS).collect();
}

fn failed<E: From<AdministrationError>>(failure: impl Into<InternalError>) -> E {
    AdministrationError::Internal(failure.into()).into()
}
