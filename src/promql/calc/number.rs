//! Passing between whole numbers, time and floats: the casts, each with its bound, in one place.

use crate::promql::Millis;

/// Exact up to 2^53, which as milliseconds lies 285,000 years ahead.
#[allow(
    clippy::cast_precision_loss,
    reason = "Prometheus samples are f64; whole numbers beyond 2^53 are rounded as Go rounds them"
)]
pub(in crate::promql) fn float(whole: i64) -> f64 {
    whole as f64
}

#[allow(clippy::cast_precision_loss, reason = "a count of things in memory is below 2^53")]
pub(in crate::promql) fn count(things: usize) -> f64 {
    things as f64
}

pub(in crate::promql) fn seconds(time: Millis) -> f64 {
    float(time) / 1000.0
}

/// Seconds as milliseconds, rounded; `None` for NaN and for what an `i64` cannot hold.
pub(in crate::promql) fn millis(seconds: f64) -> Option<Millis> {
    whole((seconds * 1000.0).round())
}

/// The whole part of a number; `None` for NaN and for what an `i64` cannot hold.
#[allow(clippy::cast_possible_truncation, reason = "the range is checked first")]
pub(in crate::promql) fn whole(number: f64) -> Option<i64> {
    const BOUND: f64 = 9_223_372_036_854_775_808.0;
    (-BOUND..BOUND).contains(&number).then_some(number as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_become_the_nearest_millisecond_or_nothing() {
        assert_eq!(millis(1.2344), Some(1234));
        assert_eq!(millis(-0.0016), Some(-2));
        assert_eq!(millis(f64::NAN), None);
        assert_eq!(millis(f64::INFINITY), None);
        assert_eq!(millis(1e16), None);
    }
}
