//! The real guard beside a process that plays the main one: killed, stopped, hung, and left alone.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::rc::Rc;
use std::time::{Duration, Instant};

use nix::sys::signal::{SIGCONT, SIGKILL, SIGSTOP, SIGTERM, Signal, kill};
use nix::unistd::Pid;
use plotwarden::actuate::{Actuator, guard};
use plotwarden::claim::KnobKind;
use plotwarden::knob::{GroupUse, Linux};
use plotwarden::mode::Mode;

use crate::machine::{Mishap, Mishappy};
use crate::subject::{Snapshot, Subject, is_stopped, wait_for};
use crate::{Bench, OF_PROCESSES, cgroup2, is_root, now, roots, skip, subject_job, variable, wanted, within};

/// What law 1 promises.
const PROMISE: Duration = Duration::from_secs(10);

/// Hangs for good in the middle of the write section, after the pause was written and before it was confirmed.
struct Hang;

impl Mishap for Hang {
    fn after_write(&self, kind: KnobKind) {
        if kind == KnobKind::Pause {
            println!("\nhanging");
            std::thread::sleep(Duration::from_mins(10));
        }
    }
}

struct Nothing;

impl Mishap for Nothing {}

/// The main process: ticks and beats until its standard input ends, then restores and exits. One that forgets beats and ticks no
/// more once it has acted.
pub fn play() {
    let job = subject_job();
    let roots = roots(variable("RUN").as_ref(), cgroup2());
    let mishap: Rc<dyn Mishap> = if variable("HANG") == "yes" { Rc::new(Hang) } else { Rc::new(Nothing) };
    let machine = Box::new(Mishappy::new(Linux::new(&roots, GroupUse::Free), &mishap));
    let mut actuator = Actuator::open(&roots, machine, Mode::Enforce, now()).unwrap().0;
    let mut guard = guard::spawn(env!("CARGO_BIN_EXE_plotwarden-guard").as_ref(), &roots).unwrap();
    actuator.protect(guard.identity().unwrap());
    println!("\nguard {}", guard.identity().unwrap().pid);
    let stop = std::thread::spawn(|| std::io::stdin().lock().lines().for_each(drop));
    let mut acted = false;
    while !stop.is_finished() {
        actuator.beat(now()).unwrap();
        if guard.keep_alive().unwrap() {
            println!("\nguard {}", guard.identity().unwrap().pid);
        }
        if !(acted && variable("HANG") == "forgets") {
            let reports = actuator.tick(now(), &wanted(&job, &OF_PROCESSES), std::slice::from_ref(&job));
            if !reports.is_empty() {
                println!("\nacted");
                acted = true;
            }
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    let report = actuator.shutdown(now(), &BTreeSet::new()).unwrap();
    assert!(report.is_complete(), "{report}");
    std::process::exit(0);
}

/// A subject with the main process and the guard at work on it.
struct Scene {
    subject: Subject,
    before: Snapshot,
    main: Child,
    output: BufReader<ChildStdout>,
    guard: Pid,
    bench: Bench,
}

impl Scene {
    fn set(hang: &str) -> Self {
        let bench = Bench::new(cgroup2());
        let run = bench.roots.run.parent().unwrap();
        let subject = Subject::start();
        let before = subject.snapshot();
        let part = crate::in_part("main");
        let mut main = Command::new(&part[0])
            .args([format!("RUN={}", run.display()), format!("HANG={hang}")])
            .args([
                format!("SUBJECT_PID={}", subject.identity.pid),
                format!("SUBJECT_START={}", subject.identity.start_ticks),
            ])
            .args(&part[1..])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(main.stdout.take().unwrap());
        let guard = guard_of(&mut output);
        wait_for(&mut output, if hang == "yes" { "hanging" } else { "acted" });
        let scene = Self { subject, before, main, output, guard, bench };
        assert_ne!(scene.subject.snapshot(), scene.before);
        scene
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(i32::try_from(self.main.id()).unwrap()), signal).unwrap();
    }

    /// Stops the main process where it has nothing under way: in the middle of a write the guard would rightly end it.
    fn stop_between_writes(&self) {
        let section = std::fs::File::open(self.bench.roots.run.join("journal.lock")).unwrap();
        section.lock().unwrap();
        self.signal(SIGSTOP);
        let main = i32::try_from(self.main.id()).unwrap();
        assert!(within(Duration::from_secs(5), || is_stopped(main)));
    }

    /// How long it took until everything was as before.
    #[track_caller]
    fn assert_put_back(&self) -> Duration {
        let start = Instant::now();
        let is_back = within(PROMISE, || self.subject.snapshot() == self.before);
        assert!(is_back, "{:#?}", self.subject.snapshot());
        start.elapsed()
    }

    #[track_caller]
    fn assert_guard_leaves(&self) {
        assert!(within(Duration::from_secs(5), || !is_running(self.guard)), "the guard stays");
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        let _ = self.main.kill();
        let _ = self.main.wait();
        within(PROMISE, || !is_running(self.guard));
    }
}

fn guard_of(output: &mut impl BufRead) -> Pid {
    let line = output.lines().map(Result::unwrap).find(|line| line.starts_with("guard ")).unwrap();
    Pid::from_raw(line["guard ".len()..].parse().unwrap())
}

fn is_running(pid: Pid) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    !stat.is_empty() && !stat.contains(") Z ")
}

