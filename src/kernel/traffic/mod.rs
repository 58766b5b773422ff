//! Traffic control: the queues that packets pass on their way out of an interface, and into it.
//!
//! Source: `include/uapi/linux/rtnetlink.h`; the words are those of tc(8), which is not needed. All of it is about the network
//! namespace in which the socket was opened.

mod class;
mod filter;
mod handle;
mod qdisc;

use nix::sys::socket::SockProtocol;

use super::KernelError;
use super::netlink::Netlink;
use super::netlink::message::{Received, number32};

pub use class::{HtbClass, Put, ticks};
pub use filter::{ALL_PROTOCOLS, Filter, FilterKind, IPV4, IPV6, Then, Word};
pub use handle::Handle;
pub use qdisc::{NewQdisc, Qdisc};

const TCA_KIND: u16 = 1;
const TCA_OPTIONS: u16 = 2;
/// Length of `struct tcmsg`.
const PLACE: usize = 20;

/// What the queues of interfaces are asked and told by.
#[derive(Debug)]
pub struct TrafficControl {
    netlink: Netlink,
}

/// The `struct tcmsg` before the attributes.
struct Place {
    interface: u32,
    handle: Handle,
    parent: Handle,
    /// Of a filter: priority and protocol.
    info: u32,
}

impl TrafficControl {
    pub fn open() -> Result<Self, KernelError> {
        Netlink::open(SockProtocol::NetlinkRoute).map(|netlink| Self { netlink })
    }

    /// All queueing disciplines of an interface, those of classes included, and also those that tc(8) does not show.
    pub fn qdiscs(&mut self, interface: u32) -> Result<Vec<Qdisc>, KernelError> {
        let question = Qdisc::question(interface);
        self.netlink.dump("queueing disciplines", &question, |received| Qdisc::parse(received, interface))
    }

    /// The classes of the token bucket; one of another discipline as its handle only.
    pub fn classes(&mut self, interface: u32) -> Result<Vec<Result<HtbClass, Handle>>, KernelError> {
        let question = HtbClass::question(interface);
        self.netlink.dump("classes", &question, |received| HtbClass::parse(received, interface))
    }

    /// The filters that packets meet at `parent`.
    pub fn filters(&mut self, interface: u32, parent: Handle) -> Result<Vec<Filter>, KernelError> {
        let question = Filter::question(interface, parent);
        self.netlink.dump("filters", &question, |received| Filter::parse(received, interface))
    }

    /// # Errors
    /// `EEXIST` if the place is taken by one that the kernel has not put there itself; `ENOENT` or `EOPNOTSUPP` if the kernel
    /// does not have the kind.
    pub fn add_qdisc(
        &mut self,
        interface: u32,
        parent: Handle,
        handle: Handle,
        new: NewQdisc,
    ) -> Result<(), KernelError> {
        let what = format!("queueing discipline {handle} of interface {interface}");
        self.netlink.order("add", &what, &Qdisc::addition(interface, parent, handle, new))
    }

    /// With all that is below it; the kernel puts its default in the place.
    ///
    /// # Errors
    /// `EINVAL` if the one that is there has another handle, `ENOENT` if there is none.
    pub fn delete_qdisc(&mut self, interface: u32, parent: Handle, handle: Handle) -> Result<(), KernelError> {
        let what = format!("queueing discipline {handle} of interface {interface}");
        self.netlink.order("delete", &what, &Qdisc::deletion(interface, parent, handle))
    }

    pub fn put_class(&mut self, interface: u32, class: &HtbClass, put: Put) -> Result<(), KernelError> {
        let what = format!("class {} of interface {interface}", class.handle);
        self.netlink.order("set", &what, &class.put(interface, put))
    }

    pub fn delete_class(&mut self, interface: u32, handle: Handle) -> Result<(), KernelError> {
        let what = format!("class {handle} of interface {interface}");
        self.netlink.order("delete", &what, &HtbClass::deletion(interface, handle))
    }

    /// # Errors
    /// Also if the filter is one that only others make.
    pub fn add_filter(&mut self, interface: u32, filter: &Filter) -> Result<(), KernelError> {
        let what = format!("filter {} at {} of interface {interface}", filter.priority, filter.parent);
        match filter.addition(interface) {
            Some(message) => self.netlink.order("add", &what, &message),
            None => Err(KernelError::malformed(what, "is not made of words of a packet")),
        }
    }

    /// Deletes all filters that packets meet at `parent`.
    pub fn delete_filters(&mut self, interface: u32, parent: Handle) -> Result<(), KernelError> {
        let what = format!("filters at {parent} of interface {interface}");
        self.netlink.order("delete", &what, &Filter::deletion(interface, parent))
    }
}

/// `struct tcmsg`: family and padding, interface, handle, parent, info.
fn place(interface: u32, handle: Handle, parent: Handle, info: u32) -> Vec<u8> {
    [0, interface, handle.0, parent.0, info].into_iter().flat_map(u32::to_ne_bytes).collect()
}

/// The place and the attributes of a message of this kind.
fn placed<'a>(received: &Received<'a>, kind: u16) -> Option<(Place, &'a [u8])> {
    if received.kind != kind {
        return None;
    }
    let field = |number: usize| number32(received.body, 4 * number);
    let place = Place { interface: field(1)?, handle: Handle(field(2)?), parent: Handle(field(3)?), info: field(4)? };
    Some((place, received.body.get(PLACE..)?))
}
