//! How packets that leave come to their class: rules of nftables that write the number of the class into the packet's priority, where the
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

use super::blueprint::{MAJOR, REST, put_in_order};
use crate::kernel::nftables::{Expression, Header, Meta, Rule, Table};
use crate::kernel::traffic::Handle;
use crate::shaping::{Dscp, Flow, Lane, Traffic, TrafficClass, Transport};

/// Where the two ways of writing an address have their parts.
struct Layout {
    family: u8,
    destination: u32,
    length: u32,
    /// Which bits of the first two bytes are not the code point, how far it is shifted, and where the sum over the header is.
    keep: [u8; 2],
    shift: u32,
    checksum: Option<u32>,
}

const IPV4: Layout = Layout { family: 2, destination: 16, length: 4, keep: [0xff, 0x03], shift: 2, checksum: Some(10) };
const IPV6: Layout = Layout { family: 10, destination: 24, length: 16, keep: [0xf0, 0x3f], shift: 6, checksum: None };
/// What names of tables begin with.
pub const TABLE: &str = "plotwarden-";
const CHAIN: &str = "classify";
/// Ports stand first in the headers of TCP and of UDP.
const SOURCE_PORT: u32 = 0;
const DESTINATION_PORT: u32 = 2;

/// Name of the table for an interface of that number.
pub fn table_name(interface: u32) -> String {
    format!("{TABLE}{interface}")
}

/// The table of a lane.
pub fn table(interface: u32, lane: &Lane) -> Table {
    Table { name: table_name(interface), chain: CHAIN.to_owned(), rules: rules(interface, lane) }
}

/// Gives the classes of `lane` the traffic that these rules send to them; `None` if they are not as we would have written them.
pub fn read_into(interface: u32, mut lane: Lane, found: &[Option<Rule>]) -> Option<Lane> {
    let mut dscp = None;
    let mut order: Vec<u16> = Vec::new();
    for rule in found {
        let rule = rule.as_ref()?;
        if let Some(marked) = rule.iter().rev().nth(1).and_then(code_point) {
            dscp = Some(marked);
            continue;
        }
        let number = rule.iter().find_map(class_number)?;
        let class = lane.classes.iter_mut().find(|class| class.number == number)?;
        class.traffic.push(traffic(rule)?);
        class.dscp = dscp.take();
        if !order.contains(&number) {
            order.push(number);
        }
    }
    // Which class is asked first is seen in the rules only.
    put_in_order(&mut lane, &order);
    let written = rules(interface, &lane);
    let is_same =
        written.len() == found.len() && written.iter().zip(found).all(|(ours, found)| Some(ours) == found.as_ref());
    is_same.then_some(lane)
}

fn rules(interface: u32, lane: &Lane) -> Vec<Rule> {
    let pairs = lane.classes.iter().flat_map(|class| class.traffic.iter().map(move |traffic| (class, traffic)));
    pairs.flat_map(|(class, traffic)| of_traffic(interface, class, traffic)).collect()
}

fn of_traffic(interface: u32, class: &TrafficClass, traffic: &Traffic) -> Vec<Rule> {
    let mut rules = Vec::new();
    if let Some(dscp) = class.dscp {
        let of_version = |layout| Some([matching(interface, traffic, Some(layout))?, mark(layout, dscp)].concat());
        rules.extend([&IPV4, &IPV6].into_iter().filter_map(of_version));
    }
    let number = Handle::new(MAJOR, class.number);
    let classify = vec![Expression::Number(number.0), Expression::SetPriority, Expression::Accept];
    rules.extend(matching(interface, traffic, None).map(|matching| [matching, classify].concat()));
    rules
}

/// The steps that only packets of this traffic pass; `None` if no packet of that version can.
fn matching(interface: u32, traffic: &Traffic, version: Option<&Layout>) -> Option<Rule> {
    let mut steps = equal(Meta::Interface, &interface.to_ne_bytes()).to_vec();
    let address = match traffic {
        Traffic::Flow(flow) => flow.remote,
        Traffic::Group { .. } => None,
    };
    let told = address.map(|address| if address.is_ipv4() { &IPV4 } else { &IPV6 });
    if told.zip(version).is_some_and(|(told, version)| told.family != version.family) {
        return None;
    }
    steps.extend(told.or(version).into_iter().flat_map(|layout| equal(Meta::Family, &[layout.family])));
    match traffic {
        Traffic::Group { inode, level } => {
            steps.push(Expression::LoadGroup { level: *level });
            steps.push(Expression::Equals(inode.to_ne_bytes().to_vec()));
        }
        Traffic::Flow(flow) => steps.extend(flow_steps(flow)),
    }
    Some(steps)
}

fn flow_steps(flow: &Flow) -> Rule {
    let mut steps = Vec::new();
    if let Some(address) = flow.remote {
        let (layout, bytes) = match address {
            IpAddr::V4(address) => (&IPV4, address.octets().to_vec()),
            IpAddr::V6(address) => (&IPV6, address.octets().to_vec()),
        };
        let (offset, length) = (layout.destination, layout.length);
        steps.push(Expression::LoadBytes { from: Header::Network, offset, length });
        steps.push(Expression::Equals(bytes));
    }
    if let Some(transport) = flow.transport {
        steps.extend(equal(Meta::Transport, &[transport.number()]));
    }
    for (offset, port) in [(SOURCE_PORT, flow.local_port), (DESTINATION_PORT, flow.remote_port)] {
        let Some(port) = port else { continue };
        steps.push(Expression::LoadBytes { from: Header::Transport, offset, length: 2 });
        steps.push(Expression::Equals(port.to_be_bytes().to_vec()));
    }
    steps
}

/// The traffic of a rule, read loosely: whether it is all that the rule says is seen when it is written again.
fn traffic(rule: &[Expression]) -> Option<Traffic> {
    let mut flow = Flow::default();
    for pair in rule.windows(2) {
        let Expression::Equals(bytes) = &pair[1] else { continue };
        let port = || Some(u16::from_be_bytes(bytes.clone().try_into().ok()?));
        match pair[0] {
            Expression::LoadGroup { level } => {
                let inode = u64::from_ne_bytes(bytes.clone().try_into().ok()?);
                return Some(Traffic::Group { inode, level });
            }
            Expression::Load(Meta::Transport) => flow.transport = Transport::of_number(*bytes.first()?),
            Expression::LoadBytes { from: Header::Network, .. } => flow.remote = address(bytes),
            Expression::LoadBytes { from: Header::Transport, offset: SOURCE_PORT, .. } => flow.local_port = port(),
            Expression::LoadBytes { from: Header::Transport, .. } => flow.remote_port = port(),
            _ => {}
        }
    }
    Some(Traffic::Flow(flow))
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
