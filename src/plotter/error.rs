//! What is wrong with a profile: file, line, column, what, and what to write instead.

use std::io;
use std::path::PathBuf;

use serde_yaml::{Error as YamlError, Location};

use super::expr::ExprError;

/// Why a profile file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    #[error("cannot read the profile file {}: {source}; make it a regular file of at most 1 MiB that plotwarden may read, or remove it", file.display())]
    Unreadable { file: PathBuf, source: io::Error },
    #[error("{}:{line}:{column}: {problem}; {hint}", file.display())]
    Invalid {
        file: PathBuf,
        /// From 1.
        line: u64,
        /// From 1, in characters.
        column: u64,
        problem: String,
        /// What to write.
        hint: String,
    },
}

/// A place in a file under inspection, from which errors are made.
#[derive(Debug, Clone, Copy)]
pub(super) struct Source<'a> {
    pub file: &'a std::path::Path,
    pub text: &'a str,
}

impl Source<'_> {
    pub fn error(&self, at: Location, problem: impl Into<String>, hint: impl Into<String>) -> ProfileError {
        self.error_at(at.line(), at.column(), problem, hint)
    }

    /// An error inside the scalar at `at`, which is an expression: points at the byte, as long as the scalar is on one line.
    pub fn expression_error(&self, at: Location, expression: &str, error: &ExprError) -> ProfileError {
        const HINT: &str =
            "write numbers, names, + - * / ^ <<, comparisons, `a ? b : c`, `{1: 2}[k]`, min, max, ceil or floor";
        let line =
            self.text.lines().nth(usize::try_from(at.line()).unwrap_or(usize::MAX).saturating_sub(1)).unwrap_or("");
        let column = usize::try_from(at.column()).unwrap_or(usize::MAX).saturating_sub(1);
        let scalar: String = line.chars().skip(column).collect();
        let quote = usize::from(scalar.starts_with(['\'', '"']));
        let on_one_line = scalar.get(quote..).is_some_and(|rest| rest.starts_with(expression));
        let offset =
            if on_one_line { quote + expression.get(..error.at).map_or(0, |before| before.chars().count()) } else { 0 };
        self.error_at(at.line(), at.column() + offset as u64, format!("`{expression}`: {error}"), HINT)
    }

    pub fn yaml_error(&self, error: &YamlError) -> ProfileError {
        let error = error.without_snippet();
        let (line, column) = error.location().map_or((1, 1), |at| (at.line(), at.column()));
        let (problem, hint) = match error {
            YamlError::SerdeUnknownField { field, expected, .. } => {
                (format!("there is no field `{field}` here"), format!("write one of: {}", expected.join(", ")))
            }
            YamlError::SerdeUnknownVariant { variant, expected, .. } => {
                (format!("`{variant}` is not known here"), format!("write one of: {}", expected.join(", ")))
            }
            YamlError::SerdeMissingField { field, .. } => {
                (format!("the field `{field}` is missing"), format!("add `{field}:`"))
            }
            YamlError::Budget { .. } => (
                "the file is larger or more nested than any profile needs".to_owned(),
                "split it, and avoid aliases".to_owned(),
            ),
            other => (first_line(&other.to_string()), "compare with the shipped profiles".to_owned()),
        };
        self.error_at(line, column, problem, hint)
    }

    fn error_at(&self, line: u64, column: u64, problem: impl Into<String>, hint: impl Into<String>) -> ProfileError {
        ProfileError::Invalid { file: self.file.to_owned(), line, column, problem: problem.into(), hint: hint.into() }
    }
}

/// The crate's messages may carry a drawing of the source below the first line; the place is already known here.
fn first_line(text: &str) -> String {
    let line = text.lines().next().unwrap_or(text);
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}
