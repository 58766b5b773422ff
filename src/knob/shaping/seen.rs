//! What the kernel shows of an interface, and whose work it is: its own, ours, or somebody else's.
//!
//! Ours is known by its number and by being in every part as we would have made it: whoever adds to it or changes it makes it
//! his own, and it is left alone.

use super::blueprint::{self, MAJOR, REST, ROOT};
use super::rules::Way;
use crate::kernel::link::Link;
use crate::kernel::nftables::FoundTable;
use crate::kernel::traffic::{Filter, Handle, HtbClass, Qdisc};
use crate::shaping::Lane;

/// The filter that sends what arrives to the `ifb` has this priority.
pub const REDIRECT_PRIORITY: u16 = MAJOR;

/// The queues of one interface as they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    pub link: Link,
    pub queues: Queues,
    pub out_table: Option<FoundTable>,
    /// Filters that arriving packets meet.
    pub arriving: Vec<Filter>,
    /// Filters at the root, which none of ours has.
    pub leaving: Vec<Filter>,
    /// The interface by which arriving packets are queued, if there is one of the name that ours would have.
    pub ifb: Option<SeenIfb>,
    pub in_table: Option<FoundTable>,
    /// `net.core.default_qdisc`; `None` where it cannot be read, as in a network namespace of a container.
    pub default_kind: Option<String>,
}

/// Queueing disciplines and classes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Queues {
    pub qdiscs: Vec<Qdisc>,
    pub classes: Vec<Result<HtbClass, Handle>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenIfb {
    pub link: Link,
    pub queues: Queues,
    pub leaving: Vec<Filter>,
}

/// Whose work one direction is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// As the kernel made it.
    Untouched,
    Ours(Lane),
    /// Of ours, but not all of it: whoever made it or removed it was interrupted.
    Partial,
    /// Somebody else's, and what of it.
    Foreign(String),
}

impl Seen {
    pub fn out_way(&self) -> Way {
        Way::Out { interface: self.link.index }
    }

    pub fn into_way(&self) -> Way {
        Way::Into { interface: self.link.index, ifb: ifb_name(self.link.index) }
    }

    pub fn found_out(&self) -> Found {
        tree(&self.out_way(), &self.queues, &self.leaving, self.out_table.as_ref())
    }

    pub fn found_in(&self) -> Found {
        let ingress = self.queues.qdiscs.iter().find(|qdisc| qdisc.parent == Handle::INGRESS);
        let Some(ifb) = &self.ifb else {
            return match ingress {
                Some(qdisc) => Found::Foreign(format!("arriving packets have a {} already", qdisc.kind)),
                None if self.in_table.is_some() => Found::Partial,
                None => Found::Untouched,
            };
        };
        if !ifb.link.is_ifb() || ifb.link.alias.as_deref() != Some(alias(&self.link).as_str()) {
            return Found::Foreign(format!("the interface {} is not ours", ifb.link.name));
        }
        if let Some(qdisc) = ingress.filter(|qdisc| qdisc.kind != "ingress") {
            return Found::Foreign(format!("arriving packets have a {} already", qdisc.kind));
        }
        let is_ours = |filter: &Filter| {
            filter.priority == REDIRECT_PRIORITY && filter.redirects_to == Some(ifb.link.index)
        };
        if let Some(filter) = self.arriving.iter().find(|filter| !is_ours(filter)) {
            return Found::Foreign(format!("arriving packets meet a filter of kind {} already", filter.kind));
        }
        let is_joined = ingress.is_some() && self.arriving.len() == 1 && ifb.link.is_up;
        match tree(&self.into_way(), &ifb.queues, &ifb.leaving, self.in_table.as_ref()) {
            Found::Ours(lane) if is_joined => Found::Ours(lane),
            Found::Foreign(reason) => Found::Foreign(format!("{}: {reason}", ifb.link.name)),
            Found::Ours(_) | Found::Partial | Found::Untouched => Found::Partial,
        }
    }

