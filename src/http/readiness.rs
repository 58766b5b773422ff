//! Whether what we would publish is true now: not before the first sample, and not once the loop has stopped turning.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Moment;
use crate::metrics::Snapshot;

/// A sample older than this is not shown as the present, unless ticks are meant to be rarer.
const STALE: Duration = Duration::from_secs(10);
/// Ticks that may be missed where ticks are rare.
const MISSED_TICKS: u32 = 3;

/// Why there is nothing true to publish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NotReady {
    NoSampleYet,
    Stalled { age: Duration },
}

/// The snapshot, if it may be published at `now`.
pub(super) fn fresh(latest: Option<Arc<Snapshot>>, now: Moment) -> Result<Arc<Snapshot>, NotReady> {
    let snapshot = latest.ok_or(NotReady::NoSampleYet)?;
    match stalled(&snapshot, now) {
        Some(why) => Err(why),
        None => Ok(snapshot),
    }
}

/// Why `snapshot` is not the present at `now`; `None` if it is.
pub(super) fn stalled(snapshot: &Snapshot, now: Moment) -> Option<NotReady> {
    let age = now.since(snapshot.world.now.boot);
    let limit = STALE.max(snapshot.own.tick_interval * MISSED_TICKS);
    (age > limit).then_some(NotReady::Stalled { age })
}

impl fmt::Display for NotReady {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSampleYet => f.write_str("not ready: the first sample has not been taken yet"),
            Self::Stalled { age } => write!(
                f,
                "not ready: the last tick was {} s ago, so its values are not shown as the present; \
                 the log says what the loop waits for",
                age.as_secs()
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::fixture;

    fn at(age: u64) -> Moment {
        let tick = fixture::now();
        Moment { boot: tick.boot + Duration::from_secs(age), ..tick }
    }

    #[test]
    fn nothing_is_true_before_the_first_sample() {
        assert_eq!(fresh(None, at(0)).unwrap_err(), NotReady::NoSampleYet);
    }

    #[test]
    fn an_old_sample_is_not_the_present() {
        let snapshot = Arc::new(fixture::snapshot(1));
        assert!(fresh(Some(Arc::clone(&snapshot)), at(10)).is_ok());
        let age = Duration::from_secs(11);
        assert_eq!(fresh(Some(snapshot), at(11)).unwrap_err(), NotReady::Stalled { age });
    }

    #[test]
    fn rare_ticks_may_be_older() {
        let mut rare = fixture::snapshot(1);
        rare.own.tick_interval = Duration::from_secs(15);
        assert!(fresh(Some(Arc::new(rare)), at(45)).is_ok());
    }
}