#[test]
fn a_killed_main_process_is_made_good_at_once() {
    if !is_root() {
        skip!("needs root to change priorities and groups");
    }
    let mut scene = Scene::set("no");
    scene.signal(SIGKILL);
    scene.main.wait().unwrap();
    let took = scene.assert_put_back();
    println!("put back {took:?} after the kill");
    scene.assert_guard_leaves();
    scene.subject.ask("thread");
}

#[test]
fn a_stopped_main_process_is_made_good_and_may_go_on_afterwards() {
    if !is_root() {
        skip!("needs root to change priorities and groups");
    }
    let mut scene = Scene::set("no");
    scene.stop_between_writes();
    let took = scene.assert_put_back();
    println!("put back {took:?} after the stop");
    scene.signal(SIGCONT);
    wait_for(&mut scene.output, "acted");
    assert_ne!(scene.subject.snapshot(), scene.before);
    drop(scene.main.stdin.take());
    assert!(scene.main.wait().unwrap().success());
    assert_eq!(scene.subject.snapshot(), scene.before);
    scene.assert_guard_leaves();
}

#[test]
fn a_main_process_that_hangs_in_its_write_section_is_ended() {
    if !is_root() {
        skip!("needs root to change priorities and groups");
    }
    let mut scene = Scene::set("yes");
    let took = scene.assert_put_back();
    println!("put back {took:?} after it hung");
    assert!(!scene.main.wait().unwrap().success());
    scene.assert_guard_leaves();
}

#[test]
fn what_a_main_process_forgets_is_put_back_though_it_beats() {
    if !is_root() {
        skip!("needs root to change priorities and groups");
    }
    let mut scene = Scene::set("forgets");
    let heartbeat = || std::fs::read(scene.bench.roots.run.join("heartbeat")).unwrap();
    let began = Instant::now();
    // A lease of a pause, and as long again for the guard to notice on a busy machine.
    assert!(within(Duration::from_mins(1), || scene.subject.snapshot() == scene.before), "still held");
    println!("put back {:?} after it was forgotten", began.elapsed());
    let beat = heartbeat();
    assert!(within(Duration::from_secs(5), || heartbeat() != beat), "it beats all the time");
    drop(scene.main.stdin.take());
    assert!(scene.main.wait().unwrap().success());
    assert_eq!(scene.subject.snapshot(), scene.before);
    scene.assert_guard_leaves();
}

#[test]
fn the_guard_is_deaf_to_what_stops_the_service_and_follows_the_main_process() {
    if !is_root() {
        skip!("needs root to change priorities and groups");
    }
    let mut scene = Scene::set("no");
    for signal in [SIGTERM, Signal::SIGINT, Signal::SIGHUP] {
        kill(scene.guard, signal).unwrap();
    }
    std::thread::sleep(Duration::from_millis(300));
    assert!(is_running(scene.guard));
    let status = std::fs::read_to_string(format!("/proc/{}/status", scene.guard)).unwrap();
    println!(
        "{}",
        status.lines().filter(|line| line.starts_with("Vm") || line.starts_with("Rss")).collect::<Vec<_>>().join("\n")
    );
    drop(scene.main.stdin.take());
    assert!(scene.main.wait().unwrap().success());
    assert_eq!(scene.subject.snapshot(), scene.before);
    scene.assert_guard_leaves();
}

#[test]
fn a_dead_guard_is_replaced() {
    if !is_root() {
        skip!("needs root to change priorities and groups");
    }
    let mut scene = Scene::set("no");
    kill(scene.guard, SIGKILL).unwrap();
    let second = guard_of(&mut scene.output);
    assert_ne!(second, scene.guard);
    scene.guard = second;
    scene.signal(SIGKILL);
    scene.assert_put_back();
    scene.assert_guard_leaves();
}

#[test]
fn the_guard_explains_itself() {
    let output = Command::new(env!("CARGO_BIN_EXE_plotwarden-guard")).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("--main is missing") || said.contains("--run is missing"), "{said}");
    assert!(said.contains("usage:"));
    std::io::stdout().flush().unwrap();
}
