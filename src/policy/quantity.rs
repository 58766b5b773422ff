//! Quantities in policy files: text with a unit, never a bare number, so that nobody has to guess what `for: 2` meant.
//!
//! Messages follow one form, `problem; what to write`: the second half becomes the hint of the error.

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use serde::de::{Deserialize, Deserializer, Error, Visitor};

use super::rules::{CanaryOf, Unit};
use crate::units::{
    BitsPerSecond, Bytes, BytesPerSecond, Celsius, Hertz, QuantityError, Ratio, Watts, float, parse_duration,
};

/// A length of time: `2s`, `15m`. The bounds that it is held to, in milliseconds, are checked where its field is resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period<const LEAST: u64 = 0, const MOST: u64 = UNBOUNDED>(pub Duration);

pub const MILLISECOND: u64 = 1;
pub const SECOND: u64 = 1000 * MILLISECOND;
pub const MINUTE: u64 = 60 * SECOND;
pub const HOUR: u64 = 60 * MINUTE;
pub const DAY: u64 = 24 * HOUR;
/// Of a length of time whose bounds depend on other fields.
pub const UNBOUNDED: u64 = u64::MAX;

/// A share in percent: `30%`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Percent(pub Ratio);

/// An amount of data: `64GiB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size(pub Bytes);

/// A value of a signal with the unit that it was written in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Level {
    /// In the base unit: 70 C is 70, 15 % is 0.15.
    pub value: f64,
    pub unit: Unit,
}

/// The speed of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkRate(pub BitsPerSecond);

/// A part of a link: `700Mbit/s`, or a share of all of it: `70%`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum LinkShare {
    Rate(BitsPerSecond),
    Share(Ratio),
}

/// To which share of whom a policy applies: `10%` of the nodes, `10% of jobs`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Canary {
    pub share: Ratio,
    pub of: CanaryOf,
}

/// What a text with a unit can be read as.
trait Quantity: Sized {
    const EXPECTED: &'static str;
    const EXAMPLE: &'static str;

    fn read(text: &str) -> Result<Self, String>;
}

impl<const LEAST: u64, const MOST: u64> Quantity for Period<LEAST, MOST> {
    const EXPECTED: &'static str = "a length of time";
    const EXAMPLE: &'static str = "`30s`";

    fn read(text: &str) -> Result<Self, String> {
        parse_duration(text).map(Self).map_err(|error| error.to_string())
    }
}

impl Quantity for Percent {
    const EXPECTED: &'static str = "a share in percent";
    const EXAMPLE: &'static str = "`15%`";

    fn read(text: &str) -> Result<Self, String> {
        text.parse().map(Self).map_err(|error: QuantityError| error.to_string())
    }
}

impl Quantity for LinkRate {
    const EXPECTED: &'static str = "the speed of a link";
    const EXAMPLE: &'static str = "`10Gbit/s`";

    fn read(text: &str) -> Result<Self, String> {
        text.parse().map(Self).map_err(|error: QuantityError| error.to_string())
    }
}

impl Quantity for LinkShare {
    const EXPECTED: &'static str = "a speed, or a share of the link";
    const EXAMPLE: &'static str = "`70%`";

    fn read(text: &str) -> Result<Self, String> {
        if text.trim_end().ends_with('%') {
            return Percent::read(text).map(|share| Self::Share(share.0));
        }
        LinkRate::read(text).map(|rate| Self::Rate(rate.0))
    }
}

impl Quantity for Canary {
    const EXPECTED: &'static str = "a share of nodes or jobs";
    const EXAMPLE: &'static str = "`10%` or `10% of jobs`";

    fn read(text: &str) -> Result<Self, String> {
        let (share, of) = match text.split_once(" of ") {
            None => (text, CanaryOf::Nodes),
            Some((share, "nodes")) => (share, CanaryOf::Nodes),
            Some((share, "jobs")) => (share, CanaryOf::Jobs),
            Some((_, other)) => {
                return Err(format!("`{other}` cannot be shared out; write `10% of nodes` or `10% of jobs`"));
            }
        };
        Percent::read(share).map(|share| Self { share: share.0, of })
    }
}

const LEVELS: &str = "`15%`, `70C`, `450W`, `64GiB`, `200MiB/s`, `2.4GHz`, `30s`";

