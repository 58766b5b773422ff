//! Until when a record stands: every change of ours is a lease, renewed as long as somebody wants it and put back by the guard
//! when nobody renews it any more, however well the main process seems to be.
//!
//! A lease is much longer than a tick and renewed once half of it is gone, so that holding on costs no write per tick.

use std::time::Duration;

use super::record::Record;
use crate::claim::KnobKind;

/// How long a change stands without anybody renewing it.
const LEASE: Duration = Duration::from_mins(5);
/// As `LEASE`, of a pause: a job that nobody means to hold back any more loses time.
const PAUSE_LEASE: Duration = Duration::from_secs(20);
/// No pause is longer, whoever wants it and however often it is renewed.
pub const LONGEST_PAUSE: Duration = Duration::from_hours(24);

/// How soon a record needs another deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    Now,
    Soon,
    NotYet,
}

/// The deadline of what is held since `since_ms` and renewed now; all in milliseconds since boot.
pub fn until_ms(knob: KnobKind, since_ms: u64, now_ms: u64) -> u64 {
    let until = now_ms.saturating_add(milliseconds(length(knob)));
    if knob == KnobKind::Pause { until.min(since_ms.saturating_add(milliseconds(LONGEST_PAUSE))) } else { until }
}

/// Whether the record has to be renewed at `now_ms`.
pub fn need(record: &Record, now_ms: u64) -> Need {
    let (left, length) = (record.until_ms.saturating_sub(now_ms), milliseconds(length(record.knob)));
    if until_ms(record.knob, record.since_ms, now_ms) <= record.until_ms {
        Need::NotYet
    } else if left < length / 4 {
        Need::Now
    } else if left < length / 2 {
        Need::Soon
    } else {
        Need::NotYet
    }
}

/// Whether it is a pause that has lasted for as long as any may.
pub fn is_worn_out(record: &Record, now_ms: u64) -> bool {
    record.knob == KnobKind::Pause && now_ms.saturating_sub(record.since_ms) >= milliseconds(LONGEST_PAUSE)
}

fn length(knob: KnobKind) -> Duration {
    if knob == KnobKind::Pause { PAUSE_LEASE } else { LEASE }
}

fn milliseconds(length: Duration) -> u64 {
    u64::try_from(length.as_millis()).unwrap_or(u64::MAX)
}
