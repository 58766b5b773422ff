//! Says what cannot be read when that begins and when it ends, not in every tick in between.

use std::collections::BTreeMap;

use crate::world::World;

/// What could not be read in the last tick: the part and, where it is one job's, the job; with the reason given first.
#[derive(Debug, Default)]
pub struct Complaints {
    standing: BTreeMap<(&'static str, Option<String>), String>,
}

impl Complaints {
    /// Takes in one tick and logs what is new.
    pub fn follow(&mut self, world: &World) {
        let of_host = world.host.problems.iter().map(|problem| (problem, None));
        let of_jobs = world
            .jobs
            .iter()
            .flat_map(|view| view.sample.problems.iter().map(|problem| (problem, Some(view.job.id.to_string()))));
        let mut now = BTreeMap::new();
        for (problem, job) in of_host.chain(of_jobs) {
            now.entry((problem.part, job)).or_insert_with(|| problem.reason.clone());
        }
        for ((part, job), reason) in now.iter().filter(|(key, _)| !self.standing.contains_key(*key)) {
            tracing::warn!(part, job, reason, "cannot be read; it has no sample until it can");
        }
        for (part, job) in self.standing.keys().filter(|key| !now.contains_key(*key)) {
            tracing::info!(part, job, "can be read again, or is gone");
        }
        self.standing = now;
    }
}
