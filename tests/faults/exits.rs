//! However plotwarden ends, every thread of every plotter is as it was before.

use std::process::{Command, Output};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::alone::is_root;
use crate::support::daemon::{BINARY, Daemon, Options};
use crate::support::dialled::{CALM, Dialled, PAUSING, run_on_threads, wait_up_to};
use crate::support::state::{State, groups_left};

/// Within this time everything is put back, whatever has happened (the promise); our own looking takes a moment too.
const PROMISED: Duration = Duration::from_secs(10);

/// Three plotters, and a plotwarden that holds all knobs of them; and how they were before.
fn held() -> (Dialled, Daemon, State) {
    let dialled = Dialled::with_plotters();
    let before = dialled.state();
    let daemon = Daemon::start(&dialled.options());
    dialled.press(&daemon);
    assert_ne!(dialled.state(), before);
    (dialled, daemon, before)
}

fn send(pid: i32, signal: Signal) {
    kill(Pid::from_raw(pid), signal).unwrap();
}

/// `plotwarden restore` on what this instance left.
pub fn restore(daemon: &Daemon, dialled: &Dialled) -> Output {
    run_restore(daemon, dialled, &[])
}

fn run_restore(daemon: &Daemon, dialled: &Dialled, flags: &[&str]) -> Output {
    let mut command = Command::new(BINARY);
    command.arg("restore").arg("--path.run").arg(daemon.run_dir()).arg("--path.procfs").arg(dialled.dial.procfs());
    command.args(flags).output().unwrap()
}

#[track_caller]
fn assert_nothing_is_left(daemon: &Daemon) {
    assert_eq!(daemon.journal(), Vec::<std::path::PathBuf>::new());
    assert_eq!(groups_left(), Vec::<std::path::PathBuf>::new());
}

#[test]
fn sigterm_puts_everything_back() {
    if !is_root("pausing plotters") {
        return;
    }
    let (dialled, mut daemon, before) = held();
    assert_eq!(daemon.stop().code(), Some(0), "{}", daemon.log());
    assert_eq!(dialled.state(), before, "{}", daemon.log());
    assert_nothing_is_left(&daemon);
}

#[test]
fn calm_puts_everything_back_but_the_groups() {
    if !is_root("pausing plotters") {
        return;
    }
    let (dialled, mut daemon, before) = held();
    dialled.dial.turn_to(CALM);
    daemon.wait_for("nothing but groups is held", Duration::from_secs(20), |metrics| {
        let held = metrics.all("plotwarden_knob_setting_info", &[("kind", "actual")]);
        held.iter().all(|(labels, _)| labels.contains("knob=\"group\"")).then_some(())
    });
    assert_eq!(dialled.state().without_groups(), before.without_groups(), "{}", daemon.log());
    assert!(daemon.stop().success());
    assert_eq!(dialled.state(), before, "{}", daemon.log());
    assert_nothing_is_left(&daemon);
}

#[test]
fn sigkill_is_made_good_by_the_guard() {
    if !is_root("pausing plotters") {
        return;
    }
    let (dialled, mut daemon, before) = held();
    daemon.signal(Signal::SIGKILL);
    daemon.wait();
    wait_up_to(PROMISED, "all as before", || dialled.state() == before);
    wait_up_to(PROMISED, "nothing left", || daemon.journal().is_empty() && groups_left().is_empty());
}

/// Wherever it is between journal, write and read-back.
#[test]
fn sigkill_at_any_moment_is_made_good() {
    if !is_root("pausing plotters") {
        return;
    }
    let dialled = Dialled::with_plotters();
    let before = dialled.state();
    for moment in 0..12 {
        dialled.dial.turn_to(PAUSING);
        let mut daemon = Daemon::start(&dialled.options());
        // The first two ticks, in which everything is moved, niced and paused, in steps that fall nowhere in particular.
        std::thread::sleep(Duration::from_millis(moment * 200));
        daemon.signal(Signal::SIGKILL);
        daemon.wait();
        wait_up_to(PROMISED, "all as before", || dialled.state() == before);
        wait_up_to(PROMISED, "nothing left", || daemon.journal().is_empty() && groups_left().is_empty());
    }
}

#[test]
fn a_plotwarden_that_is_stopped_leaves_no_job_paused_and_goes_on_when_continued() {
    if !is_root("pausing plotters") {
        return;
    }
    let (dialled, mut daemon, before) = held();
    daemon.signal(Signal::SIGSTOP);
    wait_up_to(PROMISED, "all as before", || dialled.state() == before);
    daemon.signal(Signal::SIGCONT);
    dialled.press(&daemon);
    assert_eq!(daemon.stop().code(), Some(0), "{}", daemon.log());
    assert_eq!(dialled.state(), before, "{}", daemon.log());
    assert_nothing_is_left(&daemon);
}

#[test]
fn without_a_guard_the_restore_command_puts_everything_back_and_says_so() {
    if !is_root("pausing plotters") {
        return;
    }
    let (dialled, mut daemon, before) = held();
    end_both(&mut daemon);
    assert_ne!(dialled.state(), before, "somebody else has put it back");
    let output = restore(&daemon, &dialled);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(0), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(dialled.state(), before, "{said}");
    for knob in ["nice", "sched-class", "io-priority", "pause"] {
        assert!(said.contains(&format!(": {knob} put back from ")), "{knob} is not mentioned:\n{said}");
    }
    assert_nothing_is_left(&daemon);
    let again = restore(&daemon, &dialled);
    assert_eq!(again.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&again.stdout).contains("nothing to put back"));
}

