//! The line of one sample, which both text formats write alike. Values are written hundreds of times in a scrape, so the machinery
//! of formatting, a quarter of a scrape's instructions (measured), is left out.

use super::family::Family;
use super::label::{LONGEST, Label, tame};
use super::value::Value;

/// Whole numbers up to here are exact as `f64`.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// All that comes before the value.
pub(super) fn push_name<'l>(out: &mut String, family: &Family, labels: impl Iterator<Item = Label<'l>>) {
    out.push_str(family.name);
    push_labels(out, family.labels, labels);
    out.push(' ');
}

fn push_labels<'l>(out: &mut String, names: &[&str], values: impl Iterator<Item = Label<'l>>) {
    let mut separator = '{';
    for (name, value) in names.iter().zip(values).filter(|(_, value)| !value.is_empty()) {
        out.push(separator);
        separator = ',';
        out.push_str(name);
        out.push_str("=\"");
        match value {
            Label::Text(text) if is_plain(text) => out.push_str(text),
            Label::Text(text) => push_escaped(out, &tame(text)),
            Label::Number(number) => out.push_str(itoa::Buffer::new().format(number)),
        }
        out.push('"');
    }
    if separator == ',' {
        out.push('}');
    }
}

/// The value, and the end of the line.
pub(super) fn push_value(out: &mut String, value: Value) {
    match value {
        Value::Whole(number) => out.push_str(itoa::Buffer::new().format(number)),
        Value::Real(number) => match whole(number) {
            Some(number) => out.push_str(itoa::Buffer::new().format(number)),
            None => out.push_str(zmij::Buffer::new().format(number)),
        },
    }
    out.push('\n');
}

/// The number without a point, if that loses nothing.
fn whole(number: f64) -> Option<u64> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a whole number in the range of both")]
    (number.fract() == 0.0 && number.is_sign_positive() && number < EXACT).then_some(number as u64)
}

/// Whether both formats write the text as it is, which is true of nearly all labels: one look at each byte instead of three.
fn is_plain(text: &str) -> bool {
    text.len() <= LONGEST && text.bytes().all(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\'))
}

fn push_escaped(out: &mut String, text: &str) {
    let mut rest = text;
    while let Some(at) = rest.bytes().position(|byte| matches!(byte, b'\\' | b'"' | b'\n')) {
        let (plain, special) = rest.split_at(at);
        out.push_str(plain);
        out.push_str(match special.as_bytes()[0] {
            b'\\' => "\\\\",
            b'"' => "\\\"",
            _ => "\\n",
        });
        rest = &special[1..];
    }
    out.push_str(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(value: Value) -> String {
        let mut out = String::new();
        let labels = ["1\"\\\n".into(), "".into(), 70_u32.into()];
        push_name(&mut out, &Family::gauge("x", "").by(&["a", "b", "c"]), labels.into_iter());
        push_value(&mut out, value);
        out
    }

    #[test]
    fn labels_are_escaped_and_empty_ones_left_out() {
        assert_eq!(line(Value::Whole(0)), "x{a=\"1\\\"\\\\\\n\",c=\"70\"} 0\n");
    }

    #[test]
    fn numbers_are_those_that_a_server_reads_back() {
        for number in [0, 9, 10, 1_000_000, u64::MAX] {
            assert!(line(Value::Whole(number)).ends_with(&format!(" {number}\n")));
        }
        for number in [0.0, -0.0, 1.0, -3.0, 0.1, 1e15, EXACT, 1.5e300, 1e-9, 123_456.789] {
            let text = line(Value::Real(number));
            let read: f64 = text.rsplit(' ').next().unwrap().trim().parse().unwrap();
            assert_eq!(read.to_bits(), number.to_bits(), "{text}");
        }
    }
}
