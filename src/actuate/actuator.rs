//! The actuator: holds what is ours, and makes the machine equal to what is wanted, tick by tick.

mod admit;
mod carry_out;
mod end;
mod let_go;
mod operate;
mod pausing;
mod renew;
mod rest;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use admit::Admitted;
use renew::WornOut;
use rest::Rest;

use super::JobHandle;
use super::ending::{Book, EndingEvent};
use super::handover;
use super::journal::{Damaged, Journal};
use super::limits::Limits;
use super::operation::Ledger;
use super::pauses::Pauses;
use super::record::{Record, UnitState};
use super::report::{Action, Report};
use super::restore::{self, RestoreReport};
use super::run_dir::{InstanceLock, RunDir, RunDirError};
use super::said::Said;
use super::throttle::Throttle;
use super::writer::{Step, Writer, summary};
use crate::arbiter::Wanted;
use crate::claim::{KnobKind, Part, Target};
use crate::clock::Moment;
use crate::inventory::Capability;
use crate::kernel::Roots;
use crate::kernel::process::Identity;
use crate::knob::{KnobError, Machine};
use crate::mode::Mode;
use crate::plotter::JobId;
use crate::world::PauseView;

/// How long a tick waits for somebody who restores behind our back.
const PATIENCE: Duration = Duration::from_secs(3);

/// The only writer of knobs.
pub struct Actuator {
    machine: Box<dyn Machine>,
    mode: Mode,
    run: RunDir,
    journal: Journal,
    boot_id: String,
    lineage: Vec<Identity>,
    epoch: u64,
    held: BTreeMap<(Target, KnobKind), Record>,
    pauses: Pauses,
    ledger: Ledger,
    endings: Book,
    /// The last thing that was said of each job that is being ended.
    ending_said: BTreeMap<JobId, EndingEvent>,
    said: Said,
    rest: Rest,
    limits: Limits,
    throttle: Throttle,
    worn_out: WornOut,
    damaged: Vec<Damaged>,
    _lock: InstanceLock,
}

/// A held knob in words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Values {
    pub original: Option<String>,
    pub wanted: Option<String>,
    /// As last read back; `None` before that.
    pub actual: Option<String>,
}

