//! An inventory for people: a section per part, facts one below the other, lists of things as tables. Made from the same
//! value as the JSON, so that no fact can be in one and not in the other.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::cli::table;
use crate::units::Bytes;

const UNKNOWN: &str = "unknown";
/// A list that is known to be empty.
const NONE: &str = "none";

/// Writes a value for people; `None` if it is not of the kind that its unit asks for.
type Write = fn(&Value) -> Option<String>;

/// The units that names of facts end in.
const UNITS: [(&str, Write); 11] = [
    ("_bytes_per_second", |value| Some(format!("{}/s", Bytes(value.as_f64().map(rounded)?)))),
    ("_bits_per_second", |value| Some(scaled(value.as_f64()?, "bit/s"))),
    ("_transfers_per_second", |value| Some(scaled(value.as_f64()?, "T/s"))),
    ("_bytes", |value| Some(size(value.as_u64()?))),
    ("_hertz", |value| Some(scaled(value.as_f64()?, "Hz"))),
    ("_watts", |value| Some(format!("{} W", value.as_f64()?))),
    ("_volts", |value| Some(format!("{} V", value.as_f64()?))),
    ("_joules", |value| Some(scaled(value.as_f64()?, "J"))),
    ("_celsius", |value| Some(format!("{} °C", value.as_f64()?))),
    ("_ratio", |value| Some(format!("{:.0} %", value.as_f64()? * 100.0))),
    ("_seconds", |value| Some(format!("{:?}", Duration::try_from_secs_f64(value.as_f64()?).ok()?))),
];

/// The whole inventory as text.
pub fn render(inventory: &Value) -> String {
    let mut text = String::new();
    for (name, part) in inventory.as_object().into_iter().flatten() {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&words(name).to_uppercase());
        text.push('\n');
        section(part, &mut text);
    }
    text
}

fn section(part: &Value, text: &mut String) {
    if let Some(things) = things(part) {
        return text.push_str(&rows(&things));
    }
    let mut facts = Vec::new();
    let mut lists = Vec::new();
    if let Some(object) = part.as_object() {
        flatten("", object, &mut facts, &mut lists);
    }
    text.push_str(&table::render(&["FACT", "VALUE"], &facts));
    for (name, things) in lists {
        for line in ["\n", &name, "\n", &rows(&things)] {
            text.push_str(line);
        }
    }
}

/// Facts of facts become `outer inner`; lists of things become tables of their own.
fn flatten<'a>(
    above: &str,
    object: &'a Map<String, Value>,
    facts: &mut Vec<Vec<String>>,
    lists: &mut Vec<(String, Vec<&'a Map<String, Value>>)>,
) {
    for (key, value) in object {
        let (name, unit) = name_and_unit(key);
        let name = format!("{above} {}", words(name));
        let name = name.trim_start();
        match value {
            Value::Object(inner) => flatten(name, inner, facts, lists),
            value => match things(value) {
                Some(things) => lists.push((name.to_owned(), things)),
                None if value.as_array().is_some_and(Vec::is_empty) => {
                    facts.push(vec![name.to_owned(), NONE.to_owned()]);
                }
                None => facts.push(vec![name.to_owned(), cell(value, unit)]),
            },
        }
    }
}

/// The objects of a list of them; `None` for anything else.
fn things(value: &Value) -> Option<Vec<&Map<String, Value>>> {
    let list = value.as_array().filter(|list| !list.is_empty())?;
    list.iter().map(Value::as_object).collect()
}

fn rows(things: &[&Map<String, Value>]) -> String {
    let mut columns: Vec<&String> = Vec::new();
    for key in things.iter().flat_map(|thing| thing.keys()) {
        // What is unknown or empty of all of them is not worth a column.
        let says_something = |thing: &&Map<String, Value>| thing.get(key).is_some_and(|value| !is_nothing(value));
        if !columns.contains(&key) && things.iter().any(says_something) {
            columns.push(key);
        }
    }
    let head: Vec<String> = columns.iter().map(|key| words(name_and_unit(key).0).to_uppercase()).collect();
    let head: Vec<&str> = head.iter().map(String::as_str).collect();
    let row = |thing: &&Map<String, Value>| {
        columns.iter().map(|key| cell(thing.get(*key).unwrap_or(&Value::Null), name_and_unit(key).1)).collect()
    };
    table::render(&head, &things.iter().map(row).collect::<Vec<Vec<String>>>())
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        _ => false,
    }
}

