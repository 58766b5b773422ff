//! What the numbers of a signal are, and how they are shown.

/// What the numbers of a signal are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Unit {
    /// 0.15 is 15 %.
    #[default]
    Share,
    /// Whatever the expression gives.
    Plain,
    Celsius,
    Watts,
    Bytes,
    BytesPerSecond,
    Seconds,
    Hertz,
}

impl Unit {
    /// As it reads in a sentence: `it gives a share`.
    pub fn noun(self) -> &'static str {
        match self {
            Self::Share => "a share",
            Self::Plain => "a number without a unit",
            Self::Celsius => "a temperature",
            Self::Watts => "a power",
            Self::Bytes => "an amount of data",
            Self::BytesPerSecond => "a rate of data",
            Self::Seconds => "a length of time",
            Self::Hertz => "a frequency",
        }
    }

    /// What a value of it looks like.
    pub fn example(self) -> &'static str {
        match self {
            Self::Share => "`15%`",
            Self::Plain => "`2.5`",
            Self::Celsius => "`70C`",
            Self::Watts => "`450W`",
            Self::Bytes => "`20GiB`",
            Self::BytesPerSecond => "`200MiB/s`",
            Self::Seconds => "`2s`",
            Self::Hertz => "`2.4GHz`",
        }
    }

    /// `12%`, `12.5`, `70C`, `1.5kW`, `20GiB`.
    pub fn show(self, value: f64) -> String {
        const BYTES: [(f64, &str); 4] =
            [(1_099_511_627_776.0, "TiB"), (1_073_741_824.0, "GiB"), (1_048_576.0, "MiB"), (1024.0, "KiB")];
        match self {
            Self::Celsius => format!("{}C", Self::Plain.show(value)),
            Self::Watts => prefixed(value, &[(1e3, "kW")], "W"),
            Self::Hertz => prefixed(value, &[(1e9, "GHz"), (1e6, "MHz"), (1e3, "kHz")], "Hz"),
            Self::Bytes => prefixed(value, &BYTES, "B"),
            Self::BytesPerSecond => format!("{}/s", prefixed(value, &BYTES, "B")),
            Self::Seconds if value.abs() < 1.0 && value != 0.0 => {
                prefixed(value, &[(1e-3, "ms"), (1e-6, "us"), (1e-9, "ns")], "s")
            }
            Self::Seconds => prefixed(value, &[(86_400.0, "d"), (3600.0, "h"), (60.0, "m")], "s"),
            Self::Share => format!("{:.0}%", value * 100.0),
            Self::Plain if value == 0.0 || (0.001..1e9).contains(&value.abs()) => {
                short(&format!("{value:.3}")).to_owned()
            }
            Self::Plain => {
                let text = format!("{value:.3e}");
                let (digits, power) = text.split_once('e').unwrap_or((&text, "0"));
                format!("{}e{power}", short(digits))
            }
        }
    }
}

/// With the largest of the units that the value reaches.
fn prefixed(value: f64, units: &[(f64, &str)], base: &str) -> String {
    let reached = units.iter().find(|(factor, _)| value.abs() >= *factor * (1.0 - 1e-9));
    let (factor, unit) = reached.copied().unwrap_or((1.0, base));
    format!("{}{unit}", short(&format!("{:.3}", value / factor)))
}

/// A number with a point, without the zeros that say nothing.
fn short(number: &str) -> &str {
    number.trim_end_matches('0').trim_end_matches('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_as_short_as_they_can_be() {
        for (value, shown) in
            [(0.0, "0"), (450.0, "450"), (-2.5, "-2.5"), (0.0625, "0.062"), (4.8e9, "4.8e9"), (1e-6, "1e-6")]
        {
            assert_eq!(Unit::Plain.show(value), shown);
        }
        for (unit, value, shown) in [
            (Unit::Share, 0.125, "12%"),
            (Unit::Celsius, 70.5, "70.5C"),
            (Unit::Watts, 95.0, "95W"),
            (Unit::Watts, 1500.0, "1.5kW"),
            (Unit::Bytes, 21_474_836_480.0, "20GiB"),
            (Unit::BytesPerSecond, 512.0, "512B/s"),
            (Unit::Seconds, 0.25, "250ms"),
            (Unit::Seconds, 90.0, "1.5m"),
            (Unit::Hertz, 2.4e9, "2.4GHz"),
        ] {
            assert_eq!(unit.show(value), shown);
        }
    }
}
