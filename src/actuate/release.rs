//! Puts one knob of one target back as it was: only what is still ours, and everything that inherited from it.

use super::apply::foreign;
use super::record::Record;
use super::report::Outcome;
use super::writer::{Step, Writer, problem_of, summary};
use crate::claim::KnobKind;
use crate::kernel::process::Identity;
use crate::knob::{KnobError, Reversible, ReversibleMachine, Scope, Unit, Value};

/// Threads may be born while their makers are put back; a later pass finds them.
const PASSES: usize = 8;

/// What became of the knob.
pub struct Released {
    /// Still there if something could not be put back.
    pub record: Option<Record>,
    pub steps: Vec<Step>,
}

/// What was met on the way back.
#[derive(Default)]
struct Way {
    from: Vec<Value>,
    to: Vec<Value>,
    read_back: Vec<Value>,
    foreign: Vec<(Unit, Value)>,
    problems: Vec<String>,
    met: usize,
}

impl<M: ReversibleMachine + ?Sized> Writer<'_, M> {
    pub fn release(&self, record: Record) -> Released {
        let knob = self.machine.reversible(record.knob);
        let mut way = Way::default();
        for pass in 0..PASSES {
            // What was foreign or failed is judged by the last pass.
            way.foreign.clear();
            way.problems.clear();
            way.met = 0;
            let mut wrote = false;
            self.machine.look_again();
            match self.units_to_release(knob, &record) {
                Ok(units) => {
                    for unit in units {
                        wrote |= self.release_unit(knob, &record, &unit, pass == 0, &mut way);
                    }
                }
                Err(error) => way.problems.push(error.to_string()),
            }
            if !wrote || !knob.is_inherited() {
                break;
            }
        }
        if way.problems.is_empty() {
            match knob.finish(&record.wanted) {
                Err(error) if !error.is_gone() => way.problems.push(error.to_string()),
                _ => {}
            }
        }
        if way.problems.is_empty() {
            way.problems.extend(self.journal.close(&record.target, record.knob).err().map(|error| error.to_string()));
        }
        let steps = way.steps();
        Released { record: if way.problems.is_empty() { None } else { Some(record) }, steps }
    }

    /// Recorded units, leaders first, then those that may have inherited. A pause is lifted from the youngest to the oldest.
    fn units_to_release(&self, knob: &dyn Reversible, record: &Record) -> Result<Vec<Unit>, KnobError> {
        let mut units: Vec<Unit> = record.held().map(|known| known.unit.clone()).collect();
        if !knob.is_inherited() {
            units.reverse();
            return Ok(units);
        }
        let scope = Scope { processes: self.family(record), group: record.group(), ..Scope::default() };
        let mut live = knob.units(&scope)?;
        units.retain(|unit| live.contains(unit));
        live.retain(|unit| record.position(unit).is_none());
        let (leaders, others): (Vec<Unit>, Vec<Unit>) = units.into_iter().partition(Unit::is_leader);
        Ok([leaders, others, live].concat())
    }

    /// The recorded processes that live, and their descendants: children that nobody had time to record inherited all the same.
    fn family(&self, record: &Record) -> Vec<Identity> {
        let mut family: Vec<Identity> =
            record.identities().into_iter().filter(|&it| self.machine.is_alive(it)).collect();
        let mut next = 0;
        while let Some(&process) = family.get(next) {
            next += 1;
            for child in self.machine.children(process) {
                if !family.contains(&child) {
                    family.push(child);
                }
            }
        }
        family
    }

    /// `true` if something was written.
    fn release_unit(&self, knob: &dyn Reversible, record: &Record, unit: &Unit, first: bool, way: &mut Way) -> bool {
        let found = match knob.read(unit) {
            Ok(found) => found,
            Err(error) if error.is_gone() => return false,
            Err(error) => {
                way.problems.push(error.to_string());
                return false;
            }
        };
        way.met += 1;
        let known = record.position(unit).map(|at| &record.units[at]);
        let original = match known {
            Some(known) if known.original == found => {
                // A freeze in flight may show as none; thawing what is not frozen harms nobody.
                let freezer = matches!(unit, Unit::Group { .. }) && knob.kind() == KnobKind::Pause && first;
                return freezer && knob.write(unit, &found).is_ok();
            }
            Some(known) if known.is_ours(knob, &found) => Some(known.original.clone()),
            Some(_) => {
                way.foreign.push((unit.clone(), found));
                return false;
            }
            None => self.original_of_latecomer(knob, record, unit, &found),
        };
        original.is_some_and(|original| put_back(knob, unit, found, &original, way))
    }

    /// `None` if the unit has its value from somebody else.
    fn original_of_latecomer(
        &self,
        knob: &dyn Reversible,
        record: &Record,
        unit: &Unit,
        found: &Value,
    ) -> Option<Value> {
        if !record.may_have_given(knob, found) {
            return None;
        }
        let process = unit.process()?;
        let original = record.original_for(process).cloned().or_else(|| self.inherited_original(knob, record, unit))?;
        (original != *found).then_some(original)
    }
}

/// `true` if it was written.
fn put_back(knob: &dyn Reversible, unit: &Unit, found: Value, original: &Value, way: &mut Way) -> bool {
    let mut target = original.clone();
    let mut done = knob.write(unit, &target);
    if let (Err(KnobError::PlaceLost(_)), Some(next)) = (&done, knob.next_best(original)) {
        target = next;
        done = knob.write(unit, &target);
    }
    match done {
        Ok(()) => {}
        Err(error) if error.is_gone() => return false,
        Err(error) => {
            way.problems.push(error.to_string());
            return false;
        }
    }
    if let Ok(now) = knob.read(unit) {
        if !knob.rounds(&target, &now) && !knob.is_veiled(unit, &target, &now) {
            way.problems.push(format!("{unit} was put back to {target} and reads {now}"));
        }
        way.read_back.push(now);
    }
    way.from.push(found);
    way.to.push(target);
    true
}

impl Way {
    fn steps(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        if !self.to.is_empty() {
            steps.push(Step {
                outcome: Outcome::Done,
                from: summary(&self.from),
                to: summary(&self.to),
                read_back: summary(&self.read_back),
            });
        }
        if let Some(found) = foreign(&self.foreign) {
            steps.push(Step::of(Outcome::Foreign { found }));
        }
        steps.extend(problem_of(&self.problems).map(Step::failed));
        if steps.is_empty() && self.met == 0 {
            steps.push(Step::of(Outcome::Gone));
        }
        steps
    }
}
