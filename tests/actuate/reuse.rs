//! A number that is used again by another program, for real: in a pid namespace with few numbers.

use std::process::{Child, Command};
use std::time::Duration;

use plotwarden::actuate::restore;
use plotwarden::claim::KnobKind;

use crate::subject::{Subject, identity, is_stopped};
use crate::{Bench, OF_PROCESSES, cgroup2, is_root, now, open, skip, wanted};

/// Few enough to come round within a second.
const NUMBERS: &str = "500";
/// Numbers below are given once and never again (`RESERVED_PIDS` of the kernel).
const RESERVED: u32 = 300;

/// Inside the namespace: a job is niced, grouped and paused, dies, and a stranger gets its number.
pub fn play() {
    std::fs::write("/proc/sys/kernel/pid_max", NUMBERS).unwrap();
    while Command::new("true").spawn().map(|mut child| (child.id(), child.wait())).unwrap().0 <= RESERVED {}
    // Stopped by signal: the signal is what a stranger must not get.
    for cgroupfs in [None, cgroup2()] {
        let bench = Bench::new(cgroupfs);
        let roots = &bench.roots;
        let kinds: Vec<KnobKind> =
            OF_PROCESSES.into_iter().filter(|&kind| kind != KnobKind::Group || roots.cgroupfs.is_some()).collect();
        let mut subject = Subject::start();
        let job = subject.job();
        let mut actuator = open(roots);
        actuator.tick(now(), &wanted(&job, &kinds), std::slice::from_ref(&job));
        subject.kill();
        let mut stranger = stranger(job.plotter.pid);
        let before = std::fs::read_to_string(format!("/proc/{}/stat", job.plotter.pid)).unwrap();
        actuator.tick(now(), &wanted(&job, &kinds), std::slice::from_ref(&job));
        actuator.tick(now(), &wanted(&job, &[]), &[]);
        drop(actuator);
        restore(roots, now(), Duration::ZERO).unwrap();
        assert!(!is_stopped(job.plotter.pid));
        assert_eq!(std::fs::read_to_string(format!("/proc/{}/stat", job.plotter.pid)).unwrap(), before);
        stranger.kill().unwrap();
        stranger.wait().unwrap();
    }
    println!("\nthe stranger was left alone");
    std::process::exit(0);
}

/// Starts programs until one gets the number.
fn stranger(pid: i32) -> Child {
    for _ in 0..10_000 {
        let mut child = Command::new("sleep").arg("600").spawn().unwrap();
        if i32::try_from(child.id()).unwrap() == pid {
            // It is itself only once it has been executed.
            while !std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap().starts_with("sleep")
                || !std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap().contains(") S ")
            {
                std::thread::sleep(Duration::from_millis(5));
            }
            assert!(identity(pid).is_some());
            return child;
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
    panic!("nobody got number {pid}");
}

/// Before that version the limit is one for the whole machine, which is not ours to change.
fn has_limit_per_namespace() -> bool {
    let release = nix::sys::utsname::uname().unwrap().release().to_str().unwrap().to_owned();
    let mut parts = release.split(['.', '-']).map(|part| part.parse::<u32>().unwrap_or(0));
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0)) >= (6, 14)
}

#[test]
fn a_stranger_with_the_number_of_a_job_is_left_alone() {
    if !is_root() {
        skip!("needs root to make a pid namespace");
    }
    if !has_limit_per_namespace() {
        skip!("needs Linux 6.14, since when each pid namespace has a pid_max of its own");
    }
    let limit = || std::fs::read_to_string("/proc/sys/kernel/pid_max").unwrap();
    let before = limit();
    let output = Command::new("unshare")
        .args(["--pid", "--fork", "--mount-proc", "--kill-child"])
        .args(crate::in_part("namespace"))
        .output()
        .unwrap();
    assert_eq!(limit(), before);
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("the stranger was left alone"), "{said}");
}