    /// Why the kernel would not put back by itself what is there now.
    pub fn is_lost_if_replaced(&self) -> Option<String> {
        let standard = self.default_kind.as_deref()?;
        let kinds = self.queues.qdiscs.iter().filter(|qdisc| qdisc.handle == Handle::NONE && qdisc.kind != "mq");
        let odd = kinds.map(|qdisc| qdisc.kind.as_str()).find(|kind| *kind != standard && *kind != "noqueue")?;
        Some(format!(
            "its queue is {odd}, which would come back as {standard}: net.core.default_qdisc was changed since it came up"
        ))
    }
}

/// Name of the `ifb` for an interface of that number; fits the kernel's 15 bytes up to nine digits.
pub fn ifb_name(interface: u32) -> String {
    format!("pw-in-{interface}")
}

/// What the `ifb` of an interface is marked with.
pub fn alias(link: &Link) -> String {
    format!("plotwarden: what arrives at {}", link.name)
}

/// Whose work the queues are that packets leave by.
fn tree(way: &Way, queues: &Queues, leaving: &[Filter], table: Option<&FoundTable>) -> Found {
    let Some(root) = queues.qdiscs.iter().find(|qdisc| qdisc.parent == Handle::ROOT) else {
        return if table.is_some() { Found::Partial } else { Found::Untouched };
    };
    if root.handle.major() == 0 {
        return if table.is_some() { Found::Partial } else { Found::Untouched };
    }
    if root.handle != ROOT || root.kind != "htb" || root.default_class != Some(u32::from(REST)) {
        return Found::Foreign(format!("its queue is {} {}, which somebody has set up", root.kind, root.handle));
    }
    if let Some(filter) = leaving.first() {
        return Found::Foreign(format!("our queue has a filter of kind {} that is not ours", filter.kind));
    }
    let below = queues.qdiscs.iter().filter(|qdisc| qdisc.parent.major() == MAJOR && qdisc.parent != Handle::ROOT);
    if let Some(other) = below.clone().find(|qdisc| !is_leaf(qdisc)) {
        return Found::Foreign(format!("our queue has a {} {} in it that is not ours", other.kind, other.handle));
    }
    let mut classes = Vec::new();
    for class in &queues.classes {
        match class {
            Ok(class) if blueprint::conforms(class) => classes.push(*class),
            Ok(HtbClass { handle, .. }) | Err(handle) if handle.major() == MAJOR => {
                return Found::Foreign(format!("the class {handle} is not as we made it"));
            }
            // Queues within classes have classes of their own.
            Ok(_) | Err(_) => {}
        }
    }
    let Some(table) = table else { return lane_without_rules(&classes) };
    let is_chain = matches!(&table.chains[..], [chain] if chain.hook == Some(way.hook()));
    if !is_chain && !table.chains.is_empty() {
        return Found::Foreign(format!("the packet rules {} are not as we made them", way.table_name()));
    }
    match blueprint::lane_of(&classes) {
        Some(lane) if lane.classes.is_empty() && table.rules.is_empty() => Found::Ours(lane),
        Some(lane) => match way.read_into(lane, &table.rules) {
            Some(lane) if lane.classes.iter().all(|class| !class.traffic.is_empty()) => Found::Ours(lane),
            Some(_) => Found::Partial,
            None => Found::Foreign(format!("the packet rules {} are not as we made them", way.table_name())),
        },
        None => Found::Partial,
    }
}

/// A lane without classes needs no rules.
fn lane_without_rules(classes: &[HtbClass]) -> Found {
    match blueprint::lane_of(classes) {
        Some(lane) if lane.classes.is_empty() => Found::Ours(lane),
        Some(_) | None => Found::Partial,
    }
}

/// The queue that we give a class, or the one that it has by itself.
fn is_leaf(qdisc: &Qdisc) -> bool {
    qdisc.handle.major() == 0 || (qdisc.handle == blueprint::leaf(qdisc.parent) && qdisc.kind == "fq_codel")
}