impl Level {
    /// Reads a text with any unit that a signal can have.
    pub fn read(text: &str) -> Result<Self, String> {
        let number = text.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, '.' | '+' | '-' | '_' | ' '));
        let level = |unit, value: Result<f64, QuantityError>| match value {
            Ok(value) => Ok(Self { value, unit }),
            Err(error) => Err(error.to_string()),
        };
        match number.trim_end() {
            "%" => level(Unit::Share, text.parse().map(|share: Ratio| share.0)),
            "C" | "\u{b0}C" => level(Unit::Celsius, text.parse().map(|celsius: Celsius| celsius.0)),
            "W" | "mW" | "kW" => level(Unit::Watts, text.parse().map(|watts: Watts| watts.0)),
            "Hz" | "kHz" | "MHz" | "GHz" => level(Unit::Hertz, text.parse().map(|hertz: Hertz| hertz.0)),
            rate if rate.ends_with("/s") => {
                level(Unit::BytesPerSecond, text.parse().map(|rate: BytesPerSecond| rate.0))
            }
            bytes if bytes.ends_with('B') => level(Unit::Bytes, text.parse().map(|bytes: Bytes| float(bytes.0))),
            "ms" | "s" | "m" | "min" | "h" | "d" => {
                level(Unit::Seconds, parse_duration(text).map(|length| length.as_secs_f64()))
            }
            // Two units in one, such as `1h30m`; or something that is none: then as in most policies.
            _ => parse_duration(text).map(|length| Self { value: length.as_secs_f64(), unit: Unit::Seconds }).or_else(
                |_| match text.parse::<Ratio>() {
                    Ok(share) => Ok(Self { value: share.0, unit: Unit::Share }),
                    Err(QuantityError::WrongUnit { unit, .. }) => {
                        Err(format!("`{unit}` is no unit that a signal has; write one of {LEVELS}"))
                    }
                    Err(error) => Err(error.to_string()),
                },
            ),
        }
    }
}

impl Quantity for Size {
    const EXPECTED: &'static str = "an amount of data";
    const EXAMPLE: &'static str = "`64GiB`";

    fn read(text: &str) -> Result<Self, String> {
        text.parse().map(Self).map_err(|error: QuantityError| error.to_string())
    }
}

struct LevelVisitor;

impl LevelVisitor {
    fn plain(value: f64) -> Level {
        Level { value, unit: Unit::Plain }
    }
}

impl Visitor<'_> for LevelVisitor {
    type Value = Level;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a value with its unit, such as `15%` or `70C`, or a plain number where the signal has no unit")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Level, E> {
        Level::read(text).map_err(E::custom)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Level, E> {
        Ok(Self::plain(float(value)))
    }

    #[expect(clippy::cast_precision_loss, reason = "nobody writes an anchor beyond 2^53")]
    fn visit_i64<E: Error>(self, value: i64) -> Result<Level, E> {
        Ok(Self::plain(value as f64))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Level, E> {
        Ok(Self::plain(value))
    }
}

impl<'de> Deserialize<'de> for Level {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LevelVisitor)
    }
}

struct QuantityVisitor<Q>(PhantomData<Q>);

impl<Q: Quantity> QuantityVisitor<Q> {
    fn bare<E: Error>(value: impl fmt::Display) -> E {
        E::custom(format!("`{value}` has no unit; write {}, such as {}", Q::EXPECTED, Q::EXAMPLE))
    }
}

impl<Q: Quantity> Visitor<'_> for QuantityVisitor<Q> {
    type Value = Q;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, such as {}", Q::EXPECTED, Q::EXAMPLE)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Q, E> {
        Q::read(text).map_err(E::custom)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Q, E> {
        Err(Self::bare(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Q, E> {
        Err(Self::bare(value))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Q, E> {
        Err(Self::bare(value))
    }
}

macro_rules! with_unit {
    ($($quantity:ty),+) => {
        $(impl<'de> Deserialize<'de> for $quantity {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any(QuantityVisitor(PhantomData))
            }
        })+
    };
}

impl<'de, const LEAST: u64, const MOST: u64> Deserialize<'de> for Period<LEAST, MOST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(QuantityVisitor(PhantomData))
    }
}

with_unit!(Percent, Size, LinkRate, LinkShare, Canary);
