//! Whether one more job may be paused: the last word before it stands still, whatever policies and profiles say.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{Actuator, is_pause};
use crate::actuate::JobHandle;
use crate::arbiter::{Want, Wanted};
use crate::claim::{DEFERRED_START, KnobKind, Target};
use crate::clock::Moment;
use crate::kernel::clock;
use crate::plotter::JobId;

/// The jobs of one tick, and which of them stand still after it.
pub struct Crowd<'a> {
    all: BTreeSet<&'a JobId>,
    pub paused: BTreeSet<&'a JobId>,
}

impl Actuator {
    /// Those that are held paused and stay so.
    pub fn crowd<'a>(&self, wanted: &Wanted, jobs: &[&'a JobHandle]) -> Crowd<'a> {
        let all: BTreeSet<&JobId> = jobs.iter().map(|job| &job.id).collect();
        let stays = |id: &JobId| wanted.settings.contains_key(&(Target::Job(id.clone()), KnobKind::Pause));
        let paused = all.iter().copied().filter(|id| self.is_paused(id) && stays(id)).collect();
        Crowd { all, paused }
    }

    /// Whether it is we who hold the job paused.
    pub fn is_paused(&self, job: &JobId) -> bool {
        self.record(job, KnobKind::Pause).is_some_and(is_pause)
    }

    /// Why a job that runs may not be paused; `None` if it may.
    pub fn why_not_pause(&self, now: Moment, job: &JobHandle, want: &Want, crowd: &Crowd<'_>) -> Option<String> {
        let of_holders = want.holders.iter().filter_map(|holder| self.limits.of_policies.get(&holder.policy));
        for (jobs, bound) in of_holders {
            let all = crowd.all.iter().filter(|id| jobs.contains(**id)).count();
            let paused = crowd.paused.iter().filter(|id| jobs.contains(**id)).count();
            if let Some(why) =
                bound.why_no_more(all, paused).or_else(|| self.why_too_young(now, job, want, bound.min_run))
            {
                return Some(why);
            }
        }
        let node = self.limits.pauses;
        node.why_no_more(crowd.all.len(), crowd.paused.len())
            .or_else(|| self.why_too_young(now, job, want, node.min_run))
            .or_else(|| match self.machine.entangled(&job.processes) {
                Ok(why) => why,
                Err(error) => Some(format!("whether others wait for it cannot be told: {error}")),
            })
    }

    fn why_too_young(&self, now: Moment, job: &JobHandle, want: &Want, least: Duration) -> Option<String> {
        let paused: Duration = self.pause_view(&job.id, now).total.values().sum();
        let run = now.since(clock::ticks(job.plotter.start_ticks)).saturating_sub(paused);
        (run < least && want.reason != DEFERRED_START).then(|| {
            let [run, least] = [run, least].map(|time| humantime::format_duration(Duration::from_secs(time.as_secs())));
            format!("it has run for {run}, and is not paused before {least}")
        })
    }
}
