//! The embedded history as an answerer.

use std::sync::{Arc, RwLock};
use std::time::Duration;

use super::asker::Clock;
use super::dialect::Dialect;
use super::outcome::{Failure, Found, Oracle, Outcome, Told, age_of, one_number};
use super::stored::Live;
use super::trends::Inquiry;
use crate::clock::Moment;
use crate::history::History;
use crate::policy::Answerer;
use crate::promql::{Engine, EvalError, Intake, Millis, Query, SelectorReport, StopReason, Storage};

/// A question that needs longer would burden the machine more than its answer can be worth.
const LONGEST: Duration = Duration::from_secs(1);

/// Answers from the history that the loop keeps.
pub struct Embedded {
    history: Arc<RwLock<History>>,
    clock: Clock,
    dialect: Dialect,
}

impl Embedded {
    pub fn new(history: Arc<RwLock<History>>, clock: Clock) -> Self {
        Self { history, clock, dialect: Dialect::default() }
    }

    #[must_use]
    pub fn speaking(self, dialect: Dialect) -> Self {
        Self { dialect, ..self }
    }
}

impl Oracle for Embedded {
    fn name(&self) -> &'static str {
        Answerer::Embedded.name()
    }

    fn ask(&mut self, inquiry: &Inquiry, now: Moment) -> Result<Told, Failure> {
        let too_long = || ((self.clock)().since(now.boot) > LONGEST).then_some(StopReason::TimeLimit);
        answer(self.dialect.engine(), inquiry, now.stamp(), &Live(&self.history), &too_long)
    }
}

/// What `storage` has to say at `at`; `stop` is asked from time to time whether it takes too long.
pub(super) fn answer(
    engine: Engine,
    inquiry: &Inquiry,
    at: Millis,
    storage: &dyn Storage,
    stop: &dyn Fn() -> Option<StopReason>,
) -> Result<Told, Failure> {
    let refused = |error: String| Failure::new(Outcome::Refused, error);
    let query = engine.parse(&inquiry.text).map_err(|error| refused(error.to_string()))?;
    let answer = engine.instant(&query, at, storage, stop).map_err(|error| match error {
        EvalError::TooMuch { .. } | EvalError::Stopped(_) => Failure::new(Outcome::TooLarge, error.to_string()),
        EvalError::Data { .. } | EvalError::Storage { .. } | EvalError::Type { .. } | EvalError::Steps(_) => {
            refused(error.to_string())
        }
    })?;
    let found = answer.selectors.iter().map(|report| found(report, &query, &inquiry.text));
    let age = age_of(found, inquiry.min_history)?;
    Ok(Told { value: one_number(&answer.value)?, age })
}

fn found<'a>(report: &SelectorReport, query: &Query, text: &'a str) -> Found<'a> {
    let intake: Option<Intake> = query.intakes().into_iter().find(|intake| intake.span == report.span);
    let duration = |millis: Millis| Duration::from_millis(u64::try_from(millis).unwrap_or(0));
    let range = intake.and_then(|intake| intake.range).map(duration);
    Found {
        text: text.get(report.span.start..report.span.end).unwrap_or(text),
        series: report.series,
        newest_age: report.newest_age.map(duration),
        covered: report.covered.map(|covered| (covered.least, range)),
    }
}

#[cfg(test)]
mod tests;
