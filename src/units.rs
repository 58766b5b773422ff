//! Quantities with their units in the type, parsed from what operators write: `64MiB`, `200MiB/s`, `15%`, `30s`.
//!
//! A bare number is refused wherever a unit exists, because `memory: 10` has meant KiB, MiB and GB in three tools too many.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// An amount of data in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Bytes(pub u64);

/// A rate of data in bytes per second.
#[derive(Debug, Clone, Copy, Default, PartialEq, PartialOrd, Serialize)]
pub struct BytesPerSecond(pub f64);

/// The speed of a link in bits per second, the unit of those who sell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct BitsPerSecond(pub u64);

/// A share: 0.15 is 15 %. Not clamped, since a rate of change or a ratio of two measurements may pass 1.
#[derive(Debug, Clone, Copy, Default, PartialEq, PartialOrd, Serialize)]
pub struct Ratio(pub f64);

/// A temperature.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize)]
pub struct Celsius(pub f64);

/// A power.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize)]
pub struct Watts(pub f64);

/// An energy.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize)]
pub struct Joules(pub f64);

/// A voltage.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize)]
pub struct Volts(pub f64);

/// An electric current.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize)]
pub struct Amperes(pub f64);

/// A frequency.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize)]
pub struct Hertz(pub f64);

/// Why a text is not the quantity it should be. The message says what was expected, with an example.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QuantityError {
    #[error("`{text}` has no unit; write {example}")]
    MissingUnit { text: String, example: &'static str },
    #[error("`{text}` has the unit `{unit}`, which is not one of {expected}; write {example}")]
    WrongUnit { text: String, unit: String, expected: &'static str, example: &'static str },
    #[error("`{text}` does not begin with a number; write {example}")]
    NotANumber { text: String, example: &'static str },
    #[error("`{text}` is out of range; write {example}")]
    OutOfRange { text: String, example: &'static str },
}

const BYTE_UNITS: &[(&str, f64)] = &[
    ("B", 1.0),
    ("kB", 1e3),
    ("KB", 1e3),
    ("MB", 1e6),
    ("GB", 1e9),
    ("TB", 1e12),
    ("KiB", 1024.0),
    ("MiB", 1_048_576.0),
    ("GiB", 1_073_741_824.0),
    ("TiB", 1_099_511_627_776.0),
];
const EXPECTED_BYTES: &str = "B, kB, MB, GB, TB, KiB, MiB, GiB, TiB";
const EXPECTED_RATE: &str = "B/s, kB/s, MB/s, GB/s, KiB/s, MiB/s, GiB/s";
/// The largest whole number that `f64` holds exactly; 8 PiB is beyond any plotting disk.
const LARGEST_EXACT: f64 = 9_007_199_254_740_992.0;

/// Splits `12.5MiB` into `12.5` and `MiB`.
fn split_unit<'a>(text: &'a str, example: &'static str) -> Result<(f64, &'a str), QuantityError> {
    let trimmed = text.trim();
    let end =
        trimmed.find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '+' | '-' | '_'))).unwrap_or(trimmed.len());
    let (number, unit) = trimmed.split_at(end);
    let value: f64 =
        number.replace('_', "").parse().map_err(|_| QuantityError::NotANumber { text: text.to_owned(), example })?;
    let unit = unit.trim_start();
    if unit.is_empty() {
        return Err(QuantityError::MissingUnit { text: text.to_owned(), example });
    }
    Ok((value, unit))
}

fn bytes_of(
    text: &str,
    value: f64,
    unit: &str,
    expected: &'static str,
    example: &'static str,
) -> Result<f64, QuantityError> {
    let wrong = || QuantityError::WrongUnit { text: text.to_owned(), unit: unit.to_owned(), expected, example };
    let factor = BYTE_UNITS.iter().find(|(name, _)| *name == unit).map(|(_, factor)| *factor).ok_or_else(wrong)?;
    let bytes = value * factor;
    if (0.0..=LARGEST_EXACT).contains(&bytes) {
        Ok(bytes)
    } else {
        Err(QuantityError::OutOfRange { text: text.to_owned(), example })
    }
}

