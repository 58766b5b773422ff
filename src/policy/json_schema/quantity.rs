//! Quantities in the schema: texts of a number and a unit, by patterns that hold the same units as the reader.
//!
//! A pattern takes all that the reader takes, blanks and `_` within numbers included: an editor must not underline what loads.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

use super::period;
use super::text::{self, text};
use crate::policy::quantity::{Canary, Level, LinkRate, LinkShare, Size};
use crate::policy::rules::Unit;

/// Digits, which `_` may set apart, without a sign.
pub const DIGITS: &str = r"([0-9_]*[0-9][0-9_]*(\.[0-9_]*)?|_*\.[0-9_]*[0-9][0-9_]*)";
/// The same with a digit that is not 0, and nothing below zero.
const ABOVE_ZERO: &str = r"_*\+?([0-9_]*[1-9][0-9_]*(\.[0-9_]*)?|[0_]*\.[0-9_]*[1-9][0-9_]*)";
/// 0.1 to 99.9 and 100, in whatever digits.
const ABOVE_NONE: &str =
    r"_*\+?([0_]*([1-9]_*([0-9]_*)?(\.[0-9_]*)?|1_*0_*0_*(\.([0_][0-9_]*)?)?)|[0_]*\.[0-9_]*[1-9][0-9_]*)";
const OF_ALL: &str = "a share from 0% to 100%, such as `80%`";
const NONE: &str = r"_*[-+]?[0_]*\.?[0_]*";

pub const BYTES: &str = "([kKMGT]|[KMGT]i)?B";
const LINK: &str = "[kMG]?bit/s";

/// The texts that are quantities of this unit.
pub fn of(unit: Unit) -> Value {
    match unit {
        Unit::Plain => json!({"type": "number"}),
        Unit::Seconds => text(&period::any(), &form(unit)),
        unit => text(&signed(&names(unit)), &form(unit)),
    }
}

/// A share from nothing to all.
pub fn share_of_all() -> Value {
    text(&up_to_all(), OF_ALL)
}

fn up_to_all() -> String {
    format!(r"^\s*({NONE}|{ABOVE_NONE})\s*%\s*$")
}

/// The same without those that are 0.
pub fn above_zero(unit: Unit) -> Value {
    text(&format!(r"^\s*{ABOVE_ZERO}\s*({})\s*$", names(unit)), &format!("{}, and more than 0", form(unit)))
}

fn form(unit: Unit) -> String {
    format!("{}, such as {}", unit.noun(), unit.example())
}

/// As they stand behind the number; lengths of time have several numbers.
fn names(unit: Unit) -> String {
    match unit {
        Unit::Share => "%".to_owned(),
        Unit::Celsius => "°?C".to_owned(),
        Unit::Watts => "[mk]?W".to_owned(),
        Unit::Hertz => "[kMG]?Hz".to_owned(),
        Unit::Bytes => BYTES.to_owned(),
        Unit::BytesPerSecond => format!("{BYTES}/s"),
        Unit::Seconds => period::units(),
        Unit::Plain => String::new(),
    }
}

fn signed(unit: &str) -> String {
    format!(r"^\s*_*[-+]?{DIGITS}\s*({unit})\s*$")
}

/// A share of which something is there, and at most all.
pub enum ShareAboveNone {}

/// A share from nothing to all.
pub enum ShareOfAll {}

macro_rules! texts {
    ($($quantity:ident, $form:expr, $pattern:expr;)+) => {
        $(impl JsonSchema for $quantity {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($quantity).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                text::described(&$pattern, $form)
            }
        })+
    };
}

texts! {
    Size, "an amount of data, such as `64GiB`", signed(BYTES);
    LinkRate, "the speed of a link, such as `10Gbit/s`", signed(LINK);
    LinkShare, "a speed, or a share of the link, such as `70%`", signed(&format!("%|{LINK}"));
    Canary, "a share of nodes or jobs, such as `10%` or `10% of jobs`, more than 0% and at most 100%",
        format!(r"^\s*{ABOVE_NONE}\s*%\s*( of (nodes|jobs))?$");
    ShareAboveNone, "a share of more than 0% and at most 100%, such as `15%`", format!(r"^\s*{ABOVE_NONE}\s*%\s*$");
    ShareOfAll, OF_ALL, up_to_all();
}

