//! How fast something grows: counters with their resets, and extrapolation to the bounds of the window.

use super::number::{count, seconds};
use super::window::Window;
use crate::promql::engine::Semantics;

pub(in crate::promql) fn rate(window: &Window<'_>) -> Option<f64> {
    extrapolated(window, true, window.range_seconds())
}

pub(in crate::promql) fn increase(window: &Window<'_>) -> Option<f64> {
    extrapolated(window, true, 1.0)
}

pub(in crate::promql) fn delta(window: &Window<'_>) -> Option<f64> {
    extrapolated(window, false, 1.0)
}

/// The growth per second between the last two samples; a drop is a reset to 0.
pub(in crate::promql) fn irate(window: &Window<'_>) -> Option<f64> {
    let (before, last, apart) = last_two(window)?;
    Some(if last < before { last } else { last - before } / apart)
}

/// The difference of the last two samples.
pub(in crate::promql) fn idelta(window: &Window<'_>) -> Option<f64> {
    last_two(window).map(|(before, last, _)| last - before)
}

/// The last two values and the seconds between them.
fn last_two(window: &Window<'_>) -> Option<(f64, f64, f64)> {
    let nth = window.values.len().checked_sub(2)?;
    let apart = window.stamps[nth + 1] - window.stamps[nth];
    (apart != 0).then(|| (window.values[nth], window.values[nth + 1], seconds(apart)))
}

/// The growth between the first and the last sample, stretched to the bounds of the window where the samples come near them;
/// per `unit` seconds.
fn extrapolated(window: &Window<'_>, counter: bool, unit: f64) -> Option<f64> {
    let length = window.values.len();
    if length < 2 {
        return None;
    }
    let ((first_at, first), (last_at, last)) = (window.first(), window.last());
    let growth = if counter { window.before_resets().fold(last - first, |sum, lost| sum + lost) } else { last - first };
    let sampled = seconds(last_at - first_at);
    let apart = sampled / count(length - 1);
    // Farther away than this, the series is taken to begin or end inside the window.
    let near = apart * 1.1;
    let stretch = |distance: f64| if distance < near { distance } else { apart / 2.0 };
    // A counter cannot have been below zero: going back at the same slope, it stops there.
    let to_zero = if counter && growth > 0.0 && first >= 0.0 { sampled * (first / growth) } else { f64::INFINITY };
    let to_start = seconds(first_at - window.start);
    let before = match window.semantics {
        Semantics::V2 => stretch(if to_zero < to_start { to_zero } else { to_start }),
        Semantics::V3 => stretch(to_start).min(to_zero),
    };
    let after = stretch(seconds(window.end - last_at));
    // Multiplied and divided in the order of Prometheus, so that not even the last bit differs.
    Some(growth * ((sampled + before + after) / sampled / unit))
}

#[cfg(test)]
#[allow(clippy::float_cmp, reason = "exact results are the point")]
mod tests {
    use super::super::window::tests::with_window;
    use super::*;

    #[test]
    fn a_reset_counts_what_came_after_it() {
        assert_eq!(with_window(&[10.0, 20.0, 5.0, 15.0], 0, increase), Some(25.0));
        assert_eq!(with_window(&[10.0, 20.0, 5.0, 15.0], 0, delta), Some(5.0));
        assert_eq!(with_window(&[10.0, 4.0], 0, irate), Some(0.4));
        assert_eq!(with_window(&[10.0, 4.0], 0, idelta), Some(-6.0));
    }

    #[test]
    fn stretches_to_a_near_bound_and_half_an_interval_to_a_far_one() {
        assert_eq!(with_window(&[100.0, 110.0, 120.0], 10_000, increase), Some(30.0));
        assert_eq!(with_window(&[100.0, 110.0, 120.0], 60_000, increase), Some(25.0));
    }

    #[test]
    fn never_stretches_a_counter_below_zero() {
        assert_eq!(with_window(&[5.0, 15.0, 25.0], 10_000, increase), Some(25.0));
        // 2.x asks for zero before it asks whether the bound is far, 3.x after.
        let far =
            |semantics| with_window(&[6.0, 16.0, 26.0], 60_000, |window| increase(&Window { semantics, ..*window }));
        assert_eq!(far(Semantics::V2), Some(26.0));
        assert_eq!(far(Semantics::V3), Some(25.0));
    }

    #[test]
    fn one_sample_has_no_rate() {
        assert_eq!(with_window(&[5.0], 10_000, rate), None);
        assert_eq!(with_window(&[5.0], 10_000, irate), None);
    }
}
