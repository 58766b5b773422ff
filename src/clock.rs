//! Time as an argument: a moment is read once, at the edge, and handed down, so that decisions can be replayed and tested.

use std::time::{Duration, SystemTime};

/// One reading of the clocks, shared by everything that happens in one tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// `CLOCK_BOOTTIME`: time since boot, suspend included. The base of process start times, leases and rates; never jumps.
    pub boot: Duration,
    /// `CLOCK_REALTIME`: for people and time stamps only; may jump.
    pub wall: SystemTime,
}

impl Moment {
    /// How long ago `earlier` (time since boot) was; zero if it lies ahead.
    pub fn since(&self, earlier: Duration) -> Duration {
        self.boot.saturating_sub(earlier)
    }

    /// Milliseconds since boot, as records have it.
    pub fn boot_ms(&self) -> u64 {
        u64::try_from(self.boot.as_millis()).unwrap_or(u64::MAX)
    }

    /// Milliseconds since the epoch, the time stamp of samples; a clock that was never set stands at its beginning.
    pub fn stamp(&self) -> i64 {
        let since = self.wall.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    }
}
