//! The links of the interfaces. For some of their files the kernel waits until nobody configures the network, and a driver
//! may keep it waiting: so they are read seldom, and on a thread of their own.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::InterfaceSample;
use crate::clock::Moment;
use crate::kernel::Roots;
use crate::kernel::interface::{Duplex, InterfaceDir, InterfaceKind, InterfaceName};
use crate::sample::SampleProblem;
use crate::sample::background::{Background, Crew};
use crate::units::{BitsPerSecond, Bytes};

/// Between two looks at the links.
const PERIOD: Duration = Duration::from_secs(5);

/// What an interface is, and the state of its link. What is not known is `None`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Link {
    pub kind: Option<InterfaceKind>,
    pub driver: Option<String>,
    pub hardware_address: Option<String>,
    pub up: Option<bool>,
    /// `None` also while nothing is at the other end of the wire.
    pub speed: Option<BitsPerSecond>,
    pub duplex: Option<Duplex>,
    pub mtu: Option<Bytes>,
    pub carrier_changes: Option<u64>,
    /// Of a bond.
    pub members: Option<BondMembers>,
}

/// How many links a bond has, and how many of them can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BondMembers {
    pub all: usize,
    pub up: usize,
}

#[derive(Debug)]
pub(super) struct Links {
    roots: Roots,
    reading: Background<BTreeMap<InterfaceName, Arc<Link>>>,
}

impl Links {
    pub(super) fn new(roots: &Roots) -> Self {
        Self { roots: roots.clone(), reading: Background::new(PERIOD, &Crew::default()) }
    }

    /// Adds what the last look said, and begins the next one if it is time.
    pub(super) fn add_to(
        &mut self,
        interfaces: &mut [InterfaceSample],
        now: Moment,
        problems: &mut Vec<SampleProblem>,
    ) {
        let Self { roots, reading } = self;
        reading.poll(now, || {
            let names: Vec<InterfaceName> = interfaces.iter().map(|interface| interface.device).collect();
            let roots = roots.clone();
            move || names.into_iter().map(|name| (name, Arc::new(Link::read(&roots, name)))).collect()
        });
        if let Some(late) = reading.late(now) {
            let reason = format!("the links of the interfaces have not answered for {} s", late.as_secs());
            problems.push(SampleProblem { part: "links", reason });
            reading.forget();
        }
        let Some(links) = reading.answer() else { return };
        for interface in interfaces {
            interface.link = links.value.get(&interface.device).map(Arc::clone);
        }
    }
}

impl Link {
    fn read(roots: &Roots, name: InterfaceName) -> Self {
        let dir = InterfaceDir::new(roots, name);
        let kind = dir.kind().ok();
        let carrier = dir.carrier().ok().flatten();
        let has_speed = kind.is_some_and(InterfaceKind::has_wire) && carrier == Some(true);
        let is_bond = kind == Some(InterfaceKind::Bond);
        Self {
            kind,
            driver: dir.driver().ok(),
            hardware_address: dir.hardware_address().ok().flatten(),
            up: dir.state().ok().and_then(|state| state.is_up(carrier)),
            speed: has_speed.then(|| dir.speed().ok().flatten()).flatten(),
            duplex: has_speed.then(|| dir.duplex().ok().flatten()).flatten(),
            mtu: dir.mtu().ok(),
            carrier_changes: dir.carrier_changes().ok(),
            members: is_bond.then(|| BondMembers::read(roots, &dir)).flatten(),
        }
    }
}

impl BondMembers {
    fn read(roots: &Roots, bond: &InterfaceDir) -> Option<Self> {
        let members = bond.bond_members().ok()?;
        let is_up = |name: &&String| {
            let link = name.parse().ok().map(|name| InterfaceDir::new(roots, name).bond_link());
            matches!(link, Some(Ok(link)) if link == "up")
        };
        Some(Self { all: members.len(), up: members.iter().filter(is_up).count() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::fixture::{Fixture, at};

    /// The links as they are after the look that is under way.
    fn links(links: &mut Links, names: &[&str], second: u64) -> Vec<Option<Arc<Link>>> {
        let name = |name: &&str| InterfaceSample { device: name.parse().unwrap(), ..InterfaceSample::default() };
        let mut interfaces: Vec<InterfaceSample> = names.iter().map(name).collect();
        let mut problems = Vec::new();
        for _ in 0..1000 {
            links.add_to(&mut interfaces, at(Duration::from_secs(second)), &mut problems);
            if interfaces.iter().all(|interface| interface.link.is_some()) {
                break;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        assert_eq!(problems, []);
        interfaces.into_iter().map(|interface| interface.link).collect()
    }

    #[test]
    fn a_wire_has_a_speed_while_something_is_at_its_other_end() {
        let fixture = Fixture::of_machine("desktop");
        let found = links(&mut Links::new(&fixture.roots), &["enp6s0", "wlp5s0", "lo"], 1);
        let [wired, wireless, loopback] = &found[..] else { panic!("three links") };
        let wired = wired.as_ref().unwrap();
        assert_eq!((wired.kind, wired.up, wired.speed), (Some(InterfaceKind::Ethernet), Some(false), None));
        let wireless = wireless.as_ref().unwrap();
        assert_eq!((wireless.kind, wireless.up, wireless.speed), (Some(InterfaceKind::Wireless), Some(true), None));
        assert_eq!(loopback.as_ref().unwrap().up, Some(true), "a state that nobody keeps is that of the carrier");
    }

    #[test]
    fn a_bond_counts_its_members() {
        let fixture = Fixture::of_machine("dual-socket-server");
        let found = links(&mut Links::new(&fixture.roots), &["bond0"], 1);
        let bond = found[0].as_ref().unwrap();
        assert_eq!(bond.members, Some(BondMembers { all: 2, up: 2 }));
        assert_eq!((bond.speed, bond.duplex), (Some(BitsPerSecond(20_000_000_000)), Some(Duplex::Full)));
    }

    #[test]
    fn an_interface_without_a_folder_has_a_link_of_which_nothing_is_known() {
        let fixture = Fixture::new();
        let found = links(&mut Links::new(&fixture.roots), &["eth0"], 1);
        assert_eq!(found[0].as_deref(), Some(&Link::default()));
    }
}
