//! What a query returns: values, and beside them how far they can be trusted.

use std::sync::Arc;

use super::Millis;
use super::labels::Labels;
use super::syntax::Span;

/// The answer to one query.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    pub value: Value,
    /// Doubts about the query or its data; the values stand nevertheless.
    pub annotations: Vec<Annotation>,
    /// One entry for each selector that was read and for each subquery, in order of evaluation.
    pub selectors: Vec<SelectorReport>,
}

/// The four types of PromQL.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Scalar(Point),
    Text(String),
    /// In the order that the expression gives: `sort` and `topk` are kept.
    Vector(Vec<VectorSample>),
    Matrix(Matrix),
}

/// Series with several points, sorted by labels.
pub type Matrix = Vec<Row>;

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    pub at: Millis,
    pub value: f64,
}

#[derive(Debug, Clone, PartialEq)]
pub struct VectorSample {
    pub labels: Labels,
    pub point: Point,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    pub labels: Labels,
    pub points: Vec<Point>,
}

/// How much a selector found, as seen from the last step of the query.
#[derive(Debug, Clone, PartialEq)]
pub struct SelectorReport {
    /// Where in the query text the selector or subquery stands.
    pub span: Span,
    /// Series with at least one sample in the range read.
    pub series: usize,
    /// Time between the newest sample of any series and the moment asked about; `None` without samples.
    pub newest_age: Option<Millis>,
    /// The same for the series that lags most.
    pub oldest_age: Option<Millis>,
    /// Range selectors and subqueries only; `None` where no series was found.
    pub covered: Option<Covered>,
    /// The resolution that was read, where the storage has several.
    pub tier: Option<Arc<str>>,
}

/// The share of a range, 0 to 1, in which samples follow each other at their usual distance.
///
/// Prometheus answers `avg_over_time(x[24h])` from ten minutes of data without a word; this is the word.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Covered {
    /// Of the series with the least.
    pub least: f64,
    /// Of the series with the most.
    pub most: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// The result is probably not what was meant.
    Warning,
    /// Worth knowing.
    Info,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Annotation {
    pub severity: Severity,
    pub span: Span,
    pub message: String,
}

/// A value as Prometheus writes it into labels: shortest, never with an exponent, `+Inf`, `NaN`.
pub fn format_value(value: f64) -> String {
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    value.to_string()
}
