//! The networks of machines that we do not have, and of those that lie.

use super::*;
use crate::inventory::{Part, Status};
use crate::kernel::fixture::{Fixture, at};
use crate::kernel::interface::{Duplex, OperState};
use crate::units::{BitsPerSecond, Bytes, Ratio};

fn network(fixture: &Fixture) -> Part<Network> {
    let mut survey = Survey::default();
    let network = Network::read(&fixture.roots, &mut survey);
    survey.close(at(std::time::Duration::from_secs(1)).wall, network)
}

fn names(network: &Network) -> Vec<&str> {
    network.interfaces.iter().map(|interface| interface.name.as_str()).collect()
}

fn interface<'a>(network: &'a Network, name: &str) -> &'a Interface {
    network.interfaces.iter().find(|interface| interface.name.as_str() == name).unwrap()
}

#[test]
fn a_server_has_two_links_in_a_bond_and_containers_behind_a_bridge() {
    let Part { facts, status, problems, .. } = network(&Fixture::of_machine("dual-socket-server"));
    assert_eq!((status, problems), (Status::Valid, vec![]));
    assert_eq!(names(&facts), ["lo", "ens1f0", "ens1f1", "bond0", "bond0.100", "br0"]);
    assert_eq!(facts.left_out_interfaces, Some(2));

    let port = interface(&facts, "ens1f0");
    assert_eq!((port.kind, port.state, port.carrier), (Some(InterfaceKind::Ethernet), Some(OperState::Up), Some(true)));
    assert_eq!((port.speed, port.duplex), (Some(BitsPerSecond(10_000_000_000)), Some(Duplex::Full)));
    assert_eq!((port.driver.as_deref(), port.pci_address.as_deref()), (Some("ixgbe"), Some("0000:81:00.0")));
    assert_eq!((port.numa_node, port.receive_queues, port.transmit_queues), (Some(1), Some(4), Some(4)));
    assert_eq!((port.part_of.as_deref(), port.mtu), (Some("bond0"), Some(Bytes(9000))));
    assert_eq!(port.hardware_address.as_deref(), Some("3c:ec:ef:10:20:30"));

    let vlan = interface(&facts, "bond0.100");
    assert_eq!((vlan.kind, vlan.vlan), (Some(InterfaceKind::Vlan), Some(100)));
    assert_eq!((vlan.upon.as_slice(), vlan.part_of.as_deref()), (&["bond0".to_owned()][..], Some("br0")));

    let [bond] = &facts.bonds[..] else { panic!("one bond") };
    assert_eq!(
        (bond.mode.as_deref(), bond.active.as_deref(), bond.link.as_deref()),
        (Some("802.3ad"), None, Some("up"))
    );
    let members = bond.members.as_ref().unwrap();
    let told: Vec<_> = members.iter().map(|m| (m.name.as_str(), m.link.as_deref(), m.link_failures)).collect();
    assert_eq!(told, [("ens1f0", Some("up"), Some(1)), ("ens1f1", Some("up"), Some(1))]);

    let [bridge] = &facts.bridges[..] else { panic!("one bridge") };
    assert_eq!(bridge.members.as_ref().unwrap(), &["bond0.100", "vethc1a2b3", "vethd4e5f6"]);
    assert_eq!(serde_json::to_value(bridge.spanning_tree).unwrap(), "off");

    let gateways: Vec<_> = facts.default_routes.iter().map(|route| route.gateway.as_deref().unwrap()).collect();
    assert_eq!(gateways, ["192.0.2.1", "2001:db8:0:10::1"]);
    let bridge = interface(&facts, "br0");
    assert_eq!(bridge.ipv4, None, "the addresses of the machine that runs the tests are not this one's");
    assert_eq!(bridge.ipv6.as_ref().unwrap(), &["fe80::3eec:efff:fe10:2030/64", "2001:db8:0:10::10/64"]);
}

#[test]
fn a_port_without_a_cable_has_no_speed_and_nothing_is_missing() {
    let Part { facts, status, problems, .. } = network(&Fixture::of_machine("desktop"));
    assert_eq!((status, problems), (Status::Valid, vec![]));
    let wired = interface(&facts, "enp6s0");
    assert_eq!((wired.state, wired.carrier), (Some(OperState::Down), Some(false)));
    assert_eq!((wired.speed, wired.duplex, wired.numa_node), (None, None, None));
    let wireless = interface(&facts, "wlp5s0");
    assert_eq!((wireless.kind, wireless.speed), (Some(InterfaceKind::Wireless), None));
    let tunnel = interface(&facts, "wg0");
    assert_eq!((tunnel.kind, tunnel.hardware_address.as_deref()), (Some(InterfaceKind::Wireguard), None));
    assert_eq!(facts.default_routes[0].interface.as_str(), "wlp5s0");
}

