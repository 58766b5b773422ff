//! One request and its reply, bounded in time and size; whatever is wrong with it gets its name.

use std::io::Read;
use std::time::{Duration, SystemTime};

use reqwest::blocking::{Client, RequestBuilder, Response};
use reqwest::header::{DATE, LOCATION};
use reqwest::{StatusCode, Url};

use super::access::{Access, BadAccess};
use super::reply;
use crate::promql::{Millis, Value};
use crate::signal::asker::Clock;
use crate::signal::outcome::{Failure, Outcome};

/// The raw samples of a hundred series over an hour are a quarter of it.
const LARGEST_BODY: u64 = 4 << 20;
/// With clocks further apart, nobody knows how old a sample is.
const LARGEST_SKEW: Duration = Duration::from_secs(5);

pub struct Exchange {
    access: Access,
    base: Url,
    client: Client,
    clock: Clock,
}

impl Exchange {
    pub fn new(access: &Access, clock: Clock) -> Result<Self, BadAccess> {
        access.check()?;
        Ok(Self { base: access.base()?, client: access.client()?, access: access.clone(), clock })
    }

    pub fn url(&self) -> &str {
        self.base.as_str()
    }

    pub fn timeout(&self) -> Duration {
        self.access.timeout
    }

    /// Evaluates `query` at one moment, answered by `until` (time since boot) or not at all.
    pub fn query(&self, query: &str, at: Millis, until: Duration) -> Result<Value, Failure> {
        let left = self.left(until)?;
        let seconds = format!("{}.{:03}", at.div_euclid(1000), at.rem_euclid(1000));
        // The server may stop as well once we have.
        let limit = format!("{}ms", left.as_millis());
        let form = [("query", query), ("time", &seconds), ("timeout", &limit)];
        let request = self.client.post(self.address("api/v1/query")?).form(&form);
        let (status, body) = self.send(request, until)?;
        if !status.is_success() {
            return Err(self.refusal(status, &body));
        }
        reply::value(&body)
    }

    /// The version that the server says it has; empty if it does not say.
    pub fn version(&self) -> Result<String, Failure> {
        let until = (self.clock)().boot + self.access.timeout;
        let request = self.client.get(self.address("api/v1/status/buildinfo")?);
        let (status, body) = self.send(request, until)?;
        Ok(if status.is_success() { reply::version(&body) } else { String::new() })
    }

    fn address(&self, path: &str) -> Result<Url, Failure> {
        self.base.join(path).map_err(|error| Failure::new(Outcome::Unreachable, error.to_string()))
    }

    fn left(&self, until: Duration) -> Result<Duration, Failure> {
        let left = until.saturating_sub((self.clock)().boot);
        if left.is_zero() { Err(self.timed_out()) } else { Ok(left) }
    }

    fn send(&self, request: RequestBuilder, until: Duration) -> Result<(StatusCode, Vec<u8>), Failure> {
        let failed = |error: BadAccess| Failure::new(Outcome::Failed, error.to_string());
        let request = self.access.sign(request).map_err(failed)?.timeout(self.left(until)?);
        let sent = (self.clock)().wall;
        let response = request.send().map_err(|error| self.transport(&error))?;
        let status = response.status();
        if status.is_redirection() {
            let to = response.headers().get(LOCATION).and_then(|to| to.to_str().ok()).unwrap_or("somewhere else");
            let reason = format!("{} sends us to {to}; give the final address with --prometheus.url", self.base);
            return Err(Failure::new(Outcome::Redirected, reason));
        }
        let skew = self.skew(&response, sent);
        let body = self.read(response, until)?;
        // What a server says against a question it says whatever its clock.
        if status.is_success() {
            skew?;
        }
        Ok((status, body))
    }

    /// Reads the body piece by piece: a server that sends a byte now and then must not keep us for ever.
    fn read(&self, response: Response, until: Duration) -> Result<Vec<u8>, Failure> {
        let mut body = Vec::new();
        let mut rest = response.take(LARGEST_BODY + 1);
        let mut piece = [0; 16 << 10];
        loop {
            self.left(until)?;
            let count = match rest.read(&mut piece) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == std::io::ErrorKind::TimedOut => return Err(self.timed_out()),
                Err(error) => {
                    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<reqwest::Error>());
                    if inner.is_some_and(reqwest::Error::is_timeout) {
                        return Err(self.timed_out());
                    }
                    let reason = format!("the reply of {} breaks off: {error}", self.base);
                    return Err(Failure::new(Outcome::Unreachable, reason));
                }
            };
            body.extend_from_slice(&piece[..count]);
        }
        if body.len() as u64 > LARGEST_BODY {
            let reason = format!("the reply is larger than {} MiB; aggregate or narrow the range", LARGEST_BODY >> 20);
            return Err(Failure::new(Outcome::TooLarge, reason));
        }
        Ok(body)
    }

    /// The server wrote its date between our sending and our receiving, to the second below.
    fn skew(&self, response: &Response, sent: SystemTime) -> Result<(), Failure> {
        let fault = |reason| Failure::new(Outcome::ClockSkew, reason);
        let date = response.headers().get(DATE).and_then(|date| date.to_str().ok());
        let Some(date) = date.and_then(reply::http_date) else {
            return Err(fault(format!("{} does not say what time it is, so no age can be known", self.base)));
        };
        let received = (self.clock)().wall;
        let earliest = sent.checked_sub(Duration::from_secs(1)).unwrap_or(sent);
        let behind = earliest.duration_since(date).unwrap_or_default();
        let ahead = date.duration_since(received).unwrap_or_default();
        let skew = behind.max(ahead);
        if skew <= LARGEST_SKEW {
            return Ok(());
        }
        let side = if behind > ahead { "behind" } else { "ahead of" };
        let skew = humantime::format_duration(Duration::from_secs(skew.as_secs()));
        Err(fault(format!("the clock of {} is {skew} {side} ours, so no age can be known; run NTP on both", self.base)))
    }

    fn refusal(&self, status: StatusCode, body: &[u8]) -> Failure {
        let message = reply::error(body);
        let said = |text: String| if message.is_empty() { text } else { format!("{text}: {message}") };
        match status.as_u16() {
            401 | 403 => {
                let hint = "check --prometheus.bearer-token-file or --prometheus.basic-auth-file";
                Failure::new(Outcome::Failed, format!("{} lets us not in ({status}); {hint}", self.base))
            }
            408 | 429 | 500..=599 => Failure::new(Outcome::Failed, said(format!("{} answers {status}", self.base))),
            _ => Failure::new(Outcome::Refused, said(format!("{} refuses the expression ({status})", self.base))),
        }
    }

    fn transport(&self, error: &reqwest::Error) -> Failure {
        if error.is_timeout() {
            return self.timed_out();
        }
        Failure::new(Outcome::Unreachable, format!("{} cannot be reached: {}", self.base, root(error)))
    }

    fn timed_out(&self) -> Failure {
        let limit = humantime::format_duration(self.access.timeout);
        Failure::new(Outcome::Timeout, format!("no answer of {} within {limit} (--prometheus.timeout)", self.base))
    }
}

/// The innermost error, which says what really happened.
fn root(error: &reqwest::Error) -> String {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}
