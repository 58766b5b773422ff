//! A Prometheus server as an answerer: anything with its HTTP API, such as Thanos, Mimir or `VictoriaMetrics`.
//!
//! ```text
//! access (flags, files) -> exchange (one request, bounded in time and size) -> reply (JSON) -> Server (age and coverage)
//! ```
//!
//! A server says neither how old the samples behind a value are nor how much of a range they cover, and it answers all the same.
//! So each selector of the expression is asked for by itself, at the same moment.

mod access;
mod exchange;
mod reply;

use std::time::Duration;

pub use access::{Access, BadAccess};

use super::asker::Clock;
use super::embedded::millis;
use super::outcome::{Failure, Found, Oracle, Outcome, Told, age_of, one_number};
use super::trends::Inquiry;
use crate::clock::Moment;
use crate::policy::Answerer;
use crate::promql::{Engine, Intake, Millis, Query, Semantics, Value, covered_share};
use exchange::Exchange;

/// Answers from the server given with `--prometheus.url`.
pub struct Server {
    exchange: Exchange,
    /// As the server named it when the connection last came about; `None` until then.
    version: Option<Version>,
}

/// What the server is.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Version {
    /// `2.42.0`; empty where the server does not say.
    number: String,
}

impl Server {
    /// # Errors
    /// The address or one of the files cannot be used.
    pub fn new(access: &Access, clock: Clock) -> Result<Self, BadAccess> {
        Ok(Self { exchange: Exchange::new(access, clock)?, version: None })
    }

    fn answer(&mut self, inquiry: &Inquiry, now: Moment) -> Result<Told, Failure> {
        let until = now.boot + self.exchange.timeout();
        let query = self.parse(inquiry)?;
        let at = millis(now);
        let value = self.exchange.query(&inquiry.text, at, until)?;
        let mut found = Vec::new();
        for intake in query.intakes() {
            found.push(self.look_behind(inquiry, intake, at, until)?);
        }
        let age = age_of(found, inquiry.min_history)?;
        Ok(Told { value: one_number(&value)?, age })
    }

    /// What the samples of one selector or subquery are like.
    fn look_behind<'a>(
        &mut self,
        inquiry: &'a Inquiry,
        intake: Intake,
        at: Millis,
        until: Duration,
    ) -> Result<Found<'a>, Failure> {
        let text = inquiry.text.get(intake.span.start..intake.span.end).unwrap_or(&inquiry.text);
        let end = at.saturating_sub(intake.offset.unwrap_or(0));
        // Where `@` fixes the moment, the samples are as old as they are meant to be.
        let age = |newest: Millis| {
            if intake.offset.is_some() { positive(end.saturating_sub(newest)) } else { Duration::ZERO }
        };
        let Some(range) = intake.range else {
            let stamps = stamps(&self.exchange.query(&format!("timestamp({text})"), at, until)?)?;
            let newest_age = stamps.iter().max().map(|newest| age(*newest));
            return Ok(Found { text, series: stamps.len(), newest_age, covered: None });
        };
        let Value::Matrix(rows) = self.exchange.query(text, at, until)? else {
            return Err(Failure::new(
                Outcome::Malformed,
                format!("`{text}` is answered by something else than a range"),
            ));
        };
        let stamps: Vec<Vec<Millis>> =
            rows.iter().map(|row| row.points.iter().map(|point| point.at).collect()).collect();
        let newest = stamps.iter().filter_map(|stamps| stamps.last()).max();
        // The window that `@` has moved ends where its samples do.
        let end = if intake.offset.is_some() { end } else { newest.copied().unwrap_or(end) };
        let shares = stamps.iter().map(|stamps| covered_share(stamps, end.saturating_sub(range), end));
        let least = shares.reduce(f64::min);
        Ok(Found {
            text,
            series: rows.len(),
            newest_age: newest.map(|newest| age(*newest)),
            covered: least.map(|share| (share, Some(positive(range)))),
        })
    }

    /// The expression as this server reads it, to know its selectors; it has been checked when the policy was loaded.
    fn parse(&mut self, inquiry: &Inquiry) -> Result<Query, Failure> {
        if self.version.is_none() {
            self.version = Some(Version { number: self.exchange.version()? });
            self.say_what_it_cannot_read(inquiry);
        }
        let engine = Engine { semantics: Semantics::V3, ..Engine::default() };
        let query = Engine::default().parse(&inquiry.text).or_else(|_| engine.parse(&inquiry.text));
        query.map_err(|error| Failure::new(Outcome::Refused, error.to_string()))
    }

    fn say_what_it_cannot_read(&self, inquiry: &Inquiry) {
        let Some(version) = &self.version else { return };
        let (url, number) = (self.exchange.url(), version.number.as_str());
        tracing::info!(url, version = number, "asking this server");
        if version.semantics() == Some(Semantics::V2)
            && let Err(error) = Engine::default().parse(&inquiry.text)
        {
            let expression = inquiry.text.as_str();
            tracing::warn!(expression, version = number, %error, "only Prometheus 3 and later understand this");
        }
    }
}

impl Oracle for Server {
    fn name(&self) -> &'static str {
        Answerer::Prometheus.name()
    }

    fn ask(&mut self, inquiry: &Inquiry, now: Moment) -> Result<Told, Failure> {
        let result = self.answer(inquiry, now);
        if result.as_ref().is_err_and(|failure| failure.outcome.is_of_the_answerer()) {
            // Whoever answers next may be another one.
            self.version = None;
        }
        result
    }
}

impl Version {
    /// `None` for servers that count otherwise.
    fn semantics(&self) -> Option<Semantics> {
        match self.number.split('.').next()? {
            "2" => Some(Semantics::V2),
            "3" => Some(Semantics::V3),
            _ => None,
        }
    }
}

fn positive(millis: Millis) -> Duration {
    Duration::from_millis(u64::try_from(millis).unwrap_or(0))
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

#[cfg(test)]
mod tests;