#[test]
fn the_network_of_a_container_is_its_end_of_the_pair() {
    let Part { facts, status, .. } = network(&Fixture::of_machine("container"));
    assert_eq!((names(&facts), facts.left_out_interfaces), (vec!["lo", "eth0"], Some(0)));
    let eth0 = interface(&facts, "eth0");
    assert_eq!((eth0.kind, eth0.speed), (Some(InterfaceKind::Veth), None), "the speed of a veth is made up");
    assert_eq!((eth0.ipv6.as_ref(), eth0.driver.as_ref(), eth0.pci_address.as_ref()), (None, None, None));
    assert_eq!(status, Status::Valid);
}

#[test]
fn a_board_and_an_old_kernel_are_understood() {
    let Part { facts, status, .. } = network(&Fixture::of_machine("arm-board"));
    let end0 = interface(&facts, "end0");
    assert_eq!((end0.driver.as_deref(), end0.pci_address.as_deref()), (Some("bcmgenet"), None));
    assert_eq!((end0.speed, status), (Some(BitsPerSecond(1_000_000_000)), Status::Valid));
    let Part { facts, status, .. } = network(&Fixture::of_machine("old-kernel"));
    assert_eq!(interface(&facts, "eth0").speed, Some(BitsPerSecond(1_000_000_000)));
    assert_eq!((interface(&facts, "eth1").speed, status), (None, Status::Valid));
}

#[test]
fn a_link_whose_speed_the_driver_does_not_know_lowers_the_confidence() {
    let fixture = Fixture::of_machine("arm-board");
    fixture.file("sys/class/net/end0/speed", "-1\n");
    let part = network(&fixture);
    assert_eq!((interface(&part.facts, "end0").speed, part.status), (None, Status::Partial));
    assert!(part.confidence.unwrap() < Ratio(1.0) && part.problems.is_empty(), "{:?}", part.problems);
}

#[test]
fn sysfs_of_another_network_namespace_is_doubted() {
    let fixture = Fixture::of_machine("container");
    fixture.remove("sys/class/net/eth0").file("sys/class/net/enp1s0/type", "1\n");
    let part = network(&fixture);
    assert_eq!(part.status, Status::Doubtful);
    assert!(part.problems.iter().any(|problem| problem.contains("enp1s0, eth0")), "{:?}", part.problems);
    assert_eq!(interface(&part.facts, "eth0").kind, None);
}

#[test]
fn hostile_files_are_problems_and_no_facts() {
    let fixture = Fixture::of_machine("dual-socket-server");
    fixture
        .file("sys/class/net/ens1f0/speed", "99999999999999999999\n")
        .file("sys/class/net/ens1f0/mtu", [0xff, 0xfe, 0x00])
        .file("sys/class/net/ens1f0/carrier", "2\n")
        .file("sys/class/net/bond0/bonding/slaves", "../../../etc ens1f1 \u{fffd}\n")
        .file("sys/class/net/br0/bridge/stp_state", "9\n")
        .file("proc/net/route", "x".repeat(1 << 16));
    let Part { facts, status, problems, .. } = network(&fixture);
    assert_eq!(status, Status::Partial);
    let port = interface(&facts, "ens1f0");
    assert_eq!((port.speed, port.mtu, port.carrier), (None, None, None));
    assert!(facts.bridges[0].spanning_tree.is_none());
    assert_eq!(facts.bonds[0].members.as_ref().unwrap().len(), 3);
    for file in ["ens1f0/mtu", "ens1f0/carrier", "net/route"] {
        assert!(problems.iter().any(|problem| problem.contains(file)), "{file}: {problems:?}");
    }
    assert!(problems.iter().all(|problem| problem.len() < 1000));
}

#[test]
fn a_machine_with_a_thousand_interfaces_is_not_listed_whole() {
    let fixture = Fixture::new();
    let line = |number| {
        format!(
            "tap{number}: 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0
"
        )
    };
    let lines: Vec<String> = (0..1000).map(line).collect();
    fixture.file("proc/net/dev", lines.concat());
    let facts = network(&fixture).facts;
    assert_eq!((facts.interfaces.len(), facts.left_out_interfaces), (MOST_INTERFACES, Some(1000 - MOST_INTERFACES)));
}

#[test]
fn a_machine_of_which_nothing_can_be_read_has_no_facts() {
    let part = network(&Fixture::new());
    assert_eq!((part.status, part.facts.left_out_interfaces), (Status::Failed, None));
    assert!(part.facts.interfaces.is_empty() && part.facts.default_routes.is_empty());
}
