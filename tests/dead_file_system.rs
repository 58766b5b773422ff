//! Exists because one dead file server has stopped many a monitor: while a file system does not answer, everything else is told
//! as if it were not there, and what does not answer is named.

mod support;

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use support::daemon::{BINARY, Daemon, Metrics, Options};
use support::dead_file_system::{DeadFileSystem, SIZE};
use support::state::children;

const LATE: &str = "plotwarden_filesystem_late_seconds";
const ROOM: &str = "plotwarden_filesystem_size_bytes";

#[test]
fn a_file_system_that_never_answers_delays_nothing_and_is_named() {
    if !nix::unistd::geteuid().is_root() || !Path::new("/dev/fuse").exists() {
        println!("skipped: needs root and /dev/fuse");
        return;
    }
    let mut dead = DeadFileSystem::new().unwrap();
    let point = dead.mount_point().to_str().unwrap().to_owned();
    let run = tempfile::tempdir().unwrap();
    let options = Options { run: Some(run.path().join("run")), max_mode: Some("off"), ..Options::default() };

    let mut daemon = Daemon::start(&options);
    is_named_while_all_else_goes_on(&daemon, &point);
    discovery_is_soon_done_and_names_it(&point);
    ends_at_once(&mut daemon);
    assert!(dead.waiting() > 0, "somebody still hangs in it");

    // The lock is free although a child of the first one may still hang.
    let mut daemon = Daemon::start(&options);
    is_late(&daemon, &point);
    dead.come_back();
    daemon.wait_for("it has come back", Duration::from_secs(40), |metrics| {
        let is_well = metrics.value(LATE, &[("mountpoint", &point)]) == Some(0.0);
        (is_well && metrics.value(ROOM, &[("mountpoint", &point)]) == Some(as_float(SIZE))).then_some(())
    });
    dead.unmount();
    daemon.wait_for("it is gone", Duration::from_secs(30), |metrics| {
        metrics.all(LATE, &[("mountpoint", &point)]).is_empty().then_some(())
    });
    assert_eq!(askers(&daemon), 1, "those that hung have ended");
    ends_at_once(&mut daemon);
}

fn is_named_while_all_else_goes_on(daemon: &Daemon, point: &str) {
    is_late(daemon, point);
    let labels = [("mountpoint", point), ("device", "nowhere"), ("fstype", "fuse")];
    let (ticks, begun) = (daemon.ticks(), Instant::now());
    let mut slowest = Duration::ZERO;
    while begun.elapsed() < Duration::from_secs(18) {
        let start = Instant::now();
        let metrics = daemon.metrics();
        slowest = slowest.max(start.elapsed());
        assert!(metrics.value(LATE, &labels).unwrap() > 0.0);
        assert_eq!(metrics.value(ROOM, &labels), None, "what is not known has no sample");
        assert_eq!(metrics.value(LATE, &[("mountpoint", "/")]), Some(0.0));
        assert!(metrics.value(ROOM, &[("mountpoint", "/")]).unwrap() > 0.0);
        std::thread::sleep(Duration::from_millis(100));
    }
    let per_second = (daemon.ticks() - ticks) / begun.elapsed().as_secs_f64();
    println!("ticks per second {per_second:.3}, slowest scrape {slowest:?}");
    assert!(per_second > 0.9, "{per_second} ticks per second");
    assert!(slowest < Duration::from_secs(1), "a scrape took {slowest:?}");
    assert!(askers(daemon) <= 3, "one that discovers and one that samples may hang, and one goes on");
}

fn is_late(daemon: &Daemon, point: &str) {
    daemon.wait_for("it is late", Duration::from_secs(25), |metrics: &Metrics| {
        metrics.value(LATE, &[("mountpoint", point)]).filter(|late| *late > 0.0)
    });
    assert!(daemon.log().contains(point), "{}", daemon.log());
}

fn discovery_is_soon_done_and_names_it(point: &str) {
    let begun = Instant::now();
    let output = Command::new(BINARY).args(["discover", "--output", "json"]).output().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    let inventory: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let problems = inventory["storage"]["problems"].as_array().unwrap();
    assert!(problems.iter().any(|problem| problem.as_str().unwrap().contains(point)), "{problems:?}");
    let all = inventory["storage"]["file_systems"].as_array().unwrap();
    let of = |point: &str| all.iter().find(|one| one["mount_point"] == point).unwrap();
    assert!(of(point)["size_bytes"].is_null() && of("/")["size_bytes"].as_u64().unwrap() > 0);
}

fn ends_at_once(daemon: &mut Daemon) {
    let begun = Instant::now();
    assert!(daemon.stop().success());
    assert!(begun.elapsed() < Duration::from_secs(3), "took {:?} to end", begun.elapsed());
}

/// How many children ask for space.
fn askers(daemon: &Daemon) -> usize {
    let asks = |pid: &i32| {
        std::fs::read_to_string(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line.contains("answer-space"))
    };
    children(daemon.pid()).iter().filter(|pid| asks(pid)).count()
}

#[allow(clippy::cast_precision_loss, reason = "a power of two")]
fn as_float(bytes: u64) -> f64 {
    bytes as f64
}
