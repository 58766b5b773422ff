//! The kinds that act by stages in words: when each stage is in force, and what it does then.

use super::common::{length, pace, signals};
use crate::claim::Bound;
use crate::policy::glob::NamePattern;
use crate::policy::knobs::PolicyKnob;
use crate::policy::rules::{
    Action, Condition, GateScope, KnobAction, Placement, PlacementMethod, Policy, Relation, Schedule, Shape, Staged,
    TrafficDirection, Trigger, When,
};
use crate::units::BitsPerSecond;

pub fn lines(policy: &Policy, rules: &Staged) -> Vec<String> {
    let mut lines = signals(&rules.signals);
    lines.extend(rules.schedule.as_ref().map(schedule));
    lines.push("What it does:".to_owned());
    lines.extend(stages(rules).into_iter().map(|line| format!("  - {line}")));
    let steps = rules.actions().any(|action| matches!(action, Action::Knob(KnobAction { from: Some(_), .. })));
    if steps {
        let steps = rules.behavior.steps;
        lines.push(format!(
            "Values that begin somewhere go {:.0}% of the way with each step, and {:.0}% with each step back.",
            steps.tighten * 100.0,
            steps.relax * 100.0
        ));
    }
    let triggered = rules.stages.iter().filter(|stage| matches!(stage.when, When::Triggered(_))).count();
    if triggered > 1 {
        lines.push("Stages with a trigger begin one after another, each once the one before it has had time to show its effect.".to_owned());
    }
    if triggered > 0 {
        lines.push(format!(
            "After {} pauses, resumes, and stages begun or ended within an hour, nothing is paused, resumed or relaxed until one is an hour old.",
            rules.behavior.max_actions_per_hour
        ));
    }
    lines.extend(undecided(policy, rules));
    lines.extend(pace(&rules.behavior, &rules.guardrails, rules.actions().any(|action| *action == Action::Pause)));
    lines
}

pub fn stages(rules: &Staged) -> Vec<String> {
    let does = |actions: &[Action]| actions.iter().map(|action| deed(rules, action)).collect::<Vec<_>>().join("; ");
    let mut lines: Vec<String> =
        rules.stages.iter().map(|stage| format!("{}: {}", when(rules, &stage.when), does(&stage.actions))).collect();
    if !rules.safe.is_empty() {
        lines.push(format!("while a signal with `onMissing: safe` is missing: {}", does(&rules.safe)));
    }
    lines
}

fn when(rules: &Staged, when: &When) -> String {
    let within = if rules.schedule.is_some() { "while a window is open, " } else { "" };
    match when {
        When::Always => "always".to_owned(),
        When::Window => "while a window of the schedule is open".to_owned(),
        When::Triggered(trigger) => format!("{within}{}", triggered(trigger)),
    }
}

/// `temperature above 70C for 10s, until it is not above 65C for 2m`.
fn triggered(trigger: &Trigger) -> String {
    let side = |condition: &Condition| if condition.above { "above" } else { "below" };
    let begins = |condition: &Condition| {
        format!("{} {} {}", condition.signal, side(condition), condition.unit.show(condition.level))
    };
    let ends = |condition: &Condition| {
        format!("{} is not {} {}", condition.signal, side(condition), condition.unit.show(condition.clear))
    };
    // What begins by any of them ends by all of them, and the other way round.
    let (begin, end) = if trigger.relation == Relation::Any { (" or ", " and ") } else { (" and ", " or ") };
    let join = |words: Vec<String>, with: &str| words.join(with);
    format!(
        "{} for {}, until {} for {}",
        join(trigger.conditions.iter().map(begins).collect(), begin),
        length(trigger.hold),
        join(trigger.conditions.iter().map(ends).collect(), end),
        length(trigger.clear_hold)
    )
}

fn deed(rules: &Staged, action: &Action) -> String {
    match action {
        Action::CloseAdmission => "hold plots that start (`closeAdmission`)".to_owned(),
        Action::Pause => "pause the least advanced plots, and go on with the most advanced later (`pause`)".to_owned(),
        Action::Place => rules.placement.map_or_else(String::new, place),
        Action::Shape => rules.shape.as_ref().map_or_else(String::new, shape),
        Action::Knob(action) => knob(action),
    }
}

