//! The envelope of every answer: status, data or error, warnings.

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use hyper::{Response, StatusCode};
use serde::Serialize;

use crate::promql::{Annotation, EvalError, ParseError, Severity, Span, StopReason};

/// The JSON text of an answer, or why there is none.
pub(super) type Outcome = Result<String, ApiError>;

/// The error types of Prometheus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ErrorType {
    BadData,
    Execution,
    Timeout,
    Canceled,
    Internal,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ApiError {
    pub kind: ErrorType,
    pub message: String,
}

impl ErrorType {
    fn status(self) -> StatusCode {
        match self {
            Self::BadData => StatusCode::BAD_REQUEST,
            Self::Execution => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Timeout | Self::Canceled => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl ApiError {
    pub fn new(kind: ErrorType, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    pub fn bad_data(message: impl Into<String>) -> Self {
        Self::new(ErrorType::BadData, message)
    }

    /// In the words of Prometheus, which clients take apart.
    pub fn parameter(name: &str, why: impl std::fmt::Display) -> Self {
        Self::bad_data(format!("invalid parameter \"{name}\": {why}"))
    }

    pub fn parse(parameter: &str, text: &str, error: &ParseError) -> Self {
        Self::parameter(parameter, format!("{}: parse error: {error}", position(text, error.span)))
    }

    pub fn evaluation(text: &str, error: &EvalError) -> Self {
        if let EvalError::Type { .. } = error {
            return Self::parameter("query", error);
        }
        let kind = match error {
            EvalError::Data { .. } | EvalError::TooMuch { .. } => ErrorType::Execution,
            EvalError::Storage { .. } => ErrorType::Internal,
            EvalError::Steps(_) | EvalError::Type { .. } => ErrorType::BadData,
            EvalError::Stopped(StopReason::TimeLimit) => ErrorType::Timeout,
            EvalError::Stopped(StopReason::Cancelled) => ErrorType::Canceled,
        };
        let place = error.span().map(|span| format!("{}: ", position(text, span))).unwrap_or_default();
        Self::new(kind, format!("{place}{error}"))
    }
}

/// Line and column, counted from 1.
fn position(text: &str, span: Span) -> String {
    let before = text.get(..span.start).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    format!("{line}:{column}")
}

#[derive(Serialize)]
struct Success<'a, T> {
    status: &'static str,
    data: &'a T,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    infos: Vec<String>,
}

#[derive(Serialize)]
struct Failure<'a> {
    status: &'static str,
    #[serde(rename = "errorType")]
    kind: ErrorType,
    error: &'a str,
}

pub(super) fn success(data: &impl Serialize) -> Outcome {
    annotated(data, "", &[])
}

/// With what is doubtful about the answer to the query `text`.
pub(super) fn annotated(data: &impl Serialize, text: &str, annotations: &[Annotation]) -> Outcome {
    let of = |severity: Severity| {
        let those = annotations.iter().filter(|annotation| annotation.severity == severity);
        those.map(|one| format!("{} ({})", one.message, position(text, one.span))).collect()
    };
    let success = Success { status: "success", data, warnings: of(Severity::Warning), infos: of(Severity::Info) };
    serde_json::to_string(&success)
        .map_err(|error| ApiError::new(ErrorType::Internal, format!("cannot write the answer: {error}")))
}

pub(super) fn response(outcome: Outcome) -> Response<Full<Bytes>> {
    let (status, body) = match outcome {
        Ok(body) => (StatusCode::OK, body),
        Err(ApiError { kind, message }) => {
            let failure = Failure { status: "error", kind, error: &message };
            // A text and a word can always be written.
            (kind.status(), serde_json::to_string(&failure).unwrap_or_default())
        }
    };
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
