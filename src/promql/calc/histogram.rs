//! Quantiles of classic histograms: cumulative counts in buckets with upper bounds.

use crate::promql::engine::Semantics;

#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::promql) struct Bucket {
    /// The value of the label `le`.
    pub upper: f64,
    /// Observations up to `upper`.
    pub count: f64,
}

/// A quantile, and whether counts had to be mended because a larger bucket held less than a smaller one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::promql) struct BucketQuantile {
    pub value: f64,
    pub mended: bool,
}

/// The `q`-quantile, interpolated inside its bucket. NaN without a bucket for +Inf, without any other bucket, or without
/// observations. Reorders `buckets`.
pub(in crate::promql) fn bucket_quantile(q: f64, buckets: &mut Vec<Bucket>, semantics: Semantics) -> BucketQuantile {
    let unmended = |value| BucketQuantile { value, mended: false };
    if q.is_nan() {
        return unmended(f64::NAN);
    }
    if !(0.0..=1.0).contains(&q) {
        return unmended(if q < 0.0 { f64::NEG_INFINITY } else { f64::INFINITY });
    }
    buckets.sort_by(|a, b| a.upper.total_cmp(&b.upper));
    if buckets.last().is_none_or(|last| last.upper != f64::INFINITY) {
        return unmended(f64::NAN);
    }
    join_equal_bounds(buckets);
    let mended = mend(buckets, semantics);
    BucketQuantile { value: interpolate(q, buckets), mended }
}

/// The same bound may be written in several ways: `1` and `1.0`.
fn join_equal_bounds(buckets: &mut Vec<Bucket>) {
    buckets.dedup_by(|next, kept| {
        #[allow(clippy::float_cmp, reason = "bounds are labels; equal ones are one bucket")]
        let same = next.upper == kept.upper;
        if same {
            kept.count += next.count;
        }
        same
    });
}

/// Makes counts grow with the bounds. 3.x keeps quiet about differences that rounding explains, and levels them.
fn mend(buckets: &mut [Bucket], semantics: Semantics) -> bool {
    const ROUNDING: f64 = 1e-12;
    let mut mended = false;
    let mut most = f64::NEG_INFINITY;
    for bucket in buckets {
        let small = semantics == Semantics::V3
            && (bucket.count - most).abs() < ROUNDING * (bucket.count.abs() + most.abs()).min(f64::MAX);
        if small {
            bucket.count = most;
        } else if bucket.count < most {
            bucket.count = most;
            mended = true;
        } else if bucket.count > most {
            most = bucket.count;
        }
    }
    mended
}

fn interpolate(q: f64, buckets: &[Bucket]) -> f64 {
    let [finite @ .., all] = buckets else { return f64::NAN };
    let Some(largest) = finite.last() else { return f64::NAN };
    if all.count == 0.0 {
        return f64::NAN;
    }
    let rank = q * all.count;
    let nth = finite.partition_point(|bucket| bucket.count < rank || bucket.count.is_nan() || rank.is_nan());
    let Some(bucket) = finite.get(nth) else { return largest.upper };
    if nth == 0 && bucket.upper <= 0.0 {
        return bucket.upper;
    }
    let below = if nth == 0 { Bucket { upper: 0.0, count: 0.0 } } else { finite[nth - 1] };
    below.upper + (bucket.upper - below.upper) * ((rank - below.count) / (bucket.count - below.count))
}

#[cfg(test)]
#[allow(clippy::float_cmp, reason = "exact results are the point")]
mod tests {
    use super::*;

    fn quantile(q: f64, counts: &[(f64, f64)]) -> f64 {
        let mut buckets = counts.iter().map(|(upper, count)| Bucket { upper: *upper, count: *count }).collect();
        bucket_quantile(q, &mut buckets, Semantics::V2).value
    }

    const LATENCY: &[(f64, f64)] = &[(f64::INFINITY, 10.0), (1.0, 4.0), (2.0, 8.0)];

    #[test]
    fn interpolates_inside_a_bucket_whatever_their_order() {
        assert_eq!(quantile(0.2, LATENCY), 0.5);
        assert_eq!(quantile(0.6, LATENCY), 1.5);
    }

    #[test]
    fn what_lies_beyond_the_last_bound_is_that_bound() {
        assert_eq!(quantile(0.95, LATENCY), 2.0);
        assert_eq!(quantile(0.1, &[(-1.0, 5.0), (f64::INFINITY, 10.0)]), -1.0);
    }

    #[test]
    fn has_no_answer_without_all_observations_counted() {
        assert!(quantile(0.5, &[(1.0, 4.0)]).is_nan());
        assert!(quantile(0.5, &[(f64::INFINITY, 4.0)]).is_nan());
        assert!(quantile(0.5, &[(1.0, 0.0), (f64::INFINITY, 0.0)]).is_nan());
        assert!(quantile(0.5, &[]).is_nan());
    }

    #[test]
    fn counts_that_fall_are_levelled_and_told() {
        let mut buckets = vec![
            Bucket { upper: 1.0, count: 6.0 },
            Bucket { upper: 2.0, count: 4.0 },
            Bucket { upper: f64::INFINITY, count: 8.0 },
        ];
        let quantile = bucket_quantile(0.75, &mut buckets, Semantics::V2);
        assert_eq!(quantile, BucketQuantile { value: 1.0, mended: true });
    }
}
