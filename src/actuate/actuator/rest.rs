//! Rest: a job whose knobs are all as wanted is not looked at thread by thread each second, only now and then.
//!
//! New threads inherit, so they are right from the start; what a rest can miss for its length is somebody else's change of a
//! thread's knob, which is left alone anyway once it is noticed. A pause does not rest.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use super::admit::Admitted;
use crate::actuate::JobHandle;
use crate::actuate::record::{Record, UnitState};
use crate::arbiter::{Want, Wanted};
use crate::claim::{KnobKind, Target};
use crate::clock::Moment;
use crate::kernel::process::Identity;
use crate::knob::{Glance, Machine};
use crate::plotter::JobId;

/// Looks at jobs, and which of them can wait.
#[derive(Debug, Default)]
pub struct Rest {
    /// Zero: every job is looked at each tick.
    pub length: Duration,
    looks: BTreeMap<JobId, Look>,
}

/// What a job was like when it was last looked at and nothing was left to do.
#[derive(Debug)]
struct Look {
    /// Time since boot at which it is due again.
    due: Duration,
    wants: BTreeMap<KnobKind, Want>,
    processes: Vec<(Identity, Option<Glance>)>,
}

impl Rest {
    /// Jobs that are as they were, of which the same is wanted, and whose next look is not due.
    pub fn resting(&self, now: Moment, wanted: &Wanted, jobs: &[JobHandle], machine: &dyn Machine) -> BTreeSet<JobId> {
        let rests = |job: &&JobHandle| {
            self.looks.get(&job.id).is_some_and(|look| {
                let wants = wants_of(&job.id, wanted);
                now.boot < look.due
                    && look.wants.len() == wants.len()
                    && wants.iter().all(|(kind, want)| look.wants.get(kind) == Some(*want))
                    && look.processes == glances(job, machine)
            })
        };
        jobs.iter().filter(rests).map(|job| job.id.clone()).collect()
    }

    /// Remembers the jobs that were looked at and have nothing left to be done, and forgets those that have gone.
    pub fn remember(
        &mut self,
        now: Moment,
        (wanted, admitted): (&Wanted, &Admitted<'_>),
        held: &BTreeMap<(Target, KnobKind), Record>,
        resting: &BTreeSet<JobId>,
        (jobs, machine): (&[JobHandle], &dyn Machine),
    ) {
        self.looks.retain(|job, _| resting.contains(job));
        if self.length.is_zero() {
            return;
        }
        for job in jobs.iter().filter(|job| !resting.contains(&job.id)) {
            let wants = wants_of(&job.id, wanted);
            // A want of which only a part may be had by now has more to come.
            let is_settled = |kind: KnobKind, want: &Want| {
                let key = (Target::Job(job.id.clone()), kind);
                let is_whole = admitted.get(&key).is_some_and(|(_, admitted)| admitted.as_ref() == want);
                is_whole && held.get(&key).is_some_and(is_settled)
            };
            if !wants.is_empty() && wants.iter().all(|(&kind, want)| is_settled(kind, want)) {
                let wants = wants.into_iter().map(|(kind, want)| (kind, want.clone())).collect();
                let due = now.boot + self.until_due(&job.id, now);
                self.looks.insert(job.id.clone(), Look { due, wants, processes: glances(job, machine) });
            }
        }
    }

    /// Nothing that is remembered is so any more.
    pub fn forget(&mut self) {
        self.looks.clear();
    }

    /// Spreads the jobs over the length of a rest, so that not all of them are due in the same tick.
    fn until_due(&self, job: &JobId, now: Moment) -> Duration {
        let mut hasher = DefaultHasher::new();
        job.hash(&mut hasher);
        let length = u64::try_from(self.length.as_millis()).unwrap_or(u64::MAX).max(1);
        Duration::from_millis(length - now.boot_ms().wrapping_add(hasher.finish() % length) % length)
    }
}

fn wants_of<'w>(job: &JobId, wanted: &'w Wanted) -> BTreeMap<KnobKind, &'w Want> {
    let target = Target::Job(job.clone());
    let from = (target.clone(), KnobKind::ALL[0]);
    let wants = wanted.settings.range(from..).take_while(|((of, _), _)| *of == target);
    wants.map(|((_, kind), want)| (*kind, want)).collect()
}

fn glances(job: &JobHandle, machine: &dyn Machine) -> Vec<(Identity, Option<Glance>)> {
    job.processes.iter().map(|&process| (process, machine.glance(process))).collect()
}

fn is_settled(record: &Record) -> bool {
    record.units.iter().all(|unit| unit.state != UnitState::Pending)
}
