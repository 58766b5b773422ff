//! The run directory holds what is needed to put everything back: who has it, and what happens when nothing more fits in.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::signal::Signal;
use tempfile::TempDir;

use crate::support::alone::is_root;
use crate::support::daemon::{Daemon, Options, free_address};
use crate::support::dialled::{Dialled, NICING, PAUSING, wait_until, wait_up_to};
use crate::support::state::{State, groups_left};

/// A file system of 256 KiB.
struct SmallDisk {
    folder: TempDir,
}

impl SmallDisk {
    fn new() -> Self {
        let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let options = Some("size=256k,mode=700");
        mount(Some("tmpfs"), folder.path(), Some("tmpfs"), MsFlags::empty(), options).unwrap();
        Self { folder }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Takes all space; what is returned gives it back when removed.
    fn fill(&self) -> PathBuf {
        let path = self.path().join("filler");
        let mut filler = File::create(&path).unwrap();
        while filler.write_all(&[0; 512]).is_ok() {}
        path
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        if let Err(error) = umount2(self.path(), MntFlags::MNT_DETACH) {
            eprintln!("cannot unmount {}: {error}", self.path().display());
        }
    }
}

#[test]
fn a_second_instance_says_who_holds_the_lock_and_ends() {
    if !is_root("enforcing policies") {
        return;
    }
    let dialled = Dialled::new();
    let mut first = Daemon::start(&dialled.options());
    let output = dialled.options().command(first.run_dir(), free_address()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(
        said.contains(&format!("process {} ", first.pid())) || said.contains(&format!("process {}:", first.pid())),
        "{said}"
    );
    assert!(said.contains(&first.run_dir().display().to_string()), "{said}");
    assert!(first.get("/-/ready").is_some_and(|(status, _)| status == 200), "the first one goes on");
    assert!(first.stop().success());
}

#[test]
fn with_a_full_run_directory_nothing_is_touched_until_there_is_space_again() {
    if !is_root("mounting a small file system") {
        return;
    }
    let disk = SmallDisk::new();
    let mut dialled = Dialled::new();
    let options = Options { run: Some(disk.path().to_owned()), ..dialled.options() };
    let mut daemon = Daemon::start(&options);
    let filler = disk.fill();
    for _ in 0..3 {
        dialled.start_plotter();
    }
    let before = dialled.state();
    dialled.dial.turn_to(PAUSING);
    daemon.wait_for("the policy wants a pause", Duration::from_secs(20), |metrics| {
        metrics.value("plotwarden_claims", &[("knob", "pause"), ("state", "won")]).filter(|count| *count >= 1.0)
    });
    let ticks = daemon.ticks();
    daemon.wait_for("five ticks", Duration::from_secs(20), |_| (daemon.ticks() >= ticks + 5.0).then_some(()));
    assert_eq!(dialled.state(), before, "{}", daemon.log());
    assert_eq!(groups_left(), Vec::<PathBuf>::new());
    assert_said_once_with_advice(&daemon, disk.path());

    fs::remove_file(filler).unwrap();
    dialled.press(&daemon);
    assert_eq!(daemon.stop().code(), Some(0), "{}", daemon.log());
    assert_eq!(dialled.state(), before, "{}", daemon.log());
    assert_eq!(groups_left(), Vec::<PathBuf>::new());
    // Lines may be missing, but none is broken.
    assert!(!daemon.audit().is_empty());
}

/// Three plotters held by niceness and group when the disk fills up; then more is wanted of them.
fn held_and_full(disk: &SmallDisk) -> (Dialled, Daemon, State) {
    let dialled = Dialled::with_plotters();
    let before = dialled.state();
    let daemon = Daemon::start(&Options { run: Some(disk.path().to_owned()), ..dialled.options() });
    dialled.dial.turn_to(NICING);
    let nice = [("knob", "nice"), ("kind", "actual"), ("value", "15")];
    daemon.wait_for("plotters are niced", Duration::from_secs(20), |metrics| {
        (metrics.all("plotwarden_knob_setting_info", &nice).len() == 3).then_some(())
    });
    disk.fill();
    dialled.dial.turn_to(PAUSING);
    let ticks = daemon.ticks();
    daemon.wait_for("five ticks", Duration::from_secs(20), |_| (daemon.ticks() >= ticks + 5.0).then_some(()));
    assert!(!dialled.state().halts_any(), "what cannot be journaled is not done:\n{}", daemon.log());
    (dialled, daemon, before)
}

#[test]
fn what_was_done_before_the_run_directory_was_full_is_put_back_on_exit() {
    if !is_root("mounting a small file system") {
        return;
    }
    let disk = SmallDisk::new();
    let (dialled, mut daemon, before) = held_and_full(&disk);
    assert_eq!(daemon.stop().code(), Some(0), "{}", daemon.log());
    assert_eq!(dialled.state(), before, "{}", daemon.log());
    assert_eq!((daemon.journal(), groups_left()), (vec![], vec![]));
    // Lines may be missing, but none is broken.
    assert!(!daemon.audit().is_empty());
}

#[test]
fn the_guard_puts_back_what_was_done_before_the_run_directory_was_full() {
    if !is_root("mounting a small file system") {
        return;
    }
    let disk = SmallDisk::new();
    let (dialled, mut daemon, before) = held_and_full(&disk);
    daemon.signal(Signal::SIGKILL);
    daemon.wait();
    wait_up_to(Duration::from_secs(10), "all as before", || dialled.state() == before);
    wait_until("nothing is left", || daemon.journal().is_empty() && groups_left().is_empty());
}

/// The directory seen through a mount that may not be written; what was opened before is not affected.
struct ReadOnly<'a>(&'a Path);

impl<'a> ReadOnly<'a> {
    fn over(path: &'a Path) -> Self {
        let nothing = None::<&str>;
        mount(Some(path), path, nothing, MsFlags::MS_BIND, nothing).unwrap();
        let over = Self(path);
        mount(nothing, path, nothing, MsFlags::MS_BIND | MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY, nothing).unwrap();
        over
    }
}

impl Drop for ReadOnly<'_> {
    fn drop(&mut self) {
        if let Err(error) = umount2(self.0, MntFlags::MNT_DETACH) {
            eprintln!("cannot unmount {}: {error}", self.0.display());
        }
    }
}