impl JsonSchema for Level {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Level".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        const UNITS: [Unit; 6] =
            [Unit::Share, Unit::Celsius, Unit::Watts, Unit::Hertz, Unit::Bytes, Unit::BytesPerSecond];
        let units = UNITS.map(names).join("|");
        json_schema!({
            "description": "A value with its unit, such as `15%`, `70C`, `95W`, `10GiB` or `2s`; a plain number where the signal has no unit.",
            "type": ["string", "number"],
            "pattern": format!("{}|{}", signed(&units), period::any()),
            "errorMessage": text::message("a value with its unit, such as `15%`, `70C`, `95W`, `10GiB` or `2s`"),
        })
    }
}

#[cfg(test)]
mod tests {
    use regex::Regex;

    use super::*;
    use crate::policy::quantity::Period;
    use crate::units::{BitsPerSecond, Bytes, Ratio, Watts, parse_duration};

    fn schema<Q: JsonSchema>() -> Value {
        Q::json_schema(&mut SchemaGenerator::default()).to_value()
    }

    fn pattern(schema: &Value) -> Regex {
        Regex::new(schema["pattern"].as_str().unwrap()).unwrap()
    }

    /// Numbers as nobody should write them, with every unit that there is.
    fn texts() -> Vec<String> {
        let numbers = [
            "",
            "0",
            "-0",
            "00.0",
            "1",
            "+1",
            "-1",
            "._5",
            "_.5",
            "5.",
            "1_0",
            "_-_7_",
            "0.3",
            "007",
            "99.99",
            "100",
            "1_00.",
            "+100.0",
            "100.000_000_000_000_000_1",
            "100.5",
            "101",
            "1e2",
            "1 5",
            "1.5.2",
            "._",
            ".",
        ];
        let units =
            ["", "%", "W", "kW", "B", "GiB", "bit/s", "Gbit/s", "s", "nanos", "h", "h 30m", "m1.5s", "µs", "yr", "Y"];
        let around = |number: &str, unit: &str| {
            ["", " ", "\t"].map(|blank| format!("{blank}{number}{blank}{unit}{blank}")).to_vec()
        };
        numbers.iter().flat_map(|number| units.iter().flat_map(move |unit| around(number, unit))).collect()
    }

    fn all_that_loads_matches(schema: &Value, loads: impl Fn(&str) -> bool) {
        let pattern = pattern(schema);
        let (loaded, refused): (Vec<String>, Vec<String>) = texts().into_iter().partition(|text| loads(text));
        assert!(!loaded.is_empty() && refused.iter().any(|text| !pattern.is_match(text)), "{schema}");
        let wrong: Vec<&String> = loaded.iter().filter(|text| !pattern.is_match(text)).collect();
        assert!(wrong.is_empty(), "load, but are underlined: {wrong:?} by {pattern}");
    }

    #[test]
    fn patterns_take_all_that_the_reader_takes() {
        let share = |text: &str| text.parse::<Ratio>().map(|share| share.0);
        all_that_loads_matches(&schema::<Period>(), |text| parse_duration(text).is_ok());
        all_that_loads_matches(&schema::<Size>(), |text| text.parse::<Bytes>().is_ok());
        all_that_loads_matches(&schema::<LinkRate>(), |text| text.parse::<BitsPerSecond>().is_ok());
        all_that_loads_matches(&schema::<Level>(), |text| Level::read(text).is_ok());
        all_that_loads_matches(&of(Unit::Watts), |text| text.parse::<Watts>().is_ok());
        all_that_loads_matches(&schema::<ShareAboveNone>(), |text| {
            share(text).is_ok_and(|share| share > 0.0 && share <= 1.0)
        });
        all_that_loads_matches(&schema::<ShareOfAll>(), |text| {
            share(text).is_ok_and(|share| (0.0..=1.0).contains(&share))
        });
    }

    #[test]
    fn shares_and_rates_have_their_ends() {
        let some = pattern(&schema::<ShareAboveNone>());
        let any = pattern(&schema::<ShareOfAll>());
        for (text, is_some, is_any) in [
            ("0%", false, true),
            ("0.0%", false, true),
            ("0.01%", true, true),
            ("9%", true, true),
            ("100%", true, true),
            ("100.5%", false, false),
            ("101%", false, false),
            ("175%", false, false),
            ("1000%", false, false),
            ("-5%", false, false),
        ] {
            assert_eq!((some.is_match(text), any.is_match(text)), (is_some, is_any), "{text}");
        }
        let rate = pattern(&above_zero(Unit::BytesPerSecond));
        for (text, fits) in
            [("0B/s", false), ("0.0 MiB/s", false), ("0.5B/s", true), ("10MiB/s", true), ("10MiB", false)]
        {
            assert_eq!(rate.is_match(text), fits, "{text}");
        }
    }
}