#[test]
fn without_a_guard_the_next_start_puts_back_what_is_no_longer_wanted() {
    if !is_root("pausing plotters") {
        return;
    }
    let (dialled, mut first, before) = held();
    end_both(&mut first);
    dialled.dial.turn_to(CALM);
    let mut second = Daemon::start(&Options { run: Some(first.run_dir().to_owned()), ..dialled.options() });
    wait_up_to(PROMISED, "all but the groups as before", || {
        dialled.state().without_groups() == before.without_groups()
    });
    assert_eq!(second.stop().code(), Some(0), "{}", second.log());
    assert_eq!(dialled.state(), before, "{}", second.log());
    assert_nothing_is_left(&second);
}

#[test]
fn a_start_that_may_not_enforce_puts_back_what_an_earlier_one_left() {
    if !is_root("pausing plotters") {
        return;
    }
    let (dialled, mut first, before) = held();
    end_both(&mut first);
    let run = Some(first.run_dir().to_owned());
    let mut second = Daemon::start(&Options { run, max_mode: Some("dry-run"), ..dialled.options() });
    assert_eq!(dialled.state(), before, "{}", second.log());
    assert!(second.log().contains("an earlier run left something behind"), "{}", second.log());
    assert!(second.stop().success());
    assert_nothing_is_left(&second);
}

#[test]
fn a_restart_keeps_everything_and_the_next_start_goes_on_with_it() {
    if !is_root("pausing plotters") {
        return;
    }
    let (dialled, mut first, before) = held();
    let guard = first.guard().unwrap();
    let during = dialled.state();
    let records = first.journal();
    first.signal(Signal::SIGUSR2);
    assert_eq!(first.wait().code(), Some(0), "{}", first.log());
    assert_eq!(dialled.state(), during, "{}", first.log());
    let left = run_restore(&first, &dialled, &["--after-stop"]);
    assert!(String::from_utf8_lossy(&left.stdout).contains("left to the next start"), "{left:?}");
    assert_eq!(dialled.state(), during);
    let mut second = Daemon::start(&Options { run: Some(first.run_dir().to_owned()), ..dialled.options() });
    // It leaves without putting anything back.
    wait_up_to(PROMISED, "the first guard has ended", || State::of(&[guard]).is_empty());
    let ticks = second.ticks();
    second.wait_for("three ticks", Duration::from_secs(20), |_| (second.ticks() >= ticks + 3.0).then_some(()));
    assert_eq!(dialled.state(), during, "{}{}", first.log(), second.log());
    assert_eq!(second.journal(), records);
    assert!(!first.log().contains("doing it now"), "{}", first.log());
    assert_eq!(second.stop().code(), Some(0), "{}", second.log());
    assert_eq!(dialled.state(), before, "{}", second.log());
    assert_nothing_is_left(&second);
}

#[test]
fn a_restart_that_nobody_follows_is_made_good_by_the_guard() {
    if !is_root("pausing plotters") {
        return;
    }
    let (dialled, mut daemon, before) = held();
    daemon.signal(Signal::SIGUSR2);
    assert_eq!(daemon.wait().code(), Some(0), "{}", daemon.log());
    assert_ne!(dialled.state(), before, "what is held stays for the next start");
    // Ten seconds for the next start, and the usual promise.
    wait_up_to(Duration::from_secs(10) + PROMISED, "all as before", || dialled.state() == before);
    wait_up_to(PROMISED, "nothing left", || daemon.journal().is_empty() && groups_left().is_empty());
}

#[test]
fn a_guard_that_dies_is_replaced() {
    if !is_root("pausing plotters") {
        return;
    }
    let (dialled, mut daemon, before) = held();
    let first = daemon.guard().unwrap();
    send(first, Signal::SIGKILL);
    wait_up_to(Duration::from_secs(3), "another guard", || daemon.guard().is_some_and(|guard| guard != first));
    daemon.signal(Signal::SIGKILL);
    daemon.wait();
    wait_up_to(PROMISED, "all as before", || dialled.state() == before);
}

/// As a service manager does it, and a terminal with Ctrl-C.
#[test]
fn a_signal_to_all_processes_at_once_ends_them_in_order() {
    if !is_root("pausing plotters") {
        return;
    }
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let (dialled, mut daemon, before) = held();
        let guard = daemon.guard().unwrap();
        send(guard, signal);
        daemon.signal(signal);
        assert_eq!(daemon.wait().code(), Some(0), "{}", daemon.log());
        assert_eq!(dialled.state(), before, "{}", daemon.log());
        assert_nothing_is_left(&daemon);
        wait_up_to(PROMISED, "the guard has ended too", || State::of(&[guard]).is_empty());
    }
}

/// The guard first, then the main process before it can start another one.
pub fn end_both(daemon: &mut Daemon) {
    let guard = daemon.guard().unwrap();
    daemon.signal(Signal::SIGSTOP);
    send(guard, Signal::SIGKILL);
    daemon.signal(Signal::SIGKILL);
    daemon.wait();
}

#[test]
fn a_plotter_that_its_owner_made_slow_is_not_made_faster() {
    if !is_root("pausing plotters") {
        return;
    }
    let mut dialled = Dialled::new();
    let slow = dialled.start_plotter();
    run_on_threads(slow, "renice -n 19 -p");
    dialled.start_plotter();
    dialled.start_plotter();
    let before = State::of(&[slow]);
    assert_eq!(before.nice(slow), (19, 19));
    let mut daemon = Daemon::start(&dialled.options());
    dialled.press(&daemon);
    assert_eq!(State::of(&[slow]).nice(slow), (19, 19), "{}", daemon.log());
    assert!(daemon.stop().success());
    assert_eq!(State::of(&[slow]), before);
}
