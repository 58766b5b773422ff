//! What is wrong and what is doubtful in one document.

use std::time::Duration;

use crate::policy::document::Document;
use crate::policy::error::PolicyError;
use crate::policy::quantity::Period;
use crate::policy::rule::Rule;
use crate::policy::spanned::Spanned;
use crate::policy::vocabulary::Vocabulary;
use crate::promql::Span;

/// Problems and doubts found in one document.
pub struct Findings<'a> {
    pub document: &'a Document<'a>,
    pub vocabulary: &'a Vocabulary,
    pub errors: Vec<PolicyError>,
    pub warnings: Vec<PolicyError>,
}

impl<'a> Findings<'a> {
    pub fn new(document: &'a Document<'a>, vocabulary: &'a Vocabulary) -> Self {
        Self { document, vocabulary, errors: Vec::new(), warnings: Vec::new() }
    }

    pub fn error<T>(&mut self, value: &Spanned<T>, problem: impl Into<String>, hint: impl Into<String>) {
        self.errors.push(self.document.error_at(value, problem, hint));
    }

    pub fn warn<T>(&mut self, value: &Spanned<T>, problem: impl Into<String>, hint: impl Into<String>) {
        self.warnings.push(self.document.error_at(value, problem, hint));
    }

    /// A mistake that has a name of its own.
    pub fn error_under<T>(
        &mut self,
        rule: Rule,
        value: &Spanned<T>,
        problem: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.errors.push(self.document.error_at(value, problem, hint).under(rule));
    }

    /// A doubt that has a name of its own.
    pub fn warn_under<T>(
        &mut self,
        rule: Rule,
        value: &Spanned<T>,
        problem: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.warnings.push(self.document.error_at(value, problem, hint).under(rule));
    }

    /// At a part of a text, given in bytes of its value.
    pub fn error_within(
        &mut self,
        text: &Spanned<String>,
        part: Span,
        problem: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.errors.push(self.document.error_within(text, part, problem, hint));
    }

    pub fn warn_within(
        &mut self,
        text: &Spanned<String>,
        part: Span,
        problem: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.warnings.push(self.document.error_within(text, part, problem, hint));
    }

    /// A length of time within the bounds of its field.
    pub fn period<const LEAST: u64, const MOST: u64>(&mut self, value: &Spanned<Period<LEAST, MOST>>) -> Duration {
        self.period_within(value, Duration::from_millis(LEAST), Duration::from_millis(MOST))
    }

    /// A length of time within bounds that depend on other fields.
    pub fn period_within<const LEAST: u64, const MOST: u64>(
        &mut self,
        value: &Spanned<Period<LEAST, MOST>>,
        least: Duration,
        most: Duration,
    ) -> Duration {
        let found = value.value.0;
        if found < least || found > most {
            let [found, least, most] = [found, least, most].map(humantime::format_duration);
            self.error(value, format!("{found} is out of range"), format!("write {least} to {most}"));
        }
        found
    }
}
