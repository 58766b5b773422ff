//! Straight lines through the samples of a window, and smoothing that follows their trend.

use super::mean::Sum;
use super::number::{count, seconds};
use super::window::Window;
use crate::promql::Millis;
use crate::promql::engine::Semantics;

/// The slope per second.
pub(in crate::promql) fn deriv(window: &Window<'_>) -> Option<f64> {
    // Times are taken relative to the first sample: as Unix seconds they would lose precision when squared.
    line(window, window.first().0).map(|(slope, _)| slope)
}

/// The value so many seconds after the step, on the line through the samples.
pub(in crate::promql) fn predict_linear(window: &Window<'_>, ahead: f64) -> Option<f64> {
    line(window, window.now).map(|(slope, at_now)| slope * ahead + at_now)
}

/// Slope per second and value at `origin` of the line with the least squares; `None` for fewer than two samples.
fn line(window: &Window<'_>, origin: Millis) -> Option<(f64, f64)> {
    if window.values.len() < 2 {
        return None;
    }
    let first = window.first().1;
    #[allow(clippy::float_cmp, reason = "a line through equal values is flat without rounding errors")]
    if window.values.iter().all(|value| *value == first) {
        return Some(if first.is_infinite() { (f64::NAN, f64::NAN) } else { (0.0, first) });
    }
    let (mut xs, mut ys, mut xys, mut xxs) = (Sum::default(), Sum::default(), Sum::default(), Sum::default());
    for (at, y) in window.samples() {
        let x = seconds(at - origin);
        xs.add(x);
        ys.add(y);
        xys.add(x * y);
        xxs.add(x * x);
    }
    let n = count(window.values.len());
    // In 2.x an infinite value makes the whole line NaN.
    let total = |sum: Sum| if window.semantics == Semantics::V2 { sum.unguarded() } else { sum.value() };
    let (x, y) = (total(xs), total(ys));
    let slope = (total(xys) - x * y / n) / (total(xxs) - x * x / n);
    Some((slope, y / n - slope * x / n))
}

/// Double exponential smoothing: `holt_winters` in 2.x. The error says which factor is out of bounds.
pub(in crate::promql) fn smooth(
    window: &Window<'_>,
    level_factor: f64,
    trend_factor: f64,
) -> Result<Option<f64>, String> {
    for (factor, what) in [(level_factor, "smoothing"), (trend_factor, "trend")] {
        if !(factor > 0.0 && factor < 1.0) {
            return Err(format!("the {what} factor must lie between 0 and 1, both excluded, and is {factor}"));
        }
    }
    if window.values.len() < 2 {
        return Ok(None);
    }
    let mut level = window.values[0];
    let mut trend = window.values[1] - level;
    let mut before = level;
    for (nth, value) in window.values.iter().enumerate().skip(1) {
        if nth > 1 {
            trend = trend_factor * (level - before) + (1.0 - trend_factor) * trend;
        }
        before = level;
        level = level_factor * value + (1.0 - level_factor) * (level + trend);
    }
    Ok(Some(level))
}

#[cfg(test)]
mod tests {
    use super::super::window::tests::with_window;
    use super::*;

    #[test]
    fn a_straight_line_is_found_and_followed() {
        let values = [0.0, 20.0, 40.0, 60.0];
        assert_eq!(with_window(&values, 0, deriv), Some(2.0));
        let ahead = with_window(&values, 0, |window| predict_linear(window, 30.0)).unwrap();
        assert!((ahead - 120.0).abs() < 1e-9);
        assert!((with_window(&values, 0, |window| smooth(window, 0.5, 0.5)).unwrap().unwrap() - 60.0).abs() < 1e-9);
    }

    #[test]
    fn a_flat_line_has_no_slope_and_an_infinite_one_none_at_all() {
        assert_eq!(with_window(&[0.1, 0.1, 0.1], 0, deriv), Some(0.0));
        assert!(with_window(&[f64::INFINITY, f64::INFINITY], 0, deriv).unwrap().is_nan());
        assert_eq!(with_window(&[1.0], 0, deriv), None);
    }

    #[test]
    fn smoothing_factors_have_bounds() {
        for (level, trend) in [(0.0, 0.5), (0.5, 1.0), (f64::NAN, 0.5)] {
            assert!(with_window(&[1.0, 2.0], 0, |window| smooth(window, level, trend)).is_err(), "{level} {trend}");
        }
    }
}
