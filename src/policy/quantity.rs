//! Quantities in policy files: text with a unit, never a bare number, so that nobody has to guess what `for: 2` meant.
//!
//! Messages follow one form, `problem; what to write`: the second half becomes the hint of the error.

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use serde::de::{Deserialize, Deserializer, Error, Visitor};

use crate::units::{Bytes, Ratio, parse_duration};

/// A length of time: `2s`, `15m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period(pub Duration);

/// A share in percent: `30%`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Percent(pub Ratio);

/// An amount of data: `64GiB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size(pub Bytes);

/// A value of a signal: a share in percent, or a plain number where no unit is known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Level {
    Share(Ratio),
    Plain(f64),
}

/// What a text with a unit can be read as.
trait Quantity: Sized {
    const EXPECTED: &'static str;
    const EXAMPLE: &'static str;

    fn read(text: &str) -> Result<Self, String>;
}

impl Quantity for Period {
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
        text.parse().map(Self).map_err(|error: crate::units::QuantityError| error.to_string())
    }
}

impl Quantity for Size {
    const EXPECTED: &'static str = "an amount of data";
    const EXAMPLE: &'static str = "`64GiB`";

    fn read(text: &str) -> Result<Self, String> {
        text.parse().map(Self).map_err(|error: crate::units::QuantityError| error.to_string())
    }
}

struct LevelVisitor;

impl Visitor<'_> for LevelVisitor {
    type Value = Level;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a share in percent, such as `15%`, or for a PromQL signal a plain number")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Level, E> {
        Percent::read(text).map(|share| Level::Share(share.0)).map_err(E::custom)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Level, E> {
        Ok(Level::Plain(crate::units::float(value)))
    }

    #[expect(clippy::cast_precision_loss, reason = "nobody writes an anchor beyond 2^53")]
    fn visit_i64<E: Error>(self, value: i64) -> Result<Level, E> {
        Ok(Level::Plain(value as f64))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Level, E> {
        Ok(Level::Plain(value))
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

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(QuantityVisitor(PhantomData))
    }
}

impl<'de> Deserialize<'de> for Percent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(QuantityVisitor(PhantomData))
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(QuantityVisitor(PhantomData))
    }
}
