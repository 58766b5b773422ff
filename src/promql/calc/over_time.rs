//! Summaries of the samples in a window.
#![allow(
    clippy::unnecessary_wraps,
    reason = "all functions over windows have one shape: some need more than one sample"
)]

use super::mean::{Mean, Spread, Sum};
use super::number::count as as_float;
use super::quantile::quantile as quantile_of;
use super::window::Window;

pub(in crate::promql) fn avg(window: &Window<'_>) -> Option<f64> {
    let mut mean = Mean::new(window.semantics);
    window.values.iter().for_each(|value| mean.add(*value));
    Some(mean.value())
}

pub(in crate::promql) fn sum(window: &Window<'_>) -> Option<f64> {
    let mut sum = Sum::default();
    window.values.iter().for_each(|value| sum.add(*value));
    Some(sum.value())
}

pub(in crate::promql) fn count(window: &Window<'_>) -> Option<f64> {
    Some(as_float(window.values.len()))
}

pub(in crate::promql) fn present(_: &Window<'_>) -> Option<f64> {
    Some(1.0)
}

/// NaN only if all values are.
pub(in crate::promql) fn min(window: &Window<'_>) -> Option<f64> {
    window.values.iter().copied().reduce(|least, value| if value < least || least.is_nan() { value } else { least })
}

/// NaN only if all values are.
pub(in crate::promql) fn max(window: &Window<'_>) -> Option<f64> {
    window.values.iter().copied().reduce(|most, value| if value > most || most.is_nan() { value } else { most })
}

pub(in crate::promql) fn stddev(window: &Window<'_>) -> Option<f64> {
    stdvar(window).map(f64::sqrt)
}

pub(in crate::promql) fn stdvar(window: &Window<'_>) -> Option<f64> {
    let mut spread = Spread::default();
    window.values.iter().for_each(|value| spread.add(*value));
    Some(spread.variance())
}

pub(in crate::promql) fn quantile(window: &Window<'_>, q: f64) -> Option<f64> {
    Some(quantile_of(q, &mut window.values.to_vec()))
}

pub(in crate::promql) fn resets(window: &Window<'_>) -> Option<f64> {
    Some(as_float(window.drops.len()))
}

/// From NaN to NaN is no change.
pub(in crate::promql) fn changes(window: &Window<'_>) -> Option<f64> {
    #[allow(clippy::float_cmp, reason = "the function asks whether the value is another one")]
    let differs = |pair: &&[f64]| pair[0] != pair[1] && !(pair[0].is_nan() && pair[1].is_nan());
    Some(as_float(window.values.windows(2).filter(differs).count()))
}

#[cfg(test)]
mod tests {
    use super::super::window::tests::with_window;
    use super::*;

    #[test]
    fn nan_is_neither_least_nor_most_unless_it_is_alone() {
        assert_eq!(with_window(&[f64::NAN, 2.0, 1.0, f64::NAN], 0, min), Some(1.0));
        assert_eq!(with_window(&[f64::NAN, 2.0, 1.0, f64::NAN], 0, max), Some(2.0));
        assert!(with_window(&[f64::NAN], 0, max).unwrap().is_nan());
    }

    #[test]
    fn changes_and_resets() {
        let values = [1.0, 1.0, 3.0, f64::NAN, f64::NAN, 2.0, 1.0];
        assert_eq!(with_window(&values, 0, changes), Some(4.0));
        assert_eq!(with_window(&values, 0, resets), Some(1.0));
    }

    #[test]
    fn spread_of_a_few_values() {
        assert!((with_window(&[0.0, 8.0, 8.0, 2.0, 3.0], 0, stdvar).unwrap() - 10.56).abs() < 1e-12);
    }
}