fn cell(value: &Value, unit: Option<&str>) -> String {
    let in_unit = UNITS.iter().find(|(suffix, _)| Some(*suffix) == unit).and_then(|(_, write)| write(value));
    in_unit.unwrap_or_else(|| match value {
        Value::Null => UNKNOWN.to_owned(),
        Value::Bool(is) => if *is { "yes" } else { "no" }.to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(list) => in_one_line(list, unit),
        Value::Object(object) => {
            let fact = |(key, value): (&String, &Value)| {
                let (name, unit) = name_and_unit(key);
                format!("{} {}", words(name), cell(value, unit))
            };
            object.iter().filter(|(_, value)| !is_nothing(value)).map(fact).collect::<Vec<_>>().join(", ")
        }
        Value::Number(number) => number.to_string(),
    })
}

/// Numbers that follow each other become a range, as in the kernel's own lists.
fn in_one_line(list: &[Value], unit: Option<&str>) -> String {
    let numbers: Option<Vec<u64>> = list.iter().map(Value::as_u64).collect();
    let Some(numbers) = numbers.filter(|_| unit.is_none()) else {
        return list.iter().map(|value| cell(value, unit)).collect::<Vec<_>>().join(", ");
    };
    let ranges = numbers.chunk_by(|before, after| before.checked_add(1) == Some(*after));
    let range = |range: &[u64]| match range {
        [from, .., to] => format!("{from}-{to}"),
        other => other.iter().map(ToString::to_string).collect(),
    };
    ranges.map(range).collect::<Vec<_>>().join(",")
}

fn name_and_unit(key: &str) -> (&str, Option<&'static str>) {
    let unit = UNITS.iter().find_map(|(suffix, _)| Some((key.strip_suffix(suffix)?, *suffix)));
    unit.map_or((key, None), |(name, suffix)| (name, Some(suffix)))
}

fn words(name: &str) -> String {
    name.replace('_', " ")
}

/// Small sizes that are no round number are meant exactly, such as the MTU of a link.
fn size(bytes: u64) -> String {
    if bytes < 1 << 20 && !bytes.is_multiple_of(1024) { format!("{bytes} B") } else { Bytes(bytes).to_string() }
}

fn scaled(value: f64, unit: &str) -> String {
    let (factor, prefix) = match value.abs() {
        size if size >= 1e9 => (1e9, "G"),
        size if size >= 1e6 => (1e6, "M"),
        size if size >= 1e3 => (1e3, "k"),
        _ => (1.0, ""),
    };
    let text = format!("{:.2}", value / factor);
    format!("{} {prefix}{unit}", text.trim_end_matches('0').trim_end_matches('.'))
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "rates of bytes are positive and far below 2^64"
)]
fn rounded(value: f64) -> u64 {
    value.round() as u64
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn facts_are_read_with_their_units_and_things_in_tables() {
        let text = render(&json!({
            "memory": {"total_bytes": 4096, "swap_total_bytes": null, "problems": [], "cpu": {"max_hertz": 3_500_000_000_u64}},
            "network": {"interfaces": [
                {"name": "eth0", "speed_bits_per_second": 1e9, "mtu_bytes": 1500, "cpus": [0, 1, 2, 5], "driver": null},
                {"name": "lo", "speed_bits_per_second": null, "cpus": [], "driver": null},
            ]},
        }));
        let expected = [
            "MEMORY",
            "FACT        VALUE",
            "total       4.0 KiB",
            "swap total  unknown",
            "problems    none",
            "cpu max     3.5 GHz",
            "",
            "NETWORK",
            "FACT  VALUE",
            "",
            "interfaces",
            "NAME  SPEED     MTU      CPUS",
            "eth0  1 Gbit/s  1500 B   0-2,5",
            "lo    unknown   unknown",
        ];
        assert_eq!(text.lines().collect::<Vec<_>>(), expected);
    }
}
