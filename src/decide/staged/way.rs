//! Values that go by steps: from where they begin to where they are to go, fast when it gets tighter, slowly back.
//!
//! A position from 0 (`from`) to 1 (the value) is all that is remembered: it is bounded, so nothing winds up while a signal stays
//! where it is, and a signal that is missing moves nothing. What goes toward a level of a signal stops where it had no effect, and
//! a value that goes to and fro too often stays where it is tightest.

use std::collections::BTreeMap;
use std::time::Duration;

use super::stair::Stair;
use super::{Turn, condition};
use crate::decide::explain;
use crate::decide::pace::Pace;
use crate::decide::vain::MOST_TRIES;
use crate::policy::{Action, KnobAction, Toward, When};

/// An effect is a change of the signal by this share, in the right direction.
const LEAST_EFFECT: f64 = 0.01;

/// Less than this is what sums of shares leave, and no way to go: a claim would be held for it for ever.
const NOTHING: f64 = 1e-9;

/// By stage and place among its actions.
type Key = (usize, usize);

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Ways {
    ways: BTreeMap<Key, Way>,
    /// How often each went to and fro; longer than the way itself, which ends where it began.
    paces: BTreeMap<Key, Pace>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Way {
    /// 0 to 1.
    position: f64,
    moved: Option<Duration>,
    /// The signal when it was tightened last.
    before: Option<f64>,
    /// Steps in a row that changed nothing.
    vain: u32,
}

impl Ways {
    /// How far the value of an action has gone; `None` if it is not held at all.
    pub fn position(&self, stage: usize, action: usize) -> Option<f64> {
        self.ways.get(&(stage, action)).map(|way| way.position)
    }

    /// Whether something is being done that has no effect.
    pub fn futile(&self) -> bool {
        self.ways.values().any(|way| way.vain >= MOST_TRIES)
    }

    pub fn step(&mut self, turn: &Turn<'_>, stair: &Stair, changes: &mut Vec<String>) {
        for (stage, rules) in turn.rules.stages.iter().enumerate() {
            for (place, action) in rules.actions.iter().enumerate() {
                let Action::Knob(action @ KnobAction { from: Some(_), .. }) = action else { continue };
                let ramp = matches!(rules.when, When::Window).then_some(turn.open).flatten();
                let key = (stage, place);
                if condition::is_unknown(turn, stage) && self.ways.contains_key(&key) {
                    continue;
                }
                let pace = self.paces.entry(key).or_default();
                if stair.is_in_force(stage) {
                    let way = self.ways.entry(key).or_default();
                    changes.extend(way.go(turn, action, ramp, pace));
                } else if let Some(way) = self.ways.get_mut(&key) {
                    // The window has closed, and its ramp with it.
                    let closed = matches!(rules.when, When::Window);
                    if closed || way.position <= 0.0 {
                        self.ways.remove(&key);
                    } else {
                        way.relax(turn, pace);
                    }
                }
            }
        }
        let known =
            |(stage, place): &Key| turn.rules.stages.get(*stage).is_some_and(|stage| *place < stage.actions.len());
        self.ways.retain(|key, _| known(key));
        self.paces.retain(|key, _| known(key));
    }
}

impl Way {
    /// One tick of a stage that is in force.
    fn go(&mut self, turn: &Turn<'_>, action: &KnobAction, ramp: Option<f64>, pace: &mut Pace) -> Option<String> {
        match (&action.toward, ramp) {
            (Some(toward), _) => self.go_toward(turn, action, toward, pace),
            (None, Some(open)) => {
                self.position = open;
                None
            }
            (None, None) => {
                let is_due = self.position < 1.0 && self.has_rested(turn, turn.rules.behavior.settle);
                is_due.then(|| self.tighten(turn, action, pace)).flatten()
            }
        }
    }

    fn go_toward(&mut self, turn: &Turn<'_>, action: &KnobAction, toward: &Toward, pace: &mut Pace) -> Option<String> {
        let value = turn.value(&toward.signal)?;
        let is_beyond = if toward.above { value > toward.level } else { value < toward.level };
        if !is_beyond {
            self.vain = 0;
            self.relax(turn, pace);
            return None;
        }
        if self.position >= 1.0 || !self.has_rested(turn, turn.rules.behavior.settle) {
            return None;
        }
        // A step that was only rehearsed has none, and proves nothing.
        let had_effect = !turn.asked.scene.enforced
            || self.before.is_none_or(|before| {
                let change = if toward.above { before - value } else { value - before };
                change > LEAST_EFFECT * before.abs()
            });
        self.vain = if had_effect { 0 } else { self.vain.saturating_add(1) };
        if self.vain >= MOST_TRIES {
            let (name, signal) = (action.kind.name(), &toward.signal);
            let told = self.vain == MOST_TRIES;
            return told
                .then(|| format!("`{name}` goes no further: the last {MOST_TRIES} steps did nothing for {signal}"));
        }
        self.before = Some(value);
        self.tighten(turn, action, pace)
    }

    /// One step on. Returns what follows, if that was one reversal too many.
    fn tighten(&mut self, turn: &Turn<'_>, action: &KnobAction, pace: &mut Pace) -> Option<String> {
        let behavior = &turn.rules.behavior;
        self.shift(turn, behavior.steps.tighten);
        let length = pace.note_tightened(behavior, turn.time())?;
        let [length, per] = [length, behavior.reversals.per].map(explain::duration);
        let (name, most) = (action.kind.name(), behavior.reversals.max);
        Some(format!("`{name}` does not go back for {length} after more than {most} reversals within {per}"))
    }

    /// One step back, after the cooldown and not while too much went to and fro.
    fn relax(&mut self, turn: &Turn<'_>, pace: &mut Pace) {
        let has_rested = self.has_rested(turn, turn.rules.behavior.cooldown);
        if self.position > 0.0 && has_rested && pace.may_relax(turn.time()) {
            self.shift(turn, -turn.rules.behavior.steps.relax);
            pace.note_relaxed(turn.time());
        }
    }

    fn has_rested(&self, turn: &Turn<'_>, rest: Duration) -> bool {
        self.moved.is_none_or(|at| turn.time().saturating_sub(at) >= rest)
    }

    fn shift(&mut self, turn: &Turn<'_>, by: f64) {
        let position = match self.position + by {
            position if position < NOTHING => 0.0,
            position if position > 1.0 - NOTHING => 1.0,
            position => position,
        };
        if position.total_cmp(&self.position).is_ne() {
            (self.position, self.moved) = (position, Some(turn.time()));
        }
    }
}
