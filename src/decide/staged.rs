//! The kinds that act by stages: `Allocation`, `Rebalance`, `Memory`, `Cpu`, `Storage`, `Network` and `Power`.
//!
//! A stage is in force always, while a window of the schedule is open, or from when its trigger has held until it has been clear.
//! Triggered stages are steps of a stair: one begins only when the one before it has had time to show its effect. While a
//! stage is in force its actions are claimed; values that have a `from` go there by steps (`way`).

mod claims;
mod condition;
mod place;
mod stair;
mod way;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::ask::{Asked, input};
use super::budget::Budget;
use super::decision::Decision;
use super::explain;
use super::hysteresis::Told;
use super::stagger::{Pausing, Stagger};
use super::vain::NO_EFFECT;
use crate::policy::{Action, OnMissing, Policy, Staged};
use crate::signal::Answer;
use crate::world::Layout;
use place::Places;
use stair::Stair;
use way::Ways;

/// Why a job that had begun is held.
const STAGE_PAUSE: &str = "stage-pause";

/// What one policy remembers from tick to tick. A changed policy counts anew, but keeps what is in force.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct State {
    of_hash: u64,
    stair: Stair,
    ways: Ways,
    places: Places,
    stagger: Stagger,
    budget: Budget,
    /// Why admission is closed, while it is.
    closed_by: Option<String>,
    /// Signals that are missing, since when, and whether that was said.
    missing: BTreeMap<String, (Duration, bool)>,
    /// Actions that find no part of this machine, said once.
    nowhere: BTreeSet<&'static str>,
}

/// One tick of one policy.
pub struct Turn<'a> {
    pub policy: &'a Policy,
    pub rules: &'a Staged,
    pub asked: Asked<'a>,
    /// How far the schedule is open, 0 to 1; 1 without one. `None` while the clock shows no time.
    pub open: Option<f64>,
    pub layout: &'a Layout,
}

impl Turn<'_> {
    fn time(&self) -> Duration {
        self.asked.scene.time()
    }

    fn answer(&self, signal: &str) -> Option<&Answer> {
        self.asked.answers.get(signal)
    }

    fn value(&self, signal: &str) -> Option<f64> {
        self.answer(signal).and_then(|answer| answer.value.as_ref().ok()).copied()
    }

    /// The wishes of the signals that are missing now.
    fn wishes(&self) -> impl Iterator<Item = (&str, OnMissing)> {
        let missing = self.rules.signals.keys().filter(|name| self.value(name).is_none());
        missing.map(|name| (name.as_str(), self.rules.on_missing(name)))
    }

    fn stage_name(&self, stage: usize) -> &str {
        self.rules.stages.get(stage).map_or("", |stage| stage.name.as_str())
    }

    fn is_safe(&self) -> bool {
        self.wishes().any(|(_, wish)| wish == OnMissing::Safe)
    }
}

/// One tick of one policy.
pub fn decide(policy: &Policy, rules: &Staged, state: &mut State, asked: Asked<'_>, layout: &Layout) -> Decision {
    let open = match &rules.schedule {
        Some(schedule) => schedule.open(asked.scene.now.wall).map(|share| share.0),
        None => Some(1.0),
    };
    let turn = Turn { policy, rules, asked, open, layout };
    let mut decision = Decision { policy: policy.name.clone(), ..Decision::default() };
    decision.inputs = turn.asked.answers.iter().map(|(name, answer)| input(name, answer)).collect();
    state.follow(policy);
    state.step(&turn, &mut decision);
    decision.claims = state.claims(&turn, &mut decision.changes);
    decision
}

impl State {
    fn follow(&mut self, policy: &Policy) {
        if self.of_hash != policy.hash {
            self.of_hash = policy.hash;
            self.stair.count_anew();
        }
    }

