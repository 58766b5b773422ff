//! Turns a document into a policy: fills in defaults, and holds what one field demands of another.

use std::time::Duration;

use serde_yaml::Spanned;

use super::document::Document;
use super::error::PolicyError;
use super::glob::Glob;
use super::nearest::suggest;
use super::quantity::{Level, Percent, Period};
use super::question::{Asked, Gauge, Mean, Question, Scope};
use super::rules::{
    Anchor, Bands, Behavior, Contention, Control, Guardrails, Measure, Origin, Policy, Reversals, Selector, Unit,
};
use super::schema::{self, ContentionDocument};
use super::vocabulary::Vocabulary;
use super::{stages, trend};
use crate::claim::Class;
use crate::mode::Mode;
use crate::pressure::Resource;
use crate::promql::Span;

/// Problems and doubts found in one document.
pub(super) struct Findings<'a> {
    pub document: &'a Document<'a>,
    pub vocabulary: &'a Vocabulary,
    pub errors: Vec<PolicyError>,
    pub warnings: Vec<PolicyError>,
}

impl<'a> Findings<'a> {
    pub fn new(document: &'a Document<'a>, vocabulary: &'a Vocabulary) -> Self {
        Self { document, vocabulary, errors: Vec::new(), warnings: Vec::new() }
    }

    pub fn error<T>(&mut self, value: &Spanned<T>, problem: impl Into<String>, hint: impl Into<String>) {
        self.errors.push(self.document.error_at(value, problem, hint));
    }

    pub fn warn<T>(&mut self, value: &Spanned<T>, problem: impl Into<String>, hint: impl Into<String>) {
        self.warnings.push(self.document.error_at(value, problem, hint));
    }

    /// At a part of a text, given in bytes of its value.
    pub fn error_within(
        &mut self,
        text: &Spanned<String>,
        part: Span,
        problem: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.errors.push(self.document.error_within(text, part, problem, hint));
    }

    pub fn warn_within(
        &mut self,
        text: &Spanned<String>,
        part: Span,
        problem: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.warnings.push(self.document.error_within(text, part, problem, hint));
    }

    /// A length of time within sensible bounds.
    pub fn period(&mut self, value: &Spanned<Period>, least: Duration, most: Duration) -> Duration {
        let found = value.value.0;
        if found < least || found > most {
            let [found, least, most] = [found, least, most].map(humantime::format_duration);
            self.error(value, format!("{found} is out of range"), format!("write {least} to {most}"));
        }
        found
    }
}

pub(super) const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);
pub(super) const HOUR: Duration = Duration::from_hours(1);

/// The policy of one document; what is wrong or doubtful goes to `findings`.
pub(super) fn policy(document: &ContentionDocument, findings: &mut Findings<'_>, hash: u64) -> Policy {
    check_name(&document.metadata.name, findings);
    let spec = &document.spec;
    let bands = bands(spec.bands.as_ref(), findings);
    let signals = spec.signals.iter().map(|(name, signal)| (name.clone(), question(signal, findings))).collect();
    let anchors: Vec<Anchor> = spec.severity.iter().filter_map(|line| anchor(line, spec, findings)).collect();
    warn_of_unused_signals(spec, findings);
    let behavior = behavior(&spec.behavior, findings);
    warn_of_hasty_judgement(spec, behavior.settle, findings);
    let guardrails = guardrails(&spec.guardrails, findings);
    let stages = stages::resolve(spec, bands, &anchors, &guardrails, findings);
    Policy {
        name: document.metadata.name.value.clone(),
        labels: document.metadata.labels.clone(),
        control: control(document, findings),
        selector: selector(&spec.selector.jobs, findings),
        rules: Contention { signals, anchors, bands, stages, behavior, guardrails },
        origin: Origin { path: findings.document.path.to_owned(), line: findings.document.line() },
        hash,
    }
}

/// Names become labels of metrics and words of log lines.
pub(super) fn check_name(name: &Spanned<String>, findings: &mut Findings<'_>) {
    let fine = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let text = &name.value;
    if text.is_empty() || text.len() > 63 || !text.chars().all(fine) || text.starts_with('-') || text.ends_with('-') {
        let hint = "use 1 to 63 lower-case letters, digits and inner hyphens, such as `stagger-by-pressure`";
        findings.error(name, format!("`{text}` is no name for a policy"), hint);
    }
}

fn control(document: &ContentionDocument, findings: &mut Findings<'_>) -> Control {
    let written = &document.spec.control;
    let priority = written.priority.as_ref().map_or(500, |priority| {
        if priority.value > 1000 {
            findings.error(priority, format!("priority {} is out of range", priority.value), "write 0 to 1000");
        }
        priority.value
    });
    if written.mode.is_none() {
        let problem = "`control.mode` is not given, so this policy only rehearses (dryRun)";
        findings.warn(&document.metadata.name, problem, "write `mode: enforce` once you trust it, or `mode: dryRun`");
    }
    Control {
        mode: written.mode.as_ref().map_or(Mode::DryRun, |mode| mode.value),
        class: written.class.unwrap_or(Class::Throughput),
        priority,
        on_exit: written.on_exit,
    }
}

