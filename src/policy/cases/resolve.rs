//! Turns written tests into plain values: fills in defaults, and refuses what could not mean what its author thinks.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use super::expected::{expectation, known_policy};
use super::notation;
use super::schema::{
    Given, MOST_CORES, MOST_JOBS, MOST_NODES, MOST_THREADS, OneOrMore, QueuedJob, WrittenCase, WrittenJob,
    WrittenSeries, WrittenTopology,
};
use super::{Case, Expectation, GivenJob, Series, Source, Topology};
use crate::mode::Mode;
use crate::plotter::Phase;
use crate::policy::error::PolicyError;
use crate::policy::nearest::suggest;
use crate::policy::number::Number;
use crate::policy::resolve::{Findings, HOUR, SECOND};
use crate::policy::rules::Policy;
use crate::policy::spanned::Spanned;
use crate::promql::{Engine, METRIC_NAME, MatchOp};
use crate::units::Bytes;

const NOTATION: &str = "write samples as in `5% 10%x9 _x5`: 5 %, then 10 % and nine more of it, then five gaps";

/// The tests of one document, of the policies named.
pub fn cases(written: &[Spanned<WrittenCase>], policies: &[String], findings: &mut Findings<'_>) -> Vec<Case> {
    let mut names = BTreeSet::new();
    let mut all = Vec::new();
    for test in written {
        if !names.insert(test.value.name.as_str()) {
            findings.error(test, format!("two tests are named `{}`", test.value.name), "say what each of them shows");
        }
        all.push(case(test, policies, findings));
    }
    all
}

/// What tests name must be there: `named` are the policies of documents of kind `PolicyTest`, with their places.
pub fn check_names(cases: &[Case], named: &[(String, PolicyError)], policies: &[Policy]) -> Vec<PolicyError> {
    let known: Vec<&str> = policies.iter().map(|policy| policy.name.as_str()).collect();
    let unknown = |(name, spot): &(String, PolicyError)| {
        let found = known.contains(&name.as_str());
        (!found).then(|| spot.saying(format!("no policy is named `{name}`"), suggest(name, &known)))
    };
    let mut errors: Vec<PolicyError> = named.iter().filter_map(unknown).collect();
    for case in cases {
        let tested: Vec<&Policy> = policies.iter().filter(|policy| case.policies.contains(&policy.name)).collect();
        for series in &case.series {
            let Source::Signal { name, policy } = &series.of else { continue };
            let meant = tested.iter().filter(|tested| policy.as_ref().is_none_or(|policy| tested.name == *policy));
            let signals: Vec<&str> = meant.flat_map(|policy| policy.signals().keys().map(String::as_str)).collect();
            if !signals.contains(&name.as_str()) && !tested.is_empty() {
                let problem = format!("no policy of this test has a signal `{name}`");
                errors.push(series.spot.saying(problem, suggest(name, &signals)));
            }
        }
    }
    errors
}

fn case(test: &Spanned<WrittenCase>, policies: &[String], findings: &mut Findings<'_>) -> Case {
    let written = &test.value;
    if written.expect.value.is_empty() {
        findings.error(
            &written.expect,
            "the test expects nothing",
            "add a line such as `- {at: 30s, stage: critical}`",
        );
    }
    let jobs = jobs(&written.given, findings);
    let mut expect: Vec<Expectation> =
        written.expect.value.iter().map(|line| expectation(line, &jobs, policies, findings)).collect();
    expect.sort_by_key(|expectation| expectation.at);
    Case {
        name: written.name.clone(),
        policies: policies.to_vec(),
        spot: findings.document.error_at(test, "", ""),
        mode: written.mode.unwrap_or(Mode::Enforce),
        start: written.start.as_ref().and_then(|start| wall_clock(start, findings)),
        interval: written.interval.as_ref().map_or(SECOND, |interval| findings.period(interval)),
        topology: topology(&written.given.topology, findings),
        jobs,
        series: written.series.iter().filter_map(|line| series(line, policies, findings)).collect(),
        expect,
    }
}

fn wall_clock(text: &Spanned<String>, findings: &mut Findings<'_>) -> Option<SystemTime> {
    let parsed = parse_wall_clock(&text.value);
    if parsed.is_none() {
        let problem = format!("`{}` is no time of day with its offset", text.value);
        findings.error(text, problem, "write `'2026-01-12T16:50:00+01:00'`, or with `Z` for UTC");
    }
    parsed
}

