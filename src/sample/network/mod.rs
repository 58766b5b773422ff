//! What passes through the network: counters and links of the interfaces, how TCP and UDP fare, and how far away the peers
//! are that the operator names.

mod counters;
mod link;
mod peer;
mod selection;
mod stack;

use std::sync::Arc;

use super::SampleProblem;
use super::collector::{Collector, Collectors};
use super::host::told;
use crate::clock::Moment;
use crate::kernel::Roots;
use crate::kernel::file::KeptFile;
use crate::kernel::interface::InterfaceName;
use crate::kernel::peer::Peer;

pub use counters::InterfaceCounters;
pub use link::{BondMembers, Link};
pub use peer::PeerSample;
pub use stack::{SocketCounts, StackSample};

use link::Links;
use peer::Peers;
use selection::Selection;
use stack::Stack;

/// One tick's measurements of the network.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct NetworkSample {
    pub interfaces: Option<Vec<InterfaceSample>>,
    /// Interfaces that are not worth a series each, see [`selection`].
    pub left_out: Option<usize>,
    pub stack: Arc<StackSample>,
    /// Those that have been asked at least once.
    pub peers: Vec<PeerSample>,
}

/// One network interface.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct InterfaceSample {
    pub device: InterfaceName,
    pub counters: InterfaceCounters,
    /// `None` before the first look at it, and while sysfs does not answer.
    pub link: Option<Arc<Link>>,
}

/// Samples the network; keeps its files open from tick to tick.
#[derive(Debug)]
pub(super) struct NetworkSampler {
    collectors: Collectors,
    dev: KeptFile,
    selection: Selection,
    links: Links,
    stack: Stack,
    peers: Peers,
}

impl NetworkSampler {
    pub(super) fn new(roots: &Roots) -> Self {
        Self {
            collectors: Collectors::ALL,
            dev: KeptFile::new(roots.proc("net/dev")),
            selection: Selection::new(roots),
            links: Links::new(roots),
            stack: Stack::new(roots),
            peers: Peers::default(),
        }
    }

    pub(super) fn with_peers(self, peers: Vec<Peer>) -> Self {
        Self { peers: Peers::new(peers), ..self }
    }

    pub(super) fn collecting(self, collectors: Collectors) -> Self {
        Self { collectors, ..self }
    }

    pub(super) fn sample(&mut self, now: Moment, problems: &mut Vec<SampleProblem>) -> NetworkSample {
        let is_read = |collector| self.collectors.has(collector);
        let interfaces = is_read(Collector::Network);
        let interfaces = interfaces.then(|| told("interfaces", self.dev.read(counters::parse_all), problems));
        let mut interfaces = interfaces.flatten();
        let left_out = interfaces.as_mut().map(|interfaces| self.selection.leave_out(interfaces, now));
        if let Some(interfaces) = interfaces.as_mut().filter(|_| is_read(Collector::Links)) {
            self.links.add_to(interfaces, now, problems);
        }
        let stack = if is_read(Collector::Sockets) { self.stack.sample(now, problems) } else { Arc::default() };
        NetworkSample { interfaces, left_out, stack, peers: self.peers.sample(now) }
    }
}
