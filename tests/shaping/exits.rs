//! Shaping as any other knob: journaled, held, and put back however its holder ends.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use plotwarden::actuate::{Actuator, Outcome, Report, guard, restore};
use plotwarden::arbiter::{Want, Wanted};
use plotwarden::claim::{Bound, Claimant, Class, KnobKind, Part, PartClass, Setting, Target};
use plotwarden::clock::Moment;
use plotwarden::kernel::Roots;
use plotwarden::knob::shaping::Found;
use plotwarden::knob::{GroupUse, Linux, Machine, Proof, proven_kinds};
use plotwarden::mode::Mode;
use plotwarden::shaping::Direction;

use super::support::alone::is_root;
use super::support::hasty::hasty;
use super::support::namespace::{in_own_network, ip};
use super::wire::Far;
use super::{DIRECTIONS, Shaping, WHY, class, classes, look, out, shown, tc, to_port};

const PART: &str = "PLOTWARDEN_TEST_HOLD_IN";
/// What the guard promises.
const PROMISE: Duration = Duration::from_secs(10);

fn now() -> Moment {
    let boot = nix::time::clock_gettime(nix::time::ClockId::CLOCK_BOOTTIME).unwrap();
    Moment { boot: boot.into(), wall: SystemTime::now() }
}

fn roots(run: &std::path::Path) -> Roots {
    Roots { cgroupfs: None, run: run.join("run"), ..Roots::standard() }
}

fn open(roots: &Roots) -> Actuator {
    let machine = Box::new(Linux::new(roots, GroupUse::Free));
    hasty(Actuator::open(roots, machine, Mode::Enforce, now()).unwrap().0)
}

fn both(megabits: u64) -> Shaping {
    let shaping = out(vec![class(16, megabits, vec![to_port(1)]), class(17, 10, vec![to_port(2)])]);
    Shaping { into: shaping.out.clone(), ..shaping }
}

fn wanted(interface: &str, shaping: &Shaping) -> Wanted {
    let holder = Claimant { class: Class::Slo, priority: 500, policy: "share".to_owned() };
    let kinds = [(KnobKind::Shaping, Direction::Leaving), (KnobKind::ArrivalShaping, Direction::Arriving)];
    let settings = kinds.into_iter().filter_map(|(kind, direction)| {
        let setting = Setting::Lane(kind, shaping.lane(direction)?);
        let want = Want { setting, bound: Bound::Exactly, holders: vec![holder.clone()], reason: "transfer" };
        Some(((Target::Part(Part::new(PartClass::Interface, interface)), kind), want))
    });
    Wanted { settings: settings.collect::<BTreeMap<_, _>>(), ..Wanted::default() }
}

#[track_caller]
fn assert_done(reports: &[Report], count: usize) {
    let are_done = reports.iter().all(|report| report.outcome == Outcome::Done);
    assert!(are_done && reports.len() == count, "{reports:#?}");
}

/// The holder: wants one shaping and then another, over and over, until it is killed.
pub fn play() {
    let Ok(run) = std::env::var(PART) else { return };
    let roots = roots(run.as_ref());
    let mut actuator = open(&roots);
    let mut guard = guard::spawn(env!("CARGO_BIN_EXE_plotwarden-guard").as_ref(), &roots).unwrap();
    for turn in 0_u64.. {
        actuator.beat(now()).unwrap();
        guard.keep_alive().unwrap();
        let reports = actuator.tick(now(), &wanted("near0", &both(20 + turn % 2 * 20)), &[]);
        assert_done(&reports, 2);
        if turn == 1 {
            println!("\nheld");
        }
    }
}

fn holder(run: &std::path::Path) -> (Child, BufReader<ChildStdout>) {
    let mut holder = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "play_a_part", "--nocapture", "--test-threads=1"])
        .env(PART, run)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = BufReader::new(holder.stdout.take().unwrap());
    (holder, output)
}

