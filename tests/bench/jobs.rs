//! Exists to run plotters as an operator's services would: each in a cgroup of its own under one parent, whose pressure
//! file says how much of the time they waited for the disk.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::thread;
use std::time::Duration;

const POLL: Duration = Duration::from_millis(100);
const HOST_PRESSURE: &str = "/proc/pressure/io";
/// Followed by the pid of the benchmark.
const PREFIX: &str = "plotwarden-bench.";

/// The plotters of one run. Dropping it kills what still runs and removes the groups.
pub struct Jobs {
    group: PathBuf,
    children: Vec<Child>,
    started: u32,
    /// Where the waiting is read, and what stood there at the start.
    pressure: PathBuf,
    before: Duration,
    host_before: Duration,
    /// A controller moved a plotter to a group of its own, so that ours no longer sees it.
    moved: bool,
}

impl Jobs {
    pub fn new() -> io::Result<Self> {
        let root = unified_root()?;
        remove_leftovers(&root);
        let group = root.join(format!("{PREFIX}{}", std::process::id()));
        fs::create_dir(&group)?;
        let pressure = group.join("io.pressure");
        let before = some_total(&pressure)?;
        let host_before = some_total(Path::new(HOST_PRESSURE))?;
        Ok(Self { group, children: Vec::new(), started: 0, pressure, before, host_before, moved: false })
    }

    pub fn start(&mut self, command: &mut Command) -> io::Result<()> {
        let group = self.group.join(format!("job{}", self.started));
        fs::create_dir(&group)?;
        let child = command.spawn()?;
        // The interpreter is still loading: nothing of the plot has happened outside the group.
        let entered = fs::write(group.join("cgroup.procs"), child.id().to_string());
        self.children.push(child);
        self.started += 1;
        entered
    }

    /// Until all have ended; a plotter that fails is an error.
    pub fn wait(&mut self) -> io::Result<()> {
        let ours = self.group.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        while !self.children.is_empty() {
            let mut running = Vec::new();
            for mut child in std::mem::take(&mut self.children) {
                match child.try_wait()? {
                    None => running.push(child),
                    Some(status) if status.success() => {}
                    Some(status) => {
                        self.children.append(&mut running);
                        return Err(io::Error::other(format!("a plotter ended with {status}")));
                    }
                }
            }
            self.children = running;
            self.moved |= self.children.iter().any(|child| !is_under(child.id(), &ours));
            thread::sleep(POLL);
        }
        Ok(())
    }

    /// How long at least one plotter waited for I/O. The host's figure stands in where the plotters left our group.
    pub fn waited_for_io(&self) -> Duration {
        let (pressure, before) = if self.moved {
            (Path::new(HOST_PRESSURE), self.host_before)
        } else {
            (self.pressure.as_path(), self.before)
        };
        some_total(pressure).unwrap_or_default().saturating_sub(before)
    }
}

impl Drop for Jobs {
    fn drop(&mut self) {
        kill_group(&self.group);
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
        remove_group(&self.group);
    }
}

/// The same from a signal's thread, where no destructor runs.
pub fn kill_own() {
    if let Ok(root) = unified_root() {
        let group = root.join(format!("{PREFIX}{}", std::process::id()));
        kill_group(&group);
        remove_group(&group);
    }
}

/// Plotters of a benchmark that was killed would plot on, or stay frozen for ever.
fn remove_leftovers(root: &Path) {
    for entry in fs::read_dir(root).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let maker = name.to_str().and_then(|name| name.strip_prefix(PREFIX));
        if maker.is_some_and(|maker| !Path::new("/proc").join(maker).exists()) {
            kill_group(&entry.path());
            remove_group(&entry.path());
        }
    }
}

/// Where cgroup2 is mounted, alone or beside the controllers of version 1.
fn unified_root() -> io::Result<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mounts")?;
    let mut unified = mounts.lines().filter_map(|line| {
        let mut words = line.split(' ').skip(1);
        words.next().filter(|_| words.next() == Some("cgroup2"))
    });
    let root = unified.next_back().map(PathBuf::from);
    root.ok_or_else(|| io::Error::other("no cgroup2 is mounted, so pressure cannot be measured"))
}

fn kill_group(group: &Path) {
    // This reaches the groups below and frozen processes as well.
    let _ = fs::write(group.join("cgroup.kill"), "1");
}

fn remove_group(group: &Path) {
    for _ in 0..50 {
        for entry in fs::read_dir(group).into_iter().flatten().flatten() {
            let _ = fs::remove_dir(entry.path());
        }
        if fs::remove_dir(group).is_ok() || !group.exists() {
            return;
        }
        // The kernel lets go of the dead a moment later.
        thread::sleep(POLL);
    }
}

fn is_under(pid: u32, group: &str) -> bool {
    // One that has just ended left nothing.
    fs::read_to_string(format!("/proc/{pid}/cgroup"))
        .map_or(true, |groups| groups.lines().any(|line| line.starts_with("0::") && line.contains(group)))
}

/// The `total` of the `some` line.
fn some_total(pressure: &Path) -> io::Result<Duration> {
    let text = fs::read_to_string(pressure)?;
    let some = text.lines().find(|line| line.starts_with("some"));
    let total = some.and_then(|line| line.split("total=").nth(1)).and_then(|total| total.parse().ok());
    total
        .map(Duration::from_micros)
        .ok_or_else(|| io::Error::other(format!("{} is not a pressure file: {text}", pressure.display())))
}
