//! What all kinds have in common: who the policy is, how far it goes, what it looks at, and how fast it may act.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::mode::Mode;
use crate::policy::question::{Asked, Question};
use crate::policy::rules::{Behavior, CanaryOf, Guardrails, Measure, OnExit, OnMissing, Policy, Rules, Selector};

/// `stagger-by-pressure is a policy of kind Contention (policies/stagger-by-pressure.yaml:10).`
pub fn heading(policy: &Policy) -> String {
    let (path, line) = (policy.origin.path.display(), policy.origin.line);
    format!("{} is a policy of kind {} ({path}:{line}).", policy.name, policy.kind())
}

/// Mode, rank, whom it is about, and what is left when the program ends.
pub fn control(policy: &Policy) -> Vec<String> {
    if let Rules::Guardrail(_) = policy.rules {
        return vec!["It bounds what all other policies may do, whatever their class.".to_owned()];
    }
    let control = &policy.control;
    let mode = match control.mode {
        Mode::Off => "It is switched off (`mode: disabled`).",
        Mode::DryRun => "It only rehearses (`mode: dryRun`): it says what it would do, and touches nothing.",
        Mode::Enforce => "It acts (`mode: enforce`).",
    };
    let mut lines = vec![mode.to_owned()];
    lines.push(format!(
        "Where others want something else of the same knob, its rank decides: class {}, priority {} of 1000.",
        control.class.name(),
        control.priority
    ));
    if let Some(canary) = control.canary {
        let whom = if canary.of == CanaryOf::Nodes { "nodes; on the others it rehearses" } else { "jobs" };
        lines.push(format!("It applies to {:.0}% of the {whom}, always the same ones.", canary.share * 100.0));
    }
    lines.push(format!("It is about {}.", selector(&policy.selector)));
    lines.push(match control.on_exit {
        OnExit::Restore => "When plotwarden stops, everything is put back as it was (`onExit: restore`).".to_owned(),
        OnExit::Keep => "When plotwarden stops, what it has set stays (`onExit: keep`).".to_owned(),
    });
    lines
}

fn selector(selector: &Selector) -> String {
    let mut parts = Vec::new();
    let mut list = |what: &str, names: Vec<String>| {
        if !names.is_empty() {
            parts.push(format!("{what} {}", names.join(" or ")));
        }
    };
    list("of", selector.plotters.clone());
    list("of user", selector.owners.clone());
    list("with temp files below", selector.temp_dirs.iter().map(ToString::to_string).collect());
    list("with plots going to", selector.final_dirs.iter().map(ToString::to_string).collect());
    list("of size", selector.sizes.iter().map(|k| format!("k{k}")).collect());
    if parts.is_empty() { "all plots".to_owned() } else { format!("plots {}", parts.join(", ")) }
}

/// A line for each signal.
pub fn signals(signals: &BTreeMap<String, Question>) -> Vec<String> {
    if signals.is_empty() {
        return Vec::new();
    }
    let mut lines = vec!["It looks at:".to_owned()];
    lines.extend(signals.iter().map(|(name, question)| format!("  - {name}: {}", signal(question))));
    lines
}

/// `io.some of the jobs, the mean over 2s; an answer older than 5s is none, and then nothing gets tighter or looser`.
pub fn signal(question: &Question) -> String {
    let what = match &question.asked {
        Asked::Mean(mean) => format!("{}, the mean over {}", question.phrase(), length(mean.window)),
        Asked::Trend(trend) => format!("{}, asked every {}", question.phrase(), length(trend.every)),
    };
    let missing = match question.on_missing {
        OnMissing::Hold => "nothing gets tighter or looser for it",
        OnMissing::Release => "what it had caused is taken back",
        OnMissing::Safe => "the careful side is taken",
        OnMissing::Deny => "no further plot is started",
    };
    format!("{what}; if there is no answer younger than {}, {missing}", length(question.max_age))
}

/// How fast it may act, and what it must not do.
pub fn pace(behavior: &Behavior, guardrails: &Guardrails, pauses: bool) -> Vec<String> {
    let mut lines = vec![format!(
        "It waits {} for an effect to show before the next step, and {} before it takes one back.",
        length(behavior.settle),
        length(behavior.cooldown)
    )];
    let bound = &behavior.reversals;
    lines.push(format!(
        "More than {} times back and forth within {}, and nothing is relaxed for {}; twice as long each further time, up to eight times.",
        bound.max,
        length(bound.per),
        length(bound.hold)
    ));
    if pauses {
        lines.push(format!(
            "A pause takes {:.0}% of the running plots at once, at most {:.0}% of all; {} always run, and none younger than {} is paused.",
            behavior.pause_at_once * 100.0,
            guardrails.max_paused * 100.0,
            guardrails.keep_running,
            length(guardrails.min_run)
        ));
    }
    if !guardrails.never.is_empty() {
        let names: Vec<&str> = guardrails.never.iter().map(|measure: &Measure| measure.name()).collect();
        lines.push(format!("It never does {}.", names.join(", ")));
    }
    if !guardrails.never_pause.is_empty() {
        lines.push(format!("It never pauses {}.", guardrails.never_pause.join(", ")));
    }
    lines
}

pub fn length(length: Duration) -> String {
    humantime::format_duration(length).to_string()
}
