//! How packets come to their class: rules of nftables that write the number of the class into the packet's priority, where the
//! token bucket looks first. No filter of traffic control is needed.
//!
//! Why so: a class cannot be found by process, only by something that a packet carries. The mark that others use for that is
//! theirs (routing, VPNs, Kubernetes), and would have to be set on the socket by the process itself. The classifier `cgroup`
//! knows version 1 only; `net_cls` would have to be mounted and filled. A program of BPF could be attached to each group, but not
//! be read by who wonders what happens on the machine, as `nft list ruleset` can be. The priority is read by queues and by
//! VLANs only, and only packets of the traffic that is shaped are changed.
//!
//! What is lost: a socket belongs to the group in which it was opened, so that connections which are older than the group
//! stay outside of it, as do those that the kernel opens for NFS, SMB or iSCSI, and those of containers with a network of their
//! own. Such are told by their addresses ([`Flow`]).

use std::net::IpAddr;

use super::blueprint::{MAJOR, REST};
use crate::kernel::nftables::{Expression, Header, Hook, Meta, Table};
use crate::kernel::traffic::Handle;
use crate::shaping::{Dscp, Flow, Lane, Traffic, TrafficClass, Transport};

/// Where the two ways of writing an address have their parts.
struct Layout {
    family: u8,
    ethernet: u16,
    source: u32,
    destination: u32,
    length: u32,
    /// Which bits of the first two bytes are not the code point, how far it is shifted, and where the sum over the header is.
    keep: [u8; 2],
    shift: u32,
    checksum: Option<u32>,
}

const IPV4: Layout = Layout {
    family: 2,
    ethernet: 0x0800,
    source: 12,
    destination: 16,
    length: 4,
    keep: [0xff, 0x03],
    shift: 2,
    checksum: Some(10),
};
const IPV6: Layout = Layout {
    family: 10,
    ethernet: 0x86dd,
    source: 8,
    destination: 24,
    length: 16,
    keep: [0xf0, 0x3f],
    shift: 6,
    checksum: None,
};
const CHAIN: &str = "classify";
/// Ports stand first in the headers of TCP and of UDP.
const SOURCE_PORT: u32 = 0;
const DESTINATION_PORT: u32 = 2;

/// Where a lane is, as its rules see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// What leaves by the interface of that number.
    Out { interface: u32 },
    /// What leaves by the `ifb` of that name, by which it arrives.
    Into { interface: u32, ifb: String },
}

impl Way {
    pub fn table_name(&self) -> String {
        match self {
            Self::Out { interface } => format!("plotwarden-out-{interface}"),
            Self::Into { interface, .. } => format!("plotwarden-in-{interface}"),
        }
    }

    pub fn hook(&self) -> Hook {
        match self {
            Self::Out { .. } => Hook::Output,
            Self::Into { ifb, .. } => Hook::Egress(ifb.clone()),
        }
    }

    /// The table of a lane.
    pub fn table(&self, lane: &Lane) -> Table {
        let (name, hook) = (self.table_name(), self.hook());
        Table { name, chain: CHAIN.to_owned(), hook, rules: self.rules(lane) }
    }

    fn rules(&self, lane: &Lane) -> Vec<Vec<Expression>> {
        let pairs = lane.classes.iter().flat_map(|class| class.traffic.iter().map(move |traffic| (class, traffic)));
        pairs.flat_map(|(class, traffic)| self.of_traffic(class, traffic)).collect()
    }

    fn of_traffic(&self, class: &TrafficClass, traffic: &Traffic) -> Vec<Vec<Expression>> {
        let mut rules = Vec::new();
        for (layout, dscp) in [&IPV4, &IPV6].into_iter().filter_map(|layout| Some((layout, class.dscp?))) {
            // A flow with an address names the version already.
            match self.matching(traffic, Some(layout)) {
                Some(matching) => rules.push([matching, mark(layout, dscp)].concat()),
                None => continue,
            }
        }
        let number = Handle::new(MAJOR, class.number);
        let classify = vec![Expression::Number(number.0), Expression::SetPriority, Expression::Accept];
        rules.extend(self.matching(traffic, None).map(|matching| [matching, classify].concat()));
        rules
    }

    /// The steps that only packets of this traffic pass; `None` if no packet of that version can.
    fn matching(&self, traffic: &Traffic, version: Option<&Layout>) -> Option<Vec<Expression>> {
        let mut steps = match self {
            Self::Out { interface } => equal(Meta::Interface, &interface.to_ne_bytes()).to_vec(),
            Self::Into { .. } => Vec::new(),
        };
        let address = match traffic {
            Traffic::Flow(flow) => flow.remote,
            Traffic::Group { .. } => None,
        };
        let told = address.map(|address| if address.is_ipv4() { &IPV4 } else { &IPV6 });
        if told.zip(version).is_some_and(|(told, version)| told.family != version.family) {
            return None;
        }
        steps.extend(told.or(version).map(|layout| self.version(layout)).into_iter().flatten());
        match traffic {
            Traffic::Group { inode, level } => {
                steps.push(Expression::LoadGroup { level: *level });
                steps.push(Expression::Equals(inode.to_ne_bytes().to_vec()));
            }
            Traffic::Flow(flow) => steps.extend(self.flow(flow)),
        }
        Some(steps)
    }

    /// A table of one interface does not know the family, and the other one has no Ethernet type yet.
    fn version(&self, layout: &Layout) -> [Expression; 2] {
        match self {
            Self::Out { .. } => equal(Meta::Family, &[layout.family]),
            Self::Into { .. } => equal(Meta::Protocol, &layout.ethernet.to_be_bytes()),
        }
    }

