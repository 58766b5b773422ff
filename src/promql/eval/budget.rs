//! What a query may still spend, and whether it may go on at all.

use std::fmt;

use super::error::EvalError;
use crate::promql::engine::Limits;
use crate::promql::syntax::Span;

/// Asked again and again during evaluation, at least every few milliseconds; an answer ends the query.
pub type Stop<'a> = &'a dyn Fn() -> Option<StopReason>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopReason {
    /// It ran as long as it may.
    TimeLimit,
    /// Nobody waits for it any more.
    Cancelled,
}

impl fmt::Display for StopReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TimeLimit => "it reached its time limit",
            Self::Cancelled => "nobody waits for it any more",
        })
    }
}

pub(super) struct Budget<'a> {
    limits: Limits,
    stop: Stop<'a>,
    points: usize,
    work: usize,
}

impl<'a> Budget<'a> {
    pub fn new(limits: Limits, stop: Stop<'a>) -> Self {
        Self { limits, stop, points: 0, work: 0 }
    }

    pub fn limits(&self) -> Limits {
        self.limits
    }

    pub fn points_left(&self) -> usize {
        self.limits.points - self.points
    }

    /// Counts samples read or points to be computed.
    pub fn take(&mut self, span: Span, points: usize) -> Result<(), EvalError> {
        if points > self.points_left() {
            return Err(EvalError::TooMuch { span, what: "samples and points", limit: self.limits.points });
        }
        self.points += points;
        self.worked(points)
    }

    /// Counts work of about a nanosecond each, and asks from time to time whether to go on.
    pub fn worked(&mut self, work: usize) -> Result<(), EvalError> {
        const BETWEEN_QUESTIONS: usize = 100_000;
        self.work = self.work.saturating_add(work);
        if self.work < BETWEEN_QUESTIONS {
            return Ok(());
        }
        self.ask()
    }

    pub fn ask(&mut self) -> Result<(), EvalError> {
        self.work = 0;
        (self.stop)().map_or(Ok(()), |reason| Err(EvalError::Stopped(reason)))
    }
}
