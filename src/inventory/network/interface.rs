//! One network interface: its link, its hardware, its addresses.

use std::path::Path;

use serde::Serialize;

use crate::inventory::Survey;
use crate::kernel::address::{self, Address};
use crate::kernel::interface::{Duplex, InterfaceDir, InterfaceKind, InterfaceName, OperState};
use crate::kernel::{KernelError, Roots, attribute, file, text};
use crate::units::{BitsPerSecond, Bytes};

/// Facts about one network interface.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Interface {
    pub name: InterfaceName,
    pub kind: Option<InterfaceKind>,
    pub state: Option<OperState>,
    pub carrier: Option<bool>,
    #[serde(rename = "speed_bits_per_second")]
    pub speed: Option<BitsPerSecond>,
    pub duplex: Option<Duplex>,
    #[serde(rename = "mtu_bytes")]
    pub mtu: Option<Bytes>,
    pub hardware_address: Option<String>,
    /// With prefix, such as `192.0.2.7/24`; `None` if they cannot be known.
    pub ipv4: Option<Vec<String>>,
    pub ipv6: Option<Vec<String>>,
    /// The bond or bridge that it is a part of.
    pub part_of: Option<String>,
    /// The interfaces that it stands on, as a VLAN does.
    pub upon: Vec<String>,
    pub vlan: Option<u64>,
    pub driver: Option<String>,
    /// Where the hardware is, such as `0000:05:00.0`.
    pub pci_address: Option<String>,
    pub numa_node: Option<u32>,
    pub receive_queues: Option<usize>,
    pub transmit_queues: Option<usize>,
}

/// The addresses of all interfaces, of each family those that could be found out.
#[derive(Debug)]
pub(super) struct Addresses {
    ipv4: Option<Vec<Address>>,
    ipv6: Option<Vec<Address>>,
}

impl Addresses {
    pub(super) fn read(roots: &Roots, survey: &mut Survey) -> Self {
        Self {
            ipv4: address::ipv4(roots).and_then(|read| survey.fact(read)),
            ipv6: survey.fact_if_there(address::ipv6(roots)),
        }
    }

    fn of(all: Option<&Vec<Address>>, name: InterfaceName) -> Option<Vec<String>> {
        let own = all?.iter().filter(|address| address.interface == name);
        Some(own.map(|address| format!("{}/{}", address.ip, address.prefix)).collect())
    }
}

impl Interface {
    pub(super) fn read(
        roots: &Roots,
        (name, kind): (InterfaceName, Result<InterfaceKind, KernelError>),
        addresses: &Addresses,
        survey: &mut Survey,
    ) -> Self {
        let dir = InterfaceDir::new(roots, name);
        let kind = survey.fact(kind);
        let state = survey.fact(dir.state());
        let carrier = survey.fact_if_there(dir.carrier()).flatten();
        // A wire has a speed while something is at its other end.
        let has_speed = kind.is_some_and(InterfaceKind::has_wire) && carrier == Some(true);
        let is_vlan = kind == Some(InterfaceKind::Vlan);
        let entries = attribute::entries(&dir.attribute("")).unwrap_or_default();
        Self {
            name,
            kind,
            state,
            carrier,
            speed: has_speed.then(|| known(survey, dir.speed())).flatten(),
            duplex: has_speed.then(|| known(survey, dir.duplex())).flatten(),
            mtu: survey.fact(dir.mtu()),
            hardware_address: survey.fact_if_there(dir.hardware_address()).flatten(),
            ipv4: Addresses::of(addresses.ipv4.as_ref(), name),
            ipv6: Addresses::of(addresses.ipv6.as_ref(), name),
            part_of: survey.fact_if_there(dir.master()),
            upon: entries.iter().filter_map(|entry| entry.strip_prefix("lower_")).map(str::to_owned).collect(),
            vlan: is_vlan.then(|| survey.fact_if_there(vlan(roots, name))).flatten(),
            driver: survey.fact_if_there(dir.driver()),
            pci_address: pci_address(&dir.attribute("")),
            numa_node: survey.fact_if_there(attribute::signed(&dir.attribute("device/numa_node"))).and_then(node),
            receive_queues: queues(&dir, "rx-", survey),
            transmit_queues: queues(&dir, "tx-", survey),
        }
    }
}

/// A fact that was asked for; the kernel may not know it.
fn known<T>(survey: &mut Survey, read: Result<Option<T>, KernelError>) -> Option<T> {
    match read {
        Ok(fact) => survey.known(fact),
        Err(error) => survey.fact_if_there(Err(error)),
    }
}

/// `VID: 100` of `/proc/net/vlan/NAME`.
fn vlan(roots: &Roots, name: InterfaceName) -> Result<u64, KernelError> {
    file::read(&roots.proc("net/vlan").join(name.as_str()), |bytes| {
        let mut words = text::fields(bytes).skip_while(|word| *word != b"VID:").skip(1);
        words.next().and_then(text::decimal).ok_or_else(|| "has no VID".to_owned())
    })
}

/// A machine without NUMA writes -1.
fn node(number: i64) -> Option<u32> {
    u32::try_from(number).ok()
}

/// The folder of an interface is a link to where its device is in the tree of buses, with nothing between a PCI device and
/// its interface but what virtio puts there.
fn pci_address(folder: &Path) -> Option<String> {
    let target = std::fs::read_link(folder.components().as_path()).ok()?;
    let mut above = target.parent()?.parent()?.iter().rev().map(|name| text::lossy(name.as_encoded_bytes()));
    let device = above.by_ref().find(|name| !name.starts_with("virtio"))?;
    is_pci_address(&device).then_some(device)
}

/// `0000:05:00.0`: domain, bus, device and function.
fn is_pci_address(name: &str) -> bool {
    let parts: Vec<&str> = name.split([':', '.']).collect();
    let is_hex = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    name.matches(':').count() == 2 && parts.len() == 4 && parts.iter().all(is_hex)
}

fn queues(dir: &InterfaceDir, prefix: &str, survey: &mut Survey) -> Option<usize> {
    let entries = survey.fact_if_there(attribute::entries(&dir.attribute("queues")))?;
    Some(entries.iter().filter(|entry| entry.starts_with(prefix)).count())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::fixture::Fixture;

    #[test]
    fn the_pci_address_is_that_of_the_device_itself() {
        let fixture = Fixture::new();
        let found = |target: &str| {
            fixture.link("sys/class/net/x", target);
            pci_address(&fixture.path("sys/class/net/x"))
        };
        let found_in = |bus: &str| found(&format!("../../devices/{bus}/net/x"));
        assert_eq!(found_in("pci0000:00/0000:00:1c.0/0000:05:00.1").as_deref(), Some("0000:05:00.1"));
        assert_eq!(found_in("pci0000:00/0000:00:03.0/virtio2").as_deref(), Some("0000:00:03.0"));
        assert_eq!(found_in("pci0000:00/0000:00:14.0/usb1/1-1/1-1:1.0"), None);
        assert_eq!(found_in("virtual"), None);
        assert_eq!(found("x"), None);
    }
}
