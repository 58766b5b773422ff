//! What the kernel shows of an interface, and whose work it is: its own, ours, or somebody else's.
//!
//! Ours is known by its number and by being in every part as we would have made it: whoever adds to it or changes it makes it
//! his own, and it is left alone.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::blueprint::{self, MAJOR, REST, ROOT};
use super::{arrivals, rules};
use crate::kernel::link::Link;
use crate::kernel::nftables::FoundTable;
use crate::kernel::traffic::{ALL_PROTOCOLS, Filter, FilterKind, Handle, HtbClass, Qdisc, Then, Word};
use crate::shaping::{Direction, Lane};

/// What names of our `ifb` begin with, and what they are marked with.
pub const IFB: &str = "pw-in-";
const MARK: &str = "plotwarden: ";

/// The queues of one interface as they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    pub link: Link,
    pub queues: Queues,
    /// Packet rules of the name that ours would have.
    pub table: Option<FoundTable>,
    /// Filters that arriving packets meet.
    pub ingress: Vec<Filter>,
    /// The interface by which arriving packets are queued, if there is one of the name that ours would have.
    pub ifb: Option<SeenIfb>,
    /// `net.core.default_qdisc`; `None` where it cannot be read, as in a network namespace of a container.
    pub default_kind: Option<String>,
}

/// Queueing disciplines, and, where the root has our number, its classes and filters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Queues {
    pub qdiscs: Vec<Qdisc>,
    pub classes: Vec<Result<HtbClass, Handle>>,
    pub filters: Vec<Filter>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenIfb {
    pub link: Link,
    pub queues: Queues,
}

/// Whose work one direction is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Found {
    /// As the kernel made it.
    Untouched,
    Ours(Lane),
    /// Of ours, but not all of it: whoever made it or removed it was interrupted.
    Partial,
    /// Somebody else's, and what of it.
    Foreign(String),
}

/// Whose work the queues are that packets leave by.
enum Bucket {
    Untouched,
    Ours(Vec<HtbClass>),
    Foreign(String),
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Untouched => f.write_str("the kernel's own queues"),
            Self::Ours(lane) => lane.fmt(f),
            Self::Partial => f.write_str("a part of our queues"),
            Self::Foreign(reason) => f.write_str(reason),
        }
    }
}

impl Seen {
    pub fn found(&self, direction: Direction) -> Found {
        match direction {
            Direction::Leaving => self.leaving(),
            Direction::Arriving => self.arriving(),
        }
    }

    fn leaving(&self) -> Found {
        let classes = match self.queues.bucket() {
            Bucket::Untouched if self.table.is_some() => return Found::Partial,
            Bucket::Untouched => return Found::Untouched,
            Bucket::Foreign(reason) => return Found::Foreign(reason),
            Bucket::Ours(classes) => classes,
        };
        if let Some(filter) = self.queues.filters.first() {
            return Found::Foreign(format!("our queue has a filter that is not ours, of priority {}", filter.priority));
        }
        let Some(lane) = blueprint::lane_of(&classes) else { return Found::Partial };
        let Some(table) = &self.table else {
            // A lane without classes needs no rules.
            return if lane.classes.is_empty() { Found::Ours(lane) } else { Found::Partial };
        };
        let is_chain = matches!(&table.chains[..], [chain] if chain.is_at_output);
        match rules::read_into(self.link.index, lane, &table.rules).filter(|_| is_chain) {
            Some(lane) if is_whole(&lane) => Found::Ours(lane),
            Some(_) => Found::Partial,
            None => {
                let name = rules::table_name(self.link.index);
                Found::Foreign(format!("the packet rules {name} are not as we made them"))
            }
        }
    }

