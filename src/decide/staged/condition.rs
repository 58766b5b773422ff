//! What the conditions of a trigger say, and in which words.

use super::Turn;
use crate::decide::explain;
use crate::decide::hysteresis::{Holds, Told};
use crate::policy::{Condition, OnMissing, Relation, Trigger, When};

/// What one condition says; `None` if its signal is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Says {
    Reached,
    Between,
    Clear,
}

/// What the gate of a stage is told.
pub fn told(turn: &Turn<'_>, stage: usize) -> Told {
    let within = turn.open.map(|open| open > 0.0);
    match (turn.rules.stages.get(stage).map(|stage| &stage.when), within) {
        (Some(When::Always), _) => Told::Seen { reached: true, cleared: false },
        // A clock that shows no time neither opens nor closes a window.
        (_, None) => Told::Missing(OnMissing::Hold),
        (Some(When::Window), Some(open)) => Told::Seen { reached: open, cleared: !open },
        (Some(When::Triggered(trigger)), Some(true)) => of_trigger(turn, trigger),
        (Some(When::Triggered(_)), Some(false)) | (None, _) => Told::Seen { reached: false, cleared: true },
    }
}

/// Whether nobody can tell if the stage should be in force: then nothing of it goes on or back.
pub fn is_unknown(turn: &Turn<'_>, stage: usize) -> bool {
    matches!(told(turn, stage), Told::Missing(wish) if wish != OnMissing::Release)
}

/// How long the conditions of a stage must hold; nothing, for what the clock says.
pub fn holds(turn: &Turn<'_>, stage: usize) -> Holds {
    match turn.rules.stages.get(stage).map(|stage| &stage.when) {
        Some(When::Triggered(trigger)) if turn.open != Some(0.0) => {
            Holds { hold: trigger.hold, clear_hold: trigger.clear_hold }
        }
        _ => Holds { hold: std::time::Duration::ZERO, clear_hold: std::time::Duration::ZERO },
    }
}

/// A missing signal may turn nothing looser: what is known to hold holds, and what is not known to be clear is not.
fn of_trigger(turn: &Turn<'_>, trigger: &Trigger) -> Told {
    let said: Vec<Option<Says>> = trigger.conditions.iter().map(|condition| says(turn, condition)).collect();
    let any = |wanted: Says| said.contains(&Some(wanted));
    let all = |wanted: Says| said.iter().all(|says| *says == Some(wanted));
    let (reached, cleared) = match trigger.relation {
        Relation::Any => (any(Says::Reached), all(Says::Clear)),
        Relation::All => (all(Says::Reached), any(Says::Clear)),
    };
    if reached || cleared || said.iter().all(Option::is_some) {
        return Told::Seen { reached, cleared };
    }
    let missing = trigger.conditions.iter().zip(&said).filter(|(_, says)| says.is_none());
    let wishes: Vec<OnMissing> = missing.map(|(condition, _)| turn.rules.on_missing(&condition.signal)).collect();
    // Only if each of them may be released is the stage.
    let releases = wishes.iter().all(|wish| *wish == OnMissing::Release);
    let rest_is_calm = !any(Says::Reached);
    Told::Missing(if releases && rest_is_calm { OnMissing::Release } else { OnMissing::Hold })
}

fn says(turn: &Turn<'_>, condition: &Condition) -> Option<Says> {
    let value = turn.value(&condition.signal)?;
    let beyond = |level: f64| if condition.above { value > level } else { value < level };
    Some(match (beyond(condition.level), beyond(condition.clear)) {
        (true, _) => Says::Reached,
        (false, true) => Says::Between,
        (false, false) => Says::Clear,
    })
}

/// How far beyond `clear` the signals of a stage are: 0 at `clear`, 1 at the level, more beyond it. Of several the one that decides.
pub fn badness(turn: &Turn<'_>, stage: usize) -> Option<f64> {
    let Some(When::Triggered(trigger)) = turn.rules.stages.get(stage).map(|stage| &stage.when) else { return None };
    let distance = |condition: &Condition| {
        let value = turn.value(&condition.signal)?;
        Some((value - condition.clear) / (condition.level - condition.clear))
    };
    let known: Option<Vec<f64>> = trigger.conditions.iter().map(distance).collect();
    match trigger.relation {
        Relation::Any => known?.into_iter().max_by(f64::total_cmp),
        Relation::All => known?.into_iter().min_by(f64::total_cmp),
    }
}

/// `temperature was 72C (above 70C for 10s)`: the first condition that holds, or what the stage waits for.
pub fn sentence(turn: &Turn<'_>, stage: usize) -> String {
    match turn.rules.stages.get(stage).map(|stage| &stage.when) {
        Some(When::Always) | None => "always".to_owned(),
        Some(When::Window) => "a window of the schedule is open".to_owned(),
        Some(When::Triggered(trigger)) => {
            let holding = trigger.conditions.iter().filter(|condition| says(turn, condition) == Some(Says::Reached));
            let shown: Vec<String> = holding.map(|condition| reached(turn, condition, trigger)).collect();
            if shown.is_empty() {
                "its trigger has not been clear for long enough".to_owned()
            } else {
                shown.join(" and ")
            }
        }
    }
}

fn reached(turn: &Turn<'_>, condition: &Condition, trigger: &Trigger) -> String {
    let value = turn.value(&condition.signal).map_or("missing".to_owned(), |value| condition.unit.show(value));
    let side = if condition.above { "above" } else { "below" };
    let (level, hold) = (condition.unit.show(condition.level), explain::duration(trigger.hold));
    format!("{} was {value} ({side} {level} for {hold})", condition.signal)
}