    fn step(&mut self, turn: &Turn<'_>, decision: &mut Decision) {
        let changes = &mut decision.changes;
        self.say_what_is_missing(turn, changes);
        self.stair.step(turn, &mut self.budget, changes);
        self.ways.step(turn, &self.stair, changes);
        self.places.step(turn, changes);
        self.admit(turn, changes);
        let scene = &turn.asked.scene;
        changes.extend(self.stagger.defer(scene, self.closed_by.as_deref()));
        let pausing = self.pausing(turn);
        changes.extend(self.stagger.judge(scene, pausing.as_ref()));
        for deed in self.stagger.act(scene, pausing.as_ref(), self.closed_by.is_none(), &mut self.budget) {
            changes.push(format!("{}: {}", deed.action, deed.why));
        }
        changes.extend(self.budget.say(scene.behavior, scene.time()));
        decision.admission_closed = self.closed_by.is_some();
        decision.stages = self.stair.in_force().map(|stage| turn.stage_name(stage).to_owned()).collect();
        decision.alerts =
            (self.ways.futile() || self.stagger.is_futile()).then(|| NO_EFFECT.to_owned()).into_iter().collect();
    }

    fn say_what_is_missing(&mut self, turn: &Turn<'_>, changes: &mut Vec<String>) {
        for (name, question) in &turn.rules.signals {
            let Some(why) = turn.answer(name).and_then(|answer| answer.value.as_ref().err()) else {
                if self.missing.remove(name).is_some_and(|(_, said)| said) {
                    changes.push(format!("signal {name} is back"));
                }
                continue;
            };
            let (since, said) = self.missing.entry(name.clone()).or_insert((turn.time(), false));
            if !*said && turn.time().saturating_sub(*since) >= question.fills_within() {
                *said = true;
                let consequence = match question.on_missing {
                    OnMissing::Safe => "what `safe` says is done",
                    wish => explain::consequence(wish),
                };
                changes.push(format!("signal {name} is missing: {why}; {consequence}"));
            }
        }
    }

    /// Opens or closes admission.
    fn admit(&mut self, turn: &Turn<'_>, changes: &mut Vec<String>) {
        let closes = |action: &Action| *action == Action::CloseAdmission;
        let by_stage = self.stair.doing(turn.rules, closes).next().map(|stage| condition::sentence(turn, stage));
        let missing = || {
            let safe_closes = turn.rules.safe.iter().any(closes);
            let demands = |wish| wish == OnMissing::Deny || wish == OnMissing::Safe && safe_closes;
            turn.wishes().find(|(_, wish)| demands(*wish)).map(|(name, _)| format!("signal {name} is missing"))
        };
        match (&self.closed_by, by_stage.or_else(missing)) {
            (None, Some(why)) => {
                changes.push(format!("admission closed: {why}"));
                self.closed_by = Some(why);
            }
            (Some(_), None) => {
                changes.push("admission open: no stage that closes it is in force any more".to_owned());
                self.closed_by = None;
            }
            (Some(_), Some(_)) | (None, None) => {}
        }
    }

    /// What the stages that pause say together; `None` if there are none.
    fn pausing(&self, turn: &Turn<'_>) -> Option<Pausing> {
        let pauses = |action: &Action| *action == Action::Pause;
        turn.rules.actions().find(|action| pauses(action))?;
        let safe = turn.is_safe() && turn.rules.safe.iter().any(pauses);
        let in_force = self.stair.doing(turn.rules, pauses).next();
        let reached = safe || in_force.is_some_and(|stage| self.stair.is_reached(turn, stage));
        let mut pausing = (0..).zip(&turn.rules.stages).filter(|(_, stage)| stage.actions.iter().any(pauses));
        let is_unknown = pausing.any(|(stage, _)| condition::is_unknown(turn, stage));
        let holds = |stage: usize| matches!(condition::told(turn, stage), Told::Seen { reached: false, .. });
        Some(Pausing {
            reached,
            cleared: in_force.is_none() && !safe && !is_unknown,
            bearable: !is_unknown && in_force.is_none_or(holds),
            badness: in_force.and_then(|stage| condition::badness(turn, stage)),
            why: match in_force {
                Some(stage) => condition::sentence(turn, stage),
                None if safe => "a signal is missing, and `safe` pauses".to_owned(),
                None => "no stage that pauses is in force any more".to_owned(),
            },
            reason: STAGE_PAUSE,
        })
    }
}