/// RFC 3339 with any offset.
fn parse_wall_clock(text: &str) -> Option<SystemTime> {
    if text.ends_with(['Z', 'z']) {
        return humantime::parse_rfc3339(text).ok();
    }
    let (local, offset) = text.split_at_checked(text.len().checked_sub(6)?)?;
    let (sign, clock) = offset.split_at_checked(1)?;
    let (hours, minutes) = clock.split_once(':')?;
    let (hours, minutes): (u64, u64) = (hours.parse().ok()?, minutes.parse().ok()?);
    let ahead = Duration::from_mins(hours * 60 + minutes);
    let as_utc = humantime::parse_rfc3339(&format!("{local}Z")).ok()?;
    match sign {
        "+" => as_utc.checked_sub(ahead),
        "-" => as_utc.checked_add(ahead),
        _ => None,
    }
}

fn topology(written: &WrittenTopology, findings: &mut Findings<'_>) -> Topology {
    let mut count = |value: &Option<Spanned<Number<u32>>>, default: u32, most: u32| {
        value.as_ref().map_or(default, |value| {
            if value.value.0 == 0 || value.value.0 > most {
                findings.error(value, format!("{} is out of range", value.value.0), format!("write 1 to {most}"));
            }
            value.value.0.clamp(1, most)
        })
    };
    Topology {
        numa_nodes: count(&written.numa_nodes, 1, MOST_NODES),
        cores_per_node: count(&written.cores_per_node, 4, MOST_CORES),
        smt: count(&written.smt, 1, MOST_THREADS),
        memory: written.memory.map_or(Bytes(64 << 30), |size| size.0),
        swap: written.swap.map_or(Bytes(0), |size| size.0),
    }
}

fn jobs(given: &Given, findings: &mut Findings<'_>) -> Vec<GivenJob> {
    let mut jobs: Vec<GivenJob> = given.jobs.iter().map(|line| running(line, findings)).collect();
    for line in &given.queue {
        jobs.push(queued(line, findings));
    }
    for (place, job) in jobs.iter().enumerate() {
        let clashes = |other: &GivenJob| other.is_named(&job.id) || job.is_named(&other.id) || other.id == job.id;
        if jobs[..place].iter().any(clashes) {
            findings.errors.push(job.spot.saying(format!("two plots have the id `{}`", job.id), "give each its own"));
        }
    }
    jobs
}

fn running(line: &Spanned<WrittenJob>, findings: &mut Findings<'_>) -> GivenJob {
    let written = &line.value;
    let progress = written.progress.as_ref().map_or(0.5, |progress| {
        let share = progress.value.0.0;
        if !(0.0..=1.0).contains(&share) {
            findings.error(progress, "no plot is ever there", "write 0% to 100%");
        }
        share
    });
    let age = written.age.as_ref().map_or(HOUR, |age| findings.period(age));
    let lasts = written.lasts.as_ref().map(|lasts| findings.period(lasts));
    GivenJob {
        id: written.id.value.clone(),
        plotter: plotter(written.plotter.as_ref()),
        k: written.k.map_or(32, |k| k.0),
        threads: written.threads.map(|threads| threads.0),
        temp_dirs: paths(written.temp_dir.as_ref()),
        final_dirs: paths(written.final_dir.as_ref()),
        devices: written.device.as_ref().map(OneOrMore::list),
        user: user(written.user.as_ref()),
        progress,
        phase: written.phase.as_ref().map(|phase| Phase::Number(phase.value.0)),
        age,
        lasts,
        at: None,
        repeated: None,
        spot: findings.document.error_at(line, "", ""),
    }
}

