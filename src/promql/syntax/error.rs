//! Where and why a query is wrong.

use std::fmt;

/// A place in the query text: bytes from `start` up to, not including, `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Span {
    pub start: usize,
    pub end: usize,
}

impl Span {
    pub(super) fn to(self, last: Span) -> Span {
        Span { start: self.start, end: last.end }
    }
}

/// A query that is not PromQL, or that is PromQL which cannot be answered here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ParseError {
    pub span: Span,
    pub message: String,
}

impl ParseError {
    pub(super) fn new(span: Span, message: impl Into<String>) -> Self {
        Self { span, message: message.into() }
    }

    /// The message under the line of `query` it is about, with a caret below the fault.
    pub fn show<'a>(&'a self, query: &'a str) -> impl fmt::Display + 'a {
        Shown { error: self, query }
    }
}

struct Shown<'a> {
    error: &'a ParseError,
    query: &'a str,
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Span { start, end } = self.error.span;
        let before = self.query.get(..start).unwrap_or(self.query);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = self.query[line_start..].lines().next().unwrap_or("");
        let column = before[line_start..].chars().count();
        let marked = self.query.get(start..end).unwrap_or("").lines().next().unwrap_or("").chars().count();
        // A tab stays a tab, so that the caret stands where the eye looks for it.
        let indent: String = line.chars().take(column).map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
        write!(f, "{line}\n{indent}{} {}", "^".repeat(marked.max(1)), self.error.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caret_stands_under_the_fault() {
        let query = "sum(\n\tupp{a=1})";
        let error = ParseError::new(Span { start: 12, end: 13 }, "a string is expected here");
        assert_eq!(error.show(query).to_string(), "\tupp{a=1})\n\t      ^ a string is expected here");
    }

    #[test]
    fn the_caret_of_a_text_that_ends_too_early_stands_behind_it() {
        let error = ParseError::new(Span { start: 2, end: 2 }, "unexpected end");
        assert_eq!(error.show("é").to_string(), "é\n ^ unexpected end");
    }
}
