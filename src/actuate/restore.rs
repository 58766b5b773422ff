//! Puts everything back from the journal alone: on exit, by the guard, by `plotwarden restore`, and at the next start.

use std::fmt;
use std::time::Duration;

use super::journal::{Damaged, Journal};
use super::pauses::Pauses;
use super::record::Record;
use super::release::Released;
use super::report::{Action, Outcome, Report};
use super::run_dir::{RunDir, RunDirError};
use super::writer::Writer;
use crate::claim::{KnobKind, Target};
use crate::clock::Moment;
use crate::kernel::process::Identity;
use crate::kernel::{KernelError, Roots};
use crate::knob::{LinuxToRestore, ReversibleMachine};

/// What came of a restoration.
#[derive(Debug, Default)]
pub struct RestoreReport {
    /// What was done, in order: pauses first, groups last.
    pub reports: Vec<Report>,
    /// Records that are still open, since something could not be put back.
    pub kept: usize,
    pub damaged: Vec<Damaged>,
    /// The instance that runs, if one does: it will apply its policies again.
    pub running: Option<Identity>,
}

/// Puts everything back that the run directory speaks of, whether or not an instance runs. Nothing is made where nothing is.
///
/// Errors if the run directory cannot be used, or if a stopped instance sits on it for longer than `patience`.
pub fn restore(roots: &Roots, now: Moment, patience: Duration) -> Result<RestoreReport, RunDirError> {
    let journal = roots.run.join("journal");
    if !journal.try_exists().map_err(|source| KernelError::io("look for", &journal, source))? {
        return Ok(RestoreReport::default());
    }
    let machine = LinuxToRestore::to_restore(roots);
    let run = RunDir::open(&roots.run)?;
    let mut report = restore_on(&machine, &run, now, patience)?;
    report.running = run.holder().filter(|&holder| machine.is_alive(holder));
    Ok(report)
}

/// As `restore`, on any machine.
pub fn restore_on(
    machine: &dyn ReversibleMachine,
    run: &RunDir,
    now: Moment,
    patience: Duration,
) -> Result<RestoreReport, RunDirError> {
    let _section = run.section(patience)?;
    restore_unlocked(machine, run, now)
}

/// As `restore_on`, by whoever has the right to write already, or has made sure that nobody else can.
pub fn restore_unlocked(
    machine: &dyn ReversibleMachine,
    run: &RunDir,
    now: Moment,
) -> Result<RestoreReport, RunDirError> {
    restore_those(machine, run, now, |_| {})
}

/// Puts back what nobody has renewed in time, and whatever else is held of the same target: what one knob of a job needs of
/// another is not taken from under it. As `restore_unlocked` otherwise.
pub fn restore_lapsed(
    machine: &dyn ReversibleMachine,
    run: &RunDir,
    now: Moment,
) -> Result<RestoreReport, RunDirError> {
    restore_those(machine, run, now, |records| {
        let lapsed = records.iter().filter(|record| record.until_ms <= now.boot_ms());
        let targets: Vec<Target> = lapsed.map(|record| record.target.clone()).collect();
        let has_lapsed = |record: &Record| targets.contains(&record.target);
        // Limits go with their controllers.
        let without_controllers = records.iter().any(|it| it.knob == KnobKind::Controllers && has_lapsed(it));
        records.retain(|record| has_lapsed(record) || without_controllers && record.knob.is_of_group());
    })
}

/// Puts back the records that `choose` leaves.
fn restore_those(
    machine: &dyn ReversibleMachine,
    run: &RunDir,
    now: Moment,
    choose: impl FnOnce(&mut Vec<Record>),
) -> Result<RestoreReport, RunDirError> {
    let journal = Journal::at(run.path());
    let boot_id = machine
        .boot_id()
        .map_err(|error| KernelError::Unsupported { what: "restoration", reason: error.to_string() })?;
    let mut loaded = journal.load(&boot_id)?;
    let mut report = RestoreReport::default();
    for damaged in &loaded.damaged {
        dissolve_orphan(machine, damaged, &loaded.records);
    }
    report.damaged = loaded.damaged;
    choose(&mut loaded.records);
    if loaded.records.is_empty() {
        return Ok(report);
    }
    // Before the first write: from here on, what an instance believes is no longer so.
    run.raise_epoch()?;
    let mut pauses = Pauses::load(run.path(), &boot_id);
    let writer = Writer { machine, journal: &journal, boot_id: &boot_id, now };
    let mut held_back = Vec::new();
    for &kind in KnobKind::ALL.iter().rev() {
        for record in loaded.records.iter().filter(|record| record.knob == kind) {
            match writer.release(record.clone()) {
                released if released.record.is_some() => held_back.push((record, released.steps)),
                released => report.enter(now, record, released, &mut pauses),
            }
        }
    }
    // What one knob was held back by may be another one that is put back by now, as a preference by its governor.
    for (record, steps) in held_back {
        let mut released = writer.release(record.clone());
        let done = steps.into_iter().filter(|step| !matches!(step.outcome, Outcome::Failed { .. }));
        released.steps.splice(0..0, done);
        report.enter(now, record, released, &mut pauses);
    }
    Ok(report)
}

