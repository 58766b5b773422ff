//! Stages that can never begin, and ramps that never reach their end.

use std::time::Duration;

use jiff::civil::Time;

use crate::policy::question::Asked;
use crate::policy::resolve::Findings;
use crate::policy::rule::Rule;
use crate::policy::rules::{Condition, Relation, Staged, StagedStage, Trigger, When, Window};
use crate::policy::schema::StagedSpec;

pub fn doubts(spec: &StagedSpec, rules: &Staged, findings: &mut Findings<'_>) {
    let mut before: Option<(&StagedStage, &Trigger)> = None;
    for (written, stage) in spec.stages.iter().zip(&rules.stages) {
        let When::Triggered(trigger) = &stage.when else { continue };
        let ended = before.filter(|(_, before)| ends(trigger, before));
        if let Some(reason) = why_never(trigger, rules) {
            let hint = "correct the levels, or remove the stage";
            findings.warn_under(
                Rule::NeverBegins,
                &written.value.at,
                format!("`{}` can never begin: {reason}", stage.name),
                hint,
            );
        } else if let Some((earlier, _)) = ended {
            let (name, earlier) = (&stage.name, &earlier.name);
            let problem = format!(
                "`{name}` begins only while `{earlier}` is in force, but where it would begin, `{earlier}` ends"
            );
            let hint = "stages go from mild to strong; write this one as a policy of its own";
            findings.warn_under(Rule::NeverBegins, &written.value.at, problem, hint);
        }
        before = Some((stage, trigger));
    }
    doubt_ramps(spec, rules, findings);
}

/// The sets of conditions each of which is enough.
fn alternatives(trigger: &Trigger) -> Vec<Vec<&Condition>> {
    match trigger.relation {
        Relation::Any => trigger.conditions.iter().map(|condition| vec![condition]).collect(),
        Relation::All => vec![trigger.conditions.iter().collect()],
    }
}

/// Why no value of its signals lets the trigger hold.
fn why_never(trigger: &Trigger, rules: &Staged) -> Option<String> {
    let reasons: Option<Vec<String>> = alternatives(trigger).iter().map(|needed| impossible(needed, rules)).collect();
    reasons.and_then(|reasons| reasons.into_iter().next())
}

fn impossible(needed: &[&Condition], rules: &Staged) -> Option<String> {
    for condition in needed {
        let Condition { signal, above, level, unit, .. } = condition;
        let is_share = rules.signals.get(signal).is_some_and(|question| matches!(question.asked, Asked::Mean(_)));
        if is_share && (*above && *level >= 1.0 || !above && *level <= 0.0) {
            let side = if *above { "above" } else { "below" };
            return Some(format!("`{signal}` is never {side} {}", unit.show(*level)));
        }
        let contrary =
            needed.iter().find(|other| other.signal == *signal && *above && !other.above && other.level <= *level);
        if let Some(other) = contrary {
            let [above, below] = [*level, other.level].map(|level| unit.show(level));
            return Some(format!("`{signal}` is never above {above} and below {below} at once"));
        }
    }
    None
}

/// Whether `earlier` is clear wherever `later` holds.
fn ends(later: &Trigger, earlier: &Trigger) -> bool {
    let is_clear = |needed: &[&Condition]| {
        let clears = |earlier: &Condition| needed.iter().any(|later| clears(later, earlier));
        match earlier.relation {
            Relation::Any => earlier.conditions.iter().all(clears),
            Relation::All => earlier.conditions.iter().any(clears),
        }
    };
    alternatives(later).iter().all(|needed| is_clear(needed))
}

fn clears(later: &Condition, earlier: &Condition) -> bool {
    later.signal == earlier.signal
        && match (later.above, earlier.above) {
            (false, true) => later.level <= earlier.clear,
            (true, false) => later.level >= earlier.clear,
            _ => false,
        }
}

fn doubt_ramps(spec: &StagedSpec, rules: &Staged, findings: &mut Findings<'_>) {
    let (Some(written), Some(schedule)) = (&spec.schedule, &rules.schedule) else { return };
    for (written, window) in written.value.windows.iter().zip(&schedule.windows) {
        let length = length(window);
        if window.ramp_in + window.ramp_out <= length {
            continue;
        }
        let [ramps, length] = [window.ramp_in + window.ramp_out, length].map(humantime::format_duration);
        let problem = format!("ramps of {ramps} do not fit into a window of {length}, so no value goes all the way");
        findings.warn_under(Rule::NeverBegins, &written.value.from, problem, "shorten the ramps, or widen the window");
    }
}

/// By the clock on the wall, on a day without a change of clocks.
fn length(window: &Window) -> Duration {
    const DAY: u64 = 24 * 3600;
    let part = |number: i8| u64::from(number.unsigned_abs());
    let since_midnight = |time: Time| part(time.hour()) * 3600 + part(time.minute()) * 60;
    let (from, to) = (since_midnight(window.from), since_midnight(window.to));
    Duration::from_secs(if to > from { to - from } else { DAY - from + to })
}
