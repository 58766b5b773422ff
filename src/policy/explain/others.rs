//! Kinds `Guardrail`, `Forecast` and `FleetBudget` in words.

use super::common::{length, signal};
use crate::claim::Bound;
use crate::policy::glob::NamePattern;
use crate::policy::knobs::PolicyKnob;
use crate::policy::rules::{BudgetResource, Changes, FleetBudget, Forecast, Guardrail, KnobBound, Unit};

pub fn guardrail(rules: &Guardrail) -> Vec<String> {
    let mut lines = Vec::new();
    if !rules.protected.is_empty() {
        let names: Vec<&str> = rules.protected.iter().map(NamePattern::as_str).collect();
        lines.push(format!("Nobody touches {}, beside what is always left alone.", names.join(", ")));
    }
    if !rules.users_allowed.is_empty() {
        lines.push(format!("Only jobs of {} are touched.", rules.users_allowed.join(" and ")));
    }
    lines.extend(rules.max_paused.map(|share| format!("At most {:.0}% of all plots are paused.", share * 100.0)));
    lines.extend(rules.keep_running.map(|keep| format!("At least {keep} plots run.")));
    lines.extend(rules.max_pause.map(|longest| format!("No plot is paused for longer than {}.", length(longest))));
    lines.extend(rules.min_run.map(|least| format!("No plot younger than {} is paused.", length(least))));
    lines.extend(changes(&rules.changes));
    lines.extend(rules.knobs.iter().map(bound));
    if !rules.never.is_empty() {
        let names: Vec<&str> = rules.never.iter().map(|kind| kind.name()).collect();
        lines.push(format!("Nobody uses {}.", names.join(", ")));
    }
    lines.push(if rules.allow_kill {
        "As the last resort a job may be ended.".to_owned()
    } else {
        "No job is ever ended.".to_owned()
    });
    lines
}

fn changes(rules: &Changes) -> Vec<String> {
    let mut lines = Vec::new();
    lines.extend(rules.cooldown.map(|least| format!("No knob changes twice within {}.", length(least))));
    let every = rules.every.map(|every| format!("one each {}", length(every)));
    lines.extend(match (rules.burst, every) {
        (None, None) => None,
        (None, Some(every)) => Some(format!("After many changes at once all knobs together have {every}.")),
        (Some(most), None) => Some(format!("At most {most} changes are made at once.")),
        (Some(most), Some(every)) => Some(format!("At most {most} changes are made at once, and then {every}.")),
    });
    for (kind, step) in &rules.largest {
        let ways = [("down", step.decrease), ("up", step.increase)];
        let ways = ways.into_iter().filter_map(|(way, share)| Some(format!("{way} by {:.0}%", share? * 100.0)));
        let ways: Vec<String> = ways.collect();
        lines.push(format!("`{}` goes at most {} at a time.", kind.name(), ways.join(", ")));
    }
    lines
}

fn bound(bound: &KnobBound) -> String {
    let value = PolicyKnob::of(bound.kind).map_or_else(|| bound.setting.to_string(), |knob| knob.show(&bound.setting));
    let side = match bound.bound {
        Bound::AtMost => "above",
        Bound::AtLeast => "below",
        Bound::Exactly => "to anything but",
    };
    format!("Nobody sets `{}` {side} {value}.", bound.kind.name())
}

pub fn forecast(rules: &Forecast) -> Vec<String> {
    vec![
        format!("It looks {} ahead: {}.", length(rules.horizon), signal(&rules.question)),
        format!(
            "It counts only while it was right within {:.0}% over the last {}, with at least {} of history.",
            rules.max_relative_error * 100.0,
            length(rules.backtest),
            length(rules.min_history)
        ),
        format!("Its name would be {}; nothing publishes it yet.", rules.publish_as),
    ]
}

pub fn fleet_budget(rules: &FleetBudget) -> Vec<String> {
    let unit = match rules.resource {
        BudgetResource::Power => Unit::Watts,
        BudgetResource::Uplink => Unit::BytesPerSecond,
    };
    let mut lines = vec![format!(
        "{} machines share {}, less a margin of {:.0}%.",
        rules.members.len(),
        unit.show(rules.limit),
        rules.safety_margin * 100.0
    )];
    lines.extend(rules.members.iter().map(|member| {
        format!("  - {} has at least {}, at most {}", member.node, unit.show(member.floor), unit.show(member.ceiling))
    }));
    lines.push(format!("Its grant is {}.", signal(&rules.grant)));
    let lease = rules.lease;
    lines.push(format!(
        "The lowest grant of the last {} counts; without one younger than {} each machine has its floor. Nothing applies grants yet.",
        length(lease.window),
        length(lease.hold)
    ));
    lines
}