fn selector(written: &schema::JobSelector, findings: &mut Findings<'_>) -> Selector {
    let mut globs = |patterns: &[Spanned<String>]| {
        let mut parsed = Vec::new();
        for pattern in patterns {
            match Glob::parse(&pattern.value) {
                Ok(glob) => parsed.push(glob),
                Err(problem) => {
                    let (problem, hint) = problem.split_once("; ").unwrap_or((&problem, ""));
                    findings.error(pattern, problem, hint);
                }
            }
        }
        parsed
    };
    Selector {
        temp_dirs: globs(&written.temp_dir),
        final_dirs: globs(&written.final_dir),
        plotters: written.plotter.clone(),
        owners: written.owner.clone(),
        sizes: written.k.clone(),
    }
}

fn bands(written: Option<&Spanned<schema::Bands>>, findings: &mut Findings<'_>) -> Bands {
    let Some(written) = written else { return Bands { notice: 0.4, warn: 0.6, critical: 0.8 } };
    let bands = Bands { notice: written.value.notice, warn: written.value.warn, critical: written.value.critical };
    if !(0.0 < bands.notice && bands.notice < bands.warn && bands.warn < bands.critical && bands.critical <= 1.0) {
        findings.error(
            written,
            "the bands do not ascend from 0 to 1",
            "write `{notice: 0.4, warn: 0.6, critical: 0.8}`",
        );
    }
    bands
}

