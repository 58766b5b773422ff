//! Why a query has no answer.

use crate::promql::storage::StorageError;
use crate::promql::syntax::Span;

use super::budget::StopReason;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EvalError {
    /// The data do not allow the expression, as where two elements would have the same labels.
    #[error("{message}")]
    Data { span: Span, message: String },
    #[error("the query reads more than {limit} {what}; narrow its selectors, its range or its resolution")]
    TooMuch { span: Span, what: &'static str, limit: usize },
    #[error("{source}")]
    Storage { span: Span, source: StorageError },
    /// A range query was asked for what has no value at a step: a text, or a range of samples.
    #[error("invalid expression type \"{found}\" for range query, must be Scalar or instant Vector")]
    Type { span: Span, found: String },
    /// The steps of a range query make no sense or are too many.
    #[error("{0}")]
    Steps(String),
    #[error("the query was stopped: {0}")]
    Stopped(StopReason),
}

impl EvalError {
    pub(super) fn data(span: Span, message: impl Into<String>) -> Self {
        Self::Data { span, message: message.into() }
    }

    /// The place in the query that the error is about, where it is about one.
    pub fn span(&self) -> Option<Span> {
        match self {
            Self::Data { span, .. }
            | Self::TooMuch { span, .. }
            | Self::Storage { span, .. }
            | Self::Type { span, .. } => Some(*span),
            Self::Steps(_) | Self::Stopped(_) => None,
        }
    }
}
