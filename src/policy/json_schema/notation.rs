//! The notation of series in tests, as a pattern: `5% 10%x9 _x5`.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};

use super::quantity::{BYTES, DIGITS};
use super::{period, text};

const EXPONENT: &str = "([eE][-+]?[0-9]+)?";
const NO_DIGITS: &str = "[iI][nN][fF]([iI][nN][iI][tT][yY])?|[nN][aA][nN]";

/// Samples of a series.
pub enum Samples {}

impl JsonSchema for Samples {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Samples".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        text::described(
            &pattern(),
            "samples such as `5% 10%x9 _x5`: 5 %, then 10 % and nine more of it, then five gaps",
        )
    }
}

fn pattern() -> String {
    let value = value();
    // A first value and a step, so often more; or gaps.
    format!(r"^\s*(((_|[-+]*{value}([-+]+{value})?)(x\+?[0-9]+)?|stale)(\s+|$))*$")
}

/// Without its sign.
fn value() -> String {
    let time = period::units();
    let unit = format!("%|°?C|k?W|[kMG]?Hz|V|A|{BYTES}(/s)?");
    format!(r"({DIGITS}{EXPONENT}({unit})?|([0-9]+(\.[0-9]+)?({time}))+|{NO_DIGITS})")
}

#[cfg(test)]
mod tests {
    use regex::Regex;

    use super::*;
    use crate::policy::cases::notation::samples;

    #[test]
    fn the_pattern_takes_what_the_reader_takes_and_little_else() {
        let pattern = Regex::new(&pattern()).unwrap();
        for text in [
            "",
            "  1\t2 _ 3 ",
            "5x3 0+10x5 100-5x3 _x4 stale",
            "-2+1x1 +3 1+-5% 1e-3x0 8e9-1e8x1 1E+5 .5 5. 1_0MiB",
            "80%x1 50%-10%x2 70C 70°C 450W 0.5kW 3GHz 230V 2A 1kB/s 2m 1h30m 1.5s 250ms-5msx3",
            "inf -Infinity NaN",
            "1x+5",
        ] {
            assert!(samples(text).is_ok(), "{text}");
            assert!(pattern.is_match(text), "{text}");
        }
        for text in ["35%y19", "5%x9 35%y19", "1 2x", "5furlongs", "stalex3", "5%,6%", "x3", "1..2", "10 %"] {
            assert!(samples(text).is_err(), "{text}");
            assert!(!pattern.is_match(text), "{text}");
        }
    }
}
