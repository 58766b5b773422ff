//! What nobody wants any more goes back to its original, the last that was applied first, as far as nothing held needs it.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use super::{Actuator, Admitted, is_pause};
use crate::actuate::apply::goes_far_enough;
use crate::actuate::record::Record;
use crate::actuate::report::{Action, Report};
use crate::arbiter::Want;
use crate::claim::{KnobKind, Target};
use crate::clock::Moment;
use crate::plotter::JobId;

impl Actuator {
    pub(super) fn release_unwanted(
        &mut self,
        now: Moment,
        wanted: &Admitted<'_>,
        resting: &BTreeSet<JobId>,
        reports: &mut Vec<Report>,
    ) {
        let rests = |target: &Target| target.job().is_some_and(|job| resting.contains(job));
        let mut held: Vec<_> = self.held.keys().filter(|(target, _)| !rests(target)).cloned().collect();
        held.sort_by_key(|&(_, kind)| Reverse(kind));
        for key in held {
            let has_ended = self.held.get(&key).is_some_and(|record| self.has_ended(record));
            let want = wanted.get(&key).map(|(_, want)| want.as_ref());
            let is_too_much = want.is_some_and(|want| self.was_far_enough_before(&key, want));
            if (want.is_some() && !is_too_much || self.is_needed(&key, wanted)) && !has_ended {
                continue;
            }
            self.release(now, &key, if has_ended { "the job has ended" } else { "no longer wanted" }, reports);
        }
    }

    /// A part of the machine may go and come again: its record stays until nobody wants the knob any more.
    fn has_ended(&self, record: &Record) -> bool {
        let lives = || record.identities().iter().any(|&process| self.machine.is_alive(process));
        record.target.job().is_some() && !record.knob.is_of_group() && !lives()
    }

    /// A frozen group cannot be left before it is thawed, and one with limits not before they are lifted; nor can controllers be
    /// taken back before, which would take the limits with them.
    pub(super) fn is_needed(&self, (target, kind): &(Target, KnobKind), wanted: &Admitted<'_>) -> bool {
        let pause_stays = || wanted.contains_key(&(target.clone(), KnobKind::Pause));
        let limits_stay = || self.held.keys().any(|(of, held)| of == target && held.is_of_group());
        match kind {
            KnobKind::Controllers => self.held.keys().any(|(_, held)| held.is_of_group()),
            KnobKind::Group => pause_stays() || limits_stay(),
            _ => false,
        }
    }

    /// Whether less is wanted by now than some unit had before us: that one gets back what it had.
    fn was_far_enough_before(&self, key: &(Target, KnobKind), want: &Want) -> bool {
        let Some(record) = self.held.get(key) else { return false };
        record.held().any(|unit| unit.original != record.wanted && goes_far_enough(want, &unit.original))
    }

    pub(super) fn release(&mut self, now: Moment, key: &(Target, KnobKind), reason: &str, reports: &mut Vec<Report>) {
        let (target, kind) = key;
        if self.said.is_suspended(now, (target, *kind), Action::Restore) {
            return;
        }
        let Some(record) = self.held.remove(key) else { return };
        self.still_alive(now);
        let ended = record.clone();
        let released = self.writer(now).release(record);
        match released.record {
            Some(record) => {
                self.held.insert(key.clone(), record);
            }
            None if is_pause(&ended) => self.pauses.ended(&ended, now.boot_ms()),
            None => {}
        }
        let from = reports.len();
        self.said.say(now, (target, *kind), Action::Restore, None, released.steps, reports);
        for report in reports.iter_mut().skip(from) {
            reason.clone_into(&mut report.reason);
        }
    }
}
