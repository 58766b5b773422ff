//! `plotwarden policy explain`: what a policy does, in plain English, complete enough to write it again from the words.

mod common;
mod contention;
mod others;
mod staged;

use super::rules::{Policy, Rules};

/// The policy as paragraphs and lists, one line each.
pub fn explain(policy: &Policy) -> Vec<String> {
    let mut lines = vec![common::heading(policy)];
    lines.extend(common::control(policy));
    match &policy.rules {
        Rules::Contention(rules) => lines.extend(contention::lines(rules)),
        Rules::Staged(_, rules) => lines.extend(staged::lines(policy, rules)),
        Rules::Guardrail(rules) => lines.extend(others::guardrail(rules)),
        Rules::Forecast(rules) => lines.extend(others::forecast(rules)),
        Rules::FleetBudget(rules) => lines.extend(others::fleet_budget(rules)),
    }
    lines
}

/// What `policy check` says of a policy: a line for each stage.
pub fn summary(policy: &Policy) -> Vec<String> {
    match &policy.rules {
        Rules::Contention(rules) => contention::stages(rules),
        Rules::Staged(_, rules) => staged::stages(rules),
        Rules::Guardrail(rules) => others::guardrail(rules),
        Rules::Forecast(rules) => others::forecast(rules),
        Rules::FleetBudget(rules) => others::fleet_budget(rules),
    }
}
