//! Lengths of time in the schema, within the bounds of their fields.
//!
//! A pattern cannot add. So each part of `1h 30m` by itself is held to the upper bound, and a length of one part to the lower one;
//! the rest is left to the loader. Patterns of numbers up to 600 are for no one to read: editors show the bounds instead.

use std::borrow::Cow;
use std::fmt::Write;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

use super::text;
use crate::policy::quantity::{Period, UNBOUNDED};

/// Names of units, and how many nanoseconds they have; a month and a year are means.
const UNITS: [(&str, u128); 10] = [
    ("nanos|nsec|ns", 1),
    ("usec|us|µs", 1_000),
    ("millis|msec|ms", 1_000_000),
    ("seconds?|secs?|s", 1_000_000_000),
    ("minutes?|mins?|min|m", 60_000_000_000),
    ("hours?|hrs?|hr|h", 3_600_000_000_000),
    ("days?|d", 86_400_000_000_000),
    ("weeks?|wks?|wk|w", 604_800_000_000_000),
    ("months?|M", 2_630_016_000_000_000),
    ("years?|yrs?|yr|y", 31_557_600_000_000_000),
];

/// The reader passes over blanks within numbers, and what it passes over here is left to it.
const TORN: &str = r"[\s\S]*[0-9.]\s+[0-9.][\s\S]*";

/// The names of all units.
pub fn units() -> String {
    UNITS.map(|(names, _)| names).join("|")
}

/// Several numbers with units of time: `1h30m`.
pub fn any() -> String {
    format!(r"^\s*([0-9][0-9\s]*(\.[0-9\s]+)?({})\s*)+$", units())
}

impl<const LEAST: u64, const MOST: u64> JsonSchema for Period<LEAST, MOST> {
    fn inline_schema() -> bool {
        MOST == UNBOUNDED
    }

    fn schema_name() -> Cow<'static, str> {
        let [least, most] = bounds(LEAST, MOST).map(|bound| bound.replace(' ', ""));
        format!("Period-{least}-{most}").into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        if MOST == UNBOUNDED {
            return text::described(&any(), "a length of time, such as `30s`");
        }
        let [least, most] = bounds(LEAST, MOST);
        let message = format!("write {least} to {most}");
        let of = |pattern: String| json!({"pattern": pattern, "errorMessage": message});
        let mut held: Vec<Value> = vec![of(at_most(MOST))];
        if LEAST > 0 {
            held.push(of(at_least(LEAST)));
        }
        json_schema!({
            "description": format!("A length of time, {least} to {most}."),
            "type": "string",
            "errorMessage": message,
            "allOf": held,
        })
    }
}

fn bounds(least: u64, most: u64) -> [String; 2] {
    [least, most].map(|bound| humantime::format_duration(Duration::from_millis(bound)).to_string())
}

/// Each part is at most so many milliseconds.
fn at_most(most: u64) -> String {
    let parts = UNITS.map(|(names, unit)| format!(r"0*({})(\.[0-9]*)?\s*({names})", up_to(nanoseconds(most) / unit)));
    format!(r"^\s*((({})\s*)+|{TORN})$", parts.join("|"))
}

/// The only part is at least so many milliseconds, or there are several.
fn at_least(least: u64) -> String {
    let parts = UNITS.map(|(names, unit)| {
        // Less than one of it: then anything but none of it, as far as a pattern can tell.
        let number = match nanoseconds(least) / unit {
            0 => "[0-9.]*[1-9][0-9.]*".to_owned(),
            least => format!(r"0*({})(\.[0-9]*)?", from(least)),
        };
        format!(r"{number}\s*({names})")
    });
    format!(r"^\s*(({})\s*|[\s\S]*[a-zMµ]\s*[0-9][\s\S]*|{TORN})$", parts.join("|"))
}

fn nanoseconds(milliseconds: u64) -> u128 {
    u128::from(milliseconds) * 1_000_000
}

/// Large numbers by their digits alone, which is enough for a slip.
const EXACT: u128 = 10_000;

