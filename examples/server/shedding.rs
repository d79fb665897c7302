//! How many requests are served at once. One more is told to come again, at once, while those that are under
//! way are served as usual: else all would be slow together, until everybody gives up.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::StatusCode,
    middleware::Next,
    response::{IntoResponse, Response},
};
use tokio::sync::Semaphore;

/// Where a balancer asks whether the server lives: it does, however busy it is.
pub(crate) const HEALTH: &str = "/health";

/// Room for the requests that may be under way.
#[derive(Clone, Debug)]
pub(crate) struct Room(Arc<Semaphore>);

impl Room {
    pub(crate) fn of(requests: u32) -> Self {
        let requests = usize::try_from(requests).unwrap_or(usize::MAX);
        Self(Arc::new(Semaphore::new(requests.min(Semaphore::MAX_PERMITS))))
    }
}

/// Lets a request pass if there is room for it until it is answered.
pub(crate) async fn shed(State(room): State<Room>, request: Request, next: Next) -> Response {
    if request.uri().path() == HEALTH {
        return next.run(request).await;
    }
    // Dressed like every other 503, with `Retry-After`.
    let Ok(_place) = room.0.try_acquire() else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    next.run(request).await
}
