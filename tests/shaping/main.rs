//! Shaping for real: two machines and a cable in network namespaces, and rates that are measured at the far end.

#[path = "../support/mod.rs"]
mod support;

mod exits;
mod job;
mod wire;

use std::net::UdpSocket;
use std::process::Command;
use std::time::Duration;

use plotwarden::kernel::Roots;
use plotwarden::knob::shaping::{Door, Found, Seen, Step, plan};
use plotwarden::shaping::{Direction, Dscp, Flow, Lane, Traffic, TrafficClass, Transport};
use plotwarden::units::BitsPerSecond;

use job::{Group, Job};
use support::alone::is_root;
use support::namespace::{in_own_network, ip};
use wire::{FAR, FAR6, Far, NEAR, NEAR6, counting_here};

const WHY: &str = "a network namespace";
const MEGABIT: u64 = 1_000_000;
const LINK: BitsPerSecond = BitsPerSecond(40 * MEGABIT);

/// Other programs of these tests are this one.
#[test]
fn play_a_part() {
    job::play();
    exits::play();
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

/// What is wanted of both directions of an interface.
#[derive(Debug, Clone, Default)]
pub struct Shaping {
    out: Option<Lane>,
    into: Option<Lane>,
}

impl Shaping {
    fn lane(&self, direction: Direction) -> Option<Lane> {
        let lane = if direction == Direction::Leaving { &self.out } else { &self.into };
        lane.as_ref().map(|lane| lane.normalised(direction).unwrap())
    }

    fn steps(&self, seen: &Seen) -> Result<Vec<Step>, String> {
        let of = |direction| plan(seen, direction, self.lane(direction).as_ref());
        Ok([of(Direction::Leaving)?, of(Direction::Arriving)?].concat())
    }
}

const DIRECTIONS: [Direction; 2] = [Direction::Leaving, Direction::Arriving];

/// Makes it so, and sees that it is so.
fn shape(interface: &str, wanted: &Shaping) -> Result<Seen, String> {
    let mut door = Door::open(&Roots::standard()).unwrap();
    let seen = look(interface);
    for step in wanted.steps(&seen)? {
        door.take(&seen.link, &step).unwrap_or_else(|error| panic!("{step:?}: {error}"));
    }
    let seen = look(interface);
    for direction in DIRECTIONS {
        let expected = wanted.lane(direction).map_or(Found::Untouched, Found::Ours);
        assert_eq!(seen.found(direction), expected, "{seen:#?}");
    }
    assert_eq!(wanted.steps(&seen), Ok(Vec::new()), "nothing is left to do");
    Ok(seen)
}

/// What tc(8) shows of classes with a rate. Queues with flows of their own show those as classes while they have packets.
fn classes() -> String {
    let shown = tc("class show dev near0");
    let mut classes: Vec<&str> = shown.lines().filter(|line| line.starts_with("class htb")).collect();
    classes.sort_unstable();
    classes.join("\n")
}

/// What tc(8) and ip(8) show of everything, less what is counted: that differs with each packet that the kernel sends by itself.
fn shown() -> String {
    let all = [ip("-details link show"), tc("-details qdisc show"), tc("filter show dev near0"), classes()].concat();
    let mut words = all.split(' ');
    let mut set_up = Vec::new();
    while let Some(word) = words.next() {
        if word == "direct_packets_stat" {
            words.next();
        } else {
            set_up.push(word);
        }
    }
    set_up.join(" ")
}

fn is_about(measured: f64, expected: BitsPerSecond) -> bool {
    #[allow(clippy::cast_precision_loss, reason = "a rate")]
    let ratio = measured / expected.0 as f64;
    (0.85..=1.15).contains(&ratio)
}

/// The middle one of three rates, in bits per second. Taken again where it is far from what is expected: a machine that is busy
/// with something else sends less, and never more than it may for long.
fn median(expected: BitsPerSecond, mut measure: impl FnMut() -> f64) -> f64 {
    const ATTEMPTS: u32 = 5;
    let mut middle = 0.0;
    for _ in 0..ATTEMPTS {
        let mut rates = [measure(), measure(), measure()];
        rates.sort_by(f64::total_cmp);
        middle = rates[1];
        if is_about(middle, expected) {
            break;
        }
    }
    middle
}

#[test]
fn a_job_has_its_guarantee_and_its_ceiling_and_others_have_the_rest() {
    if !is_root(WHY) {
        return;
    }
    in_own_network(|| {
        let far = Far::plug_in();
        let before = shown();
        let untouched = look("near0");
        let group = Group::make();
        let held = class(16, 20, vec![group.traffic()]);
        let (guaranteed, ceiling) = (held.guaranteed, held.ceiling);
        shape("near0", &out(vec![held])).unwrap();

        let (jobs, others) = (far.counting(4000), far.counting(4001));
        let alone = median(ceiling, || {
            let _job = Job::sending(FAR, 4000, Some(&group));
            jobs.rate()
        });
        assert!(is_about(alone, ceiling), "{alone} of {ceiling}");
        let mut other = 0.0;
        let beside = median(guaranteed, || {
            let (_job, _other) = (Job::sending(FAR, 4000, Some(&group)), Job::sending(FAR, 4001, None));
            other = others.rate();
            jobs.rate()
        });
        eprintln!("{:.1} Mbit/s alone; {:.1} beside another's {:.1}", alone / 1e6, beside / 1e6, other / 1e6);
        assert!(is_about(beside, guaranteed), "{beside} of {guaranteed}");
        assert!(is_about(other, BitsPerSecond(LINK.0 - guaranteed.0)), "the other has the rest: {other}");

        shape("near0", &Shaping::default()).unwrap();
        assert_eq!(shown(), before);
        assert_eq!(look("near0"), untouched);
    });
}

#[test]
fn what_arrives_is_held_too() {
    if !is_root(WHY) {
        return;
    }
    in_own_network(|| {
        let far = Far::plug_in();
        let before = shown();
        let from_port = Flow { transport: Some(Transport::Tcp), local_port: Some(4000), ..Flow::default() };
        let held = class(16, 20, vec![Traffic::Flow(from_port)]);
        let ceiling = held.ceiling;
        shape("near0", &Shaping { out: None, into: Some(Lane { link: LINK, classes: vec![held] }) }).unwrap();
        let (jobs, others) = (counting_here(4000), counting_here(4001));
        let held = median(ceiling, || {
            let _job = far.run(|| Job::sending(NEAR, 4000, None));
            jobs.rate()
        });
        let other = median(LINK, || {
            let _other = far.run(|| Job::sending(NEAR, 4001, None));
            others.rate()
        });
        eprintln!("{:.1} Mbit/s of {ceiling} arrive; of others {:.1}", held / 1e6, other / 1e6);
        assert!(is_about(held, ceiling), "{held}");
        assert!(is_about(other, LINK), "the rest has the link: {other}");
        shape("near0", &Shaping::default()).unwrap();
        assert_eq!(shown(), before);
    });
}

#[test]
fn packets_are_marked_and_others_are_not() {
    if !is_root(WHY) {
        return;
    }
    in_own_network(|| {
        let far = Far::plug_in();
        let headers = far.headers(4000);
        let marked =
            TrafficClass { dscp: Some(Dscp::try_from(10).unwrap()), ..class(16, 40, vec![to_port(4000), udp(4000)]) };
        let code_point = |near: &str, far: &str, local_port: u16| {
            let socket = UdpSocket::bind((near, local_port)).unwrap();
            socket.send_to(b"plot", (far, 4000)).unwrap();
            let [first, second] = headers.recv_timeout(Duration::from_secs(30)).unwrap();
            let bits = u16::from_be_bytes([first, second]);
            if first >> 4 == 4 { bits >> 2 & 0x3f } else { bits >> 6 & 0x3f }
        };
        assert_eq!((code_point(NEAR, FAR, 5000), code_point(NEAR6, FAR6, 5000)), (0, 0));
        shape("near0", &out(vec![marked])).unwrap();
        assert_eq!((code_point(NEAR, FAR, 5001), code_point(NEAR6, FAR6, 5001)), (10, 10));
        shape("near0", &out(vec![class(16, 40, vec![udp(4000)])])).unwrap();
        assert_eq!((code_point(NEAR, FAR, 5002), code_point(NEAR6, FAR6, 5002)), (0, 0), "the mark went");
        // That the sums over headers are right is seen by a connection that comes to be.
        shape(
            "near0",
            &out(vec![TrafficClass { dscp: Some(Dscp::try_from(46).unwrap()), ..class(16, 40, vec![to_port(4001)]) }]),
        )
        .unwrap();
        let counting = far.counting(4001);
        let _job = Job::sending(FAR, 4001, None);
        assert!(counting.rate() > 1e6);
    });
}

fn udp(port: u16) -> Traffic {
    Traffic::Flow(Flow { transport: Some(Transport::Udp), remote_port: Some(port), ..Flow::default() })
}

/// Traffic told in every way there is, in both directions.
fn everything(group: &Group) -> Shaping {
    let flow = |flow| Traffic::Flow(flow);
    let address = |text: &str| Some(text.parse().unwrap());
    let ways = [
        Flow { remote: address(FAR), ..Flow::default() },
        Flow { remote: address(FAR6), transport: Some(Transport::Udp), ..Flow::default() },
        Flow { remote: address(FAR), transport: Some(Transport::Tcp), local_port: Some(1), remote_port: Some(2) },
        Flow { transport: Some(Transport::Tcp), ..Flow::default() },
    ]
    .map(flow);
    let first = TrafficClass {
        dscp: Some(Dscp::try_from(63).unwrap()),
        ..class(300, 10, [&[group.traffic()], &ways[..3]].concat())
    };
    let second = TrafficClass { priority: 7, ..class(16, 20, vec![ways[3]]) };
    let into = Lane { link: LINK, classes: vec![class(4095, 10, ways.to_vec()), class(16, 20, vec![to_port(7)])] };
    Shaping { out: Some(Lane { link: LINK, classes: vec![first, second] }), into: Some(into) }
}

#[test]
fn whoever_is_interrupted_leaves_what_can_be_undone() {
    if !is_root(WHY) {
        return;
    }
    in_own_network(|| {
        let _far = Far::plug_in();
        let group = Group::make();
        let wanted = everything(&group);
        let before = shown();
        let untouched = look("near0");
        let steps = wanted.steps(&untouched).unwrap();
        let mut door = Door::open(&Roots::standard()).unwrap();
        for taken in 0..steps.len() {
            for step in &steps[..taken] {
                door.take(&untouched.link, step).unwrap_or_else(|error| panic!("{step:?}: {error}"));
            }
            let seen = look("near0");
            for found in DIRECTIONS.map(|direction| seen.found(direction)) {
                assert!(!matches!(found, Found::Foreign(_)), "after {taken} steps: {found:?}");
            }
            shape("near0", &Shaping::default()).unwrap();
            assert_eq!(shown(), before, "after {taken} steps");
        }
        // What is half there can also be made whole.
        for step in &steps[..steps.len() / 2] {
            door.take(&untouched.link, step).unwrap();
        }
        shape("near0", &wanted).unwrap();
        shape("near0", &Shaping::default()).unwrap();
        assert_eq!(shown(), before);
        assert_eq!(look("near0"), untouched);
    });
}

#[test]
fn whoever_is_interrupted_in_a_change_does_too() {
    if !is_root(WHY) {
        return;
    }
    in_own_network(|| {
        let _far = Far::plug_in();
        let group = Group::make();
        let before = shown();
        let first = everything(&group);
        let narrow = Lane { link: BitsPerSecond(LINK.0 / 2), classes: vec![class(16, 20, vec![to_port(3), udp(4)])] };
        let second = Shaping { out: Some(narrow.clone()), into: Some(narrow) };
        let mut door = Door::open(&Roots::standard()).unwrap();
        for (from, to) in [(&first, &second), (&second, &first)] {
            let seen = shape("near0", from).unwrap();
            let steps = to.steps(&seen).unwrap();
            for taken in 1..steps.len() {
                shape("near0", from).unwrap();
                for step in &steps[..taken] {
                    door.take(&seen.link, step).unwrap_or_else(|error| panic!("{step:?}: {error}"));
                }
                let seen = look("near0");
                for direction in DIRECTIONS {
                    let ours = [from, to].map(|shaping| Found::Ours(shaping.lane(direction).unwrap()));
                    let found = seen.found(direction);
                    assert!(found == Found::Partial || ours.contains(&found), "after {taken} steps: {found:?}");
                }
                shape("near0", &Shaping::default()).unwrap();
                assert_eq!(shown(), before, "after {taken} steps");
            }
        }
    });
}

#[test]
fn a_change_keeps_what_stays() {
    if !is_root(WHY) {
        return;
    }
    in_own_network(|| {
        let _far = Far::plug_in();
        let before = shown();
        let first = out(vec![class(16, 20, vec![to_port(1)]), class(17, 10, vec![to_port(2)])]);
        let seen = shape("near0", &first).unwrap();
        let second = out(vec![class(18, 10, vec![to_port(3)]), class(16, 30, vec![to_port(1)])]);
        let steps = format!("{:?}", second.steps(&seen).unwrap());
        assert!(!steps.contains("Root"), "the queue of others is not touched: {steps}");
        shape("near0", &second).unwrap();
        shape("near0", &out(Vec::new())).unwrap();
        shape("near0", &first).unwrap();
        let slower = first.out.map(|lane| Lane { link: BitsPerSecond(LINK.0 / 2), ..lane });
        shape("near0", &Shaping { out: slower, into: None }).unwrap();
        shape("near0", &Shaping::default()).unwrap();
        assert_eq!(shown(), before);
    });
}

#[test]
fn what_others_have_set_up_is_left_alone() {
    if !is_root(WHY) {
        return;
    }
    in_own_network(|| {
        let _far = Far::plug_in();
        let wanted = out(vec![class(16, 40, vec![to_port(1)])]);
        let arriving = Shaping { out: None, into: wanted.out.clone() };
        let refused = |wanted: &Shaping, reason: &str| {
            let before = shown();
            let error = shape("near0", wanted).unwrap_err();
            assert!(error.contains(reason), "{error}");
            assert_eq!(Shaping::default().steps(&look("near0")), Ok(Vec::new()), "and it is not undone either");
            assert_eq!(shown(), before);
        };
        tc("qdisc add dev near0 root tbf rate 9mbit burst 10kb latency 50ms");
        refused(&wanted, "queue is tbf 8");
        tc("qdisc del dev near0 root");
        // With our own number, but not our tree.
        tc("qdisc add dev near0 root handle 5057: htb default 7");
        refused(&wanted, "htb 5057:");
        tc("qdisc del dev near0 root");
        tc("qdisc add dev near0 handle ffff: ingress");
        refused(&arriving, "ingress already");
        tc("qdisc del dev near0 ingress");

        // Ours, and then not ours alone any more.
        for change in [
            "class change dev near0 parent 5057:1 classid 5057:10 htb rate 1mbit",
            "class add dev near0 parent 5057:1 classid 5057:5 htb rate 1mbit",
            "qdisc replace dev near0 parent 5057:10 handle 77: tbf rate 9mbit burst 10kb latency 50ms",
            "filter add dev near0 parent 5057: protocol all u32 match u32 0 0 classid 5057:10",
        ] {
            shape("near0", &wanted).unwrap();
            tc(change);
            refused(&wanted, "");
            tc("qdisc del dev near0 root");
            // The rules that go with it are ours again.
            shape("near0", &Shaping::default()).unwrap();
        }
    });
}

fn tc(arguments: &str) -> String {
    let output = Command::new("tc").args(arguments.split(' ')).output().unwrap();
    assert!(output.status.success(), "tc {arguments}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_kernels_own_queues_come_back_as_they_were() {
    if !is_root(WHY) {
        return;
    }
    in_own_network(|| {
        ip("tuntap add tap0 mode tap");
        ip("tuntap add many0 mode tap multi_queue");
        for (interface, kind) in [("tap0", "pfifo_fast"), ("many0", "mq")] {
            ip(&format!("link set {interface} up"));
            let before = look(interface);
            let kinds: Vec<&str> = before.queues.qdiscs.iter().map(|qdisc| qdisc.kind.as_str()).collect();
            eprintln!("{interface}: {} queues of {:?}", kinds.len(), kinds.first());
            assert!(kinds.contains(&kind) || kinds.contains(&"fq_codel"), "{kinds:?}");
            shape(interface, &out(vec![class(16, 40, vec![to_port(1)])])).unwrap();
            shape(interface, &Shaping::default()).unwrap();
            assert_eq!(look(interface), before);
        }
        // Where it would not come back, it is not taken away.
        ip("link set tap0 txqueuelen 0");
        let wanted = out(vec![class(16, 40, vec![to_port(1)])]);
        assert!(shape("tap0", &wanted).unwrap_err().contains("txqueuelen"));
        let foreign_default = Seen { default_kind: Some("fq".to_owned()), ..look("many0") };
        assert!(wanted.steps(&foreign_default).unwrap_err().contains("net.core.default_qdisc"));
        ip("link set many0 down");
        assert!(shape("many0", &wanted).unwrap_err().contains("down"));
        assert!(shape("lo", &wanted).unwrap_err().contains("never leave"));
    });
}
