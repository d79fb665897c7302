//! Calls to a server elsewhere, for stores whose driver needs a runtime.

use std::time::Duration;

use tokio::{
    runtime::{Handle, TryCurrentError},
    time::{Instant, timeout_at},
};

use super::{Cause, StoreError};

/// Runs every call as a task of the runtime in which the store was opened, and bounds its time.
///
/// So the store can be asked from anywhere, as long as that runtime is running, and a call whose asker went away is carried out to its end: no
/// connection is left in the middle of an answer.
#[derive(Clone, Debug)]
pub(super) struct Bounded {
    runtime: Handle,
    within: Duration,
}

impl Bounded {
    /// In the runtime of whoever opens the store.
    pub(super) fn here(within: Duration) -> Result<Self, TryCurrentError> {
        Ok(Self { runtime: Handle::try_current()?, within })
    }

    /// Makes a call that is told until when it has to be over.
    pub(super) async fn call<T, F>(&self, call: impl FnOnce(Until) -> F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        let task = self.runtime.spawn(call(Until(Instant::now() + self.within)));
        // It ends without an answer if it panicked, or the runtime has ended.
        task.await.unwrap_or_else(|error| Err(StoreError::Unknown(error.into())))
    }
}

/// When a call has to be over.
#[derive(Clone, Copy, Debug)]
pub(super) struct Until(Instant);

impl Until {
    /// A step before anything is sent: if it fails or is late, nothing was written.
    pub(super) async fn unsent<T, E>(
        self,
        step: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, StoreError>
    where
        E: Into<Cause>,
    {
        match timeout_at(self.0, step).await {
            Ok(done) => done.map_err(|error| StoreError::Refused(error.into())),
            Err(late) => Err(StoreError::Refused(late.into())),
        }
    }

    /// A step that may be carried out although its answer is late.
    pub(super) async fn sent<T>(
        self,
        step: impl Future<Output = T> + Send,
    ) -> Result<T, StoreError> {
        timeout_at(self.0, step).await.map_err(|late| StoreError::Unknown(late.into()))
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use tokio::sync::oneshot;

    use super::*;
    use crate::store::contract::block_on;

    fn bounded(runtime: &tokio::runtime::Runtime) -> Bounded {
        let _within = runtime.enter();
        Bounded::here(Duration::from_millis(20)).unwrap()
    }

    /// The store is asked from a thread that knows nothing of the runtime.
    #[test]
    fn what_is_late_is_told_by_whether_it_was_sent() {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_time().build().unwrap();
        let bounded = bounded(&runtime);
        let late =
            block_on(bounded.call(|until| until.unsent(pending::<Result<(), std::fmt::Error>>())));
        assert!(matches!(late, Err(StoreError::Refused(_))), "{late:?}");
        let late = block_on(bounded.call(|until| until.sent(pending::<()>())));
        assert!(matches!(late, Err(StoreError::Unknown(_))), "{late:?}");
        assert_eq!(block_on(bounded.call(async |_| Ok(7))).unwrap(), 7);
    }

    #[test]
    fn what_nobody_waits_for_is_carried_out() {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_time().build().unwrap();
        let bounded = bounded(&runtime);
        let (go, gone) = oneshot::channel::<()>();
        let (tell, told) = oneshot::channel();
        let mut call = Box::pin(bounded.call(|_| async move {
            gone.await.map_err(|error| StoreError::Unknown(error.into()))?;
            tell.send("done").map_err(|_| StoreError::Unknown("nobody listens".into()))
        }));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(call.as_mut().poll(&mut context).is_pending());
        drop(call);
        go.send(()).unwrap();
        assert_eq!(block_on(told).unwrap(), "done");
    }

    #[test]
    fn a_runtime_that_ended_is_told() {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_time().build().unwrap();
        let bounded = bounded(&runtime);
        drop(runtime);
        let answer = block_on(bounded.call(async |_| Ok(())));
        assert!(matches!(answer, Err(StoreError::Unknown(_))), "{answer:?}");
    }
}
