//! What an attribute holds: a number, one of several words, or a set of CPUs; and how the kernel shows each.

mod number;

use std::path::Path;

use crate::claim::Setting;
use crate::kernel::attribute;
use crate::knob::value::parse_cpu_list;
use crate::knob::{KnobError, Value, cpu_list};

pub use number::{Limit, Number, Open, Rounding};

/// The form of an attribute.
#[derive(Debug, Clone, Copy)]
pub enum Form {
    Number(Number),
    Word(Offered),
    /// The kernel's list format. The kernel may leave out what is not there.
    Set,
}

/// Which words there are.
#[derive(Debug, Clone, Copy)]
pub enum Offered {
    /// In the attribute itself, the chosen one in brackets: `none [mq-deadline] bfq`.
    Brackets,
    /// In an attribute beside it, with blanks between them.
    Beside(&'static str),
    /// As `Beside`, but for a word that is shown as another one once it is written.
    BesideBut(&'static str, &'static str),
    Fixed(&'static [&'static str]),
}

impl Form {
    /// What the attribute at `path` says with `text`; `None` if that is not of this form.
    pub fn parse(self, text: &str, path: Option<&Path>) -> Option<Value> {
        let line = text.lines().next().unwrap_or_default().trim();
        match self {
            Self::Number(number) => number.parse(line, path).map(Value::Number),
            Self::Word(Offered::Brackets) => attribute::parse_chosen(line.as_bytes()).map(Value::Word),
            Self::Word(_) => (!line.is_empty()).then(|| Value::Word(line.to_owned())),
            Self::Set => parse_cpu_list(line).map(Value::Set),
        }
    }

    /// How the value is written.
    pub fn text(self, value: &Value) -> Option<String> {
        match (self, value) {
            (Self::Number(form), Value::Number(number)) => Some(form.text(*number)),
            (Self::Word(_), Value::Word(word) | Value::Chosen { word, .. }) => Some(word.clone()),
            (Self::Set, Value::Set(numbers)) => Some(cpu_list(numbers)),
            _ => None,
        }
    }

    /// The value that `setting` amounts to at `path`. A number beyond the limits is moved to the nearest one, since a policy
    /// speaks of many machines.
    pub fn normalise(self, path: Option<&Path>, setting: &Setting) -> Result<Value, KnobError> {
        match (self, setting) {
            (Self::Number(form), Setting::Number(_, number)) => Ok(Value::Number(form.normalise(*number, path))),
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
        match (self, written, found) {
            (Self::Number(form), &Value::Number(written), &Value::Number(found)) => form.rounds(written, found),
            (Self::Set, Value::Set(written), Value::Set(found)) => !found.is_empty() && found.is_subset(written),
            _ => written == found,
        }
    }

    /// Whether the attribute at `path` takes what it shows: some words are only ever shown.
    pub fn takes(self, path: &Path, shown: &Value) -> bool {
        let (Self::Word(offered), Value::Word(word) | Value::Chosen { word, .. }) = (self, shown) else { return true };
        // A preference may be a bare number, which is taken as it is shown.
        let is_number = || word.bytes().all(|byte| byte.is_ascii_digit());
        offered.at(Some(path)).is_none_or(|words| words.contains(word)) || is_number()
    }

    fn meaning(self) -> &'static str {
        match self {
            Self::Number(_) => "a number",
            Self::Word(_) => "a word",
            Self::Set => "a set of numbers with at least one in it",
        }
    }

    /// For the table of knobs: `0 to 100`, `a word of scaling_available_governors`.
    pub fn range(self) -> String {
        match self {
            Self::Number(number) => number.range(),
            Self::Word(Offered::Brackets) => "a word of the attribute itself".to_owned(),
            Self::Word(Offered::Beside(name)) => format!("a word of {name}"),
            Self::Word(Offered::BesideBut(name, but)) => format!("a word of {name}, but for {but}"),
            Self::Word(Offered::Fixed(words)) => words.join(", "),
            Self::Set => "a list such as 0-3,8".to_owned(),
        }
    }

    /// For the table of knobs: what the kernel makes of it.
    pub fn normalisation(self) -> &'static str {
        match self {
            Self::Number(number) => number.normalisation(),
            Self::Word(_) => "kept as written",
            Self::Set => "less what is offline",
        }
    }
}

impl Offered {
    /// `None` where that cannot be told.
    fn at(self, path: Option<&Path>) -> Option<Vec<String>> {
        let words = |text: &str| text.split_ascii_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let beside = |name| Some(words(&attribute::text(&path?.with_file_name(name)).ok()?));
        match self {
            Self::Fixed(known) => Some(known.iter().map(|&word| word.to_owned()).collect()),
            Self::Beside(name) => beside(name),
            Self::BesideBut(name, but) => Some(beside(name)?.into_iter().filter(|word| word != but).collect()),
            Self::Brackets => {
                let text = attribute::text(path?).ok()?;
                Some(words(&text.replace(['[', ']'], "")))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claim::KnobKind;

    const NUMBER: Form = Form::Number(Number::between(10, 50));

    #[test]
    fn each_form_reads_what_the_kernel_shows() {
        let brackets = Form::Word(Offered::Brackets);
        for (form, text, value) in [
            (NUMBER, "42\n", Some(Value::Number(42))),
            (NUMBER, "max\n", Some(Value::Number(u64::MAX))),
            (NUMBER, "-1\n", None),
            (NUMBER, "", None),
            (brackets, "none [mq-deadline] bfq\n", Some(Value::Word("mq-deadline".to_owned()))),
            (brackets, "none\n", Some(Value::Word("none".to_owned()))),
            (brackets, "none bfq\n", None),
            (Form::Word(Offered::Fixed(&["on"])), "write back\n", Some(Value::Word("write back".to_owned()))),
            (Form::Set, "0-2,8\n", Some(Value::Set([0, 1, 2, 8].into()))),
            (Form::Set, "all\n", None),
        ] {
            assert_eq!(form.parse(text, None), value, "{text:?}");
        }
    }

    #[test]
    fn what_is_written_is_what_was_read() {
        for (form, text) in [(NUMBER, "42"), (NUMBER, "max"), (Form::Set, "0-2,8")] {
            assert_eq!(form.text(&form.parse(text, None).unwrap()).as_deref(), Some(text));
        }
        assert_eq!(NUMBER.text(&Value::Word("x".to_owned())), None);
        let word = NUMBER.normalise(None, &Setting::Word(KnobKind::ReadAhead, "x".to_owned()));
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
    fn what_is_shown_and_not_taken_is_told_from_what_can_go_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("preference");
        std::fs::write(path.with_file_name("offered"), "default power balance_power\n").unwrap();
        let word = |word: &str| Value::Word(word.to_owned());
        let preference = Form::Word(Offered::BesideBut("offered", "default"));
        assert!(preference.takes(&path, &word("power")) && preference.takes(&path, &word("128")));
        assert!(!preference.takes(&path, &word("default")) && !preference.takes(&path, &word("custom")));
        assert!(NUMBER.takes(&path, &Value::Number(99)), "the kernel shows it, so it was taken once");
    }

    #[test]
    fn a_set_may_be_shown_without_what_is_offline() {
        assert!(Form::Set.rounds(&Value::Set([0, 1, 9].into()), &Value::Set([0, 1].into())));
        assert!(!Form::Set.rounds(&Value::Set([0, 1].into()), &Value::Set([0, 2].into())));
    }
}
