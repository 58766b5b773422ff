//! Plans carried out on an interface in memory, and what is seen of it after each step.

use proptest::prelude::*;

use super::blueprint::{REST, ROOT, leaf};
use super::seen::{Queues, SeenIfb, alias, ifb_name, redirect};
use super::*;
use crate::kernel::link::Link;
use crate::kernel::nftables::{FoundChain, FoundTable};
use crate::kernel::traffic::{FilterKind, Handle, Put, Qdisc};
use crate::shaping::{Direction, Dscp, Flow, Lane, Traffic, TrafficClass, Transport};
use crate::units::BitsPerSecond;

const IFB: u32 = 9;

fn link(index: u32, name: &str, kind: Option<&str>) -> Link {
    Link {
        index,
        name: name.parse().unwrap(),
        is_up: true,
        is_loopback: false,
        kind: kind.map(str::to_owned),
        alias: None,
        permanent_address: String::new(),
        transmit_queue: 1000,
    }
}

fn qdisc(handle: Handle, parent: Handle, kind: &str) -> Qdisc {
    let default_class = (kind == "htb").then_some(u32::from(REST));
    Qdisc { handle, parent, kind: kind.to_owned(), default_class }
}

fn own_queues() -> Queues {
    Queues { qdiscs: vec![qdisc(Handle::NONE, Handle::ROOT, "pfifo_fast")], ..Queues::default() }
}

fn untouched() -> Seen {
    Seen {
        link: link(3, "eth0", None),
        queues: own_queues(),
        table: None,
        ingress: Vec::new(),
        ifb: None,
        default_kind: Some("pfifo_fast".to_owned()),
    }
}

fn queues_of(seen: &mut Seen, direction: Direction) -> &mut Queues {
    match direction {
        Direction::Leaving => &mut seen.queues,
        Direction::Arriving => &mut seen.ifb.as_mut().unwrap().queues,
    }
}

/// Does to the interface in memory what the kernel would do to a real one; panics where it would refuse.
fn take(seen: &mut Seen, step: &Step) {
    match step {
        Step::AddRoot(direction) => {
            let queues = queues_of(seen, *direction);
            assert_eq!(*queues, own_queues());
            queues.qdiscs = vec![qdisc(ROOT, Handle::ROOT, "htb")];
        }
        Step::DeleteRoot(direction) => *queues_of(seen, *direction) = own_queues(),
        Step::PutClass(direction, class, put) => {
            let classes = &mut queues_of(seen, *direction).classes;
            let known = classes.iter_mut().flatten().find(|known| known.handle == class.handle);
            assert_eq!(known.is_some(), *put == Put::Change, "{class:?}");
            match known {
                Some(known) => *known = *class,
                None => classes.push(Ok(*class)),
            }
        }
        Step::DeleteClass(direction, handle) => {
            let queues = queues_of(seen, *direction);
            queues.classes.retain(|class| class.as_ref().is_ok_and(|class| class.handle != *handle));
            queues.qdiscs.retain(|qdisc| qdisc.parent != *handle);
        }
        Step::AddLeaf(direction, class) => {
            let queues = queues_of(seen, *direction);
            assert!(queues.classes.iter().flatten().any(|known| known.handle == *class));
            queues.qdiscs.push(qdisc(leaf(*class), *class, "fq_codel"));
        }
        Step::SetRules(table) => {
            let chains = vec![FoundChain { name: table.chain.clone(), is_at_output: true }];
            seen.table = Some(FoundTable { chains, rules: table.rules.iter().cloned().map(Some).collect() });
        }
        Step::DeleteRules => drop(seen.table.take().unwrap()),
        Step::AddFilter(filter) => queues_of(seen, Direction::Arriving).filters.push(filter.clone()),
        Step::DeleteFilters => queues_of(seen, Direction::Arriving).filters.clear(),
        Step::AddIfb => {
            let link = Link { alias: Some(alias(&seen.link)), ..link(IFB, &ifb_name(3), Some("ifb")) };
            seen.ifb = Some(SeenIfb { link, queues: own_queues() });
        }
        Step::DeleteIfb => drop(seen.ifb.take().unwrap()),
        Step::AddIngress => seen.queues.qdiscs.push(qdisc(Handle::INGRESS_QDISC, Handle::INGRESS, "ingress")),
        Step::Redirect => seen.ingress.push(redirect(IFB)),
        Step::DeleteIngress => {
            seen.queues.qdiscs.retain(|qdisc| qdisc.parent != Handle::INGRESS);
            seen.ingress.clear();
        }
    }
}

fn traffic(direction: Direction) -> impl Strategy<Value = Traffic> {
    let remote = prop::option::of(any::<std::net::IpAddr>());
    let port = || prop::option::of(any::<u16>());
    let transport = prop::option::of(prop_oneof![Just(Transport::Tcp), Just(Transport::Udp)]);
    let flow = (remote, transport, port(), port()).prop_filter_map("told", |(remote, transport, local, other)| {
        let [local_port, remote_port] = [local, other].map(|port| port.filter(|_| transport.is_some()));
        let is_told = remote.is_some() || transport.is_some();
        is_told.then_some(Traffic::Flow(Flow { remote, transport, local_port, remote_port }))
    });
    let group = (any::<u64>(), 1_u32..5).prop_map(|(inode, level)| Traffic::Group { inode, level });
    let groups = u32::from(direction == Direction::Leaving);
    prop_oneof![1 => flow, groups => group]
}

