//! What one tick of one policy looks at, gathered once for all who decide.

use std::collections::BTreeMap;
use std::time::Duration;

use super::hysteresis::{Holds, Told};
use super::severity::Reading;
use crate::clock::Moment;
use crate::kernel::process::RunState;
use crate::plotter::{JobId, Phase};
use crate::policy::{Behavior, Contention, Guardrails, OnMissing, Stage};
use crate::pressure::Resource;
use crate::signal::Answer;
use crate::world::JobView;

/// How long a claim lasts without being renewed. A loop that hangs longer than this loses its claims.
pub const LEASE: Duration = Duration::from_secs(10);
/// Why every selected job has a group of its own: so that its pressure can be told from that of others.
pub const OWN_GROUP: &str = "own-group";

/// The jobs of one policy in one tick, and how far it may go with them; the same for policies of all kinds.
pub struct Scene<'a> {
    /// The jobs that the policy is about, oldest first.
    pub jobs: Vec<&'a JobView>,
    pub behavior: &'a Behavior,
    pub guardrails: &'a Guardrails,
    pub now: Moment,
    /// Whether claims are carried out, and not only rehearsed.
    pub enforced: bool,
}

/// One tick of one policy of kind `Contention`.
pub struct Tick<'a> {
    pub scene: Scene<'a>,
    pub rules: &'a Contention,
    pub answers: &'a BTreeMap<String, Answer>,
    pub readings: Vec<Reading<'a>>,
}

impl<'a> Scene<'a> {
    /// Time since boot.
    pub fn time(&self) -> Duration {
        self.now.boot
    }

    pub fn job(&self, id: &JobId) -> Option<&'a JobView> {
        self.jobs.iter().copied().find(|view| view.job.id == *id)
    }
}

impl<'a> Tick<'a> {
    /// Time since boot.
    pub fn time(&self) -> Duration {
        self.scene.time()
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

    /// What holds for `resource` while its severity cannot be told; `None` while it can.
    pub fn missing(&self, resource: Resource) -> Option<OnMissing> {
        match self.reading(resource).map(|reading| &reading.severity) {
            Some(Ok(_)) => None,
            Some(Err(missing)) => Some(self.rules.on_missing(missing)),
            None => Some(self.rules.on_missing(&[])),
        }
    }

    /// What the gate of `stage` is told.
    pub fn told(&self, stage: &Stage) -> Told {
        let severity = self.severity(stage.resource).unwrap_or_default();
        let seen = Told::severity(severity, self.rules.bands.cut_off(stage.band), stage.clear_below);
        self.missing(stage.resource).map_or(seen, Told::Missing)
    }
}

/// For how long the trigger of a stage, and its clear, must hold.
pub fn holds(stage: &Stage) -> Holds {
    Holds { hold: stage.hold, clear_hold: stage.clear_hold }
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
