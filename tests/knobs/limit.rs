//! The limits of a job's own group: each alone, as the kernel's file shows it, and gone with the group.

use std::fs;

use plotwarden::claim::{KnobKind, Setting, Target};

use crate::bench::{Bench, hold};
use crate::job::Subject;
use crate::skipped;

const DISK: &str = "nvme0n1";

/// What cannot be tried, and why.
const LEFT_OUT: [(KnobKind, &str); 3] = [
    (KnobKind::CpuSet, "a group with processes takes no empty set back: ENOSPC"),
    (KnobKind::NodeSet, "a group with processes takes no empty set back: ENOSPC"),
    (KnobKind::IoLatency, "few kernels have it, and none shows so before there is a group"),
];

/// What each limit is tried with, its file, and what the file says then.
fn trial(kind: KnobKind) -> (Setting, &'static str, &'static str) {
    let number = |number| Setting::Number(kind, number);
    match kind {
        KnobKind::CpuWeight => (number(50), "cpu.weight", "50"),
        KnobKind::CpuQuota => (number(50_000), "cpu.max", "50000 100000"),
        KnobKind::CpuIdle => (number(1), "cpu.idle", "1"),
        KnobKind::MemoryLow => (number(16 << 20), "memory.low", "16777216"),
        KnobKind::MemoryHigh => (number(256 << 20), "memory.high", "268435456"),
        KnobKind::MemoryMax => (number(512 << 20), "memory.max", "536870912"),
        KnobKind::SwapMax => (number(64 << 20), "memory.swap.max", "67108864"),
        KnobKind::IoWeight => (number(50), "io.bfq.weight", "default 50"),
        KnobKind::IoMax => {
            let limit = [("wbps".to_owned(), 5_000_000)].into();
            (Setting::Keyed(kind, [(DISK.to_owned(), limit)].into()), "io.max", "wbps=5000000")
        }
        KnobKind::PidsMax => (number(100), "pids.max", "100"),
        other => panic!("{} has no trial yet", other.name()),
    }
}

#[test]
fn each_is_in_force_and_goes_with_the_group() {
    if !nix::unistd::geteuid().is_root() {
        return skipped("limit", "needs root");
    }
    let bench = Bench::new();
    let subject = Subject::start(&bench);
    let before = subject.state();
    let mut actuator = bench.actuator();
    for kind in bench.usable(KnobKind::is_of_group) {
        if let Some((_, why)) = LEFT_OUT.iter().find(|(left_out, _)| *left_out == kind) {
            skipped(kind.name(), why);
            continue;
        }
        let (setting, file, shown) = trial(kind);
        let target = Target::Job(subject.job.id.clone());
        let mut wishes = subject.wishes(&[KnobKind::Group]);
        wishes.push((target, setting));
        hold(&mut actuator, &wishes, subject.jobs());
        let group = bench.roots.cgroupfs.as_ref().unwrap();
        let group = group.join(actuator.group_of(&subject.job.id).unwrap().trim_start_matches('/'));
        let text = fs::read_to_string(group.join(file)).unwrap();
        assert!(text.trim() == shown || text.split_whitespace().any(|word| word == shown), "{file}: {text}");
        hold(&mut actuator, &Vec::new(), subject.jobs());
        subject.assert_shows(|state| *state == before);
        assert!(!group.exists(), "{} is left behind by {}", group.display(), kind.name());
    }
}
