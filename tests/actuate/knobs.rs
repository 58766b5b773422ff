//! Each knob on real threads, and everything back.

use std::process::Command;
use std::time::Duration;

use plotwarden::actuate::{Outcome, Report, restore};
use plotwarden::claim::KnobKind;

use crate::owned::Owned;
use crate::subject::{Subject, group_dir, identity, is_stopped};
use crate::{Bench, OF_PROCESSES, cgroup2, is_root, now, open, skip, wanted, within};

#[track_caller]
fn assert_all_done(reports: &[Report]) {
    assert!(reports.iter().all(|report| report.outcome == Outcome::Done), "{reports:#?}");
}

#[test]
fn every_knob_reaches_every_thread_and_goes_back() {
    if !is_root() {
        skip!("needs root to change priorities and groups");
    }
    let bench = Bench::new(cgroup2());
    let roots = &bench.roots;
    let kinds: Vec<KnobKind> =
        OF_PROCESSES.into_iter().filter(|&kind| kind != KnobKind::Group || roots.cgroupfs.is_some()).collect();
    let mut subject = Subject::start();
    subject.ask("child");
    let before = subject.snapshot();
    let mut actuator = open(roots);
    let job = subject.job();
    let reports = actuator.tick(now(), &wanted(&job, &kinds), &[subject.job()]);
    assert_eq!(reports.len(), kinds.len());
    assert_all_done(&reports);
    let during = subject.snapshot();
    for (unit, value) in during.iter().filter(|(unit, _)| unit.contains('/')) {
        assert!(
            value.starts_with("nice 11 policy 3 slack 2000000 Cpus_allowed:") && value.ends_with('1'),
            "{unit}: {value}"
        );
    }
    let processes = during.iter().filter(|(unit, _)| unit.bytes().all(|byte| byte.is_ascii_digit()));
    assert!(processes.clone().count() >= 2 && processes.clone().all(|(_, value)| value.contains("oom score 700")));
    assert!(during.iter().filter(|(unit, _)| unit.contains("io priority")).all(|(_, value)| value == "idle"));
    if roots.cgroupfs.is_some() {
        let events = group_dir(roots, &job).join("cgroup.events");
        assert!(within(Duration::from_secs(2), || std::fs::read_to_string(&events).unwrap().contains("frozen 1")));
        assert!(!subject.is_stopped(), "frozen, not stopped");
    }
    assert_eq!(actuator.tick(now(), &wanted(&job, &kinds), &[subject.job()]), []);
    assert_all_done(&actuator.tick(now(), &wanted(&job, &[]), &[subject.job()]));
    assert_eq!(subject.snapshot(), before);
    assert_eq!(actuator.held().count(), 0);
    assert!(roots.cgroupfs.is_none() || !group_dir(roots, &job).exists());
    subject.ask("thread");
}

#[test]
fn threads_and_children_born_later_are_reached_and_go_back_too() {
    if !is_root() {
        skip!("needs root to change priorities and groups");
    }
    let bench = Bench::new(cgroup2());
    let roots = &bench.roots;
    let kinds = [
        KnobKind::Nice,
        KnobKind::SchedClass,
        KnobKind::IoPriority,
        KnobKind::Affinity,
        KnobKind::OomScore,
        KnobKind::TimerSlack,
    ];
    let mut subject = Subject::start();
    let original = subject.snapshot();
    let leader = |snapshot: &crate::subject::Snapshot, pid: i32| snapshot[&format!("{pid}/{pid}")].clone();
    let native = leader(&original, subject.identity.pid);
    let mut actuator = open(roots);
    let job = subject.job();
    actuator.tick(now(), &wanted(&job, &kinds), &[subject.job()]);
    subject.ask("thread");
    subject.ask("child");
    assert_eq!(actuator.tick(now(), &wanted(&job, &kinds), &[subject.job()]), [], "inherited, nothing to do");
    // Nobody had time to record these.
    subject.ask("thread");
    subject.ask("child");
    assert_eq!(subject.job().processes.len(), 3);
    actuator.tick(now(), &wanted(&job, &[]), &[subject.job()]);
    let after = subject.snapshot();
    for (unit, value) in after.iter().filter(|(unit, _)| unit.contains('/')) {
        assert_eq!(*value, native, "{unit}");
    }
    assert!(after.iter().filter(|(unit, _)| unit.contains("io priority")).all(|(_, value)| value == "none"));
    let processes = after.iter().filter(|(unit, _)| unit.bytes().all(|byte| byte.is_ascii_digit()));
    assert!(processes.clone().count() == 3 && processes.clone().all(|(_, value)| value.contains("oom score 0 ")));
}

