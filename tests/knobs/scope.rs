//! A job's group where systemd owns the tree: a scope of its own, asked for over the bus, with limits that systemd leaves alone, and
//! back to the unit that the job was started in.

use std::process::Command;

use plotwarden::actuate::{Actuator, Outcome};
use plotwarden::claim::{KnobKind, Setting};
use plotwarden::knob::{GroupUse, Linux};
use plotwarden::mode::Mode;

use crate::bench::{Bench, Wishes, assert_soon, hold, now, tick};
use crate::group::{Shell, group_of};
use crate::hasty::hasty;
use crate::skipped;

fn is_here() -> bool {
    let is_here = std::path::Path::new("/run/systemd/system").exists();
    if !is_here {
        skipped("scope", "systemd is not the first process");
    }
    is_here
}

fn actuator(bench: &Bench) -> Actuator {
    let machine = Linux::new(&bench.roots, GroupUse::of_systemd());
    hasty(Actuator::open(&bench.roots, Box::new(machine), Mode::Enforce, now()).unwrap().0)
}

fn systemctl(arguments: &[&str]) -> String {
    let output = Command::new("systemctl").args(arguments).output().unwrap();
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// The unit that systemd has for the job.
fn unit(shell: &Shell) -> String {
    format!("plotwarden-{}.scope", shell.job.id)
}

#[track_caller]
fn assert_back(shell: &Shell) {
    assert_eq!(group_of(shell.job.plotter.pid), shell.home);
    let state = || systemctl(&["show", "-P", "ActiveState", &unit(shell)]);
    assert_soon(|| format!("{} is {}", unit(shell), state()), || state() == "inactive");
}

#[test]
fn a_job_has_its_limits_in_a_scope_and_goes_back_to_its_unit() {
    if !is_here() {
        return;
    }
    let bench = Bench::new();
    let shell = Shell::start(&bench);
    let quota = Setting::Number(KnobKind::CpuQuota, 30_000);
    let tasks = Setting::Number(KnobKind::PidsMax, 64);
    let wishes: Wishes = [shell.wish(&quota), shell.wish(&tasks)].concat();
    let jobs = std::slice::from_ref(&shell.job);

    let mut first = actuator(&bench);
    hold(&mut first, &wishes, jobs);
    let group = format!("/plotwarden.slice/{}/{}", unit(&shell), shell.job.id);
    assert_eq!(group_of(shell.job.plotter.pid), group);
    assert_eq!(systemctl(&["show", "-P", "ActiveState", &unit(&shell)]), "active");
    assert_eq!(systemctl(&["show", "-P", "Delegate", &unit(&shell)]), "yes");
    // systemd writes the limits of its own units again.
    systemctl(&["daemon-reload"]);
    assert_eq!((shell.read("cpu.max").as_str(), shell.read("pids.max").as_str()), ("30000 100000", "64"));
    assert_eq!(tick(&mut first, &wishes, jobs), []);
    hold(&mut first, &Wishes::new(), jobs);
    assert_back(&shell);
    drop(first);

    let mut killed = actuator(&bench);
    hold(&mut killed, &wishes, jobs);
    assert_eq!(group_of(shell.job.plotter.pid), group);
    drop(killed);
    bench.restore();
    assert_back(&shell);
}

/// To systemd, a unit without processes has ended.
#[test]
fn a_job_that_is_all_of_its_unit_stays_there() {
    if !is_here() {
        return;
    }
    let bench = Bench::new();
    let shell = Shell::start(&bench);
    let pid = shell.job.plotter.pid.to_string();
    let start = "call org.freedesktop.systemd1 /org/freedesktop/systemd1 org.freedesktop.systemd1.Manager StartTransientUnit \
                 ssa(sv)a(sa(sv)) lonely.scope fail 1 PIDs au 1";
    let started = Command::new("busctl").args(start.split_whitespace()).args([pid.as_str(), "0"]).status().unwrap();
    assert!(started.success());
    let lonely = || group_of(shell.job.plotter.pid).ends_with("/lonely.scope");
    assert_soon(|| group_of(shell.job.plotter.pid), lonely);
    let mut actuator = actuator(&bench);
    let said = tick(&mut actuator, &shell.wish(&Setting::Group), std::slice::from_ref(&shell.job));
    let Some(Outcome::Protected { why }) = said.first().map(|report| &report.outcome) else { panic!("{said:?}") };
    assert!(why.ends_with("/lonely.scope, which systemd would take for ended without it"), "{why}");
    assert!(lonely());
    tick(&mut actuator, &Wishes::new(), &[]);
}