fn class(number: u16, direction: Direction) -> impl Strategy<Value = TrafficClass> {
    let rates = (8_000_u64..1_000_000, 0_u64..9_000_000_000);
    let dscp = prop::option::of((0_u8..64).prop_map(|point| Dscp::try_from(point).unwrap()));
    let traffic = prop::collection::vec(traffic(direction), 1..4);
    (rates, 0_u8..8, dscp, traffic).prop_map(move |((guaranteed, more), priority, dscp, traffic)| TrafficClass {
        number,
        guaranteed: BitsPerSecond(guaranteed),
        ceiling: BitsPerSecond(guaranteed + more),
        priority,
        dscp: dscp.filter(|_| direction == Direction::Leaving),
        traffic,
    })
}

fn lane(direction: Direction) -> impl Strategy<Value = Lane> {
    let numbers = prop::sample::subsequence(vec![16_u16, 17, 300, 4095], 0..4).prop_shuffle();
    let classes = numbers
        .prop_flat_map(move |numbers| numbers.into_iter().map(|number| class(number, direction)).collect::<Vec<_>>());
    let link = 10_000_000_000_u64..400_000_000_000;
    let lane = (link, classes).prop_map(|(link, classes)| Lane { link: BitsPerSecond(link), classes });
    lane.prop_map(move |lane| lane.normalised(direction).unwrap())
}

fn directed() -> impl Strategy<Value = (Direction, Lane, Lane)> {
    let both = |direction| (Just(direction), lane(direction), lane(direction));
    prop_oneof![both(Direction::Leaving), both(Direction::Arriving)]
}

fn guaranteed(queues: &Queues) -> u64 {
    let below = queues.classes.iter().flatten().filter(|class| class.parent != Handle::ROOT);
    below.map(|class| class.rate).sum()
}

proptest! {
    #[test]
    fn every_plan_leads_where_it_should_and_can_be_left_at_any_step((direction, first, second) in directed()) {
        let mut seen = untouched();
        let mut was = Found::Untouched;
        for lane in [&first, &second] {
            let will_be = Found::Ours(lane.clone());
            for step in plan(&seen, direction, Some(lane)).unwrap() {
                take(&mut seen, &step);
                let found = seen.found(direction);
                prop_assert!(found == Found::Partial || found == was || found == will_be, "{step:?}: {found:?}");
                let mut left = seen.clone();
                for step in plan(&left, direction, None).unwrap() {
                    take(&mut left, &step);
                }
                prop_assert_eq!(&left, &untouched(), "after {:?}", step);
            }
            prop_assert_eq!(seen.found(direction), will_be.clone());
            prop_assert_eq!(plan(&seen, direction, Some(lane)).unwrap(), Vec::new());
            prop_assert_eq!(guaranteed(queues_of(&mut seen, direction)), lane.link.0 / 8);
            was = will_be;
        }
    }

    #[test]
    fn while_rates_change_no_more_is_guaranteed_than_the_link_has((direction, first, second) in directed()) {
        let (first, second) = (first, Lane { link: BitsPerSecond(400_000_000_000), ..second });
        let mut seen = untouched();
        for step in plan(&seen, direction, Some(&Lane { link: second.link, ..first })).unwrap() {
            take(&mut seen, &step);
        }
        for step in plan(&seen, direction, Some(&second)).unwrap() {
            take(&mut seen, &step);
            prop_assert!(guaranteed(queues_of(&mut seen, direction)) <= second.link.0 / 8, "{step:?}");
        }
    }

    #[test]
    fn what_somebody_changed_is_his((direction, lane, _) in directed(), at in any::<prop::sample::Index>()) {
        let mut seen = untouched();
        for step in plan(&seen, direction, Some(&lane)).unwrap() {
            take(&mut seen, &step);
        }
        let mut with_class = seen.clone();
        let classes = &mut queues_of(&mut with_class, direction).classes;
        let changed = at.index(classes.len());
        classes[changed] = classes[changed].map(|class| crate::kernel::traffic::HtbClass { burst: 1, ..class });
        prop_assert!(matches!(with_class.found(direction), Found::Foreign(_)));
        prop_assert_eq!(plan(&with_class, direction, None), Ok(Vec::new()));
        prop_assert!(plan(&with_class, direction, Some(&lane)).is_err());

        if let Some(table) = seen.table.as_mut().filter(|table| !table.rules.is_empty()) {
            let rule = at.index(table.rules.len());
            table.rules[rule] = None;
            prop_assert!(matches!(seen.found(direction), Found::Foreign(_)));
        }
        if let Some(filters) = seen.ifb.as_mut().map(|ifb| &mut ifb.queues.filters).filter(|found| !found.is_empty()) {
            let filter = at.index(filters.len());
            filters[filter].kind = FilterKind::Other("bpf".to_owned());
            prop_assert!(matches!(seen.found(direction), Found::Foreign(_)));
        }
    }
}
