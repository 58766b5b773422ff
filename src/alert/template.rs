//! The texts of an alert: words with labels and the value in between, in the part of Go's templates that alerting rules
//! commonly use. Anything else is refused when the rule is read.

use std::fmt::Write as _;
use std::time::Duration;

use crate::promql::Labels;

/// A text with places for labels and the value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Label(String),
    Value(Form),
    /// Only if the label is there; `.` inside is its value.
    With(String, Vec<Piece>),
    /// The label of the `with` around it.
    Dot,
}

/// How the value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Plain,
    /// `1.5k`
    Humanize,
    /// `1.5Ki`
    Humanize1024,
    /// `15.2%`
    Percentage,
    /// `1h 5m 0s`
    Duration,
}

impl Template {
    /// # Errors
    /// What was found in the braces and is not known here.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut rest = text;
        let pieces = pieces(&mut rest, false)?;
        Ok(Self(pieces))
    }

    pub fn render(&self, labels: &Labels, value: f64) -> String {
        let mut text = String::new();
        render(&self.0, labels, value, "", &mut text);
        text
    }
}

fn pieces(rest: &mut &str, is_inside: bool) -> Result<Vec<Piece>, String> {
    let mut pieces = Vec::new();
    loop {
        let Some((before, behind)) = rest.split_once("{{") else {
            if is_inside {
                return Err("`{{ with ... }}` without `{{ end }}`".to_owned());
            }
            pieces.push(Piece::Text((*rest).to_owned()));
            return Ok(pieces);
        };
        pieces.push(Piece::Text(before.to_owned()));
        let (action, behind) = behind.split_once("}}").ok_or("`{{` without `}}`")?;
        *rest = behind;
        match action.trim_matches('-').trim() {
            "end" if is_inside => return Ok(pieces),
            "." if is_inside => pieces.push(Piece::Dot),
            action => match action.strip_prefix("with ").map(label) {
                Some(Some(name)) => pieces.push(Piece::With(name, self::pieces(rest, true)?)),
                _ => pieces.push(piece(action).ok_or_else(|| {
                    format!(
                        "`{{{{ {action} }}}}` is not understood here; write $labels.NAME or $value, with humanize..."
                    )
                })?),
            },
        }
    }
}

fn piece(action: &str) -> Option<Piece> {
    if let Some(name) = label(action) {
        return Some(Piece::Label(name));
    }
    let mut words = action.split('|').map(str::trim);
    (words.next() == Some("$value")).then_some(())?;
    let form = match words.next() {
        None => Form::Plain,
        Some("humanize") => Form::Humanize,
        Some("humanize1024") => Form::Humanize1024,
        Some("humanizePercentage") => Form::Percentage,
        Some("humanizeDuration") => Form::Duration,
        Some(_) => return None,
    };
    words.next().is_none().then_some(Piece::Value(form))
}

fn label(action: &str) -> Option<String> {
    let name = action.trim().strip_prefix("$labels.")?;
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    is_name.then(|| name.to_owned())
}

fn render(pieces: &[Piece], labels: &Labels, value: f64, dot: &str, text: &mut String) {
    for piece in pieces {
        match piece {
            Piece::Text(words) => text.push_str(words),
            Piece::Label(name) => text.push_str(labels.get(name)),
            Piece::Dot => text.push_str(dot),
            Piece::With(name, inner) => {
                let dot = labels.get(name);
                if !dot.is_empty() {
                    render(inner, labels, value, dot, text);
                }
            }
            Piece::Value(form) => text.push_str(&form.write(value)),
        }
    }
}

impl Form {
    fn write(self, value: f64) -> String {
        match self {
            Self::Humanize => scaled(value, 1000.0, &["", "k", "M", "G", "T", "P"]),
            Self::Humanize1024 => scaled(value, 1024.0, &["", "Ki", "Mi", "Gi", "Ti", "Pi"]),
            Self::Percentage => format!("{}%", significant(value * 100.0)),
            Self::Duration => match Duration::try_from_secs_f64(value) {
                Ok(time) => humantime::format_duration(Duration::from_secs(time.as_secs())).to_string(),
                Err(_) => value.to_string(),
            },
            Self::Plain => value.to_string(),
        }
    }
}

fn scaled(value: f64, factor: f64, prefixes: &[&str]) -> String {
    let mut scaled = value;
    let mut prefix = 0;
    while scaled.abs() >= factor && prefix + 1 < prefixes.len() {
        scaled /= factor;
        prefix += 1;
    }
    format!("{}{}", significant(scaled), prefixes[prefix])
}

/// Four significant digits, as Go's `%.4g`.
fn significant(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return value.to_string();
    }
    let before = value.abs().log10().floor();
    let decimals = (0..=12).find(|decimals| f64::from(*decimals) >= 3.0 - before).unwrap_or(12);
    let mut text = String::new();
    // Writing into a string does not fail.
    let _ = write!(text, "{value:.decimals$}", decimals = usize::try_from(decimals).unwrap_or(0));
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(template: &str, value: f64) -> String {
        let labels = Labels::from_pairs([("device", "sda"), ("instance", "farm:9037")]);
        Template::parse(template).unwrap().render(&labels, value)
    }

    #[test]
    fn labels_and_values_stand_where_they_belong() {
        assert_eq!(
            rendered("{{ $labels.device }} on {{$labels.instance}}: {{ $value }}", 0.5),
            "sda on farm:9037: 0.5"
        );
        assert_eq!(rendered("down{{ with $labels.device }} on {{ . }}{{ end }}!", 0.0), "down on sda!");
        assert_eq!(rendered("down{{ with $labels.none }} on {{ . }}{{ end }}!", 0.0), "down!");
    }

    #[test]
    fn values_are_written_for_people() {
        assert_eq!(rendered("{{ $value | humanizePercentage }}", 0.123_456), "12.35%");
        assert_eq!(rendered("{{ $value | humanize1024 }}B", 3.0 * 1024.0 * 1024.0 * 1024.0), "3GiB");
        assert_eq!(rendered("{{ $value | humanize }}", 12_345.0), "12.35k");
        assert_eq!(rendered("{{ $value | humanizeDuration }}", 3_900.4), "1h 5m");
        assert_eq!(rendered("{{ $value | humanize }}", 0.0), "0");
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for bad in
            ["{{ $value", "{{ query \"up\" }}", "{{ with $labels.x }}", "{{ end }}", "{{ $value | foo }}", "{{ . }}"]
        {
            assert!(Template::parse(bad).is_err(), "{bad}");
        }
    }
}
