//! What is not for a request to do: housekeeping, and the deliveries that a sign-out leaves behind.

use crate::{
    error::{Failure, InternalError, Reason},
    logout,
    provider::Provider,
};

impl Provider {
    /// Does what is not for a request to do, and answers how much that was: call it every minute or so, and
    /// whenever [`work_waiting`](Self::work_waiting) says so, on every node.
    ///
    /// * It has the signer [follow](crate::Signer::follow) what other nodes have changed.
    /// * It tells clients of sessions that have ended, of at most `limit` sessions
    ///   ([OIDC Back-Channel Logout §2.5]): a session is told of by one node at a time, sixteen clients at once, and
    ///   who could not be told is told later, for a day at most. What a node had under way when it died is sent again.
    /// * It has the store forget at most `limit` records that nobody needs any more.
    ///
    /// # Errors
    ///
    /// The first fault of the store, the signer or the host; what it kept from being done will be done another
    /// time. One does not keep the others from their work. That a client could not be told is none: the
    /// [`Observer`](crate::Observer) hears of it.
    ///
    /// [OIDC Back-Channel Logout §2.5]: https://openid.net/specs/openid-connect-backchannel-1_0.html#BCRequest
    pub async fn work(&self, limit: u32) -> Result<u32, InternalError> {
        let core = self.core();
        let followed = core.signer.follow(core.clock.now()).await;
        let told = logout::deliver(core, limit).await;
        let purged = core.store.purge(core.clock.now(), limit).await;
        followed
            .map_err(|error| Failure { reason: Reason::SignerFailed, ..Failure::from(error) })?;
        told.fault.map_or(Ok(()), Err)?;
        Ok(told.done.saturating_add(purged?))
    }

    /// Waits until this node has made work that should not wait for the next minute: somebody has signed out, and
    /// their clients are to be told. One who waits is enough.
    ///
    /// ```no_run
    /// # async fn keep_house(provider: oidc_op::Provider) {
    /// let mut minute = tokio::time::interval(std::time::Duration::from_secs(60));
    /// loop {
    ///     tokio::select! {
    ///         _ = minute.tick() => {}
    ///         () = provider.work_waiting() => {}
    ///     }
    ///     if let Err(error) = provider.work(1_000).await {
    ///         eprintln!("{error}"); // it is made good another time
    ///     }
    /// }
    /// # }
    /// ```
    pub async fn work_waiting(&self) {
        self.core().waiting.sleep().await;
    }
}
