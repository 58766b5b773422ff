//! Which interfaces are told one by one. A machine that runs containers has a veth interface for each of them, hundreds that
//! come and go, and what passes through them passes through a bridge or an interface that is told as well. So a veth
//! interface is only counted, but for one by which a default route leaves: inside a container that is the network itself.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::InterfaceSample;
use crate::clock::Moment;
use crate::kernel::interface::{InterfaceDir, InterfaceKind, InterfaceName};
use crate::kernel::{Roots, route};
use crate::sample::paced::Paced;

/// No more are told, whatever their kind; the kernel lists those first that are there for longest.
const MOST: usize = 128;
/// Between two looks at the routes, which a router has many of.
const ROUTES: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub(super) struct Selection {
    roots: Roots,
    /// Whether an interface is a veth, looked up once for each.
    veth: BTreeMap<InterfaceName, bool>,
    ways_out: Paced<Vec<InterfaceName>>,
}

impl Selection {
    pub(super) fn new(roots: &Roots) -> Self {
        Self { roots: roots.clone(), veth: BTreeMap::new(), ways_out: Paced::new(ROUTES) }
    }

    /// Takes those away that are not told, and says how many they were.
    pub(super) fn leave_out(&mut self, interfaces: &mut Vec<InterfaceSample>, now: Moment) -> usize {
        let all = interfaces.len();
        if self.veth.len() > all {
            let names: Vec<InterfaceName> = interfaces.iter().map(|interface| interface.device).collect();
            self.veth.retain(|name, _| names.contains(name));
        }
        interfaces.retain(|interface| self.is_told(interface.device, now));
        interfaces.truncate(MOST);
        // Names that are no text may look alike, and a scrape that holds a series twice is refused whole.
        let mut seen = BTreeSet::new();
        interfaces.retain(|interface| seen.insert(interface.device));
        all - interfaces.len()
    }

    fn is_told(&mut self, name: InterfaceName, now: Moment) -> bool {
        let Self { roots, veth, ways_out } = self;
        // Without sysfs nothing is left out unasked.
        let look_up = || matches!(InterfaceDir::new(roots, name).kind(), Ok(InterfaceKind::Veth));
        let is_veth = *veth.entry(name).or_insert_with(look_up);
        !is_veth || ways_out.get(now, || default_interfaces(roots)).contains(&name)
    }
}

fn default_interfaces(roots: &Roots) -> Vec<InterfaceName> {
    let routes = [route::ipv4(roots), route::ipv6(roots)].into_iter().flatten().flatten();
    routes.map(|route| route.interface).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::fixture::{Fixture, at};

    fn interfaces(names: &[&str]) -> Vec<InterfaceSample> {
        let interface = |name: &&str| InterfaceSample { device: name.parse().unwrap(), ..InterfaceSample::default() };
        names.iter().map(interface).collect()
    }

    fn told(selection: &mut Selection, second: u64, names: &[&str]) -> (Vec<String>, usize) {
        let mut all = interfaces(names);
        let left_out = selection.leave_out(&mut all, at(Duration::from_secs(second)));
        (all.iter().map(|interface| interface.device.to_string()).collect(), left_out)
    }

    fn veth(fixture: &Fixture, name: &str) {
        let folder = format!("sys/class/net/{name}");
        fixture
            .file(&format!("{folder}/type"), "1\n")
            .file(&format!("{folder}/ifindex"), "5\n")
            .file(&format!("{folder}/iflink"), "9\n");
    }

    #[test]
    fn the_machine_s_ends_of_containers_are_counted() {
        let fixture = Fixture::new();
        veth(&fixture, "veth1");
        veth(&fixture, "cali2");
        fixture.file("sys/class/net/eth0/type", "1\n").file("sys/class/net/eth0/device/x", "");
        let mut selection = Selection::new(&fixture.roots);
        assert_eq!(told(&mut selection, 1, &["eth0", "veth1", "cali2"]), (vec!["eth0".to_owned()], 2));
        assert_eq!(told(&mut selection, 2, &["eth0"]).1, 0);
        assert_eq!(selection.veth.len(), 1, "what has gone is not remembered");
    }

    #[test]
    fn the_way_out_of_a_container_is_told() {
        let fixture = Fixture::new();
        veth(&fixture, "eth0");
        let mut selection = Selection::new(&fixture.roots);
        assert_eq!(told(&mut selection, 1, &["eth0"]).1, 1);
        fixture.file("proc/net/route", "Iface\nIface\n".replace("\nIface", "\neth0 0 010200C0 3 0 0 0 0"));
        assert_eq!(told(&mut selection, 40, &["eth0"]), (vec!["eth0".to_owned()], 0));
    }

    #[test]
    fn a_name_is_told_once() {
        let mut selection = Selection::new(&Fixture::new().roots);
        assert_eq!(told(&mut selection, 1, &["eth0", "lo", "eth0"]), (vec!["eth0".to_owned(), "lo".to_owned()], 1));
    }

    #[test]
    fn there_is_an_end_to_how_many_are_told() {
        let fixture = Fixture::new();
        let names: Vec<String> = (0..1000).map(|number| format!("tap{number}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let (told, left_out) = told(&mut Selection::new(&fixture.roots), 1, &names);
        assert_eq!((told.len(), left_out, told[0].as_str()), (MOST, 1000 - MOST, "tap0"));
    }
}