#[test]
fn a_job_without_a_group_is_paused_by_signal() {
    if !is_root() {
        skip!("needs root to signal the processes of others");
    }
    let bench = Bench::new(None);
    let roots = &bench.roots;
    let mut subject = Subject::start();
    subject.ask("child");
    let before = subject.snapshot();
    let mut actuator = open(roots);
    let job = subject.job();
    assert_all_done(&actuator.tick(now(), &wanted(&job, &[KnobKind::Pause]), std::slice::from_ref(&job)));
    assert!(within(Duration::from_secs(2), || job.processes.iter().all(|process| is_stopped(process.pid))));
    assert_eq!(actuator.tick(now(), &wanted(&job, &[KnobKind::Pause]), std::slice::from_ref(&job)), []);
    drop(actuator);
    let report = restore(roots, now(), Duration::ZERO).unwrap();
    assert!(report.is_complete(), "{report}");
    assert_eq!(subject.snapshot(), before);
    subject.ask("thread");
}

#[test]
fn a_stopped_process_stays_stopped_and_a_continued_one_is_left_alone() {
    if !is_root() {
        skip!("needs root to signal the processes of others");
    }
    let bench = Bench::new(None);
    let roots = &bench.roots;
    let subject = Subject::start();
    let job = subject.job();
    let signal = |signal| nix::sys::signal::kill(nix::unistd::Pid::from_raw(job.plotter.pid), signal).unwrap();
    let mut actuator = open(roots);
    signal(nix::sys::signal::SIGSTOP);
    let reports = actuator.tick(now(), &wanted(&job, &[KnobKind::Pause]), std::slice::from_ref(&job));
    assert!(matches!(reports[0].outcome, Outcome::Foreign { .. }), "{reports:#?}");
    actuator.tick(now(), &wanted(&job, &[]), std::slice::from_ref(&job));
    // It takes the signal when it next gets a CPU.
    assert!(within(Duration::from_secs(5), || subject.is_stopped()));
    signal(nix::sys::signal::SIGCONT);
    assert_all_done(&actuator.tick(now(), &wanted(&job, &[KnobKind::Pause]), std::slice::from_ref(&job)));
    signal(nix::sys::signal::SIGCONT);
    let reports = actuator.tick(now(), &wanted(&job, &[KnobKind::Pause]), std::slice::from_ref(&job));
    assert!(matches!(reports[0].outcome, Outcome::Foreign { .. }), "{reports:#?}");
    assert!(!subject.is_stopped());
}

#[test]
fn a_job_that_ends_while_frozen_leaves_no_group() {
    let Some(cgroupfs) = cgroup2().filter(|_| is_root()) else { skip!("needs root and a writable cgroup2 mount") };
    let bench = Bench::new(Some(cgroupfs));
    let roots = &bench.roots;
    let mut subject = Subject::start();
    let job = subject.job();
    let mut actuator = open(roots);
    assert_all_done(&actuator.tick(now(), &wanted(&job, &OF_PROCESSES), std::slice::from_ref(&job)));
    subject.kill();
    let reports = actuator.tick(now(), &wanted(&job, &OF_PROCESSES), &[]);
    assert!(!reports.iter().any(|report| matches!(report.outcome, Outcome::Failed { .. })), "{reports:#?}");
    assert!(!group_dir(roots, &job).exists());
    assert_eq!(actuator.held().count(), 0);
}

#[test]
fn a_busy_process_is_paused_though_it_never_sleeps() {
    if !is_root() {
        skip!("needs root to signal the processes of others");
    }
    let bench = Bench::new(None);
    let roots = &bench.roots;
    let busy = Owned::start(Command::new("sh").args(["-c", "while :; do :; done"]));
    let plotter = identity(busy.pid()).unwrap();
    let id = plotwarden::plotter::JobId::new("busy", plotter);
    let job = plotwarden::actuate::JobHandle { id, plotter, processes: vec![plotter], may_pause: true };
    let mut actuator = open(roots);
    for _ in 0..50 {
        assert_all_done(&actuator.tick(now(), &wanted(&job, &[KnobKind::Pause]), std::slice::from_ref(&job)));
        assert_eq!(actuator.tick(now(), &wanted(&job, &[KnobKind::Pause]), std::slice::from_ref(&job)), []);
        assert_all_done(&actuator.tick(now(), &wanted(&job, &[]), std::slice::from_ref(&job)));
    }
    assert!(!is_stopped(plotter.pid));
}
