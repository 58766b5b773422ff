//! A Prometheus server as an answerer: anything with its HTTP API, such as Thanos, Mimir or `VictoriaMetrics`.
//!
//! ```text
//! access (flags, files) -> exchange (one request, bounded in time and size) -> reply (JSON) -> behind (age and coverage)
//! ```
//!
//! A server says neither how old the samples behind a value are nor how much of a range they cover, and it answers all the same.
//! So each selector of the expression is asked for by itself, at the same moment.

mod access;
mod behind;
mod exchange;
mod reply;

use std::time::Duration;

pub use access::{Access, BadAccess};

use super::asker::Clock;
use super::dialect::Dialect;
use super::outcome::{Failure, Found, Oracle, Outcome, Told, age_of, one_number};
use super::trends::Inquiry;
use crate::clock::Moment;
use crate::policy::Answerer;
use crate::promql::{Engine, Query, Semantics};
use behind::Behind;
use exchange::Exchange;

/// Answers from the server given with `--prometheus.url`.
pub struct Server {
    exchange: Exchange,
    /// As the server named it when the connection last came about; `None` until then.
    version: Option<Version>,
    dialect: Dialect,
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
        Ok(Self { exchange: Exchange::new(access, clock)?, version: None, dialect: Dialect::default() })
    }

    /// Tells the embedded history which generation the server is of.
    #[must_use]
    pub fn teaching(self, dialect: Dialect) -> Self {
        Self { dialect, ..self }
    }

    fn answer(&mut self, inquiry: &Inquiry, now: Moment) -> Result<Told, Failure> {
        let until = now.boot + self.exchange.timeout();
        if self.version.is_none() {
            let number = self.exchange.version(until)?;
            tracing::info!(url = self.exchange.url(), version = number.as_str(), "asking this server");
            let version = Version { number };
            if let Some(semantics) = version.semantics() {
                self.dialect.learn(semantics);
            }
            self.version = Some(version);
        }
        let query = parse(inquiry)?;
        let at = now.stamp();
        let value = self.exchange.query(&inquiry.text, at, until).map_err(|failure| self.explain(failure, inquiry))?;
        let (exchange, text, coverage) = (&self.exchange, inquiry.text.as_str(), inquiry.min_history > 0);
        let behind = Behind { exchange, query: &query, text, at, until, coverage };
        let found: Vec<Found<'_>> =
            query.intakes().into_iter().map(|intake| behind.look(intake)).collect::<Result<_, _>>()?;
        let age = age_of(found, inquiry.min_history)?;
        Ok(Told { value: one_number(&value)?, age })
    }

    /// A server of an older generation says only that it cannot read the expression.
    fn explain(&self, failure: Failure, inquiry: &Inquiry) -> Failure {
        let older = self.version.as_ref().filter(|version| version.semantics() == Some(Semantics::V2));
        let Some(older) = older.filter(|_| failure.outcome == Outcome::Refused) else { return failure };
        if Engine::default().parse(&inquiry.text).is_ok() {
            return failure;
        }
        let Failure { outcome, reason } = failure;
        Failure { outcome, reason: format!("{reason}; only 3.x understands it, and this is {}", older.number) }
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

/// The expression in either generation of the language, to know its selectors; it was checked when the policy was loaded.
fn parse(inquiry: &Inquiry) -> Result<Query, Failure> {
    let newer = Engine { semantics: Semantics::V3, ..Engine::default() };
    let query = Engine::default().parse(&inquiry.text).or_else(|_| newer.parse(&inquiry.text));
    query.map_err(|error| Failure::new(Outcome::Refused, error.to_string()))
}

fn positive(millis: crate::promql::Millis) -> Duration {
    Duration::from_millis(u64::try_from(millis).unwrap_or(0))
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tls_tests;
