//! `plotwarden policy check`: what is wrong with policies, what is doubtful, and what the good ones will do, in plain English.

use std::fmt;
use std::path::PathBuf;

use super::error::PolicyError;
use super::load::{PolicySet, load};
use super::rules::{Band, Contention, Measure, Policy, Stage};
use super::vocabulary::Vocabulary;
use crate::pressure::Resource;

/// What a check found.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckReport {
    /// Loaded only if nothing is wrong.
    pub loaded: Option<PolicySet>,
    pub errors: Vec<PolicyError>,
}

/// Checks the policies at `paths`, with everything that loading them would refuse.
pub fn check(paths: &[PathBuf], vocabulary: &Vocabulary) -> CheckReport {
    match load(paths, vocabulary) {
        Ok(set) => CheckReport { loaded: Some(set), errors: Vec::new() },
        Err(errors) => CheckReport { loaded: None, errors },
    }
}

impl CheckReport {
    /// 0: all good; 1: something is wrong with a policy; 2: a file cannot be read.
    pub fn exit_code(&self) -> u8 {
        if self.errors.iter().any(|error| error.unreadable) { 2 } else { u8::from(!self.errors.is_empty()) }
    }
}

impl fmt::Display for CheckReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for error in &self.errors {
            writeln!(f, "error: {error}")?;
        }
        let Some(set) = &self.loaded else {
            let count = self.errors.len();
            return writeln!(f, "{count} problem{}; nothing would be loaded", if count == 1 { "" } else { "s" });
        };
        for warning in &set.warnings {
            writeln!(f, "warning: {warning}")?;
        }
        for policy in &set.policies {
            write_policy(f, policy)?;
        }
        let count = set.policies.len();
        writeln!(f, "{count} {}, no problem", if count == 1 { "policy" } else { "policies" })
    }
}

fn write_policy(f: &mut fmt::Formatter<'_>, policy: &Policy) -> fmt::Result {
    let (path, line) = (policy.origin.path.display(), policy.origin.line);
    writeln!(f, "{} ({}, {path}:{line})", policy.name, policy.control.mode.name())?;
    for stage in &policy.rules.stages {
        writeln!(f, "  {}", reading(&policy.rules, stage))?;
    }
    Ok(())
}

/// One stage as a sentence, with the shares that its severities stand for.
fn reading(rules: &Contention, stage: &Stage) -> String {
    let cut_off = rules.bands.cut_off(stage.band);
    let measures: Vec<&str> = stage.measures.iter().map(|measure| deed(*measure, stage)).collect();
    format!(
        "{} for {}: {}; until {} for {}",
        condition(rules, stage.resource, cut_off, true),
        humantime::format_duration(stage.hold),
        measures.join(", "),
        condition(rules, stage.resource, stage.clear_below, false),
        humantime::format_duration(stage.clear_hold),
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
