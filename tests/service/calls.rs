//! System calls: what the program and its guard really call, while they hold plots and put them back, is what the unit allows.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::support::alone::is_root;
use crate::support::daemon::{Daemon, Options};
use crate::support::dialled::{Dialled, PAUSING, wait_until};
use crate::unit::{has_systemd, values};

/// The calls in a group such as `@process`, or the one that is named.
fn expand(name: &str) -> BTreeSet<String> {
    if !name.starts_with('@') {
        return [name.to_owned()].into();
    }
    let listed = Command::new("systemd-analyze").args(["syscall-filter", name]).output().unwrap();
    assert!(listed.status.success(), "{name}: {}", String::from_utf8_lossy(&listed.stderr));
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    let names = listed.lines().filter_map(|line| line.strip_prefix("    ")).filter(|line| !line.starts_with('#'));
    names.flat_map(expand).collect()
}

/// What the unit allows: each line adds calls, or takes some away.
fn allowed() -> BTreeSet<String> {
    let mut allowed = BTreeSet::new();
    for line in values("SystemCallFilter") {
        let names = |line: &str| line.split(' ').flat_map(expand).collect::<BTreeSet<String>>();
        match line.strip_prefix('~') {
            Some(refused) => allowed = &allowed - &names(refused),
            None => allowed.extend(names(&line)),
        }
    }
    allowed
}

/// `false`, and a line that says so, where calls cannot be counted.
fn can_trace() -> bool {
    let can = Command::new("strace").arg("-V").output().is_ok();
    if !can {
        eprintln!("SKIPPED: needs strace");
    }
    can && is_root("pausing plotters")
}

/// The tracer that writes down which calls are made. It is a grandchild (-D), so that signals reach the program, and it writes when
/// the last of them, the guard, has ended.
fn tracer(counts: &Path) -> Vec<String> {
    let words = ["strace", "-D", "-f", "-qq", "-c", "-U", "name", "-o", counts.to_str().unwrap()];
    words.map(str::to_owned).to_vec()
}

fn called(counts: &Path) -> BTreeSet<String> {
    let read = || std::fs::read_to_string(counts).unwrap_or_default();
    wait_until("strace has written what it saw", || read().contains("total"));
    // Between rules of dashes, below a heading and above the total.
    let is_call = |name: &&str| !name.is_empty() && !name.starts_with('-') && !["syscall", "total"].contains(name);
    let called: BTreeSet<String> = read().lines().map(str::trim).filter(is_call).map(str::to_owned).collect();
    assert!(called.contains("openat"), "{called:?}");
    called
}

#[test]
fn the_unit_allows_every_call_that_is_made() {
    if !can_trace() || !has_systemd() {
        return;
    }
    let dialled = Dialled::with_plotters();
    let before = dialled.state();
    let counts = dialled.folder.path().join("calls");
    let mut daemon = Daemon::start(&Options { wrapper: tracer(&counts), ..dialled.options() });
    dialled.press(&daemon);
    assert!(daemon.stop().success(), "{}", daemon.log());
    assert_eq!(dialled.state(), before, "{}", daemon.log());
    let called = called(&counts);
    for knob in KNOBS {
        assert!(called.contains(knob), "{knob} is not among {called:?}");
    }
    let allowed = allowed();
    let refused: Vec<&String> = called.difference(&allowed).collect();
    assert!(refused.is_empty(), "the unit would refuse {refused:?}");
}

/// Calls by which a process is changed, as opposed to files, which the policy's knobs of a plot are not but for its group.
const KNOBS: [&str; 3] = ["setpriority", "sched_setscheduler", "ioprio_set"];

#[test]
fn a_dry_run_makes_no_call_that_changes_anybody() {
    if !can_trace() {
        return;
    }
    let dialled = Dialled::with_plotters();
    let before = dialled.state();
    let counts = dialled.folder.path().join("calls");
    let options = Options { wrapper: tracer(&counts), max_mode: Some("dry-run"), ..dialled.options() };
    let mut daemon = Daemon::start(&options);
    dialled.dial.turn_to(PAUSING);
    daemon.wait_for("a pause was skipped", Duration::from_secs(30), |metrics| {
        metrics.value("plotwarden_claims", &[("knob", "pause"), ("state", "dryrun")]).filter(|count| *count >= 1.0)
    });
    assert!(daemon.stop().success(), "{}", daemon.log());
    assert_eq!(dialled.state(), before, "{}", daemon.log());
    let called = called(&counts);
    // No `rename` among them: by it the last good policies are kept, in our own run directory.
    let others = ["pidfd_send_signal", "tgkill", "sched_setaffinity", "sched_setattr", "process_madvise", "rmdir"];
    for change in KNOBS.iter().chain(&others) {
        assert!(!called.contains(*change), "{change} was called");
    }
}
