//! The network: interfaces with their links and addresses, bonds and bridges, the way out, and how far away the peers are
//! that the operator names.

mod group;
mod interface;
mod peer;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use serde::Serialize;

use super::Survey;
use crate::kernel::interface::{InterfaceDir, InterfaceKind, InterfaceName};
use crate::kernel::route::{self, DefaultRoute};
use crate::kernel::{KernelError, Roots, attribute, file, text};

pub use group::{Bond, Bridge};
pub use interface::Interface;
pub use peer::PeerDistance;

/// A machine with more interfaces is a router of containers; the rest are counted.
const MOST_INTERFACES: usize = 128;

/// Facts about the network.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Network {
    pub interfaces: Vec<Interface>,
    /// The machine's ends of containers, which come and go by the hundred, are only counted: veth interfaces by which no
    /// default route leaves. `None` if the interfaces cannot be listed.
    pub left_out_interfaces: Option<usize>,
    pub bonds: Vec<Bond>,
    pub bridges: Vec<Bridge>,
    /// Best first.
    pub default_routes: Vec<Route>,
    /// Only those that were asked for.
    pub peers: Vec<PeerDistance>,
}

/// A default route: the way to what is not near.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Route {
    pub interface: InterfaceName,
    /// `None` of a link that has only one other end.
    pub gateway: Option<String>,
    pub metric: u32,
}

impl Network {
    pub(super) fn read(roots: &Roots, survey: &mut Survey) -> Self {
        let routes = default_routes(roots, survey);
        let addresses = interface::Addresses::read(roots, survey);
        let listed = names(roots, survey);
        let listed = survey.fact(listed);
        let mut interfaces: Vec<Interface> = Vec::new();
        let mut left_out = 0;
        for name in listed.iter().flatten() {
            let kind = InterfaceDir::new(roots, *name).kind();
            let leads_out = routes.iter().any(|route| route.interface == *name);
            let is_container_s = matches!(kind, Ok(InterfaceKind::Veth)) && !leads_out;
            if is_container_s || interfaces.len() >= MOST_INTERFACES {
                left_out += 1;
            } else {
                interfaces.push(Interface::read(roots, (*name, kind), &addresses, survey));
            }
        }
        let of_kind = |kind| interfaces.iter().filter(move |i| i.kind == Some(kind)).map(|i| i.name);
        Self {
            bonds: of_kind(InterfaceKind::Bond).map(|name| Bond::read(roots, name, survey)).collect(),
            bridges: of_kind(InterfaceKind::Bridge).map(|name| Bridge::read(roots, name, survey)).collect(),
            left_out_interfaces: listed.map(|_| left_out),
            interfaces,
            default_routes: routes.into_iter().map(Route::from).collect(),
            peers: Vec::new(),
        }
    }
}

impl From<DefaultRoute> for Route {
    fn from(DefaultRoute { interface, gateway, metric }: DefaultRoute) -> Self {
        Self { interface, gateway: gateway.map(|address| address.to_string()), metric }
    }
}

/// The interfaces of our network namespace: those that have counters. sysfs may show another namespace, that of who mounted
/// it, and then its facts are not about our interfaces.
fn names(roots: &Roots, survey: &mut Survey) -> Result<Vec<InterfaceName>, KernelError> {
    let unlike = |(counted, shown): &(Vec<InterfaceName>, Vec<InterfaceName>)| {
        let (counted, shown) = (counted.iter().collect::<BTreeSet<_>>(), shown.iter().collect::<BTreeSet<_>>());
        counted.symmetric_difference(&shown).map(ToString::to_string).collect::<Vec<String>>()
    };
    let look = || (with_counters(roots), shown_in_sysfs(roots));
    let both = match look() {
        (Ok(counted), Ok(shown)) => (counted, shown),
        (counted, shown) => return counted.or(shown),
    };
    if unlike(&both).is_empty() {
        return Ok(both.0);
    }
    // One may have come or gone between the two looks.
    let (Ok(counted), Ok(shown)) = look() else { return Ok(both.0) };
    let both = (counted, shown);
    let unlike = unlike(&both);
    if !unlike.is_empty() {
        let (dev, class) = (roots.proc("net/dev"), roots.sys("class/net"));
        let unlike = unlike.join(", ");
        survey.doubt(format!(
            "{} and {} show other interfaces ({unlike}): one of them is of another network namespace",
            dev.display(),
            class.display()
        ));
    }
    Ok(both.0)
}

fn with_counters(roots: &Roots) -> Result<Vec<InterfaceName>, KernelError> {
    file::read(&roots.proc("net/dev"), |bytes| {
        let lines = text::lines(bytes).filter_map(|line| line.split_at_checked(line.iter().position(|b| *b == b':')?));
        Ok(lines.filter_map(|(name, _)| InterfaceName::parse(name.trim_ascii())).collect())
    })
}

/// Beside the interfaces there may be files, such as `bonding_masters`.
fn shown_in_sysfs(roots: &Roots) -> Result<Vec<InterfaceName>, KernelError> {
    let folder = roots.sys("class/net");
    let names = attribute::entries(&folder)?;
    let is_interface = |name: &String| folder.join(name).is_dir();
    Ok(names.into_iter().filter(is_interface).filter_map(|name| name.parse().ok()).collect())
}

/// Of IPv4, then of IPv6, each with the lowest metric first.
fn default_routes(roots: &Roots, survey: &mut Survey) -> Vec<DefaultRoute> {
    let mut routes = Vec::new();
    for read in [route::ipv4(roots), route::ipv6(roots)] {
        let mut found = survey.fact_if_there(read).unwrap_or_default();
        found.sort_by_key(|route| route.metric);
        routes.extend(found);
    }
    routes
}
