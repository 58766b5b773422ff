//! Kind `Contention` in words: from which value of which signal on what is done.

use super::common::{length, pace, signals};
use crate::policy::rules::{Band, Contention, Measure, Stage};
use crate::pressure::Resource;

pub fn lines(rules: &Contention) -> Vec<String> {
    let mut lines = signals(&rules.signals);
    lines.push("What it does:".to_owned());
    lines.extend(stages(rules).into_iter().map(|line| format!("  - {line}")));
    let pauses = rules.stages.iter().any(|stage| stage.measures.contains(&Measure::Pause));
    lines.extend(pace(&rules.behavior, &rules.guardrails, pauses));
    if pauses {
        lines.push(format!("It makes at most {} pauses and resumes an hour.", rules.behavior.max_actions_per_hour));
    }
    lines
}

pub fn stages(rules: &Contention) -> Vec<String> {
    rules.stages.iter().map(|stage| reading(rules, stage)).collect()
}

/// One stage as a sentence, with the shares that its severities stand for.
fn reading(rules: &Contention, stage: &Stage) -> String {
    let cut_off = rules.bands.cut_off(stage.band);
    let measures: Vec<&str> = stage.measures.iter().map(|measure| deed(*measure, stage)).collect();
    format!(
        "{} for {}: {}; until {} for {}",
        condition(rules, stage.resource, cut_off, true),
        length(stage.hold),
        measures.join(", "),
        condition(rules, stage.resource, stage.clear_below, false),
        length(stage.clear_hold),
    )
}

fn condition(rules: &Contention, resource: Resource, severity: f64, reached: bool) -> String {
    let parts: Vec<String> = rules
        .anchors
        .iter()
        .filter(|anchor| anchor.resource == resource)
        .filter_map(|anchor| {
            let question = rules.signals.get(&anchor.signal)?;
            let share = anchor.zero + severity * (anchor.one - anchor.zero);
            let relation = if reached == (anchor.one > anchor.zero) { "from" } else { "below" };
            Some(format!("{} {relation} {}", question.phrase(), anchor.unit.show(share)))
        })
        .collect();
    parts.join(if reached { " or " } else { " and " })
}

fn deed(measure: Measure, stage: &Stage) -> &'static str {
    match (measure, stage.resource) {
        (Measure::CloseAdmission, _) => "hold plots that start",
        (Measure::LowerPriority, Resource::Io) => "idle I/O priority for the least advanced plot",
        (Measure::LowerPriority, _) if stage.band == Band::Critical => "lower the CPU priority of all plots at once",
        (Measure::LowerPriority, _) => "lower the CPU priority of all plots by steps",
        (Measure::Pause, _) => "pause the least advanced plots",
    }
}
