//! Filters that look at words of a packet, and give it to a class or to another interface.
//!
//! Source: `net/sched/cls_u32.c`, `net/sched/act_mirred.c`. `u32` is the classifier that every kernel has which has any.

use super::{Handle, TCA_KIND, TCA_OPTIONS, place, placed};
use crate::kernel::netlink::message::{Attributes, Message, Received, find, number32, text};
use crate::kernel::netlink::{NLM_F_ACK, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REQUEST};

const NEW: u16 = 44;
const DELETE: u16 = 45;
const GET: u16 = 46;
const TCA_U32_CLASSID: u16 = 1;
const TCA_U32_SEL: u16 = 5;
const TCA_U32_ACT: u16 = 7;
const TCA_ACT_KIND: u16 = 1;
const TCA_ACT_OPTIONS: u16 = 2;
const TCA_MIRRED_PARMS: u16 = 2;
/// `TC_ACT_STOLEN`: the packet has gone elsewhere. `TCA_EGRESS_REDIR`: it is to be sent by the other interface.
const STOLEN: u32 = 4;
const REDIRECT: u32 = 1;
/// `TC_U32_TERMINAL`: no further filter is asked.
const TERMINAL: u8 = 1;
/// Lengths of `struct tc_u32_sel` and of a key behind it.
const SELECTOR: usize = 16;
const KEY: usize = 16;
/// Where `tc_mirred` has what is done, and to which interface.
const ACTION: usize = 20;
const TARGET: usize = 24;

/// Ethernet types of the packets that a filter is asked about.
pub const ALL_PROTOCOLS: u16 = 0x0003;
pub const IPV4: u16 = 0x0800;
pub const IPV6: u16 = 0x86dd;

/// A filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    pub parent: Handle,
    /// Smaller is asked sooner; no two of one parent have the same.
    pub priority: u16,
    pub protocol: u16,
    pub kind: FilterKind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FilterKind {
    /// Packets that have all these words.
    Words(Vec<Word>, Then),
    /// One that we would not have made; what it is called, such as `flower`, `bpf`.
    Other(String),
}

/// Four bytes at an offset from the IP header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Word {
    pub offset: u32,
    pub mask: u32,
    pub value: u32,
}

/// What becomes of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// It belongs to that class.
    Class(Handle),
    /// It is sent by the interface of that number, and comes back when it has been.
    Redirect(u32),
}

impl Filter {
    pub(super) fn question(interface: u32, parent: Handle) -> Message {
        Message::new(GET, NLM_F_REQUEST, &place(interface, Handle::NONE, parent, 0), &Attributes::new())
    }

    /// `None` for what is no filter: the table in which `u32` keeps them, and the classifier as such.
    pub(super) fn parse(received: &Received<'_>, interface: u32) -> Option<Self> {
        let (place, attributes) = placed(received, NEW)?;
        let options = find(attributes, TCA_OPTIONS)?;
        let name = text(find(attributes, TCA_KIND)?);
        let is_one = name != "u32" || find(options, TCA_U32_SEL).is_some();
        if place.interface != interface || !is_one {
            return None;
        }
        let info = Handle(place.info);
        let ours = Some(options).filter(|_| name == "u32").and_then(words);
        let kind = ours.map_or_else(|| FilterKind::Other(name.clone()), |(words, then)| FilterKind::Words(words, then));
        Some(Self { parent: place.parent, priority: info.major(), protocol: u16::from_be(info.minor()), kind })
    }

