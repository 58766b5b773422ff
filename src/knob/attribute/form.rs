//! What an attribute holds: a number between two limits, one of several words, or a set of CPUs; and how the kernel shows each.

use std::path::Path;

use crate::claim::Setting;
use crate::kernel::attribute;
use crate::knob::value::parse_cpu_list;
use crate::knob::{KnobError, Value, cpu_list};

/// The form of an attribute.
#[derive(Debug, Clone, Copy)]
pub enum Form {
    Number {
        least: Limit,
        most: Limit,
        rounding: Rounding,
    },
    Word(Offered),
    /// The kernel's list format. The kernel may leave out what is not there.
    Set,
}

/// A limit of a number.
#[derive(Debug, Clone, Copy)]
pub enum Limit {
    Fixed(u64),
    /// What an attribute beside it says; where there is none, the kernel judges.
    Beside(&'static str),
}

/// What the kernel may make of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rounding {
    /// It is kept as it is.
    None,
    /// To the nearest step that the hardware has, less than a hundredth away or one unit.
    Step,
    /// As `Step`, or to any lower number: as much as there is room for.
    UpTo,
}

/// Which words there are.
#[derive(Debug, Clone, Copy)]
pub enum Offered {
    /// In the attribute itself, the chosen one in brackets: `none [mq-deadline] bfq`.
    Brackets,
    /// In an attribute beside it, with blanks between them.
    Beside(&'static str),
    Fixed(&'static [&'static str]),
}

impl Form {
    /// What the attribute says; `None` if that is not of this form.
    pub fn parse(self, text: &str) -> Option<Value> {
        let line = text.lines().next().unwrap_or_default().trim();
        match self {
            Self::Number { .. } => parse_number(line).map(Value::Number),
            Self::Word(Offered::Brackets) => {
                let chosen = line.split_ascii_whitespace().find_map(|word| word.strip_prefix('[')?.strip_suffix(']'));
                let only = (!line.is_empty() && !line.contains(char::is_whitespace)).then_some(line);
                Some(Value::Word(chosen.or(only)?.to_owned()))
            }
            Self::Word(_) => (!line.is_empty()).then(|| Value::Word(line.to_owned())),
            Self::Set => parse_cpu_list(line).map(Value::Set),
        }
    }

    /// How the value is written.
    pub fn text(self, value: &Value) -> Option<String> {
        match (self, value) {
            (Self::Number { .. }, Value::Number(number)) => {
                Some(if *number == Setting::NO_LIMIT { "max".to_owned() } else { number.to_string() })
            }
            (Self::Word(_), Value::Word(word)) => Some(word.clone()),
            (Self::Set, Value::Set(numbers)) => Some(cpu_list(numbers)),
            _ => None,
        }
    }

    /// The value that `setting` amounts to at `path`. A number beyond the limits is moved to the nearest one, since a policy
    /// speaks of many machines.
    pub fn normalise(self, path: Option<&Path>, setting: &Setting) -> Result<Value, KnobError> {
        match (self, setting) {
            (Self::Number { least, most, .. }, Setting::Number(_, number)) => {
                let most = most.at(path).unwrap_or(u64::MAX);
                Ok(Value::Number((*number).max(least.at(path).unwrap_or(0)).min(most)))
            }
            (Self::Word(offered), Setting::Word(_, word)) => match offered.at(path) {
                Some(words) if !words.contains(word) => {
                    Err(KnobError::Unusable(format!("{word} is not offered here: {}", words.join(", "))))
                }
                _ => Ok(Value::Word(word.clone())),
            },
            (Self::Set, Setting::Set(_, numbers)) if !numbers.is_empty() => Ok(Value::Set(numbers.clone())),
            (form, other) => Err(KnobError::Unusable(format!("\"{other}\" is not {}", form.meaning()))),
        }
    }

    /// Whether the kernel may show `found` after `written` was written.
    pub fn rounds(self, written: &Value, found: &Value) -> bool {
        if written == found {
            return true;
        }
        match (self, written, found) {
            (Self::Number { rounding, .. }, &Value::Number(written), &Value::Number(found)) => match rounding {
                Rounding::None => false,
                Rounding::Step => is_near(written, found),
                Rounding::UpTo => found <= written || is_near(written, found),
            },
            (Self::Set, Value::Set(written), Value::Set(found)) => !found.is_empty() && found.is_subset(written),
            _ => false,
        }
    }

    fn meaning(self) -> &'static str {
        match self {
            Self::Number { .. } => "a number",
            Self::Word(_) => "a word",
            Self::Set => "a set of numbers with at least one in it",
        }
    }

    /// For the table of knobs: `0 to 100`, `a word of scaling_available_governors`.
    pub fn range(self) -> String {
        match self {
            Self::Number { least, most, .. } => format!("{} to {}", least.name(), most.name()),
            Self::Word(Offered::Brackets) => "a word of the attribute itself".to_owned(),
            Self::Word(Offered::Beside(name)) => format!("a word of {name}"),
            Self::Word(Offered::Fixed(words)) => words.join(", "),
            Self::Set => "a list such as 0-3,8".to_owned(),
        }
    }

    /// For the table of knobs: what the kernel makes of it.
    pub fn normalisation(self) -> &'static str {
        match self {
            Self::Number { rounding: Rounding::Step, .. } => "rounded to a step of the hardware",
            Self::Number { rounding: Rounding::UpTo, .. } => "as much as there is room for",
            Self::Number { rounding: Rounding::None, .. } | Self::Word(_) => "kept as written",
            Self::Set => "less what is offline",
        }
    }
}