#[test]
fn it_is_held_changed_and_released() {
    if !is_root(WHY) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    in_own_network(|| {
        let _far = Far::plug_in();
        let before = shown();
        let roots = roots(dir.path());
        let mut actuator = open(&roots);
        assert_done(&actuator.tick(now(), &wanted("near0", &both(40)), &[]), 2);
        assert_ne!(shown(), before);
        assert_eq!(actuator.tick(now(), &wanted("near0", &both(40)), &[]), []);
        assert_done(&actuator.tick(now(), &wanted("near0", &both(20)), &[]), 2);
        let one = Shaping { out: None, ..both(20) };
        assert_done(&actuator.tick(now(), &wanted("near0", &one), &[]), 1);
        // A restart adopts it without a write.
        drop(actuator);
        let mut actuator = open(&roots);
        assert_eq!(actuator.tick(now(), &wanted("near0", &one), &[]), []);
        assert_done(&actuator.tick(now(), &Wanted::default(), &[]), 1);
        assert_eq!(shown(), before);
        // A clean end restores, whatever name the interface has by then.
        assert_done(&actuator.tick(now(), &wanted("near0", &both(40)), &[]), 2);
        ip("link set near0 down");
        ip("link set near0 name other0");
        let report = actuator.shutdown(now(), &std::collections::BTreeSet::new()).unwrap();
        assert!(report.is_complete(), "{report}");
        ip("link set other0 name near0");
        assert!(!ip("link show").contains("pw-in") && !tc("qdisc show").contains("htb"), "{}", shown());
    });
    for kind in [KnobKind::Shaping, KnobKind::ArrivalShaping] {
        assert!(proven_kinds(Proof::Host).any(|known| known == kind.name()));
        // On a line of its own, for whoever counts in the virtual machine.
        let _ = std::io::stderr().write_all(format!("\nPROVEN {}\n", kind.name()).as_bytes());
    }
}

#[test]
fn what_somebody_else_does_with_it_is_left_to_him() {
    if !is_root(WHY) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    in_own_network(|| {
        let _far = Far::plug_in();
        let roots = roots(dir.path());
        tc("qdisc add dev near0 root tbf rate 9mbit burst 10kb latency 50ms");
        let mut actuator = open(&roots);
        let reports = actuator.tick(now(), &wanted("near0", &both(40)), &[]);
        let protected = |report: &Report| matches!(&report.outcome, Outcome::Protected { why } if why.contains("tbf"));
        assert!(reports.iter().any(protected), "{reports:#?}");
        actuator.tick(now(), &Wanted::default(), &[]);
        tc("qdisc del dev near0 root");

        assert_done(&actuator.tick(now(), &wanted("near0", &both(40)), &[]), 2);
        tc("class change dev near0 parent 5057:1 classid 5057:10 htb rate 1mbit");
        let reports = actuator.tick(now(), &wanted("near0", &both(40)), &[]);
        assert!(matches!(&reports[..], [Report { outcome: Outcome::Foreign { .. }, .. }]), "{reports:#?}");
        drop(actuator);
        let left = classes();
        let report = restore(&roots, now(), Duration::from_secs(2)).unwrap();
        assert!(report.is_complete(), "{report}");
        assert_eq!(classes(), left);
        assert!(!ip("link show").contains("pw-in"), "the other direction was ours");
    });
}

#[test]
fn an_interface_that_goes_takes_it_along() {
    if !is_root(WHY) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    in_own_network(|| {
        let _far = Far::plug_in();
        let mut actuator = open(&roots(dir.path()));
        assert_done(&actuator.tick(now(), &wanted("near0", &both(40)), &[]), 2);
        ip("link del near0");
        let reports = actuator.tick(now(), &Wanted::default(), &[]);
        assert!(reports.iter().all(|report| report.outcome == Outcome::Gone), "{reports:#?}");
        assert_eq!(actuator.held().count(), 0);
        assert!(!ip("link show").contains("pw-in"), "{}", ip("link show"));
    });
}

/// Stops the holder at one moment after the other, until it is one in the middle of a change.
fn stop_in_a_change(holder: Pid) {
    let start = Instant::now();
    loop {
        kill(holder, Signal::SIGSTOP).unwrap();
        if DIRECTIONS.iter().any(|way| look("near0").found(*way) == Found::Partial) {
            return;
        }
        assert!(start.elapsed() < Duration::from_mins(1), "no change takes any time");
        kill(holder, Signal::SIGCONT).unwrap();
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn the_guard_makes_good_what_was_killed_in_the_middle_of_a_change() {
    if !is_root(WHY) {
        return;
    }
    in_own_network(|| {
        let _far = Far::plug_in();
        let before = shown();
        for round in 0..4 {
            let dir = tempfile::tempdir().unwrap();
            let (mut holder, output) = holder(dir.path());
            assert!(output.lines().map(Result::unwrap).any(|line| line == "held"));
            stop_in_a_change(Pid::from_raw(holder.id().cast_signed()));
            holder.kill().unwrap();
            holder.wait().unwrap();
            let start = Instant::now();
            while shown() != before {
                assert!(start.elapsed() < PROMISE, "round {round}: {}", shown());
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    });
}

#[test]
fn the_interfaces_that_can_have_it_are_named() {
    if !is_root(WHY) {
        return;
    }
    in_own_network(|| {
        let _far = Far::plug_in();
        let machine = Linux::new(&Roots::standard(), GroupUse::Free);
        for kind in [KnobKind::Shaping, KnobKind::ArrivalShaping] {
            let knob = machine.knob(kind);
            assert_eq!(knob.parts(), [Part::new(PartClass::Interface, "near0")]);
            let capability = knob.probe();
            assert_eq!(capability.reason, "", "{capability:?}");
        }
    });
}
