//! The notation of series that promtool's unit tests have: `1 2 3`, `_`, `stale`, `5x3`, `0+10x5`, `100-5x3`, here with units.
//!
//! As there, `axn` is `a` and `n` more, so `5x3` makes four samples; only `_xn` makes `n` gaps.
//! Source: <https://prometheus.io/docs/prometheus/latest/configuration/unit_testing_rules/#series>.

use super::Sample;
use crate::promql::Span;
use crate::units::{Bytes, BytesPerSecond, float, parse_duration};

/// A day of seconds; who needs more has mistyped a count.
const MOST_SAMPLES: usize = 100_000;

/// What is wrong with a text, and where in it.
#[derive(Debug, Clone, PartialEq)]
pub struct BadNotation {
    pub at: Span,
    pub problem: String,
}

/// The samples that `text` stands for.
pub fn samples(text: &str) -> Result<Vec<Sample>, BadNotation> {
    let mut all = Vec::new();
    for word in text.split_whitespace() {
        let start = word.as_ptr().addr() - text.as_ptr().addr();
        let bad = |problem| BadNotation { at: Span { start, end: start + word.len() }, problem };
        let (item, count) = times(word).map_err(bad)?;
        if all.len() + count > MOST_SAMPLES {
            return Err(bad(format!("more than {MOST_SAMPLES} samples; write a longer `interval`")));
        }
        all.extend(expand(item, count, word).map_err(bad)?);
    }
    Ok(all)
}

/// `80%x60` is `80%` and 60.
fn times(word: &str) -> Result<(&str, usize), String> {
    match word.rsplit_once('x') {
        Some((item, count)) => match count.parse::<u32>() {
            Ok(count) => Ok((item, usize::try_from(count).unwrap_or(usize::MAX))),
            Err(_) => Err(format!("`{count}` is no number of times; write `5x3`, `0+10x5` or `_x4`")),
        },
        None => Ok((word, usize::from(word == "_"))),
    }
}

fn expand(item: &str, count: usize, word: &str) -> Result<Vec<Sample>, String> {
    match item {
        "_" => return Ok(vec![Sample::Gap; count]),
        "stale" if item == word => return Ok(vec![Sample::Stale]),
        _ => {}
    }
    let (first, step) = match slope(item) {
        Some(at) => (number(&item[..at])?, number(&item[at..])?),
        None => (number(item)?, 0.0),
    };
    // Summed up rather than multiplied, as Prometheus does it.
    let values = std::iter::successors(Some(first), |value| Some(value + step));
    Ok(values.take(count + 1).map(Sample::Value).collect())
}

/// Where the step of `a+b` begins; a sign behind the `e` of `1e-9` is none.
fn slope(item: &str) -> Option<usize> {
    let bytes = item.as_bytes();
    (1..bytes.len()).find(|&at| {
        let exponent = matches!(bytes[at - 1], b'e' | b'E') && at >= 2 && bytes[at - 2].is_ascii_digit();
        matches!(bytes[at], b'+' | b'-') && !exponent
    })
}

/// A number in the base unit of what it stands for: `80%` is 0.8, `64MiB` is bytes, `2m` is seconds.
pub fn number(text: &str) -> Result<f64, String> {
    if let Ok(number) = text.parse::<f64>() {
        return Ok(number);
    }
    let (sign, size) = match text.strip_prefix('-') {
        Some(size) => (-1.0, size),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    let digits = size.trim_end_matches(|c: char| c.is_ascii_alphabetic() || matches!(c, '%' | '/' | '\u{b0}'));
    let factor = match &size[digits.len()..] {
        "%" => Some(0.01),
        "C" | "\u{b0}C" | "W" | "Hz" | "V" | "A" => Some(1.0),
        "kW" | "kHz" => Some(1e3),
        "MHz" => Some(1e6),
        "GHz" => Some(1e9),
        _ => None,
    };
    let value = match (digits.parse::<f64>(), factor) {
        (Ok(number), Some(factor)) => Some(number * factor),
        _ => in_units(size),
    };
    value.map(|value| sign * value).ok_or_else(|| {
        format!("`{text}` is no number with a unit that is known here, such as `80%`, `64MiB`, `70C`, `450W`, `2m`")
    })
}

fn in_units(text: &str) -> Option<f64> {
    let bytes = text.parse::<Bytes>().ok().map(|bytes| float(bytes.0));
    let rate = || text.parse::<BytesPerSecond>().ok().map(|rate| rate.0);
    let time = || parse_duration(text).ok().map(|time| time.as_secs_f64());
    bytes.or_else(rate).or_else(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str) -> Vec<Option<f64>> {
        let value = |sample: &Sample| match sample {
            Sample::Value(value) => Some((value * 1e6).round() / 1e6),
            Sample::Gap | Sample::Stale => None,
        };
        samples(text).unwrap().iter().map(value).collect()
    }

    #[test]
    fn counts_as_promtool_does() {
        assert_eq!(values("1 2 _ 3"), [Some(1.0), Some(2.0), None, Some(3.0)]);
        assert_eq!(values("5x3").len(), 4);
        assert_eq!(values("0+10x3"), [0.0, 10.0, 20.0, 30.0].map(Some));
        assert_eq!(values("3-1x2"), [3.0, 2.0, 1.0].map(Some));
        assert_eq!(values("-2+1x1"), [-2.0, -1.0].map(Some));
        assert_eq!(values("_x3"), [None; 3]);
        assert_eq!(samples("1 stale").unwrap()[1], Sample::Stale);
        assert_eq!(values("8e9-1e8x1"), [8e9, 7.9e9].map(Some));
        assert_eq!(values("1e-3x0"), [Some(0.001)]);
    }

    #[test]
    fn knows_units() {
        assert_eq!(values("80%x1"), [Some(0.8), Some(0.8)]);
        assert_eq!(values("50%-10%x2"), [0.5, 0.4, 0.3].map(Some));
        assert_eq!(values("1MiB 70C 450W 2m 3GHz 1kB/s"), [1_048_576.0, 70.0, 450.0, 120.0, 3e9, 1000.0].map(Some));
    }

    #[test]
    fn says_what_is_wrong_where() {
        for (text, at, part) in [
            ("1 2x", 2..4, "`` is no number of times"),
            ("1 5furlongs", 2..11, "`5furlongs` is no number"),
            ("stalex3", 0..7, "`stale` is no number"),
            ("1x999999", 0..8, "more than"),
        ] {
            let bad = samples(text).unwrap_err();
            assert_eq!((bad.at.start, bad.at.end), (at.start, at.end), "{text}");
            assert!(bad.problem.contains(part), "{text}: {}", bad.problem);
        }
    }
}
