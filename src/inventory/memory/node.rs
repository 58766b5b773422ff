//! NUMA nodes and the memory on each; their distances belong to the CPUs.

use serde::Serialize;

use crate::inventory::Survey;
use crate::kernel::{Roots, attribute, file};
use crate::sample::{MemorySample, node_number};
use crate::units::{Bytes, BytesPerSecond};

/// A node with memory, CPUs or both: `/sys/devices/system/node/nodeN`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MemoryNode {
    pub node: u32,
    #[serde(rename = "total_bytes")]
    pub total: Option<Bytes>,
    /// What a copy of a large buffer by all CPUs of the node reads and writes; `None` unless it was measured.
    #[serde(rename = "bandwidth_bytes_per_second")]
    pub bandwidth: Option<BytesPerSecond>,
}

pub(super) fn read(roots: &Roots, survey: &mut Survey) -> Option<Vec<MemoryNode>> {
    let directory = roots.sys("devices/system/node");
    let names = survey.fact_if_there(attribute::entries(&directory))?;
    let numbers = names.iter().filter_map(|name| node_number(name));
    let nodes = numbers.map(|node| {
        let meminfo = file::read(&directory.join(format!("node{node}/meminfo")), MemorySample::parse);
        MemoryNode { node, total: survey.fact(meminfo).and_then(|memory| memory.total), bandwidth: None }
    });
    Some(nodes.collect())
}
