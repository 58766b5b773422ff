//! Durations as Prometheus writes them: `1h30m`, `5m`, `250ms`.

use crate::promql::Millis;

/// Largest first: a duration names its units in this order, each at most once.
const UNITS: &[(&str, Millis)] = &[
    ("y", 365 * 86_400_000),
    ("w", 7 * 86_400_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// 292 years: what Prometheus can hold in nanoseconds.
pub(super) const LONGEST: Millis = i64::MAX / 1_000_000;

/// Reads a duration; `None` if the text is not one, or too long.
pub fn parse_duration(text: &str) -> Option<Millis> {
    let mut rest = text;
    let mut units = UNITS.iter();
    let mut total: Millis = 0;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let number: Millis = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let letters = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (_, factor) = units.by_ref().find(|(unit, _)| *unit == &rest[..letters])?;
        total = total.checked_add(number.checked_mul(*factor)?).filter(|sum| *sum <= LONGEST)?;
        rest = &rest[letters..];
    }
    (!text.is_empty()).then_some(total)
}

/// Writes a positive duration with as few units as make it exact.
pub(super) fn format_duration(mut millis: Millis) -> String {
    let mut parts = Vec::new();
    for (unit, factor) in UNITS {
        // Years and weeks only where they are the whole of it: `1y` is readable, `1w3d` is not.
        if matches!(*unit, "y" | "w") && millis % factor != 0 {
            continue;
        }
        if millis >= *factor {
            parts.push(format!("{}{unit}", millis / factor));
            millis %= factor;
        }
    }
    if parts.is_empty() { "0s".to_owned() } else { parts.concat() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_units_in_order_only() {
        assert_eq!(parse_duration("1h30m"), Some(5_400_000));
        assert_eq!(parse_duration("1y2w3d"), Some((365 + 14 + 3) * 86_400_000));
        assert_eq!(parse_duration("1s500ms"), Some(1_500));
        for wrong in ["", "5", "m", "30m1h", "5m5m", "1.5h", "5M", "300y", "99999999999999999999s"] {
            assert_eq!(parse_duration(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        for millis in [1, 999, 1_000, 61_001, 3_600_000, 86_400_000, 7 * 86_400_000, 10 * 86_400_000, 365 * 86_400_000]
        {
            assert_eq!(parse_duration(&format_duration(millis)), Some(millis));
        }
        assert_eq!(format_duration(90_000), "1m30s");
    }
}
