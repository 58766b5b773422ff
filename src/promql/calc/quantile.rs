//! Quantiles of plain values, interpolated between neighbours.

use super::number::{count, whole};

/// The `q`-quantile; sorts `values`. NaN of nothing and for a NaN `q`; infinite for a `q` outside 0 to 1.
pub(in crate::promql) fn quantile(q: f64, values: &mut [f64]) -> f64 {
    if values.is_empty() || q.is_nan() {
        return f64::NAN;
    }
    if !(0.0..=1.0).contains(&q) {
        return if q < 0.0 { f64::NEG_INFINITY } else { f64::INFINITY };
    }
    // NaN counts as smaller than everything.
    values.sort_by(|a, b| a.partial_cmp(b).unwrap_or_else(|| b.is_nan().cmp(&a.is_nan())));
    let last = values.len() - 1;
    let rank = q * count(last);
    let lower = whole(rank.floor()).and_then(|rank| usize::try_from(rank).ok()).unwrap_or(0).min(last);
    let upper = (lower + 1).min(last);
    let weight = rank - rank.floor();
    values[lower] * (1.0 - weight) + values[upper] * weight
}

#[cfg(test)]
#[allow(clippy::float_cmp, reason = "exact results are the point")]
mod tests {
    use super::*;

    #[test]
    fn interpolates_and_puts_nan_first() {
        assert_eq!(quantile(0.75, &mut [4.0, 0.0, 1.0]), 2.5);
        assert_eq!(quantile(1.0, &mut [4.0, f64::NAN, 1.0]), 4.0);
        assert!(quantile(0.0, &mut [4.0, f64::NAN, 1.0]).is_nan());
    }

    #[test]
    fn has_no_answer_outside_of_0_to_1() {
        assert_eq!(quantile(-0.1, &mut [1.0]), f64::NEG_INFINITY);
        assert_eq!(quantile(1.1, &mut [1.0]), f64::INFINITY);
        assert!(quantile(0.5, &mut []).is_nan());
    }
}
