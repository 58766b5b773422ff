//! Plotters end when they want to, and some processes only look like plotters.

use std::fs;
use std::time::Duration;

use crate::support::actor::{self, Actor};
use crate::support::alone::is_root;
use crate::support::daemon::{Daemon, Metrics};
use crate::support::dialled::{Dialled, PAUSING};
use crate::support::state::{State, groups_left};

/// Series that name a job of this process.
fn series_of(metrics: &Metrics, pid: i32) -> Vec<&str> {
    let name = format!("-{pid}-");
    metrics.text.lines().filter(|line| !line.starts_with('#') && line.contains(&name)).collect()
}

#[test]
fn a_job_that_is_killed_while_paused_leaves_nothing_behind() {
    if !is_root("pausing plotters") {
        return;
    }
    let mut dialled = Dialled::with_plotters();
    let mut daemon = Daemon::start(&dialled.options());
    dialled.press(&daemon);
    let mut paused = dialled.plotters.pop().unwrap();
    let pid = paused.pid();
    assert!(State::of(&[pid]).halts(pid));
    assert!(!series_of(&daemon.metrics(), pid).is_empty());

    paused.child.kill().unwrap();
    paused.child.wait().unwrap();
    let ticks = daemon.ticks();
    // The tick that is under way may have begun before.
    daemon.wait_for("two ticks", Duration::from_secs(10), |_| (daemon.ticks() >= ticks + 2.0).then_some(()));
    let metrics = daemon.metrics();
    assert_eq!(series_of(&metrics, pid), Vec::<&str>::new());
    assert!(metrics.all("plotwarden_job_paused", &[]).iter().all(|(_, value)| *value == 0.0));
    assert_eq!(metrics.value("plotwarden_jobs", &[("profile", "madmax"), ("state", "paused")]), Some(0.0));
    let job = format!("-{pid}-");
    let left = |paths: Vec<std::path::PathBuf>| {
        let named: Vec<_> = paths.into_iter().filter(|path| path.to_string_lossy().contains(&job)).collect();
        assert!(named.is_empty(), "{named:?} is left:\n{}", daemon.log());
    };
    left(daemon.journal());
    left(groups_left());
    assert_eq!(metrics.value("plotwarden_restore_failed_total", &[]), Some(0.0), "{}", daemon.log());
    assert!(!daemon.log().contains("level=error"), "{}", daemon.log());
    assert!(daemon.stop().success());
}

#[test]
fn plotters_that_live_for_a_tenth_of_a_second_leave_no_series_and_no_errors() {
    if !is_root("moving plotters") {
        return;
    }
    let dialled = Dialled::new();
    dialled.dial.turn_to(PAUSING);
    let mut daemon = Daemon::start(&dialled.options());
    let mut pids = Vec::new();
    for number in 0..20 {
        let dir = dialled.folder.path().join(format!("short-{number}"));
        fs::create_dir(&dir).unwrap();
        let path = dir.to_str().unwrap();
        let plotter = Actor::start("madmax", &["chia_plot", "-k", "32", "-t", path, "-d", path], &dir).unwrap();
        std::thread::sleep(Duration::from_millis(100));
        pids.push(plotter.pid());
    }
    let ticks = daemon.ticks();
    daemon.wait_for("two ticks", Duration::from_secs(10), |_| (daemon.ticks() >= ticks + 2.0).then_some(()));
    let metrics = daemon.metrics();
    for pid in pids {
        assert_eq!(series_of(&metrics, pid), Vec::<&str>::new());
    }
    for line in daemon.log().lines() {
        assert!(!line.contains("level=error") && !line.contains("outcome=failed"), "{line}");
    }
    assert!(daemon.stop().success());
    assert!(daemon.journal().is_empty() && groups_left().is_empty());
}

#[test]
fn a_harvester_that_looks_like_a_plotter_is_never_touched() {
    if !is_root("pausing plotters") {
        return;
    }
    let mut dialled = Dialled::new();
    let program = dialled.folder.path().join("chia_harvester");
    fs::copy(actor::program().unwrap(), &program).unwrap();
    // Three of each would be enough to have one paused; and ordinary ones beside them show that the policy is at work.
    let mut harvesters = Vec::new();
    for _ in 0..2 {
        let dir = dialled.plotter_dir();
        let path = dir.to_str().unwrap();
        let plotter = ["chia_plot", "-k", "32", "-t", path, "-d", path];
        harvesters.push(dialled.start(Actor::command_of(&program, "madmax", &plotter, &dir).unwrap(), 6));
        let dir = dialled.plotter_dir();
        let path = dir.to_str().unwrap();
        let wrapper = ["python3", "/opt/venv/bin/chia", "plotters", "madmax", "-k", "32", "-t", path, "-d", path];
        harvesters.push(dialled.start(Actor::command_of(&program, "chia-madmax-wrapper", &wrapper, &dir).unwrap(), 8));
    }
    for _ in 0..3 {
        dialled.start_plotter();
    }
    let before = State::of(&harvesters);
    let mut daemon = Daemon::start(&dialled.options());
    dialled.press(&daemon);
    assert_eq!(State::of(&harvesters), before, "{}", daemon.log());
    for pid in harvesters.iter().step_by(2) {
        let job = format!("-{pid}-");
        let said = daemon.log().lines().any(|line| line.contains(&job) && line.contains("chia_harvester"));
        assert!(said, "nothing says that process {pid} is left alone, and why:\n{}", daemon.log());
    }
    assert!(daemon.stop().success(), "{}", daemon.log());
    assert_eq!(State::of(&harvesters), before, "{}", daemon.log());
}
