use std::process::{Child, Command, Stdio};
use std::thread::sleep;

use proptest::prelude::*;

use super::super::fixture::{FakeProcess, Fixture};
use super::super::{clock, process};
use super::*;

const FORKED: ProcessEvent = ProcessEvent::Forked { child: 7 };
const EXECED: ProcessEvent = ProcessEvent::Execed { pid: 7 };
const EXITED: ProcessEvent = ProcessEvent::Exited { pid: 7 };

fn fate(events: &[ProcessEvent]) -> (bool, bool) {
    let mut fate = Fate::default();
    for event in events {
        fate.note(*event);
    }
    (fate.ended, fate.there)
}

#[test]
fn events_of_one_pid_add_up() {
    let table: [(&[ProcessEvent], bool, bool); 9] = [
        (&[FORKED], false, true),
        (&[FORKED, EXECED], false, true),
        (&[FORKED, EXECED, EXITED], false, false),
        (&[EXECED], false, true),
        (&[EXITED], true, false),
        (&[EXECED, EXITED], true, false),
        // The pid was used again.
        (&[EXITED, FORKED, EXECED], true, true),
        (&[EXITED, FORKED, EXITED], true, false),
        // Another than the first thread has exec'd.
        (&[EXITED, EXECED], false, true),
    ];
    for (events, ended, there) in table {
        assert_eq!(fate(events), (ended, there), "{events:?}");
    }
}

proptest! {
    #[test]
    fn the_last_event_decides_whether_it_is_there(picks in proptest::collection::vec(0_usize..3, 1..20)) {
        let events: Vec<ProcessEvent> = picks.iter().map(|pick| [FORKED, EXECED, EXITED][*pick]).collect();
        let (_, there) = fate(&events);
        prop_assert_eq!(there, events.last() != Some(&EXITED));
    }
}

/// Ends with the test.
struct Running(Child);

impl Running {
    fn start(program: &str, arguments: &[&str]) -> Self {
        Self(Command::new(program).args(arguments).stdin(Stdio::piped()).spawn().unwrap())
    }

    fn pid(&self) -> i32 {
        self.0.id().cast_signed()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Both kinds of watch on this machine, after their first look.
fn watches() -> Vec<ProcessWatch> {
    let roots = Roots::standard();
    let mut watches = vec![ProcessWatch::new(&roots), ProcessWatch::by_sweep(&roots, "a test")];
    for watch in &mut watches {
        assert!(watch.changes(clock::now()).unwrap().full);
    }
    watches
}

fn names(watch: &mut ProcessWatch, pid: i32) -> bool {
    watch.changes(clock::now()).unwrap().appeared.contains(&pid)
}

fn argv_of(pid: i32) -> Vec<String> {
    process::read_facts(&Roots::standard(), pid).unwrap().argv
}

#[test]
fn a_new_program_is_noticed_at_once_with_its_arguments_and_so_is_its_end() {
    for mut watch in watches() {
        let mut child = Running::start("sleep", &["61"]);
        let begun = clock::now();
        // Its arguments are there a moment after it is: it is then named again.
        while !(names(&mut watch, child.pid()) && argv_of(child.pid()) == ["sleep", "61"]) {
            assert!(clock::now().since(begun.boot) < Duration::from_millis(200), "{:?}", watch.source());
        }
        child.0.kill().unwrap();
        child.0.wait().unwrap();
        assert!(watch.changes(clock::now()).unwrap().exited.contains(&child.pid()), "{:?}", watch.source());
    }
}

#[test]
fn a_program_that_another_becomes_is_noticed() {
    for mut watch in watches() {
        let mut shell = Running::start("sh", &["-c", "read line; exec sleep 62"]);
        watch.changes(clock::now()).unwrap();
        drop(shell.0.stdin.take());
        while argv_of(shell.pid()).first().is_none_or(|name| name != "sleep") {
            sleep(Duration::from_millis(2));
        }
        assert!(names(&mut watch, shell.pid()), "{:?}", watch.source());
    }
}

#[test]
fn a_storm_of_short_programs_hides_no_long_one() {
    for mut watch in watches() {
        let mut storm = Running::start("sh", &["-c", "for i in $(seq 300); do /bin/true; done"]);
        let kept = Running::start("sleep", &["63"]);
        let mut appeared = Vec::new();
        while storm.0.try_wait().unwrap().is_none() {
            appeared.extend(watch.changes(clock::now()).unwrap().appeared);
            sleep(Duration::from_millis(100));
        }
        appeared.extend(watch.changes(clock::now()).unwrap().appeared);
        assert!(appeared.contains(&kept.pid()), "{:?}", watch.source());
    }
}

#[test]
fn what_lost_events_hid_is_found_by_looking() {
    let mut watch = ProcessWatch::new(&Roots::standard());
    watch.changes(clock::now()).unwrap();
    let Some(events) = &watch.events else { return };
    events.set_receive_buffer(2048);
    for _ in 0..50 {
        Command::new("true").status().unwrap();
    }
    let hidden = Running::start("sleep", &["65"]);
    let changes = watch.changes(clock::now()).unwrap();
    assert!(changes.lost && !changes.full && changes.appeared.contains(&hidden.pid()), "{changes:?}");
    assert_eq!((watch.looks_owed, watch.source()), (ROTATION - 1, &Source::Events));
}

#[test]
fn events_wake_a_waiting_caller() {
    let watch = ProcessWatch::new(&Roots::standard());
    let Some(readiness) = watch.readiness() else {
        assert!(matches!(watch.source(), Source::Sweep { reason } if !reason.is_empty()));
        return;
    };
    let _child = Running::start("sleep", &["64"]);
    let mut ready = [nix::poll::PollFd::new(readiness, nix::poll::PollFlags::POLLIN)];
    assert_eq!(nix::poll::poll(&mut ready, nix::poll::PollTimeout::from(200_u16)), Ok(1));
}

#[test]
fn foreign_roots_are_swept_and_the_reason_is_said() {
    let fixture = Fixture::new();
    fixture.process(&FakeProcess::IDLE);
    let mut watch = ProcessWatch::new(&fixture.roots);
    let Source::Sweep { reason } = watch.source() else { panic!("events of this machine for another") };
    assert!(reason.contains("pid namespace"), "{reason}");
    let changes = watch.changes(clock::now()).unwrap();
    assert_eq!((changes.appeared, changes.full), (vec![7], true));
}

#[test]
fn a_first_thread_that_ended_before_the_others_does_not_end_the_process() {
    let fixture = Fixture::new();
    fixture.process(&FakeProcess::IDLE);
    let mut watch = ProcessWatch::new(&fixture.roots);
    watch.changes(clock::now()).unwrap();
    let state = |letter: char, threads: u8| {
        format!("7 (x) {letter} 1 1 1 0 -1 0 10 0 2 0 0 5 0 0 20 0 {threads} 0 100 0 0 0\n")
    };
    fixture.file("proc/7/stat", state('Z', 3));
    watch.fate(7).note(EXITED);
    assert_eq!(watch.changes(clock::now()).unwrap().exited, Vec::<i32>::new());
    fixture.file("proc/7/stat", state('Z', 1));
    assert_eq!(watch.changes(clock::now()).unwrap().exited, [7]);
}