/// Thaws and empties the group of a job whose record is lost: better in the root group than frozen for ever.
pub fn dissolve_orphan(machine: &dyn ReversibleMachine, damaged: &Damaged, records: &[Record]) {
    let Some(job) = damaged.job_name() else { return };
    let is_spoken_for =
        |path: &str| records.iter().any(|record| record.group().is_some_and(|(known, _)| known == path));
    for group in machine.own_groups() {
        if group.0.rsplit('/').next() == Some(job) && !is_spoken_for(&group.0) {
            // The damaged record is reported; a group that resists stays visible in the tree.
            let _ = machine.dissolve(&group);
        }
    }
}

impl RestoreReport {
    fn enter(&mut self, now: Moment, record: &Record, released: Released, pauses: &mut Pauses) {
        if released.record.is_some() {
            self.kept += 1;
        } else if record.knob == KnobKind::Pause && record.held().next().is_some() {
            pauses.ended(record, now.boot_ms());
        }
        self.reports.extend(released.steps.into_iter().map(|step| Report {
            knob: record.knob,
            target: record.target.clone(),
            action: Action::Restore,
            outcome: step.outcome,
            from: step.from,
            to: step.to,
            read_back: step.read_back,
            holders: Vec::new(),
            reason: record.reason.clone(),
        }));
    }

    /// There was nothing to put back.
    pub fn is_empty(&self) -> bool {
        self.reports.is_empty() && self.is_complete()
    }

    /// Everything is as it was before.
    pub fn is_complete(&self) -> bool {
        self.kept == 0 && self.damaged.is_empty()
    }
}

/// For people: a line per knob that was held, and at the end whether anything is left to do.
impl fmt::Display for RestoreReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for report in &self.reports {
            let (knob, target) = (report.knob.name(), &report.target);
            let from = report.from.as_deref().unwrap_or("?");
            let to = report.to.as_deref().unwrap_or("?");
            match &report.outcome {
                Outcome::Done => writeln!(f, "{target}: {knob} put back from {from} to {to}")?,
                Outcome::Gone => {
                    let what = if target.job().is_some() { "the job has ended" } else { "it is not there any more" };
                    writeln!(f, "{target}: {knob}: {what}, nothing to put back")?;
                }
                Outcome::Foreign { found } => {
                    writeln!(f, "{target}: {knob}: left alone, somebody else has set {found}")?;
                }
                Outcome::Failed { error } => writeln!(f, "{target}: {knob}: could not be put back: {error}")?,
                Outcome::Protected { why } => writeln!(f, "{target}: {knob}: not touched, {why}")?,
                Outcome::Skipped => writeln!(f, "{target}: {knob}: skipped")?,
            }
        }
        for damaged in &self.damaged {
            writeln!(
                f,
                "{}: cannot be understood ({}); what it held is not put back",
                damaged.path.display(),
                damaged.problem
            )?;
        }
        if let Some(running) = self.running {
            writeln!(
                f,
                "plotwarden runs as process {} and will apply its policies again; stop it to keep this",
                running.pid
            )?;
        }
        match self.kept {
            0 if !self.damaged.is_empty() => write!(f, "everything that could be understood is put back"),
            0 if self.reports.is_empty() => write!(f, "nothing to put back"),
            0 => write!(f, "everything that was held is put back"),
            kept => {
                write!(f, "{kept} knobs could not be put back; their records are kept, mend the cause and run it again")
            }
        }
    }
}
