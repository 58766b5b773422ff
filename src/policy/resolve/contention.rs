//! Checks what kind `Contention` has of its own: anchors of severity, and bands.

use std::time::Duration;

use super::findings::Findings;
use super::{behavior, levels, signals, stages};
use crate::policy::nearest::suggest;
use crate::policy::question::Scope;
use crate::policy::rules::{Anchor, Bands, Contention, Measure};
use crate::policy::schema;
use crate::policy::spanned::Spanned;
use crate::pressure::Resource;

pub fn contention(spec: &schema::ContentionSpec, findings: &mut Findings<'_>) -> Contention {
    let bands = bands(spec.bands.as_ref(), findings);
    let signals = signals::signals(&spec.signals, findings);
    let anchors: Vec<Anchor> = spec.severity.iter().filter_map(|line| anchor(line, spec, findings)).collect();
    warn_of_unused_signals(spec, findings);
    let behavior = behavior::behavior(&spec.behavior, findings);
    warn_of_hasty_judgement(spec, behavior.settle, findings);
    let guardrails = behavior::guardrails(&spec.guardrails, findings);
    let stages = stages::resolve(spec, bands, &anchors, &guardrails, findings);
    Contention { signals, anchors, bands, stages, behavior, guardrails }
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
    let unit = levels::unit(&signal.value, &[&written.zero, &written.one], None, findings)?;
    let (zero, one) = (written.zero.value.value, written.one.value.value);
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
