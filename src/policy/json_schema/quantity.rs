//! Quantities in the schema: texts of a number and a unit, by a pattern that holds the same units as the reader.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::policy::quantity::{Canary, Level, LinkRate, LinkShare, Percent, Period, Size};
use crate::policy::rules::Unit;

const NUMBER: &str = r"[0-9_]*[0-9][0-9_]*(\.[0-9_]*)?|\.[0-9][0-9_]*";
const TIME: &str = "nsec|ns|usec|us|µs|msec|ms|millis|seconds?|secs?|s|minutes?|mins?|min|m|hours?|hrs?|h|days?|d|weeks?|wks?|wk|w|months?|M|years?|yrs?|y";
const LINK: &str = "[kMG]?bit/s";

/// The texts that are quantities of this unit.
pub fn pattern(unit: Unit) -> String {
    match unit {
        Unit::Share => signed("%"),
        Unit::Celsius => signed("°?C"),
        Unit::Watts => signed("[mk]?W"),
        Unit::Hertz => signed("[kMG]?Hz"),
        Unit::Bytes => signed("([kKMGT]|[KMGT]i)?B"),
        Unit::BytesPerSecond => signed("([kKMGT]|[KMGT]i)?B/s"),
        Unit::Seconds => period(),
        Unit::Plain => signed(""),
    }
}

fn signed(unit: &str) -> String {
    format!("^ *[-+]?({NUMBER}) *({unit}) *$")
}

/// Several numbers with units of time: `1h30m`.
fn period() -> String {
    format!(r"^ *([0-9]+(\.[0-9]+)? *({TIME}) *)+$")
}

/// Any of `units`.
fn any(units: &[Unit]) -> String {
    units.iter().map(|unit| pattern(*unit)).collect::<Vec<_>>().join("|")
}

macro_rules! texts {
    ($($quantity:ident, $description:literal, $pattern:expr;)+) => {
        $(impl JsonSchema for $quantity {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($quantity).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({"description": $description, "type": "string", "pattern": $pattern})
            }
        })+
    };
}

texts! {
    Period, "A length of time, such as `30s`.", period();
    Percent, "A share in percent, such as `15%`.", pattern(Unit::Share);
    Size, "An amount of data, such as `64GiB`.", pattern(Unit::Bytes);
    LinkRate, "The speed of a link, such as `10Gbit/s`.", signed(LINK);
    LinkShare, "A speed, or a share of the link, such as `70%`.", signed(&format!("%|{LINK}"));
    Canary, "The share of nodes or jobs that it applies to, such as `10%` or `10% of jobs`.", canary();
}

fn canary() -> String {
    format!("^ *[-+]?({NUMBER}) *% *( of (nodes|jobs))?$")
}

impl JsonSchema for Level {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Level".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        const UNITS: &[Unit] =
            &[Unit::Share, Unit::Celsius, Unit::Watts, Unit::Hertz, Unit::Bytes, Unit::BytesPerSecond, Unit::Seconds];
        json_schema!({
            "description": "A value with its unit, such as `15%`, `70C`, `95W`, `10GiB` or `2s`; a plain number where the signal has no unit.",
            "type": ["string", "number"],
            "pattern": any(UNITS),
        })
    }
}