impl FromStr for Bytes {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const EXAMPLE: &str = "`64MiB`";
        let (value, unit) = split_unit(text, EXAMPLE)?;
        Ok(Bytes(whole(bytes_of(text, value, unit, EXPECTED_BYTES, EXAMPLE)?)))
    }
}

impl FromStr for BytesPerSecond {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const EXAMPLE: &str = "`200MiB/s`";
        let (value, unit) = split_unit(text, EXAMPLE)?;
        let Some(amount) = unit.strip_suffix("/s") else {
            let unit = unit.to_owned();
            return Err(QuantityError::WrongUnit {
                text: text.to_owned(),
                unit,
                expected: EXPECTED_RATE,
                example: EXAMPLE,
            });
        };
        Ok(BytesPerSecond(bytes_of(text, value, amount, EXPECTED_RATE, EXAMPLE)?))
    }
}

impl FromStr for Ratio {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const EXAMPLE: &str = "`15%`";
        match split_unit(text, EXAMPLE)? {
            (value, "%") => Ok(Ratio(value / 100.0)),
            (_, unit) => {
                let unit = unit.to_owned();
                Err(QuantityError::WrongUnit { text: text.to_owned(), unit, expected: "%", example: EXAMPLE })
            }
        }
    }
}

/// A number with one of `units`, in the base unit.
fn scaled(
    text: &str,
    units: &[(&str, f64)],
    expected: &'static str,
    example: &'static str,
) -> Result<f64, QuantityError> {
    let (value, unit) = split_unit(text, example)?;
    let factor = units.iter().find(|(name, _)| *name == unit).map(|(_, factor)| factor);
    factor.map(|factor| value * factor).ok_or_else(|| QuantityError::WrongUnit {
        text: text.to_owned(),
        unit: unit.to_owned(),
        expected,
        example,
    })
}

impl FromStr for Celsius {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        scaled(text, &[("C", 1.0), ("\u{b0}C", 1.0)], "C", "`70C`").map(Self)
    }
}

impl FromStr for Watts {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        scaled(text, &[("mW", 1e-3), ("W", 1.0), ("kW", 1e3)], "mW, W, kW", "`450W`").map(Self)
    }
}

impl FromStr for Hertz {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let units = [("Hz", 1.0), ("kHz", 1e3), ("MHz", 1e6), ("GHz", 1e9)];
        scaled(text, &units, "Hz, kHz, MHz, GHz", "`2.4GHz`").map(Self)
    }
}

impl FromStr for BitsPerSecond {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const EXAMPLE: &str = "`7Gbit/s`";
        let units = [("bit/s", 1.0), ("kbit/s", 1e3), ("Mbit/s", 1e6), ("Gbit/s", 1e9)];
        let rate = scaled(text, &units, "bit/s, kbit/s, Mbit/s, Gbit/s", EXAMPLE)?;
        if (0.0..=LARGEST_EXACT).contains(&rate) {
            Ok(Self(whole(rate)))
        } else {
            Err(QuantityError::OutOfRange { text: text.to_owned(), example: EXAMPLE })
        }
    }
}

/// Parses `30s`, `5m`, `1h30m`, `250ms`.
///
/// # Errors
/// The text has no unit, a unit that is not one of time, or no number.
pub fn parse_duration(text: &str) -> Result<Duration, QuantityError> {
    const EXAMPLE: &str = "`30s`";
    let (_, unit) = split_unit(text, EXAMPLE)?;
    humantime::parse_duration(text.trim()).map_err(|_| QuantityError::WrongUnit {
        text: text.to_owned(),
        unit: unit.to_owned(),
        expected: "ms, s, m, h, d",
        example: EXAMPLE,
    })
}

/// Rounds a non-negative finite value to whole bytes; saturates instead of wrapping.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "float casts saturate, which is what is wanted"
)]
pub fn whole(value: f64) -> u64 {
    value.round() as u64
}