fn queued(line: &Spanned<QueuedJob>, findings: &mut Findings<'_>) -> GivenJob {
    let written = &line.value;
    let at = findings.period(&written.at);
    let every = written.every.as_ref().map_or(SECOND, |every| findings.period(every));
    let lasts = written.lasts.as_ref().map(|lasts| findings.period(lasts));
    let count = written.count.as_ref().map(|count| {
        if count.value.0 == 0 || count.value.0 > MOST_JOBS {
            findings.error(count, format!("{} is out of range", count.value.0), format!("write 1 to {MOST_JOBS}"));
        }
        count.value.0.min(MOST_JOBS)
    });
    GivenJob {
        id: written.id.value.clone(),
        plotter: plotter(written.plotter.as_ref()),
        k: written.k.map_or(32, |k| k.0),
        threads: written.threads.map(|threads| threads.0),
        temp_dirs: paths(written.temp_dir.as_ref()),
        final_dirs: paths(written.final_dir.as_ref()),
        devices: written.device.as_ref().map(OneOrMore::list),
        user: user(written.user.as_ref()),
        progress: 0.0,
        phase: Some(Phase::Number(1)),
        age: Duration::ZERO,
        lasts,
        at: Some(at),
        repeated: count.map(|count| (count, every)),
        spot: findings.document.error_at(line, "", ""),
    }
}

fn plotter(written: Option<&Spanned<String>>) -> String {
    written.map_or_else(|| "chiapos".to_owned(), |plotter| plotter.value.clone())
}

fn user(written: Option<&String>) -> String {
    written.cloned().unwrap_or_else(|| "chia".to_owned())
}

fn paths(written: Option<&OneOrMore>) -> Vec<PathBuf> {
    written.map(OneOrMore::list).unwrap_or_default().into_iter().map(PathBuf::from).collect()
}

impl OneOrMore {
    fn list(&self) -> Vec<String> {
        match self {
            Self::One(one) => vec![one.clone()],
            Self::More(more) => more.clone(),
        }
    }
}

fn series(line: &Spanned<WrittenSeries>, policies: &[String], findings: &mut Findings<'_>) -> Option<Series> {
    let written = &line.value;
    let of = match (&written.signal, &written.series) {
        (Some(signal), None) => {
            let policy = written.policy.as_ref();
            let policy = policy.map(|policy| known_policy(policy, policies, findings));
            Source::Signal { name: signal.value.clone(), policy }
        }
        (None, Some(series)) => metric(series, findings)?,
        _ => {
            let hint = "write either `signal: disk` or `series: 'plotwarden_load5{instance=\"$node\"}'`";
            findings.error(line, "this line must be about one signal, or about one series", hint);
            return None;
        }
    };
    if let Err(bad) = notation::samples(&written.values.value) {
        findings.error_within(&written.values, bad.at, bad.problem, NOTATION);
        return None;
    }
    Some(Series { of, values: written.values.value.clone(), spot: findings.document.error_at(line, "", "") })
}

/// `name{label="value"}`; what stands for this machine is left out, since the history adds it.
fn metric(text: &Spanned<String>, findings: &mut Findings<'_>) -> Option<Source> {
    let hint = "write `name{label=\"value\"}`";
    let query = match Engine::default().parse(&text.value) {
        Ok(query) => query,
        Err(error) => {
            findings.error_within(text, error.span, error.message, hint);
            return None;
        }
    };
    let Some(matchers) = query.selector() else {
        findings.error(text, "this is an expression, and no series", hint);
        return None;
    };
    let mut labels = BTreeMap::new();
    for matcher in matchers {
        if matcher.op != MatchOp::Equal {
            findings.error(text, format!("the label `{}` has no one value", matcher.name), hint);
            return None;
        }
        labels.insert(matcher.name.to_string(), matcher.value.to_string());
    }
    let Some(name) = labels.remove(METRIC_NAME) else {
        findings.error(text, "the series has no name", hint);
        return None;
    };
    for (label, variable) in [("instance", "$node"), ("job", "$job")] {
        labels.retain(|name, value| !(name == label && value == variable));
    }
    Some(Source::Metric { name, labels: labels.into_iter().collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_of_day_is_read_with_its_offset() {
        let utc = humantime::parse_rfc3339("2026-01-12T15:50:00Z").unwrap();
        for text in ["2026-01-12T16:50:00+01:00", "2026-01-12T15:50:00Z", "2026-01-12T10:20:00-05:30"] {
            assert_eq!(parse_wall_clock(text), Some(utc), "{text}");
        }
        for text in ["16:50", "2026-01-12", "2026-01-12T16:50:00", "2026-01-12T16:50:00*01:00", "+é:00"] {
            assert_eq!(parse_wall_clock(text), None, "{text}");
        }
    }
}
