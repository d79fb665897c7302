use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use redis::{AsyncConnectionConfig, Client, RedisResult, aio::MultiplexedConnection};

use super::{RedisError, fault, scripts::Scripts, server::Demands};
use crate::store::{StoreError, bounded::Until, sharded::lock};

/// The connection that all calls share, and how another one takes its place.
///
/// The driver sends what it is given once and never again: there is no retry in its
/// `MultiplexedConnection::send_packed_command`, and a script is sent a second time only after `NOSCRIPT`, which says
/// that nothing was run (`ScriptInvocation::invoke_async`). A write that was repeated would meet itself and
/// be told as a conflict. Its connection manager is not used: with it, whether a connection could not be made or was
/// lost with a write on it is the same error.
pub(super) struct Link {
    client: Client,
    demands: Demands,
    pub(super) scripts: Scripts,
    present: Mutex<Option<Connected>>,
    /// Held while a connection is made; how the last attempt failed.
    making: tokio::sync::Mutex<Making>,
}

#[derive(Clone)]
struct Connected {
    connection: MultiplexedConnection,
    number: u64,
    used: Instant,
}

#[derive(Default)]
struct Making {
    made: u64,
    failed: Option<(Instant, Arc<RedisError>)>,
}

/// After how long without use a connection is tried before anything is sent on it.
const IDLE: Duration = Duration::from_secs(1);
/// How many requests may wait to be sent.
const WAITING: usize = 1024;

impl Link {
    pub(super) fn new(client: Client, demands: Demands) -> Self {
        let (present, making) = (Mutex::default(), tokio::sync::Mutex::default());
        Self { client, demands, scripts: Scripts::new(), present, making }
    }

    /// Asks the server, on a connection that is made if there is none.
    pub(super) async fn ask<T, F>(
        &self,
        until: Until,
        request: impl FnOnce(MultiplexedConnection) -> F + Send,
    ) -> Result<T, StoreError>
    where
        F: Future<Output = RedisResult<T>> + Send,
    {
        let connected = until.unsent(self.connected()).await?;
        match until.sent(request(connected.connection)).await {
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
        let connection = self.connect().await?;
        *lock(&self.present) = Some(Connected { connection, number: 0, used: Instant::now() });
        Ok(())
    }

    /// A connection to a server that will do.
    async fn connected(&self) -> Result<Connected, Arc<RedisError>> {
        let asked = Instant::now();
        if let Some(mut present) = self.present() {
            let idle = asked.duration_since(present.used) > IDLE;
            // What was closed meanwhile would lose the request, and nobody could tell whether it was sent.
            if !idle || ping(&mut present.connection).await.is_ok() {
                self.touch(present.number);
                return Ok(present);
            }
            self.leave(present.number);
        }
        let mut making = self.making.lock().await;
        if let Some(present) = self.present() {
            return Ok(present);
        }
        // Who has waited for an attempt that failed does not begin one after the other.
        if let Some((at, error)) = &making.failed
            && *at >= asked
        {
            return Err(Arc::clone(error));
        }
        match self.connect().await {
            Ok(connection) => {
                making.made += 1;
                let made = Connected { connection, number: making.made, used: Instant::now() };
                *lock(&self.present) = Some(made.clone());
                Ok(made)
            }
            Err(error) => {
                let error = Arc::new(error);
                making.failed = Some((Instant::now(), Arc::clone(&error)));
                Err(error)
            }
        }
    }

    async fn connect(&self) -> Result<MultiplexedConnection, RedisError> {
        // The callers bound their time themselves.
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(None)
            .set_response_timeout(None)
            .set_pipeline_buffer_size(WAITING);
        let connection = self.client.get_multiplexed_async_connection_with_config(&config).await;
        let mut connection = connection.map_err(RedisError::of_connecting)?;
        self.demands.check(&mut connection).await?;
        self.scripts.load(&mut connection).await.map_err(RedisError::of_connecting)?;
        Ok(connection)
    }

    fn present(&self) -> Option<Connected> {
        lock(&self.present).clone()
    }

    fn touch(&self, number: u64) {
        if let Some(present) = lock(&self.present).as_mut().filter(|c| c.number == number) {
            present.used = Instant::now();
        }
    }

    /// Those who still wait for an answer on it go on waiting; nobody new does.
    fn leave(&self, number: u64) {
        lock(&self.present).take_if(|present| present.number == number);
    }
}

async fn ping(connection: &mut MultiplexedConnection) -> RedisResult<()> {
    redis::cmd("PING").exec_async(connection).await
}
