//! Who may read the history now: a few at a time, each on a blocking thread and until its deadline, so that a dashboard
//! takes neither the servers' thread nor all cores and memory from the plots.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::form::Parameters;
use super::reply::{ApiError, ErrorType, Outcome};
use super::time;
use crate::http::site::Site;
use crate::promql::{Stop, StopReason};

/// The longest that anything may take, waiting for its turn included.
pub(in crate::http) const LONGEST: Duration = Duration::from_secs(30);

const AT_ONCE: usize = 2;

/// The turns that are free.
#[derive(Debug, Clone)]
pub(in crate::http) struct Turns(Arc<Semaphore>);

impl Default for Turns {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE)))
    }
}

/// The time that the client is willing to wait: its `timeout`, at most 30 s.
pub(super) fn patience(parameters: &Parameters) -> Result<Duration, ApiError> {
    let Some(millis) = time::length(parameters, "timeout")? else { return Ok(LONGEST) };
    let millis = u64::try_from(millis).map_err(|_| ApiError::parameter("timeout", "it is negative"))?;
    Ok(Duration::from_millis(millis).min(LONGEST))
}

/// Does `work` when it is its turn. Whoever does not wait for the answer any more stops it.
pub(super) async fn take(
    site: &Site,
    patience: Duration,
    work: impl FnOnce(Stop<'_>) -> Outcome + Send + 'static,
) -> Outcome {
    let deadline = (site.clock)().boot + patience;
    let too_late = |_| ApiError::new(ErrorType::Timeout, "the query was stopped: it did not get its turn in time");
    let turn = timeout(patience, Arc::clone(&site.turns.0).acquire_owned()).await.map_err(too_late)?;
    let abandoned = Abandoned::default();
    let (given_up, clock) = (Arc::clone(&abandoned.0), Arc::clone(&site.clock));
    let task = spawn_blocking(move || {
        let _turn = turn;
        work(&|| {
            if given_up.load(Ordering::Relaxed) {
                return Some(StopReason::Cancelled);
            }
            (clock().boot >= deadline).then_some(StopReason::TimeLimit)
        })
    });
    let failed = |error| ApiError::new(ErrorType::Internal, format!("the query could not be carried out: {error}"));
    task.await.map_err(failed)?
}

/// Set when nobody waits any more: the connection has gone, and with it whoever awaited the answer.
#[derive(Default)]
struct Abandoned(Arc<AtomicBool>);

impl Drop for Abandoned {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
