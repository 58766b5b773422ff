//! Interfaces as rtnetlink tells them, made and removed: the device by which arriving packets are queued (`ifb`), and what tells
//! one interface from another that has taken its name or its number.
//!
//! Source: `include/uapi/linux/if_link.h`, `drivers/net/ifb.c`.

use nix::sys::socket::SockProtocol;

use super::KernelError;
use super::interface::InterfaceName;
use super::netlink::message::{Attributes, Message, Received, find, number16, number32, text};
use super::netlink::{NLM_F_ACK, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REQUEST, Netlink};

const NEW: u16 = 16;
const DELETE: u16 = 17;
const GET: u16 = 18;
/// Length of `struct ifinfomsg`.
const FIXED: usize = 16;
const IFLA_IFNAME: u16 = 3;
const IFLA_TXQLEN: u16 = 13;
const IFLA_LINKINFO: u16 = 18;
const IFLA_IFALIAS: u16 = 20;
const IFLA_PERM_ADDRESS: u16 = 54;
const IFLA_INFO_KIND: u16 = 1;
const IFF_UP: u32 = 1;
const ARPHRD_LOOPBACK: u16 = 772;

/// An interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    pub index: u32,
    pub name: InterfaceName,
    pub is_up: bool,
    pub is_loopback: bool,
    /// What made it, such as `veth` or `ifb`; `None` for hardware.
    pub kind: Option<String>,
    /// What the administrator calls it.
    pub alias: Option<String>,
    /// The hardware address that it was built with; empty where the kernel knows of none.
    pub permanent_address: String,
    /// Packets that the kernel's own queue holds; 0 on an interface whose maker wants no queue at all.
    pub transmit_queue: u32,
}

/// What interfaces are asked and told by, in the network namespace in which it was opened.
#[derive(Debug)]
pub struct Links {
    netlink: Netlink,
}

impl Links {
    pub fn open() -> Result<Self, KernelError> {
        Netlink::open(SockProtocol::NetlinkRoute).map(|netlink| Self { netlink })
    }

    pub fn all(&mut self) -> Result<Vec<Link>, KernelError> {
        let question = Message::new(GET, NLM_F_REQUEST, &fixed(0, 0), &Attributes::new());
        self.netlink.dump("interfaces", &question, Link::parse)
    }

    pub fn named(&mut self, name: InterfaceName) -> Result<Option<Link>, KernelError> {
        Ok(self.all()?.into_iter().find(|link| link.name == name))
    }

    /// Makes an `ifb`, up and with an alias, and returns it.
    ///
    /// The kernel's module makes two more of its own when it is loaded for the first one; they are removed again.
    ///
    /// # Errors
    /// `EEXIST` if there is an interface of that name, `EOPNOTSUPP` if the kernel has no `ifb`.
    pub fn add_ifb(&mut self, name: InterfaceName, alias: &str) -> Result<Link, KernelError> {
        let ifbs = |links: Vec<Link>| links.into_iter().filter(Link::is_ifb).collect::<Vec<_>>();
        let had_some = !ifbs(self.all()?).is_empty();
        let info = Attributes::new().with_text(IFLA_INFO_KIND, "ifb");
        let attributes = Attributes::new().with_text(IFLA_IFNAME, name.as_str()).with_nested(IFLA_LINKINFO, &info);
        let flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
        self.netlink.order(
            "make",
            &format!("interface {name}"),
            &Message::new(NEW, flags, &fixed(0, IFF_UP), &attributes),
        )?;
        let now = ifbs(self.all()?);
        let (ours, others): (Vec<Link>, Vec<Link>) = now.into_iter().partition(|link| link.name == name);
        if !had_some {
            for by_module in others.iter().filter(|link| !link.is_up && link.alias.is_none()) {
                self.delete(by_module.index)?;
            }
        }
        let gone = || KernelError::io("find", name.as_str(), std::io::Error::from_raw_os_error(libc::ENODEV));
        let ours = ours.into_iter().next().ok_or_else(gone)?;
        self.set_alias(ours.index, alias)?;
        Ok(Link { alias: Some(alias.to_owned()), ..ours })
    }

    /// An alias can only be given to an interface that is there.
    fn set_alias(&mut self, index: u32, alias: &str) -> Result<(), KernelError> {
        let attributes = Attributes::new().with(IFLA_IFALIAS, alias.as_bytes());
        let order = Message::new(NEW, NLM_F_REQUEST | NLM_F_ACK, &fixed(index, 0), &attributes);
        self.netlink.order("name", &format!("interface {index}"), &order)
    }

    pub fn delete(&mut self, index: u32) -> Result<(), KernelError> {
        let order = Message::new(DELETE, NLM_F_REQUEST | NLM_F_ACK, &fixed(index, 0), &Attributes::new());
        self.netlink.order("delete", &format!("interface {index}"), &order)
    }
}

impl Link {
    fn parse(received: &Received<'_>) -> Option<Self> {
        if received.kind != NEW {
            return None;
        }
        let attributes = received.body.get(FIXED..)?;
        let info = find(attributes, IFLA_LINKINFO);
        let digits = |value: &[u8]| value.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":");
        let name = find(attributes, IFLA_IFNAME)?;
        Some(Self {
            index: number32(received.body, 4)?,
            name: InterfaceName::parse(name.strip_suffix(&[0]).unwrap_or(name))?,
            is_up: number32(received.body, 8)? & IFF_UP != 0,
            is_loopback: number16(received.body, 2)? == ARPHRD_LOOPBACK,
            kind: info.and_then(|info| find(info, IFLA_INFO_KIND)).map(text),
            alias: find(attributes, IFLA_IFALIAS).map(text),
            permanent_address: find(attributes, IFLA_PERM_ADDRESS).map(digits).unwrap_or_default(),
            transmit_queue: find(attributes, IFLA_TXQLEN).and_then(|value| number32(value, 0)).unwrap_or(0),
        })
    }

    pub fn is_ifb(&self) -> bool {
        self.kind.as_deref() == Some("ifb")
    }
}

/// `struct ifinfomsg`: family and type, number, flags, and which flags change.
fn fixed(index: u32, flags: u32) -> Vec<u8> {
    [0, index, flags, flags].into_iter().flat_map(u32::to_ne_bytes).collect()
}
