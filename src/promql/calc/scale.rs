//! Functions of one value at a time.

use std::f64::consts::PI;

/// -1, 0 or 1; NaN stays NaN.
pub(in crate::promql) fn sign(value: f64) -> f64 {
    if value < 0.0 {
        -1.0
    } else if value > 0.0 {
        1.0
    } else {
        value
    }
}

/// Multiplied before divided, as Prometheus does it: the sine of a large angle shows the last bit.
pub(in crate::promql) fn degrees(radians: f64) -> f64 {
    radians * 180.0 / PI
}

pub(in crate::promql) fn radians(degrees: f64) -> f64 {
    degrees * PI / 180.0
}

/// To the nearest multiple of the argument, or of 1; halves go up.
#[allow(clippy::unnecessary_wraps, reason = "has the shape of all functions with arguments")]
pub(in crate::promql) fn round(value: f64, args: &[f64]) -> Option<f64> {
    // The inverse, since a tenth as a factor is less exact than ten as a divisor.
    let inverse = 1.0 / args.first().copied().unwrap_or(1.0);
    Some((value * inverse + 0.5).floor() / inverse)
}

/// Nothing if the bounds exclude every value.
pub(in crate::promql) fn clamp(value: f64, args: &[f64]) -> Option<f64> {
    let (least, most) = (args[0], args[1]);
    if most < least { None } else { Some(larger(least, smaller(most, value))) }
}

#[allow(clippy::unnecessary_wraps, reason = "has the shape of all functions with arguments")]
pub(in crate::promql) fn clamp_min(value: f64, args: &[f64]) -> Option<f64> {
    Some(larger(args[0], value))
}

#[allow(clippy::unnecessary_wraps, reason = "has the shape of all functions with arguments")]
pub(in crate::promql) fn clamp_max(value: f64, args: &[f64]) -> Option<f64> {
    Some(smaller(args[0], value))
}

/// As Go decides it: infinity first, then NaN.
fn larger(a: f64, b: f64) -> f64 {
    if a == f64::INFINITY || b == f64::INFINITY {
        f64::INFINITY
    } else if a.is_nan() || b.is_nan() {
        f64::NAN
    } else {
        a.max(b)
    }
}

fn smaller(a: f64, b: f64) -> f64 {
    -larger(-a, -b)
}

#[cfg(test)]
#[allow(clippy::float_cmp, reason = "exact results are the point")]
mod tests {
    use super::*;

    #[test]
    fn halves_are_rounded_up_also_below_zero() {
        assert_eq!(round(2.5, &[]), Some(3.0));
        assert_eq!(round(-2.5, &[]), Some(-2.0));
        assert_eq!(round(5.35, &[0.1]), Some(5.4));
        assert_eq!(round(12.0, &[5.0]), Some(10.0));
    }

    #[test]
    fn bounds_that_exclude_everything_leave_nothing() {
        assert_eq!(clamp(3.0, &[5.0, -5.0]), None);
        assert_eq!(clamp(30.0, &[-5.0, 5.0]), Some(5.0));
        assert!(clamp(30.0, &[0.0, f64::NAN]).unwrap().is_nan());
        assert_eq!(clamp_min(f64::NAN, &[f64::INFINITY]), Some(f64::INFINITY));
    }

    #[test]
    fn the_sign_of_nan_is_nan() {
        assert!(sign(f64::NAN).is_nan());
        assert_eq!(sign(-0.1), -1.0);
    }
}
