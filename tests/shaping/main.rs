//! Shaping for real: two machines and a cable in network namespaces, and rates that are measured at the far end.

#[path = "../support/mod.rs"]
mod support;

mod job;
mod wire;

use std::net::{SocketAddr, UdpSocket};
use std::process::Command;
use std::time::Duration;

use plotwarden::kernel::Roots;
use plotwarden::knob::shaping::{Door, Found, Seen, plan};
use plotwarden::shaping::{Dscp, Flow, Lane, Shaping, Traffic, TrafficClass, Transport};
use plotwarden::units::BitsPerSecond;

use job::{Group, Job};
use support::alone::is_root;
use support::namespace::{in_own_network, ip};
use wire::{FAR, FAR6, Far, NEAR};

const WHY: &str = "a network namespace";
const MEGABIT: u64 = 1_000_000;
const LINK: BitsPerSecond = BitsPerSecond(400 * MEGABIT);

/// Other programs of these tests are this one.
#[test]
fn play_a_part() {
    job::play();
}

fn class(number: u16, megabits: u64, traffic: Vec<Traffic>) -> TrafficClass {
    let ceiling = BitsPerSecond(megabits * MEGABIT);
    TrafficClass { number, guaranteed: BitsPerSecond(ceiling.0 / 2), ceiling, priority: 3, dscp: None, traffic }
}

fn out(classes: Vec<TrafficClass>) -> Shaping {
    Shaping { out: Some(Lane { link: LINK, classes }), into: None }
}

fn to_port(port: u16) -> Traffic {
    Traffic::Flow(Flow { transport: Some(Transport::Tcp), remote_port: Some(port), ..Flow::default() })
}

fn look(interface: &str) -> Seen {
    let mut door = Door::open(&Roots::standard()).unwrap();
    let link = door.link(interface.parse().unwrap()).unwrap().unwrap();
    door.look(link).unwrap()
}

/// Makes it so, and sees that it is so.
fn shape(interface: &str, wanted: &Shaping) -> Result<Seen, String> {
    let wanted = wanted.normalised().unwrap();
    let mut door = Door::open(&Roots::standard()).unwrap();
    let seen = look(interface);
    for step in plan(&seen, &wanted)? {
        door.take(&seen.link, &step).unwrap_or_else(|error| panic!("{step:?}: {error}"));
    }
    let seen = look(interface);
    let found = |lane: &Option<Lane>| lane.clone().map_or(Found::Untouched, Found::Ours);
    assert_eq!((seen.found_out(), seen.found_in()), (found(&wanted.out), found(&wanted.into)), "{seen:#?}");
    assert_eq!(plan(&seen, &wanted), Ok(Vec::new()), "nothing is left to do");
    Ok(seen)
}

/// What tc(8) and ip(8) show of everything.
fn shown() -> String {
    let tc = |arguments: &str| {
        let output = Command::new("tc").args(arguments.split(' ')).output().unwrap();
        assert!(output.status.success(), "tc {arguments}");
        String::from_utf8(output.stdout).unwrap()
    };
    [ip("-details link show"), tc("-details qdisc show"), tc("filter show dev near0"), tc("class show dev near0")].concat()
}

fn is_about(measured: f64, expected: BitsPerSecond) -> bool {
    #[allow(clippy::cast_precision_loss, reason = "a rate")]
    let ratio = measured / expected.0 as f64;
    (0.85..=1.15).contains(&ratio)
}

#[test]
fn a_job_is_held_to_its_ceiling_and_others_are_not() {
    if !is_root(WHY) {
        return;
    }
    in_own_network(|| {
        let far = Far::plug_in();
        let before = shown();
        let untouched = look("near0");
        let group = Group::make();
        let held = class(16, 40, vec![group.traffic()]);
        let ceiling = held.ceiling;
        shape("near0", &out(vec![held])).unwrap();

        let counting = (far.counting(4000), far.counting(4001));
        let rates: Vec<(f64, f64)> = (0..3)
            .map(|_| {
                let (_job, _other) = (Job::sending(FAR, 4000, Some(&group)), Job::sending(FAR, 4001, None));
                (counting.0.rate(), counting.1.rate())
            })
            .collect();
        let median = |mut rates: Vec<f64>| {
            rates.sort_by(f64::total_cmp);
            rates[1]
        };
        let (job, other) = rates.iter().copied().unzip();
        let (job, other) = (median(job), median(other));
        eprintln!("job {:.1} Mbit/s of {ceiling}, other {:.1} Mbit/s", job / 1e6, other / 1e6);
        assert!(is_about(job, ceiling), "{rates:?}");
        assert!(other > 5.0 * job, "{rates:?}");

        shape("near0", &Shaping::default()).unwrap();
        assert_eq!(shown(), before);
        assert_eq!(look("near0"), untouched);
    });
}