impl Limit {
    fn at(self, path: Option<&Path>) -> Option<u64> {
        match self {
            Self::Fixed(number) => Some(number),
            Self::Beside(name) => attribute::decimal(&path?.with_file_name(name)).ok(),
        }
    }

    fn name(self) -> String {
        match self {
            Self::Fixed(Setting::NO_LIMIT) => "max".to_owned(),
            Self::Fixed(number) => number.to_string(),
            Self::Beside(name) => name.to_owned(),
        }
    }
}

impl Offered {
    /// `None` where that cannot be told.
    fn at(self, path: Option<&Path>) -> Option<Vec<String>> {
        let words = |text: &str| text.split_ascii_whitespace().map(str::to_owned).collect::<Vec<_>>();
        match self {
            Self::Fixed(known) => Some(known.iter().map(|&word| word.to_owned()).collect()),
            Self::Beside(name) => Some(words(&attribute::text(&path?.with_file_name(name)).ok()?)),
            Self::Brackets => {
                let text = attribute::text(path?).ok()?;
                Some(words(&text.replace(['[', ']'], "")))
            }
        }
    }
}

/// `max` is more than any number.
fn parse_number(text: &str) -> Option<u64> {
    if text == "max" { Some(Setting::NO_LIMIT) } else { text.parse().ok() }
}

fn is_near(written: u64, found: u64) -> bool {
    written.abs_diff(found) <= (written / 100).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claim::KnobKind;

    const NUMBER: Form =
        Form::Number { least: Limit::Fixed(10), most: Limit::Beside("most"), rounding: Rounding::Step };

    #[test]
    fn each_form_reads_what_the_kernel_shows() {
        let number = Form::Number { least: Limit::Fixed(0), most: Limit::Fixed(9), rounding: Rounding::None };
        let brackets = Form::Word(Offered::Brackets);
        for (form, text, value) in [
            (number, "42\n", Some(Value::Number(42))),
            (number, "max\n", Some(Value::Number(u64::MAX))),
            (number, "-1\n", None),
            (number, "", None),
            (brackets, "none [mq-deadline] bfq\n", Some(Value::Word("mq-deadline".to_owned()))),
            (brackets, "none\n", Some(Value::Word("none".to_owned()))),
            (brackets, "none bfq\n", None),
            (Form::Word(Offered::Fixed(&["on"])), "write back\n", Some(Value::Word("write back".to_owned()))),
            (Form::Set, "0-2,8\n", Some(Value::Set([0, 1, 2, 8].into()))),
            (Form::Set, "all\n", None),
        ] {
            assert_eq!(form.parse(text), value, "{text:?}");
        }
    }

    #[test]
    fn what_is_written_is_what_was_read() {
        for (form, text) in [(NUMBER, "42"), (NUMBER, "max"), (Form::Set, "0-2,8")] {
            assert_eq!(form.text(&form.parse(text).unwrap()).as_deref(), Some(text));
        }
        assert_eq!(NUMBER.text(&Value::Word("x".to_owned())), None);
    }

    #[test]
    fn numbers_stay_within_what_the_machine_allows() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("most"), "50\n").unwrap();
        let path = dir.path().join("it");
        let normal = |number| NUMBER.normalise(Some(&path), &Setting::Number(KnobKind::ReadAhead, number)).unwrap();
        assert_eq!([normal(1), normal(30), normal(99)], [10, 30, 50].map(Value::Number));
        let word = NUMBER.normalise(Some(&path), &Setting::Word(KnobKind::ReadAhead, "x".to_owned()));
        assert_eq!(word.unwrap_err().to_string(), "\"x\" is not a number");
    }

    #[test]
    fn a_word_that_is_not_offered_is_refused_with_those_that_are() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("scheduler");
        std::fs::write(&path, "none [mq-deadline]\n").unwrap();
        let word = |word: &str| Setting::Word(KnobKind::IoScheduler, word.to_owned());
        let form = Form::Word(Offered::Brackets);
        assert_eq!(form.normalise(Some(&path), &word("none")).unwrap(), Value::Word("none".to_owned()));
        let refused = form.normalise(Some(&path), &word("bfq")).unwrap_err().to_string();
        assert_eq!(refused, "bfq is not offered here: none, mq-deadline");
    }

    #[test]
    fn rounding_is_told_from_a_foreign_write() {
        let number = |number| Value::Number(number);
        assert!(NUMBER.rounds(&number(65_000_000), &number(64_937_500)), "an eighth of a watt");
        assert!(!NUMBER.rounds(&number(65_000_000), &number(60_000_000)));
        assert!(Form::Set.rounds(&Value::Set([0, 1, 9].into()), &Value::Set([0, 1].into())));
        assert!(!Form::Set.rounds(&Value::Set([0, 1].into()), &Value::Set([0, 2].into())));
    }
}