    /// `None` for one that we would not make.
    pub(super) fn addition(&self, interface: u32) -> Option<Message> {
        let FilterKind::Words(words, then) = &self.kind else { return None };
        let mut selector = vec![0; SELECTOR];
        selector[0] = TERMINAL;
        selector[2] = u8::try_from(words.len()).ok()?;
        for word in words {
            selector.extend(word.mask.to_be_bytes());
            selector.extend(word.value.to_be_bytes());
            selector.extend(word.offset.to_ne_bytes());
            let indirect = 0_u32;
            selector.extend(indirect.to_ne_bytes());
        }
        let options = Attributes::new().with(TCA_U32_SEL, &selector);
        let options = match then {
            Then::Class(class) => options.with(TCA_U32_CLASSID, &class.0.to_ne_bytes()),
            Then::Redirect(to) => options.with_nested(TCA_U32_ACT, &redirection(*to)),
        };
        let attributes = Attributes::new().with_text(TCA_KIND, "u32").with_nested(TCA_OPTIONS, &options);
        let flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
        let info = Handle::new(self.priority, self.protocol.to_be()).0;
        Some(Message::new(NEW, flags, &place(interface, Handle::NONE, self.parent, info), &attributes))
    }

    /// All filters of the parent.
    pub(super) fn deletion(interface: u32, parent: Handle) -> Message {
        let place = place(interface, Handle::NONE, parent, 0);
        Message::new(DELETE, NLM_F_REQUEST | NLM_F_ACK, &place, &Attributes::new())
    }
}

/// The list of actions that has only this one.
fn redirection(to: u32) -> Attributes {
    let mut parameters = [0_u32; 7];
    [parameters[2], parameters[5], parameters[6]] = [STOLEN, REDIRECT, to];
    let parameters: Vec<u8> = parameters.into_iter().flat_map(u32::to_ne_bytes).collect();
    let mirred = Attributes::new()
        .with_text(TCA_ACT_KIND, "mirred")
        .with_nested(TCA_ACT_OPTIONS, &Attributes::new().with(TCA_MIRRED_PARMS, &parameters));
    Attributes::new().with_nested(1, &mirred)
}

/// What the options of a filter of kind `u32` say, if they say no more than ours do.
fn words(options: &[u8]) -> Option<(Vec<Word>, Then)> {
    let selector = find(options, TCA_U32_SEL)?;
    let count = usize::from(*selector.get(2)?);
    let word = |number: usize| {
        let key = selector.get(SELECTOR + KEY * number..)?;
        let [mask, value] = [number32(key, 0)?, number32(key, 4)?].map(u32::from_be);
        let is_direct = number32(key, 12)? == 0;
        is_direct.then_some(Word { offset: number32(key, 8)?, mask, value })
    };
    let words = (0..count).map(word).collect::<Option<Vec<Word>>>()?;
    let class = find(options, TCA_U32_CLASSID).and_then(|class| number32(class, 0));
    let then = match (find(options, TCA_U32_ACT), class) {
        (Some(actions), _) => Then::Redirect(redirects_to(actions)?),
        (None, class) => Then::Class(Handle(class?)),
    };
    Some((words, then))
}

fn redirects_to(actions: &[u8]) -> Option<u32> {
    let first = find(actions, 1)?;
    if find(actions, 2).is_some() || text(find(first, TCA_ACT_KIND)?) != "mirred" {
        return None;
    }
    let parameters = find(find(first, TCA_ACT_OPTIONS)?, TCA_MIRRED_PARMS)?;
    (number32(parameters, ACTION)? == REDIRECT).then(|| number32(parameters, TARGET)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::netlink::message::messages;

    #[test]
    fn a_filter_is_read_as_it_is_written() {
        let words =
            vec![Word { offset: 12, mask: u32::MAX, value: 0xc000_0202 }, Word { offset: 20, mask: 1, value: 1 }];
        for (protocol, then) in [(IPV6, Then::Class(Handle::new(0x5057, 16))), (ALL_PROTOCOLS, Then::Redirect(9))] {
            let kind = FilterKind::Words(words.clone(), then);
            let filter = Filter { parent: Handle::new(0x5057, 0), priority: 3, protocol, kind };
            let bytes = filter.addition(4).unwrap().bytes(1);
            let received = messages(&bytes).next().unwrap();
            assert_eq!(Filter::parse(&received, 4), Some(filter));
            assert_eq!(Filter::parse(&received, 5), None, "of another interface");
        }
    }
}
