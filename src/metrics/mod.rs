//! S2, published: every metric family, described once and written three times: as `OpenMetrics` 1.0, as the classic text format,
//! and into the embedded history.
//!
//! A file per topic lists its families; each family draws its samples from the [`Snapshot`] of the last tick. So the
//! series of a job that has ended are gone with the job, a fact that could not be read has no sample, and there is no
//! registry of series that could grow: the cost of a scrape is that of its text.

mod alert;
mod classic;
mod cpu;
mod disk;
mod family;
mod gpu;
mod history;
mod inventory;
mod job;
mod knob;
mod label;
mod machine;
mod memory;
mod network;
mod openmetrics;
mod own;
mod pause;
mod policy;
mod pressure;
mod process;
mod process_group;
mod progress;
mod record;
mod snapshot;
mod topology;
mod value;

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod tests;

use std::sync::Arc;

pub use family::{FamilyDescription, Kind, Unit};
pub use record::{Recorded, Recorder};
pub use snapshot::{
    ClaimState, Counters, HistoryState, KnobState, LoopState, PolicyState, ProcessWatch, Reading, RecentDecision,
    Reload, Snapshot,
};

use family::Family;

/// A text format that Prometheus scrapes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// `OpenMetrics` 1.0.
    OpenMetrics,
    /// The Prometheus text format 0.0.4.
    Classic,
}

impl Format {
    pub fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Classic => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

/// Replaces the content of `out` by the whole exposition of `snapshot`. Reuse `out`, and a scrape allocates next to nothing.
///
/// # Errors
/// Never in practice: a `String` takes every write. The type is that of the writers.
pub fn encode(snapshot: &Arc<Snapshot>, format: Format, out: &mut String) -> std::fmt::Result {
    out.clear();
    match format {
        Format::OpenMetrics => openmetrics::write(snapshot, out),
        Format::Classic => classic::write(snapshot, out),
    }
}

/// Every family that a scrape can show, in the order of the scrape; the documentation is made from this.
pub fn catalogue() -> Vec<FamilyDescription> {
    families().map(Family::description).collect()
}

/// The names that series have in a query.
pub fn names() -> Vec<&'static str> {
    families().map(|family| family.name).collect()
}

fn families() -> impl Iterator<Item = &'static Family> {
    [
        own::FAMILIES,
        history::FAMILIES,
        machine::FAMILIES,
        inventory::FAMILIES,
        topology::FAMILIES,
        cpu::FAMILIES,
        memory::FAMILIES,
        disk::FAMILIES,
        network::FAMILIES,
        gpu::FAMILIES,
        pressure::FAMILIES,
        process::FAMILIES,
        process_group::FAMILIES,
        job::FAMILIES,
        progress::FAMILIES,
        pause::FAMILIES,
        policy::FAMILIES,
        knob::FAMILIES,
        alert::FAMILIES,
    ]
    .into_iter()
    .flatten()
}
