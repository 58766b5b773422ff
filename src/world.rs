//! The world as one tick sees it: plain data, cheap to clone, no I/O. What is decided is decided from this and nothing else.

pub mod json;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crate::claim::Part;
use crate::clock::Moment;
use crate::plotter::Job;
use crate::sample::{HostSample, JobSample, ProcessesSample};

/// One tick's picture of the machine.
#[derive(Debug, Clone)]
pub struct World {
    pub now: Moment,
    pub host: HostSample,
    /// Oldest job first.
    pub jobs: Vec<JobView>,
    /// What the machine consists of.
    pub layout: Arc<Layout>,
    /// The last sweep over all processes; `None` before the first has come to its end.
    pub processes: Option<Arc<ProcessesSample>>,
}

/// The parts of the machine that have knobs, and where its CPUs are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Layout {
    pub parts: BTreeSet<Part>,
    /// The CPUs of each NUMA node.
    pub nodes: BTreeMap<u32, BTreeSet<u32>>,
}

/// A job with its measurements, and what we have done to it so far.
#[derive(Debug, Clone)]
pub struct JobView {
    pub job: Job,
    pub sample: JobSample,
    pub pause: PauseView,
}

/// Our pauses of one job.
#[derive(Debug, Clone, Default)]
pub struct PauseView {
    /// Since when we hold it paused, as time since boot, and for which reason; `None` if we do not.
    pub since: Option<(Duration, String)>,
    /// Paused time by reason, the present pause included.
    pub total: BTreeMap<String, Duration>,
}

impl JobView {
    /// Running time of the plotter so far: its age without our pauses.
    pub fn running_time(&self, now: Moment) -> Duration {
        let paused: Duration = self.pause.total.values().sum();
        now.since(self.job.started).saturating_sub(paused)
    }
}

impl World {
    pub fn job(&self, id: &crate::plotter::JobId) -> Option<&JobView> {
        self.jobs.iter().find(|view| view.job.id == *id)
    }
}