#[test]
fn with_a_read_only_run_directory_nothing_more_is_touched_and_everything_is_put_back() {
    if !is_root("mounting a small file system") {
        return;
    }
    let disk = SmallDisk::new();
    let dialled = Dialled::with_plotters();
    let before = dialled.state();
    let mut daemon = Daemon::start(&Options { run: Some(disk.path().to_owned()), ..dialled.options() });
    dialled.dial.turn_to(NICING);
    daemon.wait_for("plotters are niced", Duration::from_secs(20), |metrics| {
        let nice = [("knob", "nice"), ("kind", "actual"), ("value", "15")];
        (metrics.all("plotwarden_knob_setting_info", &nice).len() == 3).then_some(())
    });
    let read_only = ReadOnly::over(disk.path());
    dialled.dial.turn_to(PAUSING);
    let ticks = daemon.ticks();
    daemon.wait_for("five ticks", Duration::from_secs(20), |_| (daemon.ticks() >= ticks + 5.0).then_some(()));
    assert!(!dialled.state().halts_any(), "what cannot be journaled is not done:\n{}", daemon.log());
    assert!(daemon.log().contains("Read-only file system"), "{}", daemon.log());
    // The records cannot be closed, which is said; what they speak of is put back all the same.
    assert_eq!(daemon.stop().code(), Some(1), "{}", daemon.log());
    assert_eq!(dialled.state(), before, "{}", daemon.log());
    drop(read_only);
    let output = super::exits::restore(&daemon, &dialled);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
    assert_eq!(dialled.state(), before);
    wait_until("nothing is left", || daemon.journal().is_empty() && groups_left().is_empty());
}

#[test]
fn a_read_only_run_directory_is_named_at_the_start() {
    if !is_root("mounting a small file system") {
        return;
    }
    let disk = SmallDisk::new();
    let dialled = Dialled::new();
    let _read_only = ReadOnly::over(disk.path());
    let output = dialled.options().command(disk.path(), free_address()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains(&disk.path().display().to_string()) && said.contains("Read-only file system"), "{said}");
}

fn assert_said_once_with_advice(daemon: &Daemon, disk: &Path) {
    let log = daemon.log();
    let complaints: Vec<&str> = log.lines().filter(|line| line.contains("No space left")).collect();
    let advice = format!("free space in {}", disk.display());
    assert!(complaints.iter().any(|line| line.contains(&advice)), "nothing says `{advice}`:\n{log}");
    let mut without_time: Vec<&str> = complaints.iter().map(|line| line.split_once(' ').unwrap().1).collect();
    without_time.sort_unstable();
    let all = without_time.len();
    without_time.dedup();
    assert_eq!(without_time.len(), all, "something is said again and again:\n{log}");
}

#[test]
fn a_dry_run_touches_nothing_and_counts_what_it_would_have_done() {
    if !is_root("pausing plotters") {
        return;
    }
    let dialled = Dialled::with_plotters();
    let before = dialled.state();
    let mut daemon = Daemon::start(&Options { max_mode: Some("dry-run"), ..dialled.options() });
    dialled.dial.turn_to(PAUSING);
    daemon.wait_for("a pause was skipped", Duration::from_secs(20), |metrics| {
        assert_eq!(dialled.state(), before);
        let would_pause = metrics.value("plotwarden_claims", &[("knob", "pause"), ("state", "dryrun")])? >= 1.0;
        let skipped = metrics.value("plotwarden_skipped_writes_total", &[("policy", "dial")])?;
        // Three groups, three nice, three classes, one I/O priority, one pause.
        (would_pause && skipped >= 11.0).then_some(())
    });
    assert!(daemon.metrics().all("plotwarden_writes_total", &[]).iter().all(|(_, count)| *count == 0.0));
    assert_eq!(daemon.journal(), Vec::<PathBuf>::new());
    assert_eq!(groups_left(), Vec::<PathBuf>::new());
    assert!(daemon.stop().success());
    assert_eq!(dialled.state(), before);
}
