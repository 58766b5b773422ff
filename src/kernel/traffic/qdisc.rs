//! Queueing disciplines as netlink tells and takes them.
//!
//! Source: `include/uapi/linux/pkt_sched.h`, `net/sched/sch_api.c`, `net/sched/sch_htb.c`.

use super::{Handle, TCA_KIND, TCA_OPTIONS, place, placed};
use crate::kernel::netlink::message::{Attributes, Message, Received, find, number32, text};
use crate::kernel::netlink::{NLM_F_ACK, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REQUEST};

const NEW: u16 = 36;
const DELETE: u16 = 37;
pub(super) const GET: u16 = 38;
/// Also those that a class has by itself are told.
const TCA_DUMP_INVISIBLE: u16 = 10;
const TCA_HTB_INIT: u16 = 2;
/// `TCA_HTB_INIT`: version of the interface, divisor for quanta that are not given.
const HTB_VERSION: u32 = 3;
const HTB_RATE_TO_QUANTUM: u32 = 10;

/// A queueing discipline that is there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Qdisc {
    pub handle: Handle,
    pub parent: Handle,
    /// Such as `htb`, `mq`, `fq_codel`.
    pub kind: String,
    /// Of `htb`: the minor number of the class that takes what no rule speaks of; 0 for none.
    pub default_class: Option<u32>,
}

/// A queueing discipline to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NewQdisc {
    /// Hierarchical token bucket: classes with a rate and a ceiling.
    Htb { default_class: u16 },
    /// A queue with fairness between flows and a bound on the time that packets wait.
    FqCodel,
    /// What packets pass as they arrive; it queues nothing.
    Ingress,
}

impl Qdisc {
    pub(super) fn question(interface: u32) -> Message {
        let attributes = Attributes::new().with(TCA_DUMP_INVISIBLE, &[]);
        Message::new(GET, NLM_F_REQUEST, &place(interface, Handle::NONE, Handle::NONE, 0), &attributes)
    }

    /// `None` for one of another interface.
    pub(super) fn parse(received: &Received<'_>, interface: u32) -> Option<Self> {
        let (place, attributes) = placed(received, NEW)?;
        if place.interface != interface {
            return None;
        }
        let kind = text(find(attributes, TCA_KIND)?);
        let htb = find(attributes, TCA_OPTIONS).filter(|_| kind == "htb").and_then(|htb| find(htb, TCA_HTB_INIT));
        let default_class = htb.and_then(|init| number32(init, 8));
        Some(Self { handle: place.handle, parent: place.parent, kind, default_class })
    }

    /// What to make it with; the kernel refuses if there is already another one that is not its own default.
    pub(super) fn addition(interface: u32, parent: Handle, handle: Handle, new: NewQdisc) -> Message {
        let (kind, options) = match new {
            NewQdisc::Htb { default_class } => {
                let global = [HTB_VERSION, HTB_RATE_TO_QUANTUM, u32::from(default_class), 0, 0];
                let global: Vec<u8> = global.into_iter().flat_map(u32::to_ne_bytes).collect();
                ("htb", Some(Attributes::new().with(TCA_HTB_INIT, &global)))
            }
            NewQdisc::FqCodel => ("fq_codel", None),
            NewQdisc::Ingress => ("ingress", None),
        };
        let attributes = Attributes::new().with_text(TCA_KIND, kind);
        let attributes = match options {
            Some(options) => attributes.with_nested(TCA_OPTIONS, &options),
            None => attributes,
        };
        let flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
        Message::new(NEW, flags, &place(interface, handle, parent, 0), &attributes)
    }

    /// With everything below it; the kernel refuses if what is there has another handle.
    pub(super) fn deletion(interface: u32, parent: Handle, handle: Handle) -> Message {
        Message::new(DELETE, NLM_F_REQUEST | NLM_F_ACK, &place(interface, handle, parent, 0), &Attributes::new())
    }
}
