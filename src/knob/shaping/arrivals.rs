//! How arriving packets come to their class: by filters of traffic control on the `ifb`, which look at the packet and nothing
//! else. Neither its socket nor nftables is there yet: packets that were sent elsewhere as they arrived pass no rules on the way.

use std::net::IpAddr;

use super::blueprint::{MAJOR, REST, ROOT, put_in_order};
use crate::kernel::traffic::{Filter, FilterKind, Handle, IPV4, IPV6, Then, Word};
use crate::shaping::{Flow, Lane, Traffic, Transport};

/// Where the two versions of IP have what a flow is told by. Ports stand behind a header without options, and not in later
/// fragments.
struct Layout {
    ethernet: u16,
    /// The words that say so.
    plain: &'static [Word],
    transport: Word,
    source: u32,
    ports: u32,
}

const LAYOUTS: [Layout; 2] = [
    Layout {
        ethernet: IPV4,
        plain: &[Word { offset: 0, mask: 0x0f00_0000, value: 0x0500_0000 }, Word { offset: 4, mask: 0x1fff, value: 0 }],
        transport: Word { offset: 8, mask: 0x00ff_0000, value: 16 },
        source: 12,
        ports: 20,
    },
    Layout {
        ethernet: IPV6,
        plain: &[],
        transport: Word { offset: 4, mask: 0x0000_ff00, value: 8 },
        source: 8,
        ports: 40,
    },
];
const LOCAL_PORT: u32 = 0x0000_ffff;
const REMOTE_PORT: u32 = 0xffff_0000;

/// The filters of a lane.
pub fn filters(lane: &Lane) -> Vec<Filter> {
    let pairs = lane.classes.iter().flat_map(|class| class.traffic.iter().map(move |traffic| (class.number, traffic)));
    let words = pairs.flat_map(|(number, traffic)| {
        let of_version = |layout: &Layout| Some((layout.ethernet, number, words(layout, traffic)?));
        LAYOUTS.iter().filter_map(of_version).collect::<Vec<_>>()
    });
    let filters = words.zip(1..).map(|((protocol, number, words), priority)| {
        let kind = FilterKind::Words(words, Then::Class(Handle::new(MAJOR, number)));
        Filter { parent: ROOT, priority, protocol, kind }
    });
    filters.collect()
}

/// Gives the classes of `lane` the traffic that these filters send to them; `None` if they are not the first ones, or all, of
/// those that we would have made.
pub fn read_into(mut lane: Lane, found: &[Filter]) -> Option<Lane> {
    let mut found = found.to_vec();
    found.sort_by_key(|filter| filter.priority);
    let mut order: Vec<u16> = Vec::new();
    for filter in &found {
        let FilterKind::Words(words, Then::Class(class)) = &filter.kind else { return None };
        let number = class.minor();
        let class = lane.classes.iter_mut().find(|class| class.number == number && number > REST)?;
        let layout = LAYOUTS.iter().find(|layout| layout.ethernet == filter.protocol)?;
        let traffic = Traffic::Flow(flow(layout, words)?);
        // The second version of the same.
        if class.traffic.last() != Some(&traffic) {
            class.traffic.push(traffic);
        }
        if !order.contains(&number) {
            order.push(number);
        }
    }
    // Which class is asked first is seen in the filters only.
    put_in_order(&mut lane, &order);
    filters(&lane).starts_with(&found).then_some(lane)
}

/// The words that packets of this traffic have; `None` if no packet of that version can.
fn words(layout: &Layout, traffic: &Traffic) -> Option<Vec<Word>> {
    let Traffic::Flow(flow) = traffic else { return None };
    let mut words = Vec::new();
    if let Some(address) = flow.remote {
        let octets = match (address, layout.ethernet) {
            (IpAddr::V4(address), IPV4) => address.octets().to_vec(),
            (IpAddr::V6(address), IPV6) => address.octets().to_vec(),
            _ => return None,
        };
        let parts = octets.chunks_exact(4).filter_map(|part| part.first_chunk()).map(|part| u32::from_be_bytes(*part));
        let offsets = (layout.source..).step_by(4);
        words.extend(parts.zip(offsets).map(|(value, offset)| Word { offset, mask: u32::MAX, value }));
    }
    if let Some(transport) = flow.transport {
        let Word { offset, mask, value: shift } = layout.transport;
        words.push(Word { offset, mask, value: u32::from(transport.number()) << shift });
    }
    let ports = [(flow.local_port, LOCAL_PORT), (flow.remote_port, REMOTE_PORT)];
    let ports = ports.into_iter().filter_map(|(port, mask)| Some((u32::from(port?), mask)));
    let ports: Vec<Word> =
        ports.map(|(port, mask)| Word { offset: layout.ports, mask, value: port << mask.trailing_zeros() }).collect();
    if !ports.is_empty() {
        words.extend(layout.plain);
    }
    words.extend(ports);
    Some(words)
}

/// The flow of these words, read loosely: whether it is all that they say is seen when they are written again.
fn flow(layout: &Layout, words: &[Word]) -> Option<Flow> {
    let mut flow = Flow::default();
    let mut address = Vec::new();
    for word in words {
        let port = || u16::try_from(word.value >> word.mask.trailing_zeros()).ok();
        match (word.offset, word.mask) {
            (offset, LOCAL_PORT) if offset == layout.ports => flow.local_port = port(),
            (offset, REMOTE_PORT) if offset == layout.ports => flow.remote_port = port(),
            (offset, mask) if (offset, mask) == (layout.transport.offset, layout.transport.mask) => {
                let number = u8::try_from(word.value >> layout.transport.value).ok()?;
                flow.transport = Transport::of_number(number);
            }
            (_, u32::MAX) => address.extend(word.value.to_be_bytes()),
            _ => {}
        }
    }
    flow.remote = match address.len() {
        0 => None,
        4 => <[u8; 4]>::try_from(address).ok().map(IpAddr::from),
        _ => <[u8; 16]>::try_from(address).ok().map(IpAddr::from),
    };
    Some(flow)
}