fn knob(action: &KnobAction) -> String {
    let name = action.kind.name();
    let Some(knob) = PolicyKnob::of(action.kind) else { return name.to_owned() };
    let bound = match action.bound {
        Bound::AtMost => "at most ",
        Bound::AtLeast => "at least ",
        Bound::Exactly => "",
    };
    let whom = match (knob.of, action.of.as_slice()) {
        (None, []) => " for each plot".to_owned(),
        (Some(class), []) => format!(" of every {}", class.name()),
        (_, of) => format!(" of {}", of.iter().map(NamePattern::as_str).collect::<Vec<_>>().join(" and ")),
    };
    let from = action.from.as_ref().map_or_else(String::new, |from| format!(" by steps from {}", knob.show(from)));
    let toward = action.toward.as_ref().map_or_else(String::new, |toward| {
        let side = if toward.above { "above" } else { "below" };
        format!(", on while {} is {side} {} and back while it is not", toward.signal, toward.unit.show(toward.level))
    });
    format!("`{name}`{whom} {bound}{}{from}{toward}", knob.show(&action.setting))
}

fn place(placement: Placement) -> String {
    let by = match placement.method {
        PlacementMethod::CpuSet => "with its CPUs and its memory, by the group of the plot",
        PlacementMethod::Affinity => "with its CPUs, thread by thread",
    };
    let kept = if placement.reserve > 0 {
        format!("; {} CPUs of each node stay free", placement.reserve)
    } else {
        String::new()
    };
    format!("keep each plot on one NUMA node, the one with the fewest plots, {by}{kept}")
}

fn shape(shape: &Shape) -> String {
    let names: Vec<&str> = shape.interfaces.iter().map(NamePattern::as_str).collect();
    let way = if shape.direction == TrafficDirection::Leaving { "leaves by" } else { "arrives at" };
    let classes: Vec<String> = shape
        .classes
        .iter()
        .map(|class| format!("{} has {} to {}", class.name, class.guaranteed, class.ceiling))
        .collect();
    let link: BitsPerSecond = shape.link;
    format!("share out what {way} {} ({link}): {}", names.join(" and "), classes.join(", "))
}

fn schedule(schedule: &Schedule) -> String {
    let zone = schedule.zone.iana_name().unwrap_or("a fixed offset");
    let windows: Vec<String> = schedule
        .windows
        .iter()
        .map(|window| {
            let days: Vec<String> =
                window.days.iter().map(|day| format!("{day:?}").chars().take(3).collect()).collect();
            let days = if days.len() == 7 { "every day".to_owned() } else { days.join(" ") };
            let time = |time: jiff::civil::Time| format!("{:02}:{:02}", time.hour(), time.minute());
            let ramp = |ramp: std::time::Duration, name: &str| {
                if ramp.is_zero() { String::new() } else { format!(", {name} over {}", length(ramp)) }
            };
            let (into, out) = (ramp(window.ramp_in, "in"), ramp(window.ramp_out, "out"));
            format!("{days} {} to {}{into}{out}", time(window.from), time(window.to))
        })
        .collect();
    format!("It applies {} ({zone}).", windows.join(" and "))
}

/// What is written and understood, and nothing decides by yet.
fn undecided(policy: &Policy, rules: &Staged) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(limits) = rules.limits {
        let mut parts = Vec::new();
        parts.extend(limits.max_total.map(|most| format!("{most} plots at once")));
        parts.extend(limits.max_per_temp_dir.map(|most| format!("{most} per temp directory")));
        parts.extend(limits.min_between_starts.map(|gap| format!("{} between two starts", length(gap))));
        lines.push(format!("It limits to {}; nothing decides by this yet.", parts.join(", ")));
    }
    for gate in &rules.gates {
        let per = if gate.per == GateScope::TempDir { "per temp directory" } else { "on the node" };
        lines.push(format!(
            "It lets {} plots be before phase {} {per}; nothing decides by this yet.",
            gate.at_most, gate.before_phase
        ));
    }
    if let Some(moves) = rules.moves {
        lines.push(format!(
            "It makes at most {} moves within {}, each for a gain of {:.0}% or more; nothing decides by this yet.",
            moves.max_moves,
            length(moves.per),
            moves.min_gain * 100.0
        ));
    }
    if rules.stages.is_empty() {
        lines.push(format!("It has no stages, so {} only watches.", policy.name));
    }
    lines
}
