//! The NUMA nodes: which CPUs each has, and how far it is from each other one.
//!
//! Source: `Documentation/ABI/stable/sysfs-devices-node`.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use crate::inventory::Survey;
use crate::kernel::{KernelError, Roots, attribute, file, text};

/// One NUMA node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NumaNode {
    pub node: u32,
    /// Empty for a node of memory alone.
    pub cpus: Vec<u32>,
    /// By node; 10 is its own memory, 20 twice as far.
    pub distances: BTreeMap<u32, u32>,
}

/// The nodes that are online; none where the kernel was built without NUMA.
pub(super) fn read(roots: &Roots, survey: &mut Survey) -> Vec<NumaNode> {
    let root = roots.sys("devices/system/node");
    let nodes = survey.fact_if_there(attribute::cpu_list(&root.join("online"))).unwrap_or_default();
    let node = |node: &u32| {
        let directory = root.join(format!("node{node}"));
        let cpus = survey.fact(attribute::cpu_list(&directory.join("cpulist"))).unwrap_or_default();
        let distances = survey.fact(distances(&directory.join("distance"), &nodes)).unwrap_or_default();
        NumaNode { node: *node, cpus, distances }
    };
    nodes.iter().map(node).collect()
}

/// One number for each node that is online, in their order.
fn distances(path: &Path, nodes: &[u32]) -> Result<BTreeMap<u32, u32>, KernelError> {
    file::read(path, |bytes| {
        let number = |field| text::decimal(field).and_then(|distance| u32::try_from(distance).ok());
        let distances: Option<Vec<u32>> = text::fields(bytes).map(number).collect();
        let distances = distances.filter(|distances| distances.len() == nodes.len());
        let distances = distances.ok_or_else(|| format!("not one distance for each of {} nodes", nodes.len()))?;
        Ok(nodes.iter().copied().zip(distances).collect())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::fixture::Fixture;

    #[test]
    fn nodes_have_cpus_and_distances() {
        let fixture = Fixture::new();
        fixture
            .file("sys/devices/system/node/online", "0,2\n")
            .file("sys/devices/system/node/node0/cpulist", "0-3\n")
            .file("sys/devices/system/node/node0/distance", "10 21\n")
            .file("sys/devices/system/node/node2/cpulist", "\n")
            .file("sys/devices/system/node/node2/distance", "21 10\n");
        let nodes = read(&fixture.roots, &mut Survey::default());
        let first = NumaNode { node: 0, cpus: vec![0, 1, 2, 3], distances: [(0, 10), (2, 21)].into() };
        let second = NumaNode { node: 2, cpus: vec![], distances: [(0, 21), (2, 10)].into() };
        assert_eq!(nodes, [first, second]);
    }

    #[test]
    fn distances_that_are_cut_or_no_numbers_are_not_known() {
        for bad in ["", "10 21 21\n", "10 x\n", "10 -1\n", "10 99999999999\n"] {
            let fixture = Fixture::new();
            fixture
                .file("sys/devices/system/node/online", "0-1\n")
                .file("sys/devices/system/node/node0/cpulist", "0\n")
                .file("sys/devices/system/node/node0/distance", bad);
            let nodes = read(&fixture.roots, &mut Survey::default());
            assert!(nodes[0].distances.is_empty() && nodes[0].cpus == [0], "{bad:?}");
        }
    }

    #[test]
    fn a_kernel_without_numa_lacks_nothing() {
        let mut survey = Survey::default();
        assert_eq!(read(&Fixture::new().roots, &mut survey), []);
        assert_eq!(survey.close(std::time::UNIX_EPOCH, ()).problems, [] as [String; 0]);
    }
}
