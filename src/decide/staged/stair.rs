//! Which stages are in force: each by its own gate, and triggered ones one after another.

use std::time::Duration;

use super::{Turn, condition};
use crate::decide::budget::Budget;
use crate::decide::explain;
use crate::decide::hysteresis::Gate;
use crate::decide::pace::Pace;
use crate::policy::{Action, Staged, When};

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Stair {
    steps: Vec<Step>,
    pace: Pace,
}

#[derive(Debug, Clone, Default, PartialEq)]
struct Step {
    gate: Gate,
    /// Since when the stage is in force.
    since: Option<Duration>,
}

impl Stair {
    /// Forgets what has held or been clear: by other rules it may not have been. What is in force stays until it is clear by these.
    pub fn count_anew(&mut self) {
        for step in &mut self.steps {
            step.gate = Gate::default();
            if step.since.is_some() {
                step.gate.force();
            }
        }
    }

    /// The stages in force, from the mildest.
    pub fn in_force(&self) -> impl Iterator<Item = usize> {
        self.steps.iter().enumerate().filter(|(_, step)| step.since.is_some()).map(|(stage, _)| stage)
    }

    pub fn is_in_force(&self, stage: usize) -> bool {
        self.steps.get(stage).is_some_and(|step| step.since.is_some())
    }

    /// The stages in force that do what is wanted.
    pub fn doing<'a>(
        &'a self,
        rules: &'a Staged,
        wanted: impl Fn(&Action) -> bool + 'a,
    ) -> impl Iterator<Item = usize> + 'a {
        self.in_force()
            .filter(move |stage| rules.stages.get(*stage).is_some_and(|stage| stage.actions.iter().any(&wanted)))
    }

    /// Whether the trigger of a stage in force holds at this moment too.
    pub fn is_reached(&self, turn: &Turn<'_>, stage: usize) -> bool {
        self.steps.get(stage).is_some_and(|step| step.gate.reached(condition::holds(turn, stage), turn.time()))
    }

    pub fn step(&mut self, turn: &Turn<'_>, budget: &mut Budget, changes: &mut Vec<String>) {
        self.steps.resize_with(turn.rules.stages.len(), Step::default);
        let now = turn.time();
        // A stage without a trigger is a step for nobody.
        let mut ready = true;
        for (index, stage) in turn.rules.stages.iter().enumerate() {
            let (told, holds) = (condition::told(turn, index), condition::holds(turn, index));
            let is_unknown = condition::is_unknown(turn, index);
            let Some(step) = self.steps.get_mut(index) else { continue };
            step.gate.step(holds, told, now);
            let triggered = matches!(stage.when, When::Triggered(_));
            match (step.since, step.gate.on()) {
                // What it waited for may have gone meanwhile: it neither begins nor ends unseen.
                _ if is_unknown => {}
                (None, true) if !triggered || ready => {
                    step.since = Some(now);
                    // What protects begins, however little is left; it then stays.
                    budget.spend(now);
                    changes.push(began(turn, index, &mut self.pace));
                }
                (Some(since), false) if self.may_end(turn, index, since, budget) => {
                    self.steps[index].since = None;
                    self.pace.note_relaxed(now);
                    budget.spend(now);
                    changes.push(format!("stage {} ended", turn.stage_name(index)));
                }
                _ => {}
            }
            if triggered {
                let settle = turn.rules.behavior.settle;
                ready = self.steps[index].since.is_some_and(|since| now.saturating_sub(since) >= settle);
            }
        }
    }

    /// What the clock has opened the clock closes; what a signal has begun ends after its cooldown, not while too much went back
    /// and forth, and not beyond the actions of an hour.
    fn may_end(&self, turn: &Turn<'_>, stage: usize, since: Duration, budget: &mut Budget) -> bool {
        let triggered = matches!(turn.rules.stages.get(stage).map(|stage| &stage.when), Some(When::Triggered(_)));
        let closed = turn.open == Some(0.0);
        let rested = turn.time().saturating_sub(since) >= turn.rules.behavior.cooldown;
        let (behavior, now) = (&turn.rules.behavior, turn.time());
        !triggered || closed || rested && self.pace.may_relax(now) && budget.allows(behavior, now)
    }
}

fn began(turn: &Turn<'_>, stage: usize, pace: &mut Pace) -> String {
    let behavior = &turn.rules.behavior;
    let (name, why) = (turn.stage_name(stage), condition::sentence(turn, stage));
    match pace.note_tightened(behavior, turn.time()) {
        Some(length) => {
            let [length, per] = [length, behavior.reversals.per].map(explain::duration);
            let most = behavior.reversals.max;
            format!(
                "stage {name} began: {why}, and no stage ends for {length} after more than {most} reversals within {per}"
            )
        }
        None => format!("stage {name} began: {why}"),
    }
}
