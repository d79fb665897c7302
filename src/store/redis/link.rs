//! The connection to the server.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use redis::{AsyncConnectionConfig, RedisResult, aio::MultiplexedConnection};
use tokio::{sync::watch, time::timeout};

use super::{
    RedisError,
    connect::{Carrier, Way},
    fault,
    scripts::Scripts,
    server::Demands,
};
use crate::store::{StoreError, bounded::Until, sharded::lock};

/// The connection that all calls share, and how another one takes its place.
///
/// The driver sends what it is given once and never again: there is no retry in its
/// `MultiplexedConnection::send_packed_command`, and a script is sent a second time only after `NOSCRIPT`, which says
/// that nothing was run (`ScriptInvocation::invoke_async`). A write that was repeated would meet itself and
/// be told as a conflict. Its connection manager is not used: with it, whether a connection could not be made or was
/// lost with a write on it is the same error.
pub(super) struct Link {
    way: Way,
    demands: Demands,
    /// How long a connection may take to be made.
    within: Duration,
    pub(super) scripts: Scripts,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// How many connections were made, or tried.
    tried: u64,
    present: Option<Connected>,
    making: Option<watch::Receiver<Attempt>>,
}

#[derive(Clone)]
struct Connected {
    connection: MultiplexedConnection,
    _carrier: Arc<Carrier>,
    number: u64,
    used: Instant,
}

/// What has become of an attempt to connect, once that is known.
type Attempt = Option<Result<Connected, Arc<RedisError>>>;

/// After how long without use a connection is tried before anything is sent on it.
const IDLE: Duration = Duration::from_secs(1);
/// How many requests may wait to be sent.
const WAITING: usize = 1024;

impl Link {
    pub(super) fn new(way: Way, demands: Demands, within: Duration) -> Self {
        Self { way, demands, within, scripts: Scripts::new(), state: Mutex::default() }
    }

    /// Asks the server, on a connection that is made if there is none.
    pub(super) async fn ask<T, F>(
        self: &Arc<Self>,
        until: Until,
        request: impl FnOnce(MultiplexedConnection) -> F + Send,
    ) -> Result<T, StoreError>
    where
        F: Future<Output = RedisResult<T>> + Send,
    {
        let connected = until.unsent(self.connected()).await?;
        match until.sent(request(connected.connection.clone())).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => {
                if fault::ends_connection(&error) {
                    self.leave(connected.number);
                }
                Err(fault::judge(error))
            }
            Err(late) => {
                self.leave(connected.number);
                Err(late)
            }
        }
    }

    /// Makes the first connection.
    pub(super) async fn open(&self) -> Result<(), RedisError> {
        let connected = self.connect(0).await?;
        lock(&self.state).present = Some(connected);
        Ok(())
    }

    /// A connection to a server that will do.
    async fn connected(self: &Arc<Self>) -> Result<Connected, Arc<RedisError>> {
        if let Some(mut present) = self.present() {
            let idle = present.used.elapsed() > IDLE;
            // What was closed meanwhile would lose the request, and nobody could tell whether it was sent.
            if !idle || self.answers(&mut present.connection).await {
                self.touch(present.number);
                return Ok(present);
            }
            self.leave(present.number);
        }
        let mut making = self.making();
        let made = making.wait_for(Option::is_some).await;
        // It ends without a word if it panicked, or the runtime has ended.
        made.ok().and_then(|made| made.clone()).unwrap_or_else(|| Err(RedisError::Late.into()))
    }

    /// Whether there is still somebody at the other end. Who is gone without a word never says so: to wait for
    /// that takes a part of the time that a call has, and leaves the rest for another connection.
    async fn answers(&self, connection: &mut MultiplexedConnection) -> bool {
        let ping = redis::cmd("PING");
        let ping = timeout(self.within / 3, ping.exec_async(connection)).await;
        ping.is_ok_and(|ping| ping.is_ok())
    }

    /// The attempt to connect that is under way; it begins if there is none. It is a task of its own with all of its
    /// time: one that lasted no longer than whoever began it would never come to its end where many wait.
    fn making(self: &Arc<Self>) -> watch::Receiver<Attempt> {
        let mut state = lock(&self.state);
        if let Some(present) = &state.present {
            return watch::channel(Some(Ok(present.clone()))).1;
        }
        // One whose task has ended without a word is over.
        if let Some(making) = state.making.as_ref().filter(|making| making.has_changed().is_ok()) {
            return making.clone();
        }
        let (tell, told) = watch::channel(None);
        state.tried += 1;
        state.making = Some(told.clone());
        let (link, number) = (Arc::clone(self), state.tried);
        drop(state);
        tokio::spawn(async move {
            let made = timeout(link.within, link.connect(number)).await;
            let made = made.unwrap_or(Err(RedisError::Late)).map_err(Arc::new);
            let mut state = lock(&link.state);
            state.making = None;
            state.present = made.as_ref().ok().cloned();
            drop(state);
            tell.send_replace(Some(made));
        });
        told
    }

    async fn connect(&self, number: u64) -> Result<Connected, RedisError> {
        // Whoever calls this bounds its time.
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(None)
            .set_response_timeout(None)
            .set_pipeline_buffer_size(WAITING);
        let made = self.way.connect(config).await.map_err(RedisError::of_connecting)?;
        let (mut connection, carrier) = made;
        self.demands.check(&mut connection).await?;
        self.scripts.load(&mut connection).await.map_err(RedisError::of_connecting)?;
        Ok(Connected { connection, _carrier: carrier.into(), number, used: Instant::now() })
    }

    fn present(&self) -> Option<Connected> {
        lock(&self.state).present.clone()
    }

    fn touch(&self, number: u64) {
        if let Some(present) = lock(&self.state).present.as_mut().filter(|c| c.number == number) {
            present.used = Instant::now();
        }
    }

    /// Those who still wait for an answer on it go on waiting; nobody new does.
    fn leave(&self, number: u64) {
        lock(&self.state).present.take_if(|present| present.number == number);
    }
}
