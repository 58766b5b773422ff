//! Memory of the machine, a file per source. What the kernel counts for the whole machine is read each tick; what changes
//! slowly, or is kept in many files, every few seconds.

mod buddy;
mod edac;
mod fields;
mod huge_pages;
mod meminfo;
mod node;
mod swap;
mod vmstat;
mod zram;

use std::sync::Arc;
use std::time::Duration;

use super::SampleProblem;
use super::collector::{Collector, Collectors};
use super::host::told;
use super::paced::Paced;
use crate::clock::Moment;
use crate::kernel::file::KeptFile;
use crate::kernel::{KernelError, Roots};

pub use buddy::FreeBlocks;
pub use edac::{ControllerErrors, ModuleErrors};
pub use huge_pages::HugePages;
pub use meminfo::MemorySample;
pub use node::{NodeAllocations, NodeMemory};
pub use swap::SwapDevice;
pub use vmstat::VmstatSample;
pub use zram::ZramUse;

pub(crate) use huge_pages::page_size as huge_page_size;
pub(crate) use node::node_number;

use buddy::Buddy;
use edac::Controllers;
use huge_pages::HugePagePools;
use node::Nodes;
use swap::Swaps;
use vmstat::VmstatReader;
use zram::ZramDevices;

const PLACES_PERIOD: Duration = Duration::from_secs(5);
const ERRORS_PERIOD: Duration = Duration::from_secs(15);

/// Where memory is and in what pieces; read every 5 s. A list is empty where the machine has nothing of the kind.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MemoryPlaces {
    pub nodes: Vec<NodeMemory>,
    pub huge_pages: Vec<HugePages>,
    pub free_blocks: Vec<FreeBlocks>,
    pub swaps: Vec<SwapDevice>,
    pub zram: Vec<ZramUse>,
    problems: Vec<SampleProblem>,
}

/// What memory controllers have counted; read every 15 s. Empty where no driver counts.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MemoryErrors {
    pub controllers: Vec<ControllerErrors>,
    problems: Vec<SampleProblem>,
}

/// All of the memory in one tick.
#[derive(Debug)]
pub(super) struct MemoryTick {
    pub memory: Option<MemorySample>,
    pub vmstat: Option<VmstatSample>,
    pub places: Arc<MemoryPlaces>,
    pub errors: Arc<MemoryErrors>,
}

/// Samples the memory; keeps its files open from tick to tick.
#[derive(Debug)]
pub(super) struct MemorySampler {
    collectors: Collectors,
    meminfo: KeptFile,
    vmstat: KeptFile,
    vmstat_lines: VmstatReader,
    files: PlaceFiles,
    places: Paced<MemoryPlaces>,
    controllers: Controllers,
    errors: Paced<MemoryErrors>,
}

#[derive(Debug)]
struct PlaceFiles {
    nodes: Nodes,
    huge_pages: HugePagePools,
    buddy: Buddy,
    swaps: Swaps,
    zram: ZramDevices,
}

impl MemorySampler {
    pub fn new(roots: &Roots) -> Self {
        Self {
            collectors: Collectors::ALL,
            meminfo: KeptFile::new(roots.proc("meminfo")),
            vmstat: KeptFile::new(roots.proc("vmstat")),
            vmstat_lines: VmstatReader::default(),
            files: PlaceFiles {
                nodes: Nodes::new(roots),
                huge_pages: HugePagePools::new(roots),
                buddy: Buddy::new(roots),
                swaps: Swaps::new(roots),
                zram: ZramDevices::new(roots),
            },
            places: Paced::new(PLACES_PERIOD),
            controllers: Controllers::new(roots),
            errors: Paced::new(ERRORS_PERIOD),
        }
    }

    pub fn collecting(self, collectors: Collectors) -> Self {
        Self { collectors, ..self }
    }

    pub fn sample(&mut self, now: Moment, problems: &mut Vec<SampleProblem>) -> MemoryTick {
        let Self { files, controllers, .. } = self;
        let is_read = |collector| self.collectors.has(collector);
        let places = is_read(Collector::MemoryPlaces).then(|| self.places.get(now, || files.read(now)));
        let errors = is_read(Collector::MemoryErrors).then(|| {
            self.errors.get(now, || {
                let mut problems = Vec::new();
                let controllers = if_there("memory_errors", controllers.read(now), &mut problems);
                MemoryErrors { controllers, problems }
            })
        });
        let vmstat = is_read(Collector::Vmstat).then(|| self.vmstat.read(|bytes| self.vmstat_lines.parse(bytes)));
        let tick = MemoryTick {
            memory: told("memory", self.meminfo.read(MemorySample::parse), problems),
            vmstat: vmstat.and_then(|read| told("vmstat", read, problems)),
            places: places.unwrap_or_default(),
            errors: errors.unwrap_or_default(),
        };
        // A problem stands until the next reading, and is not one that comes and goes.
        problems.extend(tick.places.problems.iter().chain(&tick.errors.problems).cloned());
        tick
    }
}

impl PlaceFiles {
    fn read(&mut self, now: Moment) -> MemoryPlaces {
        let mut problems = Vec::new();
        MemoryPlaces {
            nodes: if_there("memory_nodes", self.nodes.read(now), &mut problems),
            huge_pages: if_there("huge_pages", self.huge_pages.read(now), &mut problems),
            free_blocks: if_there("free_blocks", self.buddy.read(), &mut problems),
            swaps: if_there("swaps", self.swaps.read(), &mut problems),
            zram: if_there("zram", self.zram.read(now), &mut problems),
            problems,
        }
    }
}

/// A machine need not have it.
fn if_there<T>(part: &'static str, read: Result<Vec<T>, KernelError>, problems: &mut Vec<SampleProblem>) -> Vec<T> {
    match read {
        Err(error) if error.is_gone() => Vec::new(),
        read => told(part, read, problems).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests;