/// Whole numbers from 0 to `most`, without zeros in front.
fn up_to(most: u128) -> String {
    let digits = most.to_string();
    if most >= EXACT {
        return format!("[0-9]{{1,{}}}", digits.len());
    }
    let mut pattern = digits.clone();
    if digits.len() > 1 {
        let _ = write!(pattern, "|[0-9]{{1,{}}}", digits.len() - 1);
    }
    for (place, digit) in digits.char_indices() {
        let lowest = if place == 0 && digits.len() > 1 { '1' } else { '0' };
        if digit > lowest {
            let below = char::from_u32(u32::from(digit) - 1).unwrap_or(lowest);
            let _ = write!(pattern, "|{}[{lowest}-{below}]{}", &digits[..place], any_digits(digits.len() - place - 1));
        }
    }
    pattern
}

/// Whole numbers of `least` and more, without zeros in front.
fn from(least: u128) -> String {
    let digits = least.to_string();
    if least >= EXACT {
        return format!("[1-9][0-9]{{{},}}", digits.len() - 1);
    }
    let mut pattern = format!("{digits}|[1-9][0-9]{{{},}}", digits.len());
    for (place, digit) in digits.char_indices().filter(|(_, digit)| *digit < '9') {
        let above = char::from_u32(u32::from(digit) + 1).unwrap_or('9');
        let _ = write!(pattern, "|{}[{above}-9]{}", &digits[..place], any_digits(digits.len() - place - 1));
    }
    pattern
}

fn any_digits(count: usize) -> String {
    if count == 0 { String::new() } else { format!("[0-9]{{{count}}}") }
}

#[cfg(test)]
mod tests {
    use regex::Regex;

    use super::*;
    use crate::units::parse_duration;

    fn whole(pattern: &str) -> Regex {
        Regex::new(&format!("^({pattern})$")).unwrap()
    }

    #[test]
    fn numbers_are_told_from_those_beyond() {
        for bound in [0, 1, 9, 10, 59, 60, 100, 600, 999, 1000, 1024, 9999_u128] {
            let (up_to, from) = (whole(&up_to(bound)), whole(&from(bound.max(1))));
            for number in 0..12_000_u128 {
                assert_eq!(up_to.is_match(&number.to_string()), number <= bound, "{number} of {bound}");
                assert_eq!(from.is_match(&number.to_string()), number >= bound.max(1), "{number} of {bound}");
            }
        }
    }

    /// Lengths around `bound`, in all units and as nobody should write them.
    fn texts(bound: u128) -> Vec<String> {
        let around = |(names, unit): (&str, u128)| {
            let name = names.split('|').next().unwrap_or_default().replace('?', "");
            let count = bound / unit;
            [count.saturating_sub(1), count, count + 1, count * 2 + 1, 0].map(|count| {
                [
                    format!("{count}{name}"),
                    format!(" 00{count} {name}\n"),
                    format!("{count}.5{name}"),
                    format!("{count}.0{name} 1ms"),
                    format!("0s {count}{name}"),
                    format!("1 {count}{name}"),
                ]
            })
        };
        UNITS.into_iter().flat_map(around).flatten().collect()
    }

    #[test]
    fn what_lies_within_is_never_refused_and_what_is_far_beyond_is() {
        for (least, most) in
            [(0, 3_600_000), (100, 3_600_000), (1_000, 600_000), (10_000, 86_400_000), (60_000, 2_592_000_000)]
        {
            let [low, high] = [at_least(least), at_most(most)].map(|pattern| Regex::new(&pattern).unwrap());
            let [from, to] = [least, most].map(Duration::from_millis);
            for text in [texts(nanoseconds(least)), texts(nanoseconds(most))].concat() {
                let Ok(length) = parse_duration(&text) else { continue };
                let matches = (least == 0 || low.is_match(&text)) && high.is_match(&text);
                assert!(matches || !(from..=to).contains(&length), "{text:?} lies within {from:?} to {to:?}");
            }
            for text in ["500d", "2months", "0.5us", "9us"] {
                let length = parse_duration(text).unwrap_or_default();
                let matches = (least == 0 || low.is_match(text)) && high.is_match(text);
                assert_eq!(matches, (from..=to).contains(&length), "{text} of {from:?} to {to:?}");
            }
        }
    }
}
