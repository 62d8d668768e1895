//! Waits for a state.
//!
//! Polls often until the state is reached or the deadline has passed, and never sleeps for a fixed time. Deadlines are
//! long, because only a failing test waits for them.

use std::time::{Duration, Instant};

/// The time between two polls.
const INTERVAL: Duration = Duration::from_millis(10);

/// The state was not reached in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the state was not reached within {0:?}")]
pub struct Elapsed(pub Duration);

/// Calls `ask` until it returns a value.
///
/// # Errors
/// It returned none within `limit`.
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
