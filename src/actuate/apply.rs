//! Makes one knob of one target equal to what is wanted: survey, journal, write, read back.

use super::judge::{Judge, Verdict, Why};
use super::record::{Record, Subject, UnitRecord, UnitState, VERSION};
use super::report::Outcome;
use super::writer::{Step, Writer, problem_of, summary};
use crate::arbiter::Want;
use crate::claim::{Bound, Target};
use crate::kernel::process::Identity;
use crate::knob::{Knob, KnobError, Machine, Scope, Unit, Value};

/// What became of the knob.
pub struct Applied {
    /// What we hold now; equal to what is durable.
    pub record: Option<Record>,
    pub steps: Vec<Step>,
}

/// One pass over the units of a knob.
struct Pass<'a> {
    knob: &'a dyn Knob,
    draft: Record,
    writes: Vec<Unit>,
    before: Vec<Value>,
    foreign: Vec<(Unit, Value)>,
    off_limits: Vec<String>,
    problems: Vec<String>,
    /// Whether something that was written holds.
    in_force: bool,
}

impl Writer<'_, dyn Machine> {
    /// `scope` names what may be touched, `plotter` the process that speaks for a job. `held` is what we hold already.
    pub fn apply(
        &self,
        (target, plotter): (&Target, Option<Identity>),
        want: &Want,
        held: Option<Record>,
        scope: &Scope,
    ) -> Applied {
        let knob = self.machine.knob(want.setting.kind());
        let refused = |held, error: String| Applied { record: held, steps: vec![Step::failed(error)] };
        let (wanted, unchanged) = match knob.normalise(target, &want.setting) {
            Ok(wanted) => settle(wanted, held.as_ref()),
            Err(error) => return refused(held, error.to_string()),
        };
        let draft = held.clone().unwrap_or_else(|| self.blank((target, plotter), want, wanted.clone()));
        let mut pass = Pass {
            knob,
            draft,
            writes: Vec::new(),
            before: Vec::new(),
            foreign: Vec::new(),
            off_limits: Vec::new(),
            problems: Vec::new(),
            in_force: false,
        };
        if let Err(error) = self.survey(&mut pass, held.as_ref(), (want, &wanted), unchanged, scope) {
            return refused(held, error.to_string());
        }
        if pass.draft.units.is_empty() {
            let steps = pass.steps(&[]);
            return Applied { record: held, steps };
        }
        pass.draft.want(wanted);
        pass.draft.holders = want.holders.iter().map(|holder| holder.policy.clone()).collect();
        want.reason.clone_into(&mut pass.draft.reason);
        self.carry_out(pass, held)
    }

    fn blank(&self, (target, plotter): (&Target, Option<Identity>), want: &Want, wanted: Value) -> Record {
        Record {
            version: VERSION,
            until_ms: 0,
            boot_id: self.boot_id.to_owned(),
            knob: want.setting.kind(),
            target: target.clone(),
            plotter: plotter.map(|plotter| Subject::of(self.machine, plotter)),
            processes: Vec::new(),
            units: Vec::new(),
            wanted,
            past: Vec::new(),
            holders: Vec::new(),
            reason: String::new(),
            since_ms: self.now.boot_ms(),
            written_at: 0,
        }
    }

    /// Looks at every unit and enters into the draft what is to become of it. Touches nothing.
    fn survey(
        &self,
        pass: &mut Pass<'_>,
        held: Option<&Record>,
        (want, wanted): (&Want, &Value),
        unchanged: bool,
        scope: &Scope,
    ) -> Result<(), KnobError> {
        let knob = pass.knob;
        let units = knob.units(scope)?;
        let inherited = |unit: &Unit| held.and_then(|record| self.inherited_original(knob, record, unit));
        let is_enough = |value: &Value| goes_far_enough(want, value);
        let judge =
            Judge { knob, record: held, wanted, unchanged, inherited_original: &inherited, is_enough: &is_enough };
        for unit in &units {
            match knob.read(unit) {
                Ok(found) => pass.enter(unit, &found, judge.judge(unit, &found), wanted),
                Err(error) if error.is_gone() => {}
                Err(error) => pass.problems.push(error.to_string()),
            }
        }
        // Those inside a frozen group are no units of the pause, and are known to it all the same.
        let inside = if knob.is_inherited() || pass.draft.units.is_empty() { &[][..] } else { &scope.processes };
        let touched = pass.draft.units.iter().filter_map(|unit| unit.unit.process());
        for process in touched.chain(inside.iter().copied()).collect::<Vec<_>>() {
            if !pass.draft.knows(process) && self.machine.is_alive(process) {
                pass.draft.processes.push(Subject::of(self.machine, process));
            }
        }
        self.forget_the_dead(&mut pass.draft, &units, scope);
        Ok(())
    }

    /// Drops units and processes that have ended. A leader stays as long as its process, since it speaks for threads to come; the
    /// plotter stays for good, since it speaks for all who are left in the group.
    fn forget_the_dead(&self, draft: &mut Record, units: &[Unit], scope: &Scope) {
        let plotter = draft.plotter;
        draft.processes.retain(|&subject| {
            plotter.is_some_and(|plotter| (subject.pid, subject.started) == (plotter.pid, plotter.started))
                || self.machine.is_alive(subject.into())
        });
        let processes = draft.identities();
        draft.units.retain(|known| match known.unit.process() {
            Some(process) if !processes.contains(&process) => false,
            Some(process) if scope.processes.contains(&process) => {
                known.unit.is_leader() || units.contains(&known.unit)
            }
            _ => true,
        });
    }

    /// Journal, prepare, write, read back, journal.
    fn carry_out(&self, mut pass: Pass<'_>, held: Option<Record>) -> Applied {
        if held.as_ref().is_some_and(|held| pass.draft == *held) && pass.writes.is_empty() {
            let record = Some(pass.draft.clone());
            return Applied { record, steps: pass.steps(&[]) };
        }
        if let Err(error) = self.persist(&mut pass.draft) {
            return Applied { record: held, steps: vec![Step::failed(format!("{error}; nothing was touched"))] };
        }
        if pass.writes.is_empty() {
            return Applied { record: Some(pass.draft.clone()), steps: pass.steps(&[]) };
        }
        if let Err(error) = self.prepare(&mut pass) {
            // Nothing was written yet, so a record made just now says nothing that anybody needs.
            let record = match held {
                None if self.journal.close(&pass.draft.target, pass.draft.knob).is_ok() => None,
                _ => Some(pass.draft),
            };
            return Applied { record, steps: vec![Step::failed(error)] };
        }
        pass.write_all();
        let read_back = pass.read_back();
        if let Err(error) = self.persist(&mut pass.draft) {
            // What is durable says "pending", which restores just as well.
            pass.problems.push(error.to_string());
        }
        Applied { steps: pass.steps(&read_back), record: Some(pass.draft) }
    }

    /// Makes what the first write needs. What that turns out to be is durable before anything is moved into it.
    fn prepare(&self, pass: &mut Pass<'_>) -> Result<(), String> {
        let planned = pass.draft.wanted.clone();
        let made = pass.knob.prepare(planned.clone()).map_err(|error| error.to_string())?;
        if made == planned {
            return Ok(());
        }
        for value in pass.draft.units.iter_mut().flat_map(|unit| &mut unit.ours) {
            if *value == planned {
                *value = made.clone();
            }
        }
        pass.draft.wanted = made;
        self.persist(&mut pass.draft).map_err(|error| error.to_string())
    }
}

