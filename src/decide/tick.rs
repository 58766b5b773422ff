//! What one tick of one policy looks at, gathered once for all who decide.

use std::collections::BTreeMap;
use std::time::Duration;

use super::hysteresis::Told;
use super::severity::Reading;
use crate::clock::Moment;
use crate::kernel::process::RunState;
use crate::plotter::{JobId, Phase};
use crate::policy::Contention;
use crate::pressure::Resource;
use crate::signal::Answer;
use crate::world::JobView;

/// One tick of one policy.
pub struct Tick<'a> {
    pub rules: &'a Contention,
    pub answers: &'a BTreeMap<String, Answer>,
    pub readings: Vec<Reading<'a>>,
    /// The jobs that the policy is about, oldest first.
    pub jobs: Vec<&'a JobView>,
    pub now: Moment,
    /// Whether claims are carried out, and not only rehearsed.
    pub enforced: bool,
}

impl<'a> Tick<'a> {
    /// Time since boot.
    pub fn time(&self) -> Duration {
        self.now.boot
    }

    pub fn reading(&self, resource: Resource) -> Option<&Reading<'a>> {
        self.readings.iter().find(|reading| reading.resource == resource)
    }

    pub fn severity(&self, resource: Resource) -> Option<f64> {
        self.reading(resource).and_then(|reading| reading.severity.as_ref().ok()).copied()
    }

    /// The value of a signal, if it is not missing.
    pub fn value(&self, signal: &str) -> Option<f64> {
        self.answers.get(signal).and_then(|answer| answer.value.as_ref().ok()).copied()
    }

    /// What the gates of `resource` are told.
    pub fn told(&self, resource: Resource) -> Told {
        let nothing = Vec::new();
        match self.reading(resource).map(|reading| &reading.severity) {
            Some(Ok(severity)) => Told::Severity(*severity),
            Some(Err(missing)) => Told::Missing(self.rules.on_missing(missing)),
            None => Told::Missing(self.rules.on_missing(&nothing)),
        }
    }

    pub fn job(&self, id: &JobId) -> Option<&'a JobView> {
        self.jobs.iter().copied().find(|view| view.job.id == *id)
    }
}

/// Whether the job is making a plot now: neither held by anybody, nor done with its temp directory.
///
/// A plot that is being copied or written out burdens its destination; the next may begin meanwhile.
pub fn is_plotting(view: &JobView) -> bool {
    let stands = matches!(view.sample.state, Some(RunState::Stopped | RunState::Zombie | RunState::Dead));
    !stands && view.pause.since.is_none() && !is_finishing(view)
}

/// Whether the finished plot is on its way out. Pausing it now would only keep the disk space that it is about to free.
pub fn is_finishing(view: &JobView) -> bool {
    matches!(view.job.progress.phase, Some(Phase::Writing | Phase::Copying | Phase::Done))
}
