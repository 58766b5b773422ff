//! Where what is seen of an interface is read, and the steps of a plan are given to the kernel. It decides nothing.

use crate::kernel::interface::InterfaceName;
use crate::kernel::link::{Link, Links};
use crate::kernel::nftables::Nftables;
use crate::kernel::traffic::{Handle, NewQdisc, TrafficControl};
use crate::kernel::{KernelError, Roots, attribute};
use crate::shaping::Direction;

use super::blueprint::{self, REST, ROOT};
use super::plan::Step;
use super::rules::{self, TABLE};
use super::seen::{IFB, Queues, Seen, SeenIfb, alias, ifb_name, is_marked, redirect};

/// The kernel's interfaces, queues and packet rules, of the network namespace in which it was opened.
#[derive(Debug)]
pub struct Door {
    links: Links,
    traffic: TrafficControl,
    rules: Nftables,
    roots: Roots,
}

impl Door {
    pub fn open(roots: &Roots) -> Result<Self, KernelError> {
        let (links, traffic, rules) = (Links::open()?, TrafficControl::open()?, Nftables::open()?);
        Ok(Self { links, traffic, rules, roots: roots.clone() })
    }

    pub fn link(&mut self, name: InterfaceName) -> Result<Option<Link>, KernelError> {
        self.links.named(name)
    }

    pub fn links(&mut self) -> Result<Vec<Link>, KernelError> {
        self.links.all()
    }

    /// All that there is to see of an interface.
    pub fn look(&mut self, link: Link) -> Result<Seen, KernelError> {
        let ifb = self.ifb(&link)?;
        let ifb = match ifb {
            Some(link) => Some(SeenIfb { queues: self.queues(link.index)?, link }),
            None => None,
        };
        let queues = self.queues(link.index)?;
        let has_ingress = queues.qdiscs.iter().any(|qdisc| qdisc.parent == Handle::INGRESS);
        let ingress = if has_ingress { self.traffic.filters(link.index, Handle::INGRESS_QDISC)? } else { Vec::new() };
        let table = self.rules.table(&rules::table_name(link.index));
        // A kernel without nftables has no rules.
        let table = if table.as_ref().is_err_and(is_missing) { None } else { table? };
        let default_kind = attribute::text(&self.roots.proc("sys/net/core/default_qdisc")).ok();
        Ok(Seen { link, queues, table, ingress, ifb, default_kind })
    }

    /// Removes what was made for interfaces that are there no more: the kernel removes only what hangs on them.
    pub fn sweep(&mut self, direction: Direction) -> Result<(), KernelError> {
        let links = self.links.all()?;
        let is_gone = |name: &str, prefix: &str| {
            let number = name.strip_prefix(prefix).and_then(|number| number.parse::<u32>().ok());
            number.is_some_and(|number| links.iter().all(|link| link.index != number))
        };
        match direction {
            Direction::Leaving => {
                let tables = self.rules.tables();
                let tables = if tables.as_ref().is_err_and(is_missing) { Vec::new() } else { tables? };
                tables.iter().filter(|name| is_gone(name, TABLE)).try_for_each(|name| self.rules.delete(name))
            }
            Direction::Arriving => {
                let orphans = links.iter().filter(|link| is_marked(link) && is_gone(link.name.as_str(), IFB));
                orphans.map(|link| link.index).try_for_each(|index| self.links.delete(index))
            }
        }
    }

    /// Takes one step.
    pub fn take(&mut self, link: &Link, step: &Step) -> Result<(), KernelError> {
        match step {
            Step::AddIfb => self.links.add_ifb(name_of_ifb(link)?, &alias(link)).map(drop),
            Step::DeleteIfb => match self.ifb(link)? {
                Some(ifb) => self.links.delete(ifb.index),
                None => Ok(()),
            },
            Step::AddRoot(direction) => {
                let index = self.index(link, *direction)?;
                self.traffic.add_qdisc(index, Handle::ROOT, ROOT, NewQdisc::Htb { default_class: REST })
            }
            Step::DeleteRoot(direction) => {
                let index = self.index(link, *direction)?;
                self.traffic.delete_qdisc(index, Handle::ROOT, ROOT)
            }
            Step::PutClass(direction, class, put) => {
                let index = self.index(link, *direction)?;
                self.traffic.put_class(index, class, *put)
            }
            Step::DeleteClass(direction, class) => {
                let index = self.index(link, *direction)?;
                self.traffic.delete_class(index, *class)
            }
            Step::AddLeaf(direction, class) => {
                let index = self.index(link, *direction)?;
                let added = self.traffic.add_qdisc(index, *class, blueprint::leaf(*class), NewQdisc::FqCodel);
                // The class has a plain queue by itself.
                if added.as_ref().is_err_and(is_missing) { Ok(()) } else { added }
            }
            Step::SetRules(table) => self.rules.replace(table),
            Step::DeleteRules => self.rules.delete(&rules::table_name(link.index)),
            Step::AddFilter(filter) => {
                let index = self.index(link, Direction::Arriving)?;
                self.traffic.add_filter(index, filter)
            }
            Step::DeleteFilters => {
                let index = self.index(link, Direction::Arriving)?;
                self.traffic.delete_filters(index, ROOT)
            }
            Step::AddIngress => {
                let new = NewQdisc::Ingress;
                self.traffic.add_qdisc(link.index, Handle::INGRESS, Handle::INGRESS_QDISC, new)
            }
            Step::Redirect => {
                let ifb = self.index(link, Direction::Arriving)?;
                self.traffic.add_filter(link.index, &redirect(ifb))
            }
            Step::DeleteIngress => self.traffic.delete_qdisc(link.index, Handle::INGRESS, Handle::INGRESS_QDISC),
        }
    }

    fn index(&mut self, link: &Link, direction: Direction) -> Result<u32, KernelError> {
        match direction {
            Direction::Leaving => Ok(link.index),
            Direction::Arriving => {
                let gone =
                    || KernelError::io("find", ifb_name(link.index), std::io::Error::from_raw_os_error(libc::ENODEV));
                self.ifb(link)?.map(|ifb| ifb.index).ok_or_else(gone)
            }
        }
    }

    fn ifb(&mut self, link: &Link) -> Result<Option<Link>, KernelError> {
        self.links.named(name_of_ifb(link)?)
    }

    fn queues(&mut self, interface: u32) -> Result<Queues, KernelError> {
        let qdiscs = self.traffic.qdiscs(interface)?;
        let is_ours = qdiscs.iter().any(|qdisc| qdisc.handle == ROOT);
        if !is_ours {
            return Ok(Queues { qdiscs, ..Queues::default() });
        }
        let mut filters = self.traffic.filters(interface, ROOT)?;
        filters.sort_by_key(|filter| filter.priority);
        Ok(Queues { qdiscs, classes: self.traffic.classes(interface)?, filters })
    }
}

fn name_of_ifb(link: &Link) -> Result<InterfaceName, KernelError> {
    let name = ifb_name(link.index);
    name.parse().map_err(|_| KernelError::malformed(name, "is too long for an interface"))
}

/// The kernel does not have the kind of queue, or the whole interface.
fn is_missing(error: &KernelError) -> bool {
    let errno = if let KernelError::Io { source, .. } = error { source.raw_os_error() } else { None };
    matches!(errno, Some(libc::ENOENT | libc::EOPNOTSUPP | libc::EINVAL))
}