/// A `u64` as the float that Prometheus carries; exact up to 2^53, which no counter here reaches within a boot.
#[allow(
    clippy::cast_precision_loss,
    reason = "Prometheus samples are f64; beyond 2^53 one byte more or less is not a fact"
)]
pub fn float(value: u64) -> f64 {
    value as f64
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = float(self.0);
        for (name, factor) in
            [("TiB", 1_099_511_627_776.0), ("GiB", 1_073_741_824.0), ("MiB", 1_048_576.0), ("KiB", 1024.0)]
        {
            if value >= factor {
                return write!(f, "{:.1} {name}", value / factor);
            }
        }
        write!(f, "{} B", self.0)
    }
}

impl fmt::Display for BytesPerSecond {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/s", Bytes(whole(self.0)))
    }
}

impl fmt::Display for BitsPerSecond {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, factor) in [("Gbit/s", 1_000_000_000_u64), ("Mbit/s", 1_000_000), ("kbit/s", 1_000)] {
            if self.0 >= factor && self.0.is_multiple_of(factor / 1000) {
                let (whole, thousandths) = (self.0 / factor, self.0 % factor / (factor / 1000));
                let fraction = format!("{thousandths:03}");
                let fraction = fraction.trim_end_matches('0');
                let point = if fraction.is_empty() { "" } else { "." };
                return write!(f, "{whole}{point}{fraction} {name}");
            }
        }
        write!(f, "{} bit/s", self.0)
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1}%", self.0 * 100.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_operators_write() {
        assert_eq!("64MiB".parse(), Ok(Bytes(64 << 20)));
        assert_eq!("1.5 GB".parse(), Ok(Bytes(1_500_000_000)));
        assert_eq!("200MiB/s".parse(), Ok(BytesPerSecond(209_715_200.0)));
        assert_eq!("15%".parse(), Ok(Ratio(0.15)));
        assert_eq!("70C".parse(), Ok(Celsius(70.0)));
        assert_eq!("1.5kW".parse(), Ok(Watts(1500.0)));
        assert_eq!("2.4GHz".parse(), Ok(Hertz(2.4e9)));
        assert_eq!("7Gbit/s".parse(), Ok(BitsPerSecond(7_000_000_000)));
        assert_eq!(parse_duration("1h30m"), Ok(Duration::from_mins(90)));
        assert_eq!(parse_duration("250ms"), Ok(Duration::from_millis(250)));
    }

    #[test]
    fn the_speed_of_a_link_is_shown_exactly() {
        let shown = [(10_000_000_000, "10 Gbit/s"), (2_500_000_000, "2.5 Gbit/s"), (100_000_008, "100000.008 kbit/s")];
        for (bits, text) in shown {
            assert_eq!(BitsPerSecond(bits).to_string(), text);
        }
        assert_eq!(BitsPerSecond(12_345_000).to_string(), "12.345 Mbit/s");
        assert_eq!(BitsPerSecond(0).to_string(), "0 bit/s");
    }

    #[test]
    fn refuses_a_bare_number_where_a_unit_exists() {
        assert!(matches!("64".parse::<Bytes>(), Err(QuantityError::MissingUnit { .. })));
        assert!(matches!("15".parse::<Ratio>(), Err(QuantityError::MissingUnit { .. })));
        assert!(matches!(parse_duration("30"), Err(QuantityError::MissingUnit { .. })));
    }

    #[test]
    fn names_a_wrong_unit_and_the_right_ones() {
        let error = "30s".parse::<Ratio>().unwrap_err().to_string();
        assert!(error.contains("`s`") && error.contains('%'), "{error}");
        assert!("64MiB".parse::<BytesPerSecond>().is_err());
        assert!("64mb".parse::<Bytes>().is_err());
        assert!(parse_duration("15%").is_err());
    }

    #[test]
    fn refuses_what_no_machine_has() {
        assert!("-1MiB".parse::<Bytes>().is_err());
        assert!("99999999999TiB".parse::<Bytes>().is_err());
        assert!("MiB".parse::<Bytes>().is_err());
        assert!("".parse::<Bytes>().is_err());
    }
}
