//! Carries out an operation: protected and checked as a knob is, durable before it is done, measured before and after.

use super::{Actuator, PATIENCE, is_pause};
use crate::actuate::JobHandle;
use crate::actuate::operation::{OperationOutcome, OperationReport, unmet};
use crate::actuate::record::Record;
use crate::claim::{Deed, KnobKind, Operation, Target};
use crate::clock::Moment;
use crate::knob::{KnobError, Measured, Scope};
use crate::mode::Mode;

/// What is left to say when it was not done.
struct Refusal(OperationOutcome, Option<Measured>);

impl From<OperationOutcome> for Refusal {
    fn from(outcome: OperationOutcome) -> Self {
        Self(outcome, None)
    }
}

impl From<String> for Refusal {
    fn from(error: String) -> Self {
        OperationOutcome::Failed { error }.into()
    }
}

impl Actuator {
    /// Does it once, if it may be done, would do good, and was not done too short a time ago. Ask again for another time.
    pub fn operate(&mut self, now: Moment, operation: &Operation, jobs: &[JobHandle]) -> OperationReport {
        let (outcome, before, after) = match self.try_to_operate(now, operation, jobs) {
            Ok((outcome, before, after)) => (outcome, Some(before), after),
            Err(Refusal(outcome, before)) => (outcome, before, None),
        };
        OperationReport {
            operation: operation.deed.name(),
            target: operation.target.clone(),
            outcome,
            before: before.as_ref().map(ToString::to_string),
            after: after.as_ref().map(ToString::to_string),
            claimant: operation.claimant.clone(),
            reason: operation.reason,
        }
    }

    fn try_to_operate(
        &mut self,
        now: Moment,
        operation: &Operation,
        jobs: &[JobHandle],
    ) -> Result<(OperationOutcome, Measured, Option<Measured>), Refusal> {
        let Operation { deed, target, .. } = operation;
        if self.mode == Mode::Off {
            return Err(OperationOutcome::Skipped.into());
        }
        if !deed.fits(target) {
            return Err(format!("{} cannot be done to {target}", deed.name()).into());
        }
        let _section = self.run.section(PATIENCE).map_err(|error| error.to_string())?;
        self.still_alive(now);
        let scope = self.scope_of_operation(deed, target, jobs)?;
        if let Some(wait) = self.ledger.wait(deed, target, now) {
            let why = format!("it was done a short time ago: not before {} s from now", wait.as_secs_f64().ceil());
            return Err(OperationOutcome::Declined { why }.into());
        }
        let before = self.machine.measure(deed, &scope).map_err(|error| error.to_string())?;
        let paused = target.job().and_then(|job| self.record(job, KnobKind::Pause)).is_some_and(is_pause);
        if let Some(why) = unmet(deed, &before, paused) {
            return Err(Refusal(OperationOutcome::Declined { why }, Some(before)));
        }
        if operation.dry_run || self.mode == Mode::DryRun {
            self.ledger.rehearse(deed, target, now);
            return Err(Refusal(OperationOutcome::Skipped, Some(before)));
        }
        self.ledger.enter(deed, target, now).map_err(|error| format!("{error}; nothing was touched"))?;
        let outcome = match self.machine.perform(deed, &scope) {
            Ok(()) => OperationOutcome::Done,
            Err(KnobError::Late { .. }) => OperationOutcome::UnderWay,
            Err(error) if error.is_gone() => OperationOutcome::Gone,
            Err(error) => OperationOutcome::Failed { error: error.to_string() },
        };
        // What cannot be measured any more was done all the same.
        let after = self.machine.measure(deed, &scope).ok();
        Ok((outcome, before, after))
    }

    /// The processes of the job that live, once it is known that none of them is protected; or the part.
    fn scope_of_operation(&self, deed: &Deed, target: &Target, jobs: &[JobHandle]) -> Result<Scope, Refusal> {
        let id = match target {
            Target::Part(part) => return Ok(Scope { part: Some(part.clone()), ..Scope::default() }),
            Target::Job(id) => id,
        };
        let job = jobs.iter().find(|job| job.id == *id).ok_or(OperationOutcome::Gone)?;
        if let Some(why) = job.processes.iter().find_map(|&process| self.why_not(id, process)) {
            return Err(OperationOutcome::Protected { why }.into());
        }
        let mut processes = job.processes.clone();
        processes.retain(|&process| self.machine.is_alive(process));
        if processes.is_empty() {
            return Err(OperationOutcome::Gone.into());
        }
        let record = self.record(id, KnobKind::Group).filter(|record| record.held().next().is_some());
        let group = record.and_then(Record::group);
        if matches!(deed, Deed::Reclaim { .. }) && group.is_none() {
            return Err("the job has no group of its own".to_owned().into());
        }
        Ok(Scope { processes, group, ..Scope::default() })
    }
}
