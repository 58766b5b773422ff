//! What can come of asking a PromQL question, and how its result becomes the one number that a signal is.

use std::time::Duration;

use crate::clock::Moment;
use crate::promql::Value;

use super::trends::Inquiry;

/// Who can be asked. Called on a thread of its own, where it may take its time.
pub trait Oracle: Send {
    /// As label value.
    fn name(&self) -> &'static str;

    fn ask(&mut self, inquiry: &Inquiry, now: Moment) -> Result<Told, Failure>;
}

/// A value, and how old its newest sample was when it was asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Told {
    pub value: f64,
    pub age: Duration,
}

/// Why there is no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub outcome: Outcome,
    /// For people: what, where, what to do.
    pub reason: String,
}

/// What came of asking, as it is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    Answered,
    /// A selector, or the whole expression, found nothing.
    NoSeries,
    ManySeries,
    /// NaN, an infinity, a text or a histogram.
    NotANumber,
    TooLittleHistory,
    /// The answerer itself doubts its answer.
    Partial,
    /// The question cannot be answered as it is.
    Refused,
    TooLarge,
    ClockSkew,
    Redirected,
    Malformed,
    /// The server failed, or lets us not in.
    Failed,
    Timeout,
    Unreachable,
}

impl Outcome {
    pub fn name(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::NoSeries => "no_series",
            Self::ManySeries => "many_series",
            Self::NotANumber => "not_a_number",
            Self::TooLittleHistory => "too_little_history",
            Self::Partial => "partial",
            Self::Refused => "refused",
            Self::TooLarge => "too_large",
            Self::ClockSkew => "clock_skew",
            Self::Redirected => "redirected",
            Self::Malformed => "malformed",
            Self::Failed => "failed",
            Self::Timeout => "timeout",
            Self::Unreachable => "unreachable",
        }
    }

    /// Whether nothing can be had from the answerer now, whatever is asked. What it said before stands until it is too old, and
    /// it is left in peace for a while.
    pub fn is_of_the_answerer(self) -> bool {
        matches!(
            self,
            Self::ClockSkew | Self::Redirected | Self::Malformed | Self::Failed | Self::Timeout | Self::Unreachable
        )
    }
}

impl Failure {
    pub fn new(outcome: Outcome, reason: impl Into<String>) -> Self {
        Self { outcome, reason: reason.into() }
    }
}

/// The number of a result that is a scalar, or a vector of one element.
pub fn one_number(value: &Value) -> Result<f64, Failure> {
    let number = match value {
        Value::Scalar(point) => point.value,
        Value::Vector(samples) => match samples.as_slice() {
            [] => return Err(Failure::new(Outcome::NoSeries, "the expression gives no series")),
            [sample] => sample.point.value,
            more => {
                let reason = format!("{} series, one is needed: aggregate them, as with `max(...)`", more.len());
                return Err(Failure::new(Outcome::ManySeries, reason));
            }
        },
        Value::Text(_) | Value::Matrix(_) => {
            return Err(Failure::new(Outcome::NotANumber, "the expression gives no number"));
        }
    };
    if number.is_finite() {
        return Ok(number);
    }
    Err(Failure::new(Outcome::NotANumber, format!("the value is {}", crate::promql::format_value(number))))
}

/// What one selector or subquery found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Found<'a> {
    /// As it stands in the expression.
    pub text: &'a str,
    pub series: usize,
    /// Of the newest sample, against the moment that the selector is about.
    pub newest_age: Option<Duration>,
    /// Of the series that is covered least, with the range; `None` where there is no range.
    pub covered: Option<(f64, Option<Duration>)>,
}

/// How old the data behind a value are: as old as the newest sample of the selector that lags most.
///
/// # Errors
/// A selector found nothing, so that what the expression makes of it means nothing; or too little of its range.
pub fn age_of<'a>(found: impl IntoIterator<Item = Found<'a>>, min_history: u8) -> Result<Duration, Failure> {
    let mut oldest = Duration::ZERO;
    for one in found {
        let Some(age) = one.newest_age.filter(|_| one.series > 0) else {
            return Err(Failure::new(Outcome::NoSeries, format!("`{}` finds no series", one.text)));
        };
        oldest = oldest.max(age);
        let Some((share, range)) = one.covered else { continue };
        // A share that is short of the limit by a rounding error is not short of it.
        if share * 100.0 + 1e-9 < f64::from(min_history) {
            let of = range.map_or("its range".to_owned(), |range| humantime::format_duration(range).to_string());
            let percent = (share * 100.0).floor();
            let reason = format!("`{}` covers {percent:.0}% of {of}, {min_history}% needed", one.text);
            return Err(Failure::new(Outcome::TooLittleHistory, reason));
        }
    }
    Ok(oldest)
}
