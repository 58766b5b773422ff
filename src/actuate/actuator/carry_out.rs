//! What is wanted and admitted is applied, in the order of its kinds, each to the processes, the group or the part that it is about.

use std::collections::BTreeSet;

use super::{Actuator, Admitted, is_pause};
use crate::actuate::JobHandle;
use crate::actuate::record::Record;
use crate::actuate::report::{Action, Report};
use crate::arbiter::Want;
use crate::claim::{KnobKind, Setting, Target};
use crate::clock::Moment;
use crate::kernel::process::Identity;
use crate::knob::Scope;
use crate::plotter::JobId;

impl Actuator {
    pub(super) fn apply_wanted(
        &mut self,
        now: Moment,
        wanted: &Admitted<'_>,
        resting: &BTreeSet<JobId>,
        reports: &mut Vec<Report>,
    ) {
        let rests = |kind: KnobKind, job: Option<&JobHandle>| {
            kind != KnobKind::Pause && job.is_some_and(|job| resting.contains(&job.id))
        };
        let mut wanted: Vec<_> = wanted.iter().filter(|((_, kind), (job, _))| !rests(*kind, *job)).collect();
        wanted.sort_by_key(|((_, kind), _)| *kind);
        for (key, (job, want)) in wanted {
            let (target, kind) = (&key.0, key.1);
            if self.must_wait(target, kind) || self.said.is_suspended(now, (target, kind), Action::Apply) {
                continue;
            }
            self.still_alive(now);
            let held = self.held.remove(key);
            self.close_pause_chapter(now, held.as_ref(), want);
            let scope = self.scope(target, *job, &want.setting);
            let was_paused = held.clone().filter(is_pause);
            let applied = self.writer(now).apply((target, job.map(|job| job.plotter)), want, held, &scope);
            if let Some(record) = was_paused.filter(|_| !applied.record.as_ref().is_some_and(is_pause)) {
                // Somebody else has continued it.
                self.pauses.ended(&record, now.boot_ms());
            }
            if let Some(record) = applied.record {
                self.held.insert(key.clone(), record);
            }
            self.said.say(now, (target, kind), Action::Apply, Some(want), applied.steps, reports);
        }
    }

    /// A pause that goes on for another reason is counted under both, each for its time.
    fn close_pause_chapter(&mut self, now: Moment, held: Option<&Record>, want: &Want) {
        if let Some(record) = held.filter(|record| is_pause(record) && record.reason != want.reason) {
            self.pauses.ended(record, now.boot_ms());
        }
    }

    /// The job's processes that no other job's record of this knob speaks of, and the job's group where it has one; or the part.
    fn scope(&self, target: &Target, job: Option<&JobHandle>, setting: &Setting) -> Scope {
        let kind = setting.kind();
        let Some(job) = job else {
            let part = if let Target::Part(part) = target { Some(part.clone()) } else { None };
            let controllers = if let Setting::Controllers(wanted) = setting { wanted.clone() } else { BTreeSet::new() };
            return Scope { part, controllers, ..Scope::default() };
        };
        let others = self.held.iter().filter(|((of, held), _)| *held == kind && of != target);
        let taken: BTreeSet<Identity> = others.flat_map(|(_, record)| record.identities()).collect();
        let processes = job.processes.iter().copied().filter(|process| !taken.contains(process)).collect();
        let group = self.record(&job.id, KnobKind::Group).filter(|record| record.held().next().is_some());
        let group = group.filter(|_| kind == KnobKind::Pause || kind.is_of_group()).and_then(Record::group);
        Scope { processes, group, ..Scope::default() }
    }
}