    fn flow(&self, flow: &Flow) -> Vec<Expression> {
        let is_out = matches!(self, Self::Out { .. });
        let mut steps = Vec::new();
        if let Some(address) = flow.remote {
            let (layout, bytes) = match address {
                IpAddr::V4(address) => (&IPV4, address.octets().to_vec()),
                IpAddr::V6(address) => (&IPV6, address.octets().to_vec()),
            };
            let offset = if is_out { layout.destination } else { layout.source };
            steps.push(Expression::LoadBytes { from: Header::Network, offset, length: layout.length });
            steps.push(Expression::Equals(bytes));
        }
        if let Some(transport) = flow.transport {
            steps.extend(equal(Meta::Transport, &[protocol(transport)]));
        }
        let (ours, theirs) = if is_out { (SOURCE_PORT, DESTINATION_PORT) } else { (DESTINATION_PORT, SOURCE_PORT) };
        for (offset, port) in [(ours, flow.local_port), (theirs, flow.remote_port)] {
            let Some(port) = port else { continue };
            steps.push(Expression::LoadBytes { from: Header::Transport, offset, length: 2 });
            steps.push(Expression::Equals(port.to_be_bytes().to_vec()));
        }
        steps
    }

    /// Gives the classes of `lane` the traffic that these rules send to them; `None` if they are not as we would have written them.
    pub fn read_into(&self, mut lane: Lane, rules: &[Option<Vec<Expression>>]) -> Option<Lane> {
        let mut dscp = None;
        let mut order: Vec<u16> = Vec::new();
        for rule in rules {
            let rule = rule.as_ref()?;
            if let Some(marked) = rule.iter().rev().nth(1).and_then(code_point) {
                dscp = Some(marked);
                continue;
            }
            let number = rule.iter().find_map(class_number)?;
            let class = lane.classes.iter_mut().find(|class| class.number == number)?;
            class.traffic.push(self.traffic(rule)?);
            class.dscp = dscp.take();
            if !order.contains(&number) {
                order.push(number);
            }
        }
        // Which class is asked first is seen in the rules only.
        lane.classes.sort_by_key(|class| order.iter().position(|number| *number == class.number));
        let written = self.rules(&lane);
        (written.len() == rules.len() && written.iter().zip(rules).all(|(ours, found)| Some(ours) == found.as_ref()))
            .then_some(lane)
    }

    /// The traffic of a rule, read loosely: whether it is all that the rule says is seen when it is written again.
    fn traffic(&self, rule: &[Expression]) -> Option<Traffic> {
        let is_out = matches!(self, Self::Out { .. });
        let mut flow = Flow::default();
        for pair in rule.windows(2) {
            let Expression::Equals(bytes) = &pair[1] else { continue };
            match pair[0] {
                Expression::LoadGroup { level } => {
                    let inode = u64::from_ne_bytes(bytes.clone().try_into().ok()?);
                    return Some(Traffic::Group { inode, level });
                }
                Expression::Load(Meta::Transport) => flow.transport = transport(*bytes.first()?),
                Expression::LoadBytes { from: Header::Network, .. } => flow.remote = address(bytes),
                Expression::LoadBytes { from: Header::Transport, offset, .. } => {
                    let port = u16::from_be_bytes(bytes.clone().try_into().ok()?);
                    let is_ours = (offset == SOURCE_PORT) == is_out;
                    *(if is_ours { &mut flow.local_port } else { &mut flow.remote_port }) = Some(port);
                }
                _ => {}
            }
        }
        Some(Traffic::Flow(flow))
    }
}

fn equal(meta: Meta, bytes: &[u8]) -> [Expression; 2] {
    [Expression::Load(meta), Expression::Equals(bytes.to_vec())]
}

/// Writes the code point into the first two bytes of the header, and leaves the other bits there as they are.
fn mark(layout: &Layout, dscp: Dscp) -> Vec<Expression> {
    let flip = (u16::from(dscp.value()) << layout.shift).to_be_bytes().to_vec();
    let (offset, length) = (0, 2);
    vec![
        Expression::LoadBytes { from: Header::Network, offset, length },
        Expression::Mask { mask: layout.keep.to_vec(), flip },
        Expression::StoreBytes { into: Header::Network, offset, length, checksum: layout.checksum },
    ]
}

fn code_point(step: &Expression) -> Option<Dscp> {
    let Expression::Mask { mask, flip } = step else { return None };
    let layout = [&IPV4, &IPV6].into_iter().find(|layout| mask == &layout.keep)?;
    let shifted = u16::from_be_bytes(flip.clone().try_into().ok()?) >> layout.shift;
    Dscp::try_from(u8::try_from(shifted).ok()?).ok()
}

fn class_number(step: &Expression) -> Option<u16> {
    let Expression::Number(number) = step else { return None };
    let handle = Handle(*number);
    (handle.major() == MAJOR && handle.minor() > REST).then(|| handle.minor())
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    match bytes.len() {
        4 => <[u8; 4]>::try_from(bytes).ok().map(IpAddr::from),
        _ => <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from),
    }
}

fn protocol(transport: Transport) -> u8 {
    match transport {
        Transport::Tcp => 6,
        Transport::Udp => 17,
    }
}

fn transport(number: u8) -> Option<Transport> {
    [Transport::Tcp, Transport::Udp].into_iter().find(|transport| protocol(*transport) == number)
}
