//! A client of the store that somebody wants to change.

use oidc_op::{CheckedClient, Client, ClientId, RegisteredClient};

use super::view;
use crate::{
    App,
    layers::Received,
    manage::{access::Caller, address::Named, answer::Problem},
};

/// Which client, and who wants what of it. That there is one says nothing of what it will be when it is
/// changed: [`checked`](Self::checked) asks then.
pub(super) struct Stored<'r> {
    app: &'r App,
    received: &'r Received,
    pub(super) caller: Caller,
    id: ClientId,
}

impl App {
    /// Lets somebody pass who may change a client of the store, if there is one of this name for them.
    pub(super) async fn admit_to<'r>(
        &'r self,
        received: &'r Received,
        Named(id): &Named,
    ) -> Result<Stored<'r>, Problem> {
        let caller = self.admit(received, "clients:write").await?;
        let found = self.find(&caller, id).await?;
        let text = "the client stands in the configuration, and is changed there";
        let id = found.registered.ok_or_else(|| Problem::conflict(text))?.client.id;
        Ok(Stored { app: self, received, caller, id })
    }
}

impl Stored<'_> {
    /// The client, to be changed if the caller reaches it, if it is as the sender has seen it, and if this holds:
    /// of the very state that is written over.
    pub(super) fn checked(
        &self,
        holds: impl Fn(&Client) -> Result<(), Problem> + Send,
    ) -> CheckedClient<'_, impl FnMut(&RegisteredClient) -> Result<(), Problem> + Send> {
        self.app.provider.checked_client(&self.id, move |registered| {
            if !self.caller.reaches(&registered.client) {
                return Err(Problem::not_found());
            }
            view::unchanged(self.received, registered)?;
            holds(&registered.client)
        })
    }

    /// Changes it in one step, and hands on what the change has said. What the change refuses is not written.
    pub(super) async fn change<T: Send>(
        &self,
        change: impl Fn(&Client) -> Result<(Client, T), Problem> + Send,
    ) -> Result<(RegisteredClient, T), Problem> {
        let change = move |client: &mut Client| {
            let (after, said) = change(client)?;
            *client = after;
            Ok(said)
        };
        self.checked(|_| Ok(())).update(change).await
    }
}
