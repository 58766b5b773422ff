//! Sums, means and variances that lose little to rounding, as Prometheus computes them: Kahan's sum in Neumaier's form.

use super::number::count;
use crate::promql::engine::Semantics;

/// A running sum with the rounding errors kept apart.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::promql) struct Sum {
    total: f64,
    lost: f64,
    /// Rounding errors are let go: so the aggregations of 2.x add up.
    plain: bool,
}

impl Sum {
    /// The sum that `sum by` and its kin keep; functions over time use the default. It begins with the first value, and so at
    /// minus zero, which adds nothing to any value, a minus zero included.
    pub fn of_aggregation(semantics: Semantics) -> Self {
        match semantics {
            Semantics::V2 => Self { total: -0.0, lost: -0.0, plain: true },
            Semantics::V3 => Self::default(),
        }
    }

    pub fn add(&mut self, value: f64) {
        let next = self.total + value;
        if !self.plain {
            self.lost +=
                if self.total.abs() >= value.abs() { (self.total - next) + value } else { (value - next) + self.total };
        }
        self.total = next;
    }

    pub fn value(self) -> f64 {
        if self.total.is_infinite() { self.total } else { self.unguarded() }
    }

    /// Without regard to infinities, which turn the errors kept apart into NaN.
    pub fn unguarded(self) -> f64 {
        self.total + self.lost
    }

    fn is_infinite(self) -> bool {
        self.total.is_infinite()
    }

    fn divided(self, by: f64) -> Self {
        Self { total: self.total / by, lost: self.lost / by, ..self }
    }
}

/// A running mean that does not overflow where the sum would.
#[derive(Debug, Clone, Copy)]
pub(in crate::promql) struct Mean {
    seen: usize,
    kept: Sum,
    /// Whether `kept` is the mean so far; if not, it is the sum.
    incremental: bool,
}

impl Mean {
    /// 2.x keeps the mean from the first value on, 3.x the sum until it would overflow.
    pub fn new(semantics: Semantics) -> Self {
        Self { seen: 0, kept: Sum::default(), incremental: semantics == Semantics::V2 }
    }

    pub fn of_aggregation(semantics: Semantics) -> Self {
        Self { kept: Sum::of_aggregation(semantics), ..Self::new(semantics) }
    }

    pub fn add(&mut self, value: f64) {
        self.seen += 1;
        let seen = count(self.seen);
        if !self.incremental {
            let mut sum = self.kept;
            sum.add(value);
            if self.seen == 1 || !sum.is_infinite() {
                self.kept = sum;
                return;
            }
            self.incremental = true;
            self.kept = self.kept.divided(seen - 1.0);
        }
        let mean = self.kept.total;
        let moves = !mean.is_infinite() || value.is_nan() || (value.is_infinite() && (value > 0.0) != (mean > 0.0));
        // An infinite mean stays what it is, unless the value is NaN or the opposite infinity.
        if moves {
            let share = if self.seen == 1 { value } else { value / seen - mean / seen };
            self.kept.add(share);
        }
    }

    pub fn value(self) -> f64 {
        if self.incremental { self.kept.value() } else { self.kept.value() / count(self.seen) }
    }
}

/// A running variance by Welford's method.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::promql) struct Spread {
    seen: usize,
    mean: Sum,
    squares: Sum,
}

impl Spread {
    pub fn of_aggregation(semantics: Semantics) -> Self {
        let sum = Sum::of_aggregation(semantics);
        Self { seen: 0, mean: sum, squares: Sum { total: 0.0, lost: 0.0, ..sum } }
    }

    pub fn add(&mut self, value: f64) {
        self.seen += 1;
        if self.seen == 1 && self.mean.plain {
            // Aggregations of 2.x have no spread for a lone infinity; everything else has NaN.
            self.mean.total = value;
            return;
        }
        let delta = value - self.mean.unguarded();
        self.mean.add(delta / count(self.seen));
        self.squares.add(delta * (value - self.mean.unguarded()));
    }

    pub fn variance(self) -> f64 {
        self.squares.unguarded() / count(self.seen)
    }
}

#[cfg(test)]
#[allow(clippy::float_cmp, reason = "exact results are the point")]
mod tests {
    use super::*;

    fn mean(values: &[f64], semantics: Semantics) -> f64 {
        let mut mean = Mean::new(semantics);
        for value in values {
            mean.add(*value);
        }
        mean.value()
    }

    #[test]
    fn small_terms_survive_large_ones() {
        let mut sum = Sum::default();
        for value in [1.0, 1e100, 1.0, -1e100] {
            sum.add(value);
        }
        assert_eq!(sum.value(), 2.0);
    }

    #[test]
    fn means_do_not_overflow_and_infinities_cancel_to_nan() {
        for semantics in [Semantics::V2, Semantics::V3] {
            assert_eq!(mean(&[1e308, 1e308, 1e308], semantics), 1e308);
            assert_eq!(mean(&[f64::INFINITY, 1.0, f64::INFINITY], semantics), f64::INFINITY);
            assert_eq!(mean(&[1.0, f64::NEG_INFINITY], semantics), f64::NEG_INFINITY);
            assert!(mean(&[f64::INFINITY, f64::NEG_INFINITY], semantics).is_nan());
            assert!(mean(&[f64::NAN, 1.0], semantics).is_nan());
        }
    }

    #[test]
    fn an_aggregation_keeps_the_sign_of_a_lone_zero() {
        let mut sum = Sum::of_aggregation(Semantics::V2);
        let mut mean = Mean::of_aggregation(Semantics::V2);
        let mut spread = Spread::of_aggregation(Semantics::V2);
        sum.add(-0.0);
        mean.add(-0.0);
        spread.add(7.0);
        assert!(sum.value().is_sign_negative() && mean.value().is_sign_negative());
        assert!(spread.variance().is_sign_positive());
        sum.add(0.0);
        assert!(sum.value().is_sign_positive());
    }

    #[test]
    fn equal_values_have_no_spread() {
        let mut spread = Spread::default();
        (0..3).for_each(|_| spread.add(1.599_050_563_727_786_8));
        assert_eq!(spread.variance(), 0.0);
    }
}
