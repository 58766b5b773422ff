//! The one filter that is needed: everything that arrives at an interface goes to another one, so that it can be queued there.
//!
//! Source: `net/sched/cls_u32.c`, `net/sched/act_mirred.c`. `u32` is the classifier that every kernel has which has any.

use super::{Handle, TCA_KIND, TCA_OPTIONS, place, placed};
use crate::kernel::netlink::message::{Attributes, Message, Received, find, number32, text};
use crate::kernel::netlink::{NLM_F_ACK, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REQUEST};

const NEW: u16 = 44;
const GET: u16 = 46;
/// `ETH_P_ALL` in the byte order of the network.
const ALL_PROTOCOLS: u32 = 0x0003_u16.to_be() as u32;
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
/// `struct tc_u32_sel` with one key: the first word of the packet under a mask of nothing.
const SELECTOR: usize = 32;
/// Where `tc_mirred` has what is done, and to which interface.
const ACTION: usize = 20;
const TARGET: usize = 24;

/// A filter that is there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Filter {
    pub parent: Handle,
    /// Such as `u32`, `flower`, `bpf`.
    pub kind: String,
    /// Smaller is asked sooner.
    pub priority: u16,
    /// The interface to which it sends everything, if that is what it does.
    pub redirects_to: Option<u32>,
}

impl Filter {
    pub(super) fn question(interface: u32, parent: Handle) -> Message {
        Message::new(GET, NLM_F_REQUEST, &place(interface, Handle::NONE, parent, 0), &Attributes::new())
    }

    /// `None` for what is no filter: the table in which `u32` keeps them, and the classifier as such.
    pub(super) fn parse(received: &Received<'_>, interface: u32) -> Option<Self> {
        let (place, attributes) = placed(received, NEW)?;
        let options = find(attributes, TCA_OPTIONS);
        let kind = text(find(attributes, TCA_KIND)?);
        let is_one = kind != "u32" || options.is_some_and(|options| find(options, TCA_U32_SEL).is_some());
        if place.interface != interface || !is_one || options.is_none() {
            return None;
        }
        let is_whole = place.info & 0xffff == ALL_PROTOCOLS && kind == "u32";
        let redirects_to = options.filter(|_| is_whole).and_then(redirection);
        Some(Self { parent: place.parent, kind, priority: Handle(place.info).major(), redirects_to })
    }

    /// Everything that passes the ingress of `interface` is sent by the interface `to`.
    pub(super) fn redirect(interface: u32, priority: u16, to: u32) -> Message {
        let mut parameters = [0_u32; 7];
        [parameters[2], parameters[5], parameters[6]] = [STOLEN, REDIRECT, to];
        let parameters: Vec<u8> = parameters.into_iter().flat_map(u32::to_ne_bytes).collect();
        let mirred = Attributes::new()
            .with_text(TCA_ACT_KIND, "mirred")
            .with_nested(TCA_ACT_OPTIONS, &Attributes::new().with(TCA_MIRRED_PARMS, &parameters));
        let options = Attributes::new()
            .with(TCA_U32_SEL, &everything())
            .with_nested(TCA_U32_ACT, &Attributes::new().with_nested(1, &mirred));
        let attributes = Attributes::new().with_text(TCA_KIND, "u32").with_nested(TCA_OPTIONS, &options);
        let info = u32::from(priority) << 16 | ALL_PROTOCOLS;
        let flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
        let place = place(interface, Handle::NONE, Handle::INGRESS_QDISC, info);
        Message::new(NEW, flags, &place, &attributes)
    }
}

/// The selector that every packet fits.
fn everything() -> [u8; SELECTOR] {
    let mut selector = [0; SELECTOR];
    selector[0] = TERMINAL;
    let keys = 1;
    selector[2] = keys;
    selector
}

/// The interface to which a filter for every packet sends it, if it does nothing else.
fn redirection(options: &[u8]) -> Option<u32> {
    let selector = find(options, TCA_U32_SEL)?;
    // The mask of the only key.
    if selector.get(2) != Some(&1) || number32(selector, 16)? != 0 {
        return None;
    }
    let actions = find(options, TCA_U32_ACT)?;
    let first = find(actions, 1)?;
    if find(actions, 2).is_some() || text(find(first, TCA_ACT_KIND)?) != "mirred" {
        return None;
    }
    let parameters = find(find(first, TCA_ACT_OPTIONS)?, TCA_MIRRED_PARMS)?;
    (number32(parameters, ACTION)? == REDIRECT).then(|| number32(parameters, TARGET)).flatten()
}