/// Whether `value` needs no write of ours to be what is wanted.
pub fn goes_far_enough(want: &Want, value: &Value) -> bool {
    want.bound != Bound::Exactly
        && value.setting(want.setting.kind()).is_some_and(|setting| want.satisfied_by(&setting))
}

impl Pass<'_> {
    /// Enters what is to become of a unit.
    fn enter(&mut self, unit: &Unit, found: &Value, verdict: Verdict, wanted: &Value) {
        match verdict {
            Verdict::Leave => {}
            Verdict::Confirm => self.confirm(unit, found),
            Verdict::Write => {
                let knob = self.knob;
                if let Some(known) = self.known(unit) {
                    for ours in [found, wanted] {
                        let is_ours = ours == wanted || known.is_ours(knob, ours);
                        if is_ours && !known.ours.contains(ours) {
                            known.ours.push(ours.clone());
                        }
                    }
                    known.state = UnitState::Pending;
                }
                self.writes.push(unit.clone());
                self.before.push(found.clone());
            }
            Verdict::Claim { original, in_force } => {
                let state = if in_force { UnitState::Confirmed } else { UnitState::Pending };
                let original = if original == *found { self.knob.remember(unit, original) } else { original };
                let mut ours = Vec::new();
                // What it inherited from us is ours until the wanted value is confirmed.
                if in_force || original != *found {
                    ours.push(found.clone());
                }
                if !in_force {
                    ours.push(wanted.clone());
                }
                self.put(UnitRecord { unit: unit.clone(), original, ours, state });
                if !in_force {
                    self.writes.push(unit.clone());
                    self.before.push(found.clone());
                }
            }
            Verdict::Yield(why) => {
                match why {
                    Why::Foreign => self.foreign.push((unit.clone(), found.clone())),
                    Why::ForeignAgain | Why::FarEnough => {}
                    Why::OffLimits(why) => {
                        self.off_limits.push(format!("{unit} {why}"));
                        // A part may be so for a while only: heat passes, and a governor changes.
                        if matches!(unit, Unit::Part { .. }) && self.known(unit).is_none() {
                            return;
                        }
                    }
                }
                self.give_up(unit, found);
            }
        }
    }

    fn known(&mut self, unit: &Unit) -> Option<&mut UnitRecord> {
        let at = self.draft.position(unit)?;
        self.draft.units.get_mut(at)
    }

    fn put(&mut self, record: UnitRecord) {
        match self.known(&record.unit) {
            Some(known) => *known = record,
            None => self.draft.units.push(record),
        }
    }

    fn confirm(&mut self, unit: &Unit, found: &Value) {
        if let Some(known) = self.known(unit) {
            known.state = UnitState::Confirmed;
            known.ours = vec![found.clone()];
        }
    }

    /// Keeps the unit on record, so that it is neither claimed again nor reported again, with its original, which stands for
    /// threads that it made while it was ours.
    fn give_up(&mut self, unit: &Unit, found: &Value) {
        let original = self.known(unit).map_or_else(|| found.clone(), |known| known.original.clone());
        let ours = vec![found.clone()];
        self.put(UnitRecord { unit: unit.clone(), original, ours, state: UnitState::Yielded });
    }

    fn write_all(&mut self) {
        let wanted = self.draft.wanted.clone();
        let mut written = Vec::new();
        for (unit, before) in self.writes.clone().into_iter().zip(self.before.clone()) {
            match self.knob.write(&unit, &wanted) {
                Ok(()) => written.push(unit),
                Err(error) if error.is_gone() => {}
                Err(error) => {
                    // A write that hangs may still be carried out, and one of several steps may have taken the first of them.
                    let is_over = !matches!(error, KnobError::Late { .. });
                    let is_as_before = is_over && self.knob.read(&unit).is_ok_and(|found| found == before);
                    self.problems.push(error.to_string());
                    // It had another value, and it still has: should ours turn up there, it is not by our hand.
                    if let Some(known) = self.known(&unit).filter(|_| is_as_before) {
                        known.ours.retain(|ours| *ours != wanted);
                    }
                }
            }
        }
        self.writes = written;
    }

    /// Confirms what the kernel says now; returns it.
    fn read_back(&mut self) -> Vec<Value> {
        let wanted = self.draft.wanted.clone();
        let mut values = Vec::new();
        for unit in self.writes.clone() {
            let Ok(found) = self.knob.read(&unit) else { continue };
            let original = self.known(&unit).map(|known| known.original.clone());
            if self.knob.rounds(&wanted, &found) {
                self.confirm(&unit, &found);
                self.in_force = true;
            } else if self.knob.is_veiled(&unit, &wanted, &found) {
                self.confirm(&unit, &wanted);
                self.in_force = true;
            } else if original.as_ref() != Some(&found)
                && !self.known(&unit).is_some_and(|known| known.ours.contains(&found))
            {
                self.foreign.push((unit.clone(), found.clone()));
                self.give_up(&unit, &found);
            } else {
                self.problems.push(format!("the kernel took {wanted} for {unit} and kept {found}"));
            }
            values.push(found);
        }
        values
    }

    fn steps(&self, read_back: &[Value]) -> Vec<Step> {
        let mut steps = Vec::new();
        let wanted = &self.draft.wanted;
        if self.in_force {
            steps.push(Step {
                outcome: Outcome::Done,
                from: summary(&self.before),
                to: Some(wanted.to_string()),
                read_back: summary(read_back),
            });
        }
        if let Some(why) = problem_of(&self.off_limits) {
            steps.push(Step::of(Outcome::Protected { why }));
        }
        if let Some(found) = foreign(&self.foreign) {
            steps.push(Step { to: Some(wanted.to_string()), ..Step::of(Outcome::Foreign { found }) });
        }
        steps.extend(problem_of(&self.problems).map(Step::failed));
        steps
    }
}

/// `5 at thread 12 of process 10 (and 3 more)`.
pub fn foreign(found: &[(Unit, Value)]) -> Option<String> {
    let found: Vec<String> = found.iter().map(|(unit, value)| format!("{value} at {unit}")).collect();
    problem_of(&found)
}

/// Whether the wanted value is that of the record, which knows the group's inode and therefore says it better.
fn settle(wanted: Value, held: Option<&Record>) -> (Value, bool) {
    match (&wanted, held.map(|record| &record.wanted)) {
        (Value::Group { path, .. }, Some(Value::Group { path: ours, inode })) if path == ours => {
            (Value::Group { path: path.clone(), inode: *inode }, true)
        }
        (_, Some(ours)) => {
            let unchanged = wanted == *ours;
            (wanted, unchanged)
        }
        (_, None) => (wanted, false),
    }
}
