//! Checks what a policy asks: local gauges here, PromQL in `trend`.

use std::collections::BTreeMap;

use super::findings::Findings;
use super::{MINUTE, SECOND, trend};
use crate::mode::Mode;
use crate::policy::nearest::suggest;
use crate::policy::question::{Answerer, Asked, Gauge, Mean, Question, Scope};
use crate::policy::rules::Unit;
use crate::policy::schema;
use crate::policy::spanned::Spanned;
use crate::pressure::Resource;

/// The signals of a policy, by name.
pub fn signals(
    written: &BTreeMap<String, Spanned<schema::Signal>>,
    findings: &mut Findings<'_>,
) -> BTreeMap<String, Question> {
    written.iter().map(|(name, signal)| (name.clone(), question(signal, findings))).collect()
}

/// A policy that acts must have somebody to ask; one that rehearses may wait for a server.
pub fn check_server(written: &BTreeMap<String, Spanned<schema::Signal>>, mode: Mode, findings: &mut Findings<'_>) {
    if findings.vocabulary.prometheus || mode != Mode::Enforce {
        return;
    }
    for source in written.values().filter_map(|signal| signal.value.source.as_ref()) {
        if source.value == Answerer::Prometheus {
            let hint = "start plotwarden with `--prometheus.url http://HOST:9090`, or write `source: embedded`";
            findings.error(source, "no Prometheus server is given to ask", hint);
        }
    }
}

/// The unit that a signal says it has, or has because it is local.
pub fn declared_unit(signal: &schema::Signal) -> Option<Unit> {
    match &signal.unit {
        Some(name) => Some(name.value.into()),
        None if signal.local.is_some() => Some(Unit::Share),
        None => None,
    }
}

pub fn question(signal: &Spanned<schema::Signal>, findings: &mut Findings<'_>) -> Question {
    let written = &signal.value;
    match (&written.local, &written.promql) {
        (Some(gauge), None) => mean(signal, gauge, findings),
        (None, Some(text)) => trend::question(written, text, findings),
        (local, promql) => {
            let problem = if local.is_some() { "asks two things at once" } else { "asks nothing" };
            let hint = "write either `local: io.some` or `promql: 'rate(x[5m])'`";
            findings.error(signal, format!("the signal {problem}"), hint);
            let nothing = Spanned::new("0".to_owned(), signal.referenced, signal.defined);
            // What else is wrong depends on which of the two is meant.
            let known = findings.errors.len();
            let question = trend::question(written, promql.as_ref().unwrap_or(&nothing), findings);
            findings.errors.truncate(known);
            question
        }
    }
}

fn mean(signal: &Spanned<schema::Signal>, name: &Spanned<String>, findings: &mut Findings<'_>) -> Question {
    let written = &signal.value;
    let gauge = Gauge::from_name(&name.value).unwrap_or_else(|| {
        let hint = suggest(&name.value, &Gauge::names());
        findings.error(name, format!("there is no local signal `{}`", name.value), hint);
        Gauge::Some(Resource::Io)
    });
    let scope = written.of.as_ref().map_or(Scope::Machine, |scope| scope.value);
    if let Some(of) = &written.of
        && gauge.pressure_of().is_none()
        && scope != Scope::Machine
    {
        findings.error(of, format!("`{}` exists of the machine only", gauge.name()), "write `of: machine`");
    }
    if gauge == Gauge::Full(Resource::Cpu) && scope == Scope::Machine {
        let hint = "write `of: jobs`, or take `cpu.some`";
        findings.error(name, "`cpu.full` of the whole machine is always 0", hint);
    }
    refuse_what_is_of_promql(written, findings);
    let window = if let Some(window) = &written.window {
        findings.period(window)
    } else {
        findings.error(signal, "the field `window` is missing", "add `window:`");
        SECOND
    };
    let max_age = findings.period_within(&written.max_age, SECOND, 10 * MINUTE);
    Question { asked: Asked::Mean(Mean { gauge, scope, window }), max_age, on_missing: written.on_missing }
}

fn refuse_what_is_of_promql(written: &schema::Signal, findings: &mut Findings<'_>) {
    const PROBLEM: &str = "belongs to PromQL signals; a local one is measured here at each tick";
    if let Some(unit) = &written.unit {
        findings.error(unit, format!("`unit` {PROBLEM}"), "remove it");
    }
    if let Some(source) = &written.source {
        findings.error(source, format!("`source` {PROBLEM}"), "remove it");
    }
    if let Some(share) = &written.min_history {
        findings.error(share, format!("`minHistory` {PROBLEM}"), "remove it");
    }
    if let Some(every) = &written.every {
        findings.error(every, format!("`every` {PROBLEM}"), "remove it");
    }
}
