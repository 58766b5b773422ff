//! The memory: how much there is, of what modules, on which nodes, and what it is divided into.

mod bandwidth;
mod channel;
mod controller;
mod huge_pages;
mod module;
mod node;
mod page_size;
mod swap;

use serde::Serialize;

use super::Survey;
use crate::kernel::{Roots, file};
use crate::sample::MemorySample;
use crate::units::Bytes;

pub use bandwidth::measure_bandwidth;
pub use controller::MemoryController;
pub use huge_pages::{HugePagePool, NodePool, TransparentHugePages};
pub use module::MemoryModule;
pub use node::MemoryNode;
pub use swap::{CompressedDisk, SwapSpace, Zswap};

use module::Board;

/// Facts about the memory. A list that is absent is unknown, or of something that this machine does not have; one that is
/// empty is known to be empty.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Memory {
    #[serde(rename = "total_bytes")]
    pub total: Option<Bytes>,
    /// At the time of discovery, what a new program could get without swapping.
    #[serde(rename = "available_bytes")]
    pub available: Option<Bytes>,
    #[serde(rename = "swap_total_bytes")]
    pub swap_total: Option<Bytes>,
    #[serde(rename = "page_size_bytes")]
    pub page_size: Option<Bytes>,
    /// Slots for modules, whether used or not.
    pub slots: Option<u32>,
    pub populated_slots: Option<u32>,
    /// Memory channels with a module; bandwidth comes from their number.
    pub populated_channels: Option<u32>,
    /// What the board can take.
    #[serde(rename = "largest_possible_bytes")]
    pub largest_possible: Option<Bytes>,
    /// `none`, `parity`, `single-bit ECC`, `multi-bit ECC` or `CRC`.
    pub error_correction: Option<&'static str>,
    pub transparent_huge_pages: Option<TransparentHugePages>,
    pub zswap: Option<Zswap>,
    pub modules: Option<Vec<MemoryModule>>,
    pub controllers: Option<Vec<MemoryController>>,
    pub nodes: Option<Vec<MemoryNode>>,
    pub huge_page_pools: Option<Vec<HugePagePool>>,
    pub swap_spaces: Option<Vec<SwapSpace>>,
    pub compressed_disks: Option<Vec<CompressedDisk>>,
}

impl Memory {
    pub(super) fn read(roots: &Roots, survey: &mut Survey) -> Self {
        let meminfo = survey.fact(file::read(&roots.proc("meminfo"), MemorySample::parse));
        let meminfo = meminfo.unwrap_or_default();
        let board = Board::read(roots, survey).unwrap_or_default();
        let controllers = controller::read(roots, survey);
        let channels = board.populated_channels.or_else(|| controller::populated_channels(controllers.as_deref()?));
        let memory = Self {
            total: survey.known(meminfo.total),
            available: survey.known(meminfo.available),
            swap_total: survey.known(meminfo.swap_total),
            page_size: survey.fact(page_size::read(roots)),
            slots: board.slots,
            populated_slots: board.populated_slots,
            populated_channels: channels,
            largest_possible: board.largest_possible,
            error_correction: board.error_correction,
            transparent_huge_pages: TransparentHugePages::read(roots, survey),
            zswap: Zswap::read(roots, survey),
            modules: board.modules,
            controllers,
            nodes: node::read(roots, survey),
            huge_page_pools: huge_pages::read(roots, survey),
            swap_spaces: swap::spaces(roots, survey),
            compressed_disks: swap::compressed_disks(roots, survey),
        };
        memory.doubt_what_cannot_be(survey);
        memory
    }

    fn doubt_what_cannot_be(&self, survey: &mut Survey) {
        let on_modules = self.modules.iter().flatten().map(|module| module.size).sum_known();
        if let (Some(total), Some(on_modules)) = (self.total, on_modules)
            && total > on_modules
        {
            survey.doubt(format!("the kernel manages {total}, but the modules have no more than {on_modules}"));
        }
        let on_nodes = self.nodes.iter().flatten().map(|node| node.total).sum_known();
        if let (Some(total), Some(on_nodes)) = (self.total, on_nodes)
            && total.0.abs_diff(on_nodes.0) > total.0 / 10
        {
            survey.doubt(format!("the kernel manages {total}, but {on_nodes} on its nodes"));
        }
    }
}

/// The sum of sizes; `None` if there are none, or one is not known.
trait SumKnown {
    fn sum_known(self) -> Option<Bytes>;
}

impl<I: Iterator<Item = Option<Bytes>>> SumKnown for I {
    fn sum_known(mut self) -> Option<Bytes> {
        let first = self.next()??.0;
        self.try_fold(first, |sum, size| sum.checked_add(size?.0)).map(Bytes)
    }
}

#[cfg(test)]
mod tests;
