//! Checks the stages of a policy: each must be reachable, leave a gap between trigger and clear, and do what can help.

use std::time::Duration;

use super::findings::Findings;
use crate::policy::number::Number;
use crate::policy::rules::{Anchor, Bands, Guardrails, Measure, Stage};
use crate::policy::schema::{Clear, ContentionSpec};
use crate::policy::spanned::Spanned;
use crate::pressure::Resource;

const LONGEST_HOLD: Duration = Duration::from_hours(24);

pub fn resolve(
    spec: &ContentionSpec,
    bands: Bands,
    anchors: &[Anchor],
    guardrails: &Guardrails,
    findings: &mut Findings<'_>,
) -> Vec<Stage> {
    let mut stages: Vec<Stage> = Vec::new();
    for written in &spec.stages {
        let resource: Resource = written.value.resource.into();
        let band = written.value.at;
        if stages.iter().any(|stage| stage.resource == resource && stage.band == band) {
            let problem = format!("{} has two stages at {}", resource.name(), band.name());
            findings.error(written, problem, "put what both do into one");
        }
        if !anchors.iter().any(|anchor| anchor.resource == resource) && findings.errors.is_empty() {
            let problem = format!("nothing under `severity` says how bad {} is", resource.name());
            findings.error(written, problem, format!("add a line with `resource: {}`", resource.name()));
        }
        let hold = written.value.hold.as_ref().unwrap_or(&spec.trigger.hold);
        let clear = written.value.clear.as_ref().unwrap_or(&spec.trigger.clear);
        check_gap(clear, bands.cut_off(band), band.name(), findings);
        for measure in &written.value.measures {
            check_measure(measure, resource, &stages, guardrails, findings);
        }
        stages.push(Stage {
            resource,
            band,
            measures: written.value.measures.iter().map(|measure| measure.value).collect(),
            hold: findings.period_within(hold, Duration::ZERO, LONGEST_HOLD),
            clear_below: clear.value.below.value.0,
            clear_hold: findings.period_within(&clear.value.hold, Duration::ZERO, LONGEST_HOLD),
        });
    }
    if let Some(first) = spec.severity.first()
        && spec.stages.is_empty()
    {
        findings.warn(first, "there are no stages, so this policy only watches", "add `stages:`");
    }
    stages
}

/// Law: a trigger has a different clear. Without a gap, noise around one value would pause and resume for ever.
fn check_gap(clear: &Spanned<Clear>, cut_off: f64, band: &str, findings: &mut Findings<'_>) {
    let below = &clear.value.below;
    let Number(level) = below.value;
    if level <= 0.0 || !level.is_finite() {
        findings.error(below, format!("severity is never below {level}"), "write a severity above 0");
    } else if level >= cut_off {
        let relation = if level > cut_off { "lies above" } else { "equals" };
        let problem = format!("`clear` at {level} {relation} the trigger: {band} begins at {cut_off}");
        findings.error(below, problem, format!("clear well below {cut_off}, so that noise does not flap"));
    }
}

fn check_measure(
    measure: &Spanned<Measure>,
    resource: Resource,
    earlier: &[Stage],
    guardrails: &Guardrails,
    findings: &mut Findings<'_>,
) {
    let name = measure.value.name();
    match (measure.value, resource) {
        (Measure::Pause, Resource::Memory) => {
            let hint = "use `closeAdmission` and `lowerPriority`";
            findings.error(measure, "a paused job keeps its memory, so `pause` cures no shortage of it", hint);
        }
        (Measure::Pause, Resource::Cpu) => {
            let hint = "use `lowerPriority`: the farm goes first and no core stands idle";
            findings.error(measure, "`pause` against CPU pressure only loses plots", hint);
        }
        _ => {}
    }
    let repeats = earlier.iter().any(|stage| stage.resource == resource && stage.measures.contains(&measure.value));
    let by_degrees = measure.value == Measure::LowerPriority && resource != Resource::Io;
    if repeats && !by_degrees {
        findings.error(measure, format!("an earlier stage of {} does `{name}` already", resource.name()), "keep one");
    }
    if guardrails.never.contains(&measure.value) {
        findings.warn(measure, format!("`{name}` is forbidden by `guardrails.never`"), "remove one of the two");
    }
}