    fn arriving(&self) -> Found {
        let ingress = self.queues.qdiscs.iter().find(|qdisc| qdisc.parent == Handle::INGRESS);
        let taken = |qdisc: &Qdisc| Found::Foreign(format!("arriving packets have a {} already", qdisc.kind));
        let Some(ifb) = &self.ifb else { return ingress.map_or(Found::Untouched, taken) };
        // One without an alias was made by us just before somebody stopped us.
        let is_marked = ifb.link.alias.as_ref().is_none_or(|given| *given == alias(&self.link));
        if !ifb.link.is_ifb() || !is_marked {
            return Found::Foreign(format!("the interface {} is not ours", ifb.link.name));
        }
        if let Some(qdisc) = ingress.filter(|qdisc| qdisc.kind != "ingress") {
            return taken(qdisc);
        }
        if let Some(filter) = self.ingress.iter().find(|filter| **filter != redirect(ifb.link.index)) {
            return Found::Foreign(format!("arriving packets meet a filter already, of priority {}", filter.priority));
        }
        let is_joined = ingress.is_some() && self.ingress.len() == 1 && ifb.link.is_up && ifb.link.alias.is_some();
        ifb.found(is_joined)
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
    format!("{IFB}{interface}")
}

/// What the `ifb` of an interface is marked with.
pub fn alias(link: &Link) -> String {
    format!("{MARK}what arrives at interface {}", link.index)
}

/// Whether it is an `ifb` that we have made.
pub fn is_marked(link: &Link) -> bool {
    link.is_ifb() && link.alias.as_ref().is_some_and(|alias| alias.starts_with(MARK))
}

/// The filter that sends all that arrives to the `ifb` of that number.
pub fn redirect(ifb: u32) -> Filter {
    let anything = Word { offset: 0, mask: 0, value: 0 };
    let kind = FilterKind::Words(vec![anything], Then::Redirect(ifb));
    Filter { parent: Handle::INGRESS_QDISC, priority: MAJOR, protocol: ALL_PROTOCOLS, kind }
}

impl SeenIfb {
    fn found(&self, is_joined: bool) -> Found {
        let classes = match self.queues.bucket() {
            Bucket::Untouched => return Found::Partial,
            Bucket::Foreign(reason) => return Found::Foreign(format!("{}: {reason}", self.link.name)),
            Bucket::Ours(classes) => classes,
        };
        let Some(lane) = blueprint::lane_of(&classes) else { return Found::Partial };
        match arrivals::read_into(lane, &self.queues.filters) {
            Some(lane) if is_joined && is_whole(&lane) && arrivals::filters(&lane) == self.queues.filters => {
                Found::Ours(lane)
            }
            Some(_) => Found::Partial,
            None => Found::Foreign(format!("the filters of {} are not as we made them", self.link.name)),
        }
    }
}

impl Queues {
    fn bucket(&self) -> Bucket {
        let root = self.qdiscs.iter().find(|qdisc| qdisc.parent == Handle::ROOT);
        let Some(root) = root.filter(|root| root.handle.major() != 0) else { return Bucket::Untouched };
        if root.handle != ROOT || root.kind != "htb" || root.default_class != Some(u32::from(REST)) {
            return Bucket::Foreign(format!("its queue is {} {}, which somebody has set up", root.kind, root.handle));
        }
        let mut below = self.qdiscs.iter().filter(|qdisc| !matches!(qdisc.parent, Handle::ROOT | Handle::INGRESS));
        if let Some(other) = below.find(|qdisc| !is_leaf(qdisc)) {
            return Bucket::Foreign(format!("our queue has a {} {} in it that is not ours", other.kind, other.handle));
        }
        let mut classes = Vec::new();
        for class in &self.classes {
            match class {
                Ok(class) if blueprint::conforms(class) => classes.push(*class),
                Ok(HtbClass { handle, .. }) | Err(handle) if handle.major() == MAJOR => {
                    return Bucket::Foreign(format!("the class {handle} is not as we made it"));
                }
                // The flows of a queue within a class are classes as well.
                Ok(_) | Err(_) => {}
            }
        }
        Bucket::Ours(classes)
    }
}

fn is_whole(lane: &Lane) -> bool {
    lane.classes.iter().all(|class| !class.traffic.is_empty())
}

/// The queue that we give a class, or the one that it has by itself.
fn is_leaf(qdisc: &Qdisc) -> bool {
    qdisc.handle.major() == 0 || (qdisc.handle == blueprint::leaf(qdisc.parent) && qdisc.kind == "fq_codel")
}
