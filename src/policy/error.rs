//! What is wrong with a policy file, shown where it is wrong: file, line, column, the line itself with a caret, and a hint.

use std::fmt;
use std::path::{Path, PathBuf};

use super::rule::Rule;

/// A place in a policy file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// From 1.
    pub line: u32,
    /// In characters, from 1.
    pub column: u32,
    /// In characters; at least one is underlined.
    pub width: u32,
}

/// One thing that is wrong with a policy file, or doubtful if it stands among the warnings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyError {
    pub path: PathBuf,
    /// `None` if the file as a whole is the problem.
    pub place: Option<Place>,
    pub problem: String,
    /// What to do; empty if the problem says it.
    pub hint: String,
    /// The line of the file that `place` names.
    pub source_line: Option<Box<SourceLine>>,
    /// What was broken, under a name that outlasts the wording; `None` where the problem says all there is.
    pub rule: Option<Rule>,
    /// The file could not be read at all, as opposed to being wrong.
    pub unreadable: bool,
}

/// As much of a line as can be shown: a file of one long line with a thousand mistakes would otherwise be kept a thousand times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceLine {
    pub text: String,
    /// Characters of the line before `text`.
    pub skipped: usize,
}

impl SourceLine {
    fn around(place: Place, line: &str) -> Self {
        let fits = line.chars().nth(SHOWN_CHARACTERS).is_none();
        let before_caret = place.column.saturating_sub(1) as usize;
        let skipped = if fits { 0 } else { before_caret.saturating_sub(SHOWN_CHARACTERS / 2) };
        Self { text: line.chars().skip(skipped).take(SHOWN_CHARACTERS).collect(), skipped }
    }
}

impl std::error::Error for PolicyError {}

impl PolicyError {
    /// The file cannot be read, or is no policy file at all.
    pub fn unreadable(path: &Path, problem: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            place: None,
            problem: problem.into(),
            hint: hint.into(),
            source_line: None,
            rule: Some(Rule::Unreadable),
            unreadable: true,
        }
    }

    /// Something that holds nothing up and should be looked at.
    pub fn doubt(path: &Path, problem: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { unreadable: false, ..Self::unreadable(path, problem, hint) }
    }

    /// The same place with something else to say of it.
    #[must_use]
    pub fn saying(&self, problem: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { problem: problem.into(), hint: hint.into(), ..self.clone() }
    }

    /// Something at `place` of a file whose whole text is `text`.
    pub fn at(path: &Path, text: &str, place: Place, problem: impl Into<String>, hint: impl Into<String>) -> Self {
        let index = (place.line as usize).checked_sub(1);
        Self::on_line(path, index.and_then(|index| text.lines().nth(index)), place, problem, hint)
    }

    /// The same where the line of `place` is at hand.
    pub fn on_line(
        path: &Path,
        line: Option<&str>,
        place: Place,
        problem: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self {
            path: path.to_owned(),
            place: Some(place),
            problem: problem.into(),
            hint: hint.into(),
            source_line: line.map(|line| Box::new(SourceLine::around(place, line))),
            rule: None,
            unreadable: false,
        }
    }

    /// The same, under the name of what was broken.
    #[must_use]
    pub fn under(mut self, rule: Rule) -> Self {
        self.rule = Some(rule);
        self
    }
}

/// Longer lines are cut around the caret: a terminal line is enough to find the place.
const SHOWN_CHARACTERS: usize = 120;

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())?;
        if let Some(place) = self.place {
            write!(f, ":{}:{}", place.line, place.column)?;
        }
        write!(f, ": {}", self.problem)?;
        if let (Some(place), Some(line)) = (self.place, &self.source_line) {
            write_snippet(f, place, line)?;
        }
        if !self.hint.is_empty() {
            write!(f, "\n  hint: {}", self.hint)?;
        }
        Ok(())
    }
}

fn write_snippet(f: &mut fmt::Formatter<'_>, place: Place, line: &SourceLine) -> fmt::Result {
    // A tab is one character but many columns: as a space it keeps the caret in its place.
    let shown: String = line.text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let indent = (place.column.saturating_sub(1) as usize).saturating_sub(line.skipped);
    let room = shown.chars().count().saturating_sub(indent).max(1);
    let number = place.line.to_string();
    let margin = " ".repeat(number.len());
    let carets = "^".repeat((place.width as usize).clamp(1, room));
    write!(f, "\n  {number} | {shown}\n  {margin} | {}{carets}", " ".repeat(indent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_the_place_under_the_line() {
        let text = "a: 1\nfor: 2\n";
        let place = Place { line: 2, column: 6, width: 1 };
        let error = PolicyError::at(Path::new("p.yaml"), text, place, "`2` has no unit", "write `2s`");
        assert_eq!(error.to_string(), "p.yaml:2:6: `2` has no unit\n  2 | for: 2\n    |      ^\n  hint: write `2s`");
    }

    #[test]
    fn cuts_a_long_line_around_the_caret() {
        let text = format!("{}bad{}", "x".repeat(5000), "y".repeat(5000));
        let place = Place { line: 1, column: 5001, width: 3 };
        let shown = PolicyError::at(Path::new("p.yaml"), &text, place, "no", "").to_string();
        assert!(shown.contains("bad") && shown.contains("^^^"), "{shown}");
        assert!(shown.len() < 500, "{} bytes", shown.len());
    }
}
