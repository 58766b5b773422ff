//! System calls: what the program and its guard really call, while they hold plots and put them back, is what the unit allows.

use std::collections::BTreeSet;
use std::process::Command;

use crate::support::alone::is_root;
use crate::support::daemon::{Daemon, Options};
use crate::support::dialled::{Dialled, wait_until};
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

#[test]
fn the_unit_allows_every_call_that_is_made() {
    if !is_root("pausing plotters") || !has_systemd() {
        return;
    }
    if Command::new("strace").arg("-V").output().is_err() {
        eprintln!("SKIPPED: needs strace");
        return;
    }
    let dialled = Dialled::with_plotters();
    let before = dialled.state();
    let counts = dialled.folder.path().join("calls");
    // The tracer is a grandchild (-D), so that signals reach the program; it writes when the last of them, the guard, has ended.
    let tracer = ["strace", "-D", "-f", "-qq", "-c", "-U", "name", "-o", counts.to_str().unwrap()];
    let wrapper = tracer.map(str::to_owned).to_vec();
    let mut daemon = Daemon::start(&Options { wrapper, ..dialled.options() });
    dialled.press(&daemon);
    assert!(daemon.stop().success(), "{}", daemon.log());
    assert_eq!(dialled.state(), before, "{}", daemon.log());
    let read = || std::fs::read_to_string(&counts).unwrap_or_default();
    wait_until("strace has written what it saw", || read().contains("total"));
    // Between rules of dashes, below a heading and above the total.
    let called = read();
    let called: BTreeSet<&str> = called.split("----").flat_map(str::lines).map(str::trim).collect();
    let is_call = |name: &&str| !name.is_empty() && !name.starts_with('-') && !["syscall", "total"].contains(name);
    let called: BTreeSet<String> = called.into_iter().filter(is_call).map(str::to_owned).collect();
    for knob in ["setpriority", "sched_setscheduler", "ioprio_set", "openat"] {
        assert!(called.contains(knob), "{knob} is not among {called:?}");
    }
    let allowed = allowed();
    let refused: Vec<&String> = called.difference(&allowed).collect();
    assert!(refused.is_empty(), "the unit would refuse {refused:?}");
}
