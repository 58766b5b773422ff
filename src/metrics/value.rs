//! From our quantities to the numbers of a sample: base units, and nothing at all for what is not known.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::units::{Amperes, Bytes, Celsius, Hertz, Joules, Ratio, Volts, Watts, float};

/// The number of one sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Value {
    Whole(u64),
    Real(f64),
}

impl Value {
    /// As a server reads it from the text.
    pub fn as_float(self) -> f64 {
        match self {
            Self::Whole(number) => float(number),
            Self::Real(number) => number,
        }
    }
}

/// Something that can be a sample, if it is known.
pub(super) trait Fact {
    fn value(self) -> Option<Value>;
}

impl Fact for u64 {
    fn value(self) -> Option<Value> {
        Some(Value::Whole(self))
    }
}

impl Fact for u32 {
    fn value(self) -> Option<Value> {
        Some(Value::Whole(self.into()))
    }
}

impl Fact for usize {
    fn value(self) -> Option<Value> {
        u64::try_from(self).ok().map(Value::Whole)
    }
}

impl Fact for bool {
    fn value(self) -> Option<Value> {
        Some(Value::Whole(self.into()))
    }
}

/// What is not a number, or not finite, is not a measurement.
impl Fact for f64 {
    fn value(self) -> Option<Value> {
        self.is_finite().then_some(Value::Real(self))
    }
}

impl Fact for Bytes {
    fn value(self) -> Option<Value> {
        Some(Value::Whole(self.0))
    }
}

macro_rules! quantities {
    ($($quantity:ty),+) => {
        $(impl Fact for $quantity {
            fn value(self) -> Option<Value> {
                self.0.value()
            }
        })+
    };
}

quantities!(Ratio, Celsius, Watts, Joules, Volts, Amperes, Hertz);

impl Fact for Duration {
    fn value(self) -> Option<Value> {
        Some(Value::Real(self.as_secs_f64()))
    }
}

/// Seconds since 1970; a clock that was never set has no time stamp.
impl Fact for SystemTime {
    fn value(self) -> Option<Value> {
        self.duration_since(UNIX_EPOCH).ok()?.value()
    }
}

impl<T: Fact> Fact for Option<T> {
    fn value(self) -> Option<Value> {
        self?.value()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_is_no_sample() {
        assert_eq!(None::<u64>.value(), None);
        assert_eq!(f64::NAN.value(), None);
        assert_eq!(Ratio(f64::INFINITY).value(), None);
        assert_eq!((UNIX_EPOCH - Duration::from_secs(1)).value(), None);
    }

    #[test]
    fn quantities_come_in_base_units() {
        assert_eq!(Bytes(4096).value(), Some(Value::Whole(4096)));
        assert_eq!(Duration::from_millis(1500).value(), Some(Value::Real(1.5)));
        assert_eq!(Some(Ratio(0.25)).value(), Some(Value::Real(0.25)));
        assert_eq!(true.value(), Some(Value::Whole(1)));
    }
}
