//! Checks a PromQL signal: the expression as Prometheus would, and what only a policy can get wrong about it.

use std::ops::Range;
use std::time::Duration;

use super::SECOND;
use super::findings::Findings;
use crate::policy::expression::{Expression, Variable};
use crate::policy::nearest::nearest;
use crate::policy::question::{Answerer, Asked, Question, Scope, Trend};
use crate::policy::rule::Rule;
use crate::policy::schema;
use crate::policy::spanned::Spanned;
use crate::promql::{Engine, METRIC_NAME, MatchOp, Millis, Query, Reading, Semantics, Span};

/// Our own metrics; what others export is not ours to judge.
const OURS: &str = "plotwarden_";
/// A rate from fewer samples is a matter of luck.
const LEAST_SAMPLES: Millis = 4;
const TRY: &str = "try the expression with `plotwarden query`";
const LEAST_HISTORY: f64 = 0.8;
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// A signal with `promql:`.
pub fn question(written: &schema::Signal, text: &Spanned<String>, findings: &mut Findings<'_>) -> Question {
    let answerer = written.source.as_ref().map_or(Answerer::Embedded, |source| source.value);
    if let Some(window) = &written.window {
        let hint = "write the range in the expression, such as `avg_over_time(x[5m])`";
        findings.error(window, "a PromQL signal has no `window` of its own", hint);
    }
    let expression = expression(text, findings);
    let of_each_job = of_each_job(written, text, &expression, findings);
    let range = match parse(&text.value, answerer) {
        Ok(query) => {
            check(&query, text, answerer, findings);
            longest(&query)
        }
        Err(error) => {
            findings.error_within(text, error.span, format!("PromQL: {}", error.message), TRY);
            Duration::ZERO
        }
    };
    let max_age = findings.period(&written.max_age);
    let every = written.every.as_ref().map_or((max_age / 3).clamp(SECOND, LONGEST_PAUSE), |every| {
        let found = findings.period(every);
        if found > max_age {
            let hint = "ask several times within `maxAge`, so that one failure does no harm";
            findings.error(every, "an answer would be older than `maxAge` before the next one comes", hint);
        }
        found
    });
    let min_history = written.min_history.as_ref().map_or(LEAST_HISTORY, |share| {
        if !(0.0..=1.0).contains(&share.value.0.0) {
            findings.error(share, "no range is ever covered so far", "write a share from 0% to 100%");
        }
        share.value.0.0
    });
    let trend = Trend { expression, answerer, of_each_job, min_history, every, range };
    Question { asked: Asked::Trend(trend), max_age, on_missing: written.on_missing }
}

/// What a server of another generation may understand is tried in both.
fn parse(text: &str, answerer: Answerer) -> Result<Query, crate::promql::ParseError> {
    let engine = Engine::default();
    let older = engine.parse(text);
    match answerer {
        Answerer::Embedded => older,
        Answerer::Prometheus => older.or_else(|error| {
            let newer = Engine { semantics: Semantics::V3, ..engine };
            newer.parse(text).map_err(|_| error)
        }),
    }
}

fn expression(text: &Spanned<String>, findings: &mut Findings<'_>) -> Expression {
    match Expression::parse(&text.value) {
        Ok(expression) => expression,
        Err(bad) => {
            findings.error_within(text, Span { start: bad.at.start, end: bad.at.end }, bad.problem, bad.hint);
            Expression::default()
        }
    }
}

fn of_each_job(
    written: &schema::Signal,
    text: &Spanned<String>,
    expression: &Expression,
    findings: &mut Findings<'_>,
) -> bool {
    let scope = written.of.as_ref().map_or(Scope::Machine, |of| of.value);
    let (one, some) = (expression.uses(Variable::JobId), expression.uses(Variable::Device));
    match (&written.of, scope) {
        (Some(of), Scope::Jobs) => {
            let hint = "sum over them in the expression, or write `of: each` and `{job_id=\"$job_id\"}`";
            findings.error(of, "a PromQL signal is not answered for all jobs at once", hint);
        }
        (Some(of), Scope::Each) if !one && !some => {
            let hint = "narrow it with `{job_id=\"$job_id\"}` or `{device=~\"$device\"}`, or leave `of: each` out";
            findings.error(of, "every job would get the same answer", hint);
        }
        (_, Scope::Machine) if one => {
            findings.error(text, "`$job_id` is nobody, since this signal is of the machine", "write `of: each`");
        }
        _ => {}
    }
    if let Some(Range { start, end }) = expression.room_for_one_device() {
        let problem = "with temp directories on several devices this has no answer";
        findings.warn_within(text, Span { start, end }, problem, "match all of them: `device=~\"$device\"`");
    }
    scope == Scope::Each
}

fn check(query: &Query, text: &Spanned<String>, answerer: Answerer, findings: &mut Findings<'_>) {
    if !query.gives_values() {
        let hint = "a range needs a function around it, such as `rate(x[5m])` or `max_over_time(x[5m])`";
        findings.error_within(text, query.span(), "the result is no number", hint);
    }
    for reading in query.readings() {
        check_names(&reading, text, findings);
        check_range(&reading, text, answerer, findings);
    }
}

fn check_names(reading: &Reading<'_>, text: &Spanned<String>, findings: &mut Findings<'_>) {
    let names = reading.matchers.iter().filter(|matcher| matcher.op == MatchOp::Equal && *matcher.name == *METRIC_NAME);
    for name in names.map(|matcher| &*matcher.value).filter(|name| name.starts_with(OURS)) {
        if findings.vocabulary.metrics.contains(&name) {
            continue;
        }
        let hint = match nearest(name, findings.vocabulary.metrics.iter().copied()) {
            Some(candidate) => format!("did you mean `{candidate}`?"),
            None => "the page /metrics shows all that there is".to_owned(),
        };
        let Span { start, end } = reading.span;
        let span = Span { start, end: if reading.metric.is_some() { start + name.len() } else { end } };
        let problem = format!("plotwarden exports no `{name}`");
        let unknown = findings.document.error_within(text, span, problem, hint).under(Rule::UnknownMetric);
        findings.errors.push(unknown);
    }
}

fn check_range(reading: &Reading<'_>, text: &Spanned<String>, answerer: Answerer, findings: &mut Findings<'_>) {
    let distance = match answerer {
        Answerer::Embedded => 1_000,
        Answerer::Prometheus => 15_000,
    };
    let Some(range) = reading.range.filter(|range| *range < LEAST_SAMPLES * distance) else { return };
    let [range, distance, least] = [range, distance, LEAST_SAMPLES * distance].map(length);
    let problem =
        format!("a range of {range} holds fewer than {LEAST_SAMPLES} samples where one comes every {distance}");
    let hint = format!("write `[{least}]` or more");
    let short = findings.document.error_within(text, reading.span, problem, hint).under(Rule::ShortRange);
    findings.warnings.push(short);
}

/// How far back the query reaches.
fn longest(query: &Query) -> Duration {
    Duration::from_millis(u64::try_from(query.reach()).unwrap_or(0))
}

fn length(millis: Millis) -> String {
    humantime::format_duration(Duration::from_millis(u64::try_from(millis).unwrap_or(0))).to_string()
}
