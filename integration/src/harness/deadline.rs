//! Waiting for a state.
//!
//! Nothing here sleeps for a time in the hope that something has happened by then: it asks, often, until the answer is
//! there or too much time has passed. Deadlines are long, because only a failing test waits for them.

use std::time::{Duration, Instant};

/// How often a state is asked for.
const INTERVAL: Duration = Duration::from_millis(10);

/// The state was not reached in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("waited {0:?} in vain")]
pub struct Elapsed(pub Duration);

/// Asks until there is an answer.
///
/// # Errors
/// `limit` has passed without one.
pub async fn until<T>(limit: Duration, mut ask: impl AsyncFnMut() -> Option<T>) -> Result<T, Elapsed> {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return Ok(answer);
        }
        if start.elapsed() >= limit {
            return Err(Elapsed(limit));
        }
        tokio::time::sleep(INTERVAL).await;
    }
}
