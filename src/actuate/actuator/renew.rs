//! Renews what is still meant to stand, and lets no pause last for ever.

use std::collections::BTreeSet;

use super::{Actuator, Admitted};
use crate::actuate::lease::{self, Need};
use crate::arbiter::Wanted;
use crate::claim::{KnobKind, Target};
use crate::clock::Moment;
use crate::kernel::KernelError;
use crate::plotter::JobId;

/// Records that were made together are not renewed in the same tick, unless time is short.
const AT_ONCE: usize = 16;

impl Actuator {
    /// Renews the records of what is wanted, or needed by what is held. All others lapse: what could not be put back so far is
    /// then tried by the guard as well. The first error, after having tried all.
    pub fn renew(&mut self, now: Moment, wanted: &Admitted<'_>) -> Result<(), KernelError> {
        let is_meant = |key: &(Target, KnobKind)| wanted.contains_key(key) || self.is_needed(key, wanted);
        let needs = self.held.iter().map(|(key, record)| (lease::need(record, now.boot_ms()), record.until_ms, key));
        let mut due: Vec<_> = needs.filter(|(need, _, key)| *need != Need::NotYet && is_meant(key)).collect();
        due.sort_unstable();
        let urgent = due.iter().filter(|(need, ..)| *need == Need::Now).count();
        due.truncate(urgent.max(AT_ONCE));
        let mut done = Ok(());
        for key in due.into_iter().map(|(_, _, key)| key.clone()).collect::<Vec<_>>() {
            let Some(mut record) = self.held.remove(&key) else { continue };
            // One that cannot be renewed now takes none of the others with it, and is tried again at the next tick.
            done = done.and(self.writer(now).persist(&mut record));
            self.held.insert(key, record);
        }
        done
    }

    /// Notes whose pause has lasted for as long as any may. None of them is paused again before nobody wants it any more.
    pub fn note_worn_out(&mut self, now: Moment, wanted: &Wanted) {
        let worn_out = self.held.values().filter(|record| lease::is_worn_out(record, now.boot_ms()));
        let worn_out: Vec<JobId> = worn_out.filter_map(|record| record.target.job().cloned()).collect();
        self.worn_out.extend(worn_out);
        let is_wanted = |job: &JobId| wanted.setting(&Target::Job(job.clone()), KnobKind::Pause).is_some();
        self.worn_out.retain(is_wanted);
    }
}

/// Jobs that were paused for as long as may be.
pub type WornOut = BTreeSet<JobId>;
