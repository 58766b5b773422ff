//! What lies behind a value: how old the samples of each selector are, and how much of its range they cover.
//!
//! A server says neither. The newest minutes are asked for sample by sample; of what lies before them only counts come
//! over the wire, so that a range of weeks over many series is as cheap to ask about as one of minutes.

use std::collections::HashMap;
use std::time::Duration;

use super::exchange::Exchange;
use super::positive;
use crate::promql::{Intake, Labels, METRIC_NAME, Millis, Query, Value, covered_share};
use crate::signal::outcome::{Failure, Found, Outcome};

/// A range up to this long is read whole; of a longer one so much tells how far apart its samples lie.
const RECENT: Millis = 300_000;
/// Steps of a subquery among which a distance can be told.
const FEW_STEPS: Millis = 4;

/// One question to the server, with what it belongs to.
pub struct Behind<'a> {
    pub exchange: &'a Exchange,
    /// The expression, and its text.
    pub query: &'a Query,
    pub text: &'a str,
    pub at: Millis,
    /// Time since boot at which there has to be an answer.
    pub until: Duration,
    /// Whether anybody asks how much of a range is covered.
    pub coverage: bool,
}

/// The series of a range: labels without the metric name, and stamps.
type Rows = Vec<(Labels, Vec<Millis>)>;

impl<'a> Behind<'a> {
    /// What the samples of one selector or subquery are like.
    pub fn look(&self, intake: Intake) -> Result<Found<'a>, Failure> {
        let text = self.text.get(intake.span.start..intake.span.end).unwrap_or(self.text);
        let Some(range) = intake.range else { return self.instant(text, intake) };
        let recent = RECENT.max(intake.step.unwrap_or(0).saturating_mul(FEW_STEPS));
        if range > recent
            && let Some(shorter) = self.query.with_range(intake.span, recent)
        {
            let rows = self.rows(&shorter)?;
            if let Some(found) = self.by_counts(text, intake, range, &rows)? {
                return Ok(found);
            }
        }
        let rows = self.rows(text)?;
        let newest = newest(&rows);
        // The window that `@` has moved ends where its samples do.
        let end = if intake.offset.is_some() { self.end(intake) } else { newest.unwrap_or(self.at) };
        let shares = rows.iter().map(|(_, stamps)| covered_share(stamps, end.saturating_sub(range), end));
        let least = shares.reduce(f64::min).filter(|_| self.coverage);
        Ok(Found {
            text,
            series: rows.len(),
            newest_age: newest.map(|newest| self.age(intake, newest)),
            covered: least.map(|share| (share, Some(positive(range)))),
        })
    }

    fn instant(&self, text: &'a str, intake: Intake) -> Result<Found<'a>, Failure> {
        let stamps = stamps(&self.ask(&format!("timestamp({text})"))?)?;
        let newest_age = stamps.iter().max().map(|newest| self.age(intake, *newest));
        Ok(Found { text, series: stamps.len(), newest_age, covered: None })
    }

    /// From how many samples there are, at the distance that the `recent` ones have. `None` where nothing is recent, or the
    /// server cannot count, and only the samples themselves can tell.
    fn by_counts(
        &self,
        text: &'a str,
        intake: Intake,
        range: Millis,
        recent: &Rows,
    ) -> Result<Option<Found<'a>>, Failure> {
        let Some(newest) = newest(recent) else { return Ok(None) };
        let newest_age = Some(self.age(intake, newest));
        if !self.coverage {
            return Ok(Some(Found { text, series: recent.len(), newest_age, covered: None }));
        }
        let counted = match self.ask(&format!("count_over_time({text})")) {
            Ok(Value::Vector(counted)) => counted,
            Ok(_) => {
                return Err(Failure::new(Outcome::Malformed, "a count is answered by something else than a vector"));
            }
            Err(failure) if failure.outcome == Outcome::Refused => return Ok(None),
            Err(failure) => return Err(failure),
        };
        let distances: HashMap<&Labels, Millis> =
            recent.iter().filter_map(|(labels, stamps)| Some((labels, distance(stamps)?))).collect();
        // A series that has ended before is taken for one of the densest, of which it lacks most.
        let Some(usual) = distances.values().min().copied() else { return Ok(None) };
        let share = |sample: &crate::promql::VectorSample| {
            let distance = distances.get(&sample.labels.with(METRIC_NAME, "")).copied().unwrap_or(usual);
            (sample.point.value * positive(distance).as_secs_f64() / positive(range).as_secs_f64()).min(1.0)
        };
        let least = counted.iter().map(share).reduce(f64::min);
        let covered = least.map(|share| (share, Some(positive(range))));
        Ok(Some(Found { text, series: counted.len(), newest_age, covered }))
    }

    fn ask(&self, text: &str) -> Result<Value, Failure> {
        self.exchange.query(text, self.at, self.until)
    }

    fn rows(&self, text: &str) -> Result<Rows, Failure> {
        let Value::Matrix(rows) = self.ask(text)? else {
            let reason = format!("`{text}` is answered by something else than a range");
            return Err(Failure::new(Outcome::Malformed, reason));
        };
        let row = |row: &crate::promql::Row| {
            (row.labels.with(METRIC_NAME, ""), row.points.iter().map(|point| point.at).collect())
        };
        Ok(rows.iter().map(row).collect())
    }

    fn end(&self, intake: Intake) -> Millis {
        self.at.saturating_sub(intake.offset.unwrap_or(0))
    }

    /// Where `@` fixes the moment, the samples are as old as they are meant to be.
    fn age(&self, intake: Intake, newest: Millis) -> Duration {
        if intake.offset.is_some() { positive(self.end(intake).saturating_sub(newest)) } else { Duration::ZERO }
    }
}

fn newest(rows: &Rows) -> Option<Millis> {
    rows.iter().filter_map(|(_, stamps)| stamps.last()).max().copied()
}

/// The usual distance between two samples.
fn distance(stamps: &[Millis]) -> Option<Millis> {
    let mut gaps: Vec<Millis> = stamps.windows(2).map(|pair| pair[1] - pair[0]).collect();
    gaps.sort_unstable();
    gaps.get(gaps.len() / 2).copied()
}

/// The values of `timestamp(...)`, in milliseconds.
fn stamps(value: &Value) -> Result<Vec<Millis>, Failure> {
    let Value::Vector(samples) = value else {
        return Err(Failure::new(Outcome::Malformed, "`timestamp(...)` is answered by something else than a vector"));
    };
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a stamp out of range becomes the farthest one: old, or of the future"
    )]
    let millis = |seconds: f64| (seconds * 1000.0).round() as Millis;
    Ok(samples.iter().map(|sample| millis(sample.point.value)).collect())
}