/// Why the actuator cannot work.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(transparent)]
    RunDir(#[from] RunDirError),
    #[error(transparent)]
    Kernel(#[from] crate::kernel::KernelError),
    #[error("cannot tell this boot from others, without which no original value can be kept: {0}")]
    BootId(KnobError),
}

impl Actuator {
    /// Takes the lock of the one instance and adopts what the journal says is ours. Where nothing may be written any more (dry
    /// run, off), what is left of an earlier run is put back instead, and what came of it returned.
    pub fn open(
        roots: &Roots,
        machine: Box<dyn Machine>,
        mode: Mode,
        now: Moment,
    ) -> Result<(Self, Option<RestoreReport>), OpenError> {
        let boot_id = machine.boot_id().map_err(OpenError::BootId)?;
        let lineage = machine.lineage();
        let run = RunDir::open(&roots.run)?;
        let me = lineage.first().copied().unwrap_or(Identity { pid: 0, start_ticks: 0 });
        let lock = run.lock(me)?;
        let journal = Journal::at(run.path());
        journal.create()?;
        let leftover = match mode {
            Mode::Enforce => None,
            Mode::Off | Mode::DryRun if journal.is_empty() => None,
            Mode::Off | Mode::DryRun => Some(restore::restore_on(machine.as_ref(), &run, now, PATIENCE)?),
        };
        let pauses = Pauses::load(run.path(), &boot_id);
        let ledger = Ledger::load(run.path(), &boot_id, now);
        let endings = Book::load(run.path(), &boot_id);
        let mut actuator = Self {
            epoch: 0,
            machine,
            mode,
            journal,
            boot_id,
            lineage,
            held: BTreeMap::new(),
            pauses,
            ledger,
            endings,
            ending_said: BTreeMap::new(),
            said: Said::default(),
            rest: Rest::default(),
            limits: Limits::default(),
            throttle: Throttle::default(),
            worn_out: WornOut::new(),
            damaged: Vec::new(),
            _lock: lock,
            run,
        };
        let section = actuator.run.section(PATIENCE)?;
        actuator.adopt()?;
        drop(section);
        Ok((actuator, leftover))
    }

    /// How long a job that is as it should be is left without a look at each of its threads; each tick has one until this
    /// is called.
    pub fn rest_for(&mut self, length: Duration) {
        self.rest.length = length;
    }

    /// The parts of this machine that have knobs.
    pub fn parts(&self) -> BTreeSet<Part> {
        KnobKind::ALL.iter().flat_map(|&kind| self.machine.knob(kind).parts()).collect()
    }

    /// What no policy goes beyond from now on. Who must not be touched any more gets back what is his in the next tick.
    pub fn limit(&mut self, limits: Limits) {
        if limits.users != self.limits.users || limits.protected != self.limits.protected {
            self.rest.forget();
        }
        self.limits = limits;
    }

    /// Which knobs can be used here, or why not.
    pub fn capabilities(&self) -> Vec<Capability> {
        KnobKind::ALL.iter().map(|&kind| self.machine.knob(kind).probe()).collect()
    }

    /// A sign of life, for the guard. Call it as often as the loop turns, at least each second.
    pub fn beat(&self, now: Moment) -> Result<(), crate::kernel::KernelError> {
        self.run.beat(now.boot)
    }

    /// Processes that may not be touched besides those protected by name: the guard.
    pub fn protect(&mut self, process: Identity) {
        self.lineage.push(process);
    }

    /// What was done to a job's running time.
    pub fn pause_view(&self, job: &JobId, now: Moment) -> PauseView {
        let open = self.record(job, KnobKind::Pause).filter(|record| is_pause(record));
        self.pauses.view(job.as_str(), open, now.boot)
    }

    /// Records open now, one per knob and target.
    pub fn held(&self) -> impl Iterator<Item = (&Target, KnobKind)> {
        self.held.keys().map(|(target, kind)| (target, *kind))
    }

    /// The group of ours that a job lives in, as a path below the cgroup2 mount.
    pub fn group_of(&self, job: &JobId) -> Option<String> {
        let record = self.record(job, KnobKind::Group)?;
        record.held().next()?;
        record.group().map(|(path, _)| path)
    }

    fn record(&self, job: &JobId, kind: KnobKind) -> Option<&Record> {
        self.held.get(&(Target::Job(job.clone()), kind))
    }

    /// Records that could not be understood and were put aside, since the last call.
    pub fn take_damaged(&mut self) -> Vec<Damaged> {
        std::mem::take(&mut self.damaged)
    }

    /// What a knob was and what we made of it, in words; many units with different values are counted.
    pub fn values(&self, target: &Target, kind: KnobKind) -> Values {
        let Some(record) = self.held.get(&(target.clone(), kind)) else { return Values::default() };
        let confirmed = record.held().filter(|unit| unit.state == UnitState::Confirmed);
        Values {
            original: summary(record.held().map(|unit| &unit.original)),
            wanted: summary([&record.wanted]),
            actual: summary(confirmed.filter_map(|unit| unit.ours.last())),
        }
    }

    /// Leaves everything as it is for a new start to go on with; the guard stays until that has come, or puts everything back.
    pub fn hand_over(&self, now: Moment) -> Result<(), crate::kernel::KernelError> {
        handover::announce(self.run.path(), now.boot)
    }

    /// Takes over from an earlier run what it left for us, now that a guard of ours stands by.
    pub fn accept_handover(&self) -> Result<(), crate::kernel::KernelError> {
        handover::accept(self.run.path())
    }

    /// Puts everything back, for a clean exit; but for what only policies of `keep` hold. A pause is never kept, nor a group,
    /// which would have nobody left to remove it.
    pub fn shutdown(self, now: Moment, keep: &BTreeSet<String>) -> Result<RestoreReport, RunDirError> {
        let stays = |record: &&Record| {
            let may_stay = !matches!(record.knob, KnobKind::Pause | KnobKind::Group);
            may_stay && !record.holders.is_empty() && record.holders.iter().all(|holder| keep.contains(holder))
        };
        for record in self.held.values().filter(stays) {
            self.journal.close(&record.target, record.knob)?;
        }
        restore::restore_on(self.machine.as_ref(), &self.run, now, PATIENCE)
    }

    /// Makes the machine equal to what is wanted of these jobs. Says only what happened.
    pub fn tick(&mut self, now: Moment, wanted: &Wanted, jobs: &[JobHandle]) -> Vec<Report> {
        let mut reports = Vec::new();
        match self.mode {
            Mode::Off => return reports,
            Mode::DryRun => {
                let all = wanted.settings.iter().chain(&wanted.rehearsed);
                self.said.rehearse(all.collect(), &mut reports);
                return reports;
            }
            Mode::Enforce => self.said.rehearse(wanted.rehearsed.iter().collect(), &mut reports),
        }
        self.pauses.keep(|plotter| self.machine.is_alive(plotter));
        self.note_worn_out(now, wanted);
        if wanted.settings.is_empty() && self.held.is_empty() {
            return reports;
        }
        if let Err(error) = self.enforce(now, wanted, jobs, &mut reports) {
            for ((target, kind), want) in &wanted.settings {
                let steps = vec![Step::failed(error.to_string())];
                self.said.say(now, (target, *kind), Action::Apply, Some(want), steps, &mut reports);
            }
        }
        reports
    }

    /// One tick with the right to write. Without it nothing is done.
    fn enforce(
        &mut self,
        now: Moment,
        wanted: &Wanted,
        jobs: &[JobHandle],
        reports: &mut Vec<Report>,
    ) -> Result<(), RunDirError> {
        // Taken for the whole tick: whoever restores behind our back must not do it between our reading and our writing.
        let _section = self.run.section(PATIENCE)?;
        // After a stop, the guard must not take the writes to come for those of a process that hangs.
        self.run.beat(now.boot)?;
        if self.run.epoch() != self.epoch {
            // Everything was put back while we were stopped. What we remember is no longer so.
            self.adopt()?;
        }
        self.machine.look_again();
        let resting = self.rest.resting(now, wanted, jobs, self.machine.as_ref());
        let (touchable, refused) = self.vet(jobs, &resting);
        let admitted = self.admit(now, wanted, &touchable, &refused, reports);
        self.release_unwanted(now, &admitted, &resting, reports);
        self.apply_wanted(now, &admitted, &resting, reports);
        self.renew(now, &admitted)?;
        self.rest.remember(now, (wanted, &admitted), &self.held, &resting, (jobs, self.machine.as_ref()));
        Ok(())
    }

    /// Believes the journal and nothing else. The groups of damaged records are thawed: nobody else would.
    fn adopt(&mut self) -> Result<(), crate::kernel::KernelError> {
        self.epoch = self.run.epoch();
        let loaded = self.journal.load(&self.boot_id)?;
        for damaged in &loaded.damaged {
            restore::dissolve_orphan(self.machine.as_ref(), damaged, &loaded.records);
        }
        self.damaged.extend(loaded.damaged);
        self.held = loaded.records.into_iter().map(|record| ((record.target.clone(), record.knob), record)).collect();
        self.pauses = Pauses::load(self.run.path(), &self.boot_id);
        self.said.forget_failures();
        self.rest.forget();
        self.throttle.forget();
        Ok(())
    }

    /// Slow is not dead: moving a process between groups may take its time. A beat that fails has failed at the last tick too,
    /// where it was reported.
    fn still_alive(&self, now: Moment) {
        let _ = self.run.beat(now.boot);
    }

    fn writer(&self, now: Moment) -> Writer<'_, dyn Machine> {
        Writer { machine: self.machine.as_ref(), journal: &self.journal, boot_id: &self.boot_id, now }
    }
}

/// Whether it is we who hold the job paused.
fn is_pause(record: &Record) -> bool {
    record.knob == KnobKind::Pause && record.held().next().is_some()
}
