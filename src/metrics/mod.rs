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
mod disk_facts;
mod family;
mod file_system;
mod gather;
mod gpu;
mod history;
mod inventory;
mod job;
mod key;
mod knob;
mod label;
mod line;
mod machine;
mod memory;
mod network;
mod openmetrics;
mod own;
mod pause;
mod policy;
mod power;
mod pressure;
mod process;
mod process_group;
mod progress;
mod raid;
mod record;
pub mod reference;
mod sensor;
mod snapshot;
mod text;
mod thermal;
mod topology;
mod value;

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod tests;

pub use family::{FamilyDescription, Kind, Unit};
pub use gather::{Gathered, Gatherer};
pub use record::{Recorded, Recorder};
pub use snapshot::{
    ClaimState, Counters, HistoryState, KnobState, LoopState, PolicyState, ProcessWatch, Reading, RecentDecision,
    Reload, Snapshot,
};

use crate::sample::Collector;

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
pub fn encode(snapshot: &Snapshot, format: Format, out: &mut String) {
    out.clear();
    text::write(snapshot.samples(), format, out);
}

/// Every family that a scrape can show, in the order of the scrape; the documentation is made from this.
pub fn catalogue() -> Vec<FamilyDescription> {
    let of_topic = |&(topic, families): &(&'static str, &'static [Family])| {
        families.iter().map(move |family| family.description(topic))
    };
    TOPICS.iter().flat_map(of_topic).collect()
}

/// The names that series have in a query.
pub fn names() -> Vec<&'static str> {
    families().map(|family| family.name).collect()
}

/// The topics in the order of a scrape, a file each.
const TOPICS: &[(&str, &[Family])] = &[
    ("This program", own::FAMILIES),
    ("History", history::FAMILIES),
    ("Machine", machine::FAMILIES),
    ("Inventory", inventory::FAMILIES),
    ("Topology", topology::FAMILIES),
    ("CPU", cpu::FAMILIES),
    ("Memory", memory::FAMILIES),
    ("Memory: paging and reclaim", memory::reclaim::FAMILIES),
    ("Memory: nodes", memory::node::FAMILIES),
    ("Memory: huge pages", memory::pool::FAMILIES),
    ("Memory: swap", memory::swap::FAMILIES),
    ("Memory: modules", memory::module::FAMILIES),
    ("Memory: errors", memory::errors::FAMILIES),
    ("Disks", disk::FAMILIES),
    ("Facts of disks", disk_facts::FAMILIES),
    ("RAID sets", raid::FAMILIES),
    ("File systems", file_system::FAMILIES),
    ("Network", network::FAMILIES),
    ("Power and energy", power::FAMILIES),
    ("Sensors", sensor::FAMILIES),
    ("Thermal zones", thermal::FAMILIES),
    ("GPUs", gpu::FAMILIES),
    ("Pressure", pressure::FAMILIES),
    ("Competitors", process::FAMILIES),
    ("Process groups", process_group::FAMILIES),
    ("Jobs", job::FAMILIES),
    ("Progress of jobs", progress::FAMILIES),
    ("Pauses", pause::FAMILIES),
    ("Policies", policy::FAMILIES),
    ("Knobs", knob::FAMILIES),
    ("Alerts", alert::FAMILIES),
];

/// Topics that tell of the inventory alone: not drawn where it is not published.
const OF_HARDWARE: [&str; 4] = ["Inventory", "Topology", "Memory: modules", "Facts of disks"];

fn families() -> impl Iterator<Item = &'static Family> {
    TOPICS.iter().flat_map(|(_, families)| *families)
}

/// Whether the topic at this place may have samples in `snapshot`. What is not read has none by itself; what was read once is left
/// out here.
fn is_drawn(place: usize, snapshot: &Snapshot) -> bool {
    snapshot.collectors.has(Collector::Hardware)
        || TOPICS.get(place).is_some_and(|(topic, _)| !OF_HARDWARE.contains(topic))
}