fn question(signal: &Spanned<schema::Signal>, findings: &mut Findings<'_>) -> Question {
    let written = &signal.value;
    match (&written.local, &written.promql) {
        (Some(gauge), None) => mean(signal, gauge, findings),
        (None, Some(text)) => trend::question(written, text, findings),
        (local, promql) => {
            let problem = if local.is_some() { "asks two things at once" } else { "asks nothing" };
            let hint = "write either `local: io.some` or `promql: 'rate(x[5m])'`";
            findings.error(signal, format!("the signal {problem}"), hint);
            let nothing = Spanned::new("0".to_owned(), signal.referenced, signal.defined);
            trend::question(written, promql.as_ref().unwrap_or(&nothing), findings)
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
        findings.period(window, SECOND, 10 * MINUTE)
    } else {
        findings.error(signal, "the field `window` is missing", "add `window:`");
        SECOND
    };
    let max_age = findings.period(&written.max_age, SECOND, 10 * MINUTE);
    Question { asked: Asked::Mean(Mean { gauge, scope, window }), max_age, on_missing: written.on_missing }
}

fn refuse_what_is_of_promql(written: &schema::Signal, findings: &mut Findings<'_>) {
    const PROBLEM: &str = "belongs to PromQL signals; a local one is measured here at each tick";
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

fn anchor(
    line: &Spanned<schema::Anchor>,
    spec: &schema::ContentionSpec,
    findings: &mut Findings<'_>,
) -> Option<Anchor> {
    let written = &line.value;
    let name = &written.signal.value;
    let Some(signal) = spec.signals.get(name) else {
        let names: Vec<&str> = spec.signals.keys().map(String::as_str).collect();
        findings.error(&written.signal, format!("no signal is named `{name}`"), suggest(name, &names));
        return None;
    };
    let (zero, one, unit) = levels(written, signal.value.promql.is_some(), findings)?;
    if (zero - one).abs() < 0.001 * one.abs().min(1.0) {
        findings.error(&written.one, "`one` equals `zero`, so severity would jump", "give them different values");
        return None;
    }
    if signal.value.of.as_ref().is_some_and(|of| of.value == Scope::Each) && one < zero {
        let hint = "negate the expression and both anchors: `-(...)`";
        findings.error(
            &written.one,
            "of several jobs the highest value counts, but here the lowest is the worst",
            hint,
        );
    }
    Some(Anchor { resource: written.resource.into(), signal: name.clone(), zero, one, unit })
}

/// `zero` and `one` in one unit: always shares for a local signal, which measures nothing else.
fn levels(written: &schema::Anchor, of_promql: bool, findings: &mut Findings<'_>) -> Option<(f64, f64, Unit)> {
    match (written.zero.value, written.one.value) {
        (Level::Share(zero), Level::Share(one)) => {
            for (level, share) in [(&written.zero, zero), (&written.one, one)] {
                if !of_promql && !(0.0..=1.0).contains(&share.0) {
                    findings.error(level, "no signal is ever there", "write a share from 0% to 100%");
                }
            }
            Some((zero.0, one.0, Unit::Share))
        }
        (Level::Plain(zero), Level::Plain(one)) if of_promql && zero.is_finite() && one.is_finite() => {
            Some((zero, one, Unit::Plain))
        }
        (zero, one) => {
            let plain = |level| matches!(level, Level::Plain(_));
            let wrong = if plain(zero) { &written.zero } else { &written.one };
            let Level::Plain(number) = wrong.value else { return None };
            let mixed = of_promql && plain(zero) != plain(one);
            let (problem, hint) = if mixed {
                let hint =
                    "write both as shares (`15%` is 0.15), or both as plain numbers, as the expression gives them";
                (format!("`{number}` has no unit, and the other anchor has one"), hint)
            } else {
                (format!("`{number}` has no unit"), "write a share in percent, such as `15%`")
            };
            findings.error(wrong, problem, hint);
            None
        }
    }
}

fn warn_of_unused_signals(spec: &schema::ContentionSpec, findings: &mut Findings<'_>) {
    for (name, signal) in &spec.signals {
        if !spec.severity.iter().any(|line| line.value.signal.value == *name) {
            findings.warn(signal, format!("the signal `{name}` is not used"), "name it under `severity`, or remove it");
        }
    }
}

/// A pause that is judged by what was measured before it leads to another one that nobody needs.
fn warn_of_hasty_judgement(spec: &schema::ContentionSpec, settle: Duration, findings: &mut Findings<'_>) {
    let pauses =
        spec.stages.iter().any(|stage| stage.value.measures.iter().any(|measure| measure.value == Measure::Pause));
    for line in spec.severity.iter().filter(|line| pauses && Resource::from(line.value.resource) == Resource::Io) {
        let Some(signal) = spec.signals.get(&line.value.signal.value) else { continue };
        let Some(written) = &signal.value.window else { continue };
        if written.value.0 > settle {
            let [window, settle] = [written.value.0, settle].map(humantime::format_duration);
            let problem =
                format!("after a pause, {settle} later, this window of {window} still holds what was before it");
            findings.warn(written, problem, "make `behavior.settle` at least as long as the window");
        }
    }
}

fn behavior(written: &schema::Behavior, findings: &mut Findings<'_>) -> Behavior {
    let mut period = |value: Option<&Spanned<Period>>, default: Duration| {
        value.map_or(default, |value| findings.period(value, Duration::ZERO, HOUR))
    };
    let settle = period(written.settle.as_ref(), 5 * SECOND);
    let cooldown = period(written.cooldown.as_ref(), 10 * SECOND);
    Behavior {
        settle,
        cooldown,
        pause_at_once: share(written.pause_at_once.as_ref(), 0.5, findings),
        max_actions_per_hour: written.max_actions_per_hour.as_ref().map_or(60, |most| {
            if most.value == 0 {
                findings.error(most, "no action at all is allowed", "write `mode: dryRun` to only rehearse");
            }
            most.value
        }),
        reversals: reversals(written.reversals.as_ref(), findings),
    }
}

fn reversals(written: Option<&schema::Reversals>, findings: &mut Findings<'_>) -> Reversals {
    let default = Reversals { max: 3, per: 15 * MINUTE, hold: 15 * MINUTE };
    written.map_or(default, |written| {
        if written.max.value == 0 {
            findings.error(&written.max, "`max: 0` would hold everything after the first resume", "write 1 or more");
        }
        Reversals {
            max: written.max.value,
            per: findings.period(&written.per, MINUTE, 24 * HOUR),
            hold: findings.period(&written.hold, MINUTE, 2 * HOUR),
        }
    })
}

/// A share above zero and at most all; `default` if it is not given.
fn share(written: Option<&Spanned<Percent>>, default: f64, findings: &mut Findings<'_>) -> f64 {
    let Some(written) = written else { return default };
    let share = written.value.0.0;
    if !(share > 0.0 && share <= 1.0) {
        findings.error(
            written,
            format!("{:.0}% is out of range", share * 100.0),
            "write more than 0% and at most 100%",
        );
    }
    share
}

fn guardrails(written: &schema::Guardrails, findings: &mut Findings<'_>) -> Guardrails {
    let keep_running = written.keep_running.as_ref().map_or(1, |keep| {
        if keep.value == 0 {
            findings.error(keep, "`keepRunning: 0` would let all jobs stand still", "write 1 or more");
        }
        keep.value
    });
    Guardrails {
        keep_running: usize::try_from(keep_running).unwrap_or(usize::MAX),
        max_paused: share(written.max_paused.as_ref(), 1.0, findings),
        min_run: written
            .min_run
            .as_ref()
            .map_or(Duration::ZERO, |period| findings.period(period, Duration::ZERO, 24 * HOUR)),
        never: written.never.iter().map(|measure: &Spanned<Measure>| measure.value).collect(),
        never_pause: written.never_pause.clone(),
    }
}
