//! Memory of each NUMA node: `/sys/devices/system/node/nodeN/{meminfo,numastat}`.

use std::path::Path;

use super::fields::sample_of_lines;
use super::meminfo::MemorySample;
use crate::clock::Moment;
use crate::kernel::file::KeptFile;
use crate::kernel::{KernelError, Roots, text};
use crate::sample::listed::Listed;

/// One node.
#[derive(Debug, Clone, PartialEq)]
pub struct NodeMemory {
    pub node: u32,
    pub memory: MemorySample,
    /// `None` if the kernel does not count them.
    pub allocations: Option<NodeAllocations>,
}

sample_of_lines! {
    /// `numastat` (`Documentation/admin-guide/numastat.rst`): pages that were given out on a node.
    NodeAllocations of u64 {
        /// Here, as was wished.
        hit = b"numa_hit",
        /// Here, though another node was wished for.
        miss = b"numa_miss",
        /// Elsewhere, though this node was wished for.
        foreign = b"numa_foreign",
        interleaved = b"interleave_hit",
        /// To a CPU of this node.
        local = b"local_node",
        /// To a CPU of another node.
        other = b"other_node",
    }
}

#[derive(Debug)]
pub(super) struct Nodes(Listed<Node>);

#[derive(Debug)]
struct Node {
    number: u32,
    meminfo: KeptFile,
    numastat: KeptFile,
}

/// The number in `node3`.
pub(crate) fn node_number(name: &str) -> Option<u32> {
    name.strip_prefix("node").and_then(|number| number.parse().ok())
}

impl Nodes {
    pub fn new(roots: &Roots) -> Self {
        Self(Listed::new(roots.sys("devices/system/node")))
    }

    pub fn read(&mut self, now: Moment) -> Result<Vec<NodeMemory>, KernelError> {
        self.0.get(now, |directory, name| Ok(Node::open(directory, name)))?.iter_mut().map(Node::read).collect()
    }
}

impl Node {
    fn open(directory: &Path, name: &str) -> Option<Self> {
        let kept = |file: &str| KeptFile::new(directory.join(file));
        Some(Self { number: node_number(name)?, meminfo: kept("meminfo"), numastat: kept("numastat") })
    }

    fn read(&mut self) -> Result<NodeMemory, KernelError> {
        let allocations = match self.numastat.read(NodeAllocations::parse) {
            Err(error) if error.is_gone() => None,
            read => Some(read?),
        };
        Ok(NodeMemory { node: self.number, memory: self.meminfo.read(MemorySample::parse)?, allocations })
    }
}

impl NodeAllocations {
    fn parse(bytes: &[u8]) -> Result<Self, String> {
        let mut sample = Self::default();
        for line in text::lines(bytes) {
            let mut fields = text::fields(line);
            let (Some(key), Some(value)) = (fields.next(), fields.next().and_then(text::decimal)) else { continue };
            if let Some(field) = sample.field(key) {
                *field = Some(value);
            }
        }
        if sample == Self::default() { Err("none of the documented lines".to_owned()) } else { Ok(sample) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn allocations_are_counted_by_what_was_wished() {
        let sample = NodeAllocations::parse(b"numa_hit 5\nnuma_miss 1\ninterleave_hit 2\nother_node x\n").unwrap();
        assert_eq!((sample.hit, sample.miss, sample.interleaved), (Some(5), Some(1), Some(2)));
        assert_eq!((sample.local, sample.other), (None, None));
        assert!(NodeAllocations::parse(b"\xff\n\n").is_err() && NodeAllocations::parse(b"").is_err());
    }

    #[test]
    fn a_node_is_known_by_its_name() {
        assert_eq!(node_number("node12"), Some(12));
        for other in ["node", "nodex", "possible", "node-1", "node99999999999"] {
            assert_eq!(node_number(other), None, "{other}");
        }
    }
}
