//! What a controller could have changed about processes, read by other means than the controller's own.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Everything about some processes that must be the same after as before.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct State {
    processes: BTreeMap<i32, ProcessState>,
}

#[derive(Clone, PartialEq, Eq)]
struct ProcessState {
    /// Path below the cgroup2 mount.
    group: String,
    /// `cgroup.freeze`; the root group has none.
    frozen: Option<String>,
    oom_score: String,
    threads: BTreeMap<i32, ThreadState>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct ThreadState {
    stopped: bool,
    nice: i32,
    /// Number of the scheduling policy, sched(7).
    class: i32,
    /// As ionice(1) says it.
    io_priority: String,
    affinity: String,
    timer_slack: String,
}

impl State {
    /// Of the processes and all that descend from them.
    pub fn of(pids: &[i32]) -> Self {
        let mount = unified_mount();
        let mut processes = BTreeMap::new();
        let mut left = pids.to_vec();
        while let Some(pid) = left.pop() {
            if let Some(state) = ProcessState::read(pid, mount.as_deref()) {
                processes.insert(pid, state);
                left.extend(children(pid));
            }
        }
        Self { processes }
    }

    /// How many in all.
    pub fn threads(&self) -> usize {
        self.processes.values().map(|process| process.threads.len()).sum()
    }

    pub fn tids(&self, pid: i32) -> Vec<i32> {
        self.processes[&pid].threads.keys().copied().collect()
    }

    pub fn is_empty(&self) -> bool {
        self.processes.is_empty()
    }

    /// Whether no thread of the process can run.
    pub fn halts(&self, pid: i32) -> bool {
        self.processes.get(&pid).is_some_and(|process| {
            process.frozen.as_deref() == Some("1") || process.threads.values().all(|thread| thread.stopped)
        })
    }

    pub fn halts_any(&self) -> bool {
        self.processes.keys().any(|pid| self.halts(*pid))
    }

    /// Niceness of all threads of a process, the smallest and the largest.
    pub fn nice(&self, pid: i32) -> (i32, i32) {
        let threads = self.processes[&pid].threads.values().map(|thread| thread.nice);
        (threads.clone().min().unwrap(), threads.max().unwrap())
    }

    /// Whether all threads of some process have this niceness.
    pub fn any_nice(&self, nice: i32) -> bool {
        self.processes.keys().any(|pid| self.nice(*pid) == (nice, nice))
    }

    /// Whether all threads of some process have only idle I/O.
    pub fn any_idle_io(&self) -> bool {
        self.processes.values().any(|process| process.threads.values().all(|thread| thread.io_priority == "idle"))
    }

    /// The same, with every process in the root group.
    pub fn without_groups(&self) -> Self {
        let mut state = self.clone();
        for process in state.processes.values_mut() {
            process.group.clear();
            // The root group cannot be frozen.
            process.frozen = process.frozen.take().filter(|frozen| frozen != "0");
        }
        state
    }
}

/// A line per thread, so that a failed comparison can be read.
impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (pid, process) in &self.processes {
            writeln!(
                f,
                "\nprocess {pid}: group {}, frozen {:?}, OOM score {}",
                process.group, process.frozen, process.oom_score
            )?;
            for (tid, thread) in &process.threads {
                writeln!(f, "  {tid}: {thread:?}")?;
            }
        }
        Ok(())
    }
}

impl ProcessState {
    /// `None` if the process has ended.
    fn read(pid: i32, mount: Option<&Path>) -> Option<Self> {
        let groups = fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
        let group = groups.lines().find_map(|line| line.strip_prefix("0::")).unwrap_or_default().to_owned();
        let freezer = mount.map(|mount| mount.join(group.trim_start_matches('/')).join("cgroup.freeze"));
        let frozen = freezer.and_then(|path| Some(fs::read_to_string(path).ok()?.trim().to_owned()));
        let tids: Vec<i32> = fs::read_dir(format!("/proc/{pid}/task"))
            .ok()?
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .collect();
        let priorities = io_priorities(&tids);
        let threads: BTreeMap<i32, ThreadState> = tids
            .iter()
            .zip(priorities)
            .filter_map(|(&tid, io_priority)| Some((tid, ThreadState::read(pid, tid, io_priority)?)))
            .collect();
        let oom_score = fs::read_to_string(format!("/proc/{pid}/oom_score_adj")).ok()?.trim().to_owned();
        (!threads.is_empty()).then_some(Self { group, frozen, oom_score, threads })
    }
}

impl ThreadState {
    fn read(pid: i32, tid: i32, io_priority: String) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/task/{tid}/stat")).ok()?;
        // Numbered as in proc(5), where the state is field 3.
        let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
        let field = |number: usize| fields.get(number - 3).copied();
        let status = fs::read_to_string(format!("/proc/{pid}/task/{tid}/status")).ok()?;
        let affinity = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"))?;
        Some(Self {
            stopped: matches!(field(3)?, "T" | "t"),
            nice: field(19)?.parse().ok()?,
            class: field(41)?.parse().ok()?,
            io_priority,
            affinity: affinity.trim().to_owned(),
            timer_slack: fs::read_to_string(format!("/proc/{tid}/timerslack_ns")).unwrap_or_default(),
        })
    }
}

/// One per thread, in their order.
fn io_priorities(tids: &[i32]) -> Vec<String> {
    let output = Command::new("ionice").arg("-p").args(tids.iter().map(ToString::to_string)).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().map(str::to_owned).collect()
}

pub fn children(pid: i32) -> Vec<i32> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let lists = tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    lists.flat_map(|list| list.split_whitespace().map(|pid| pid.parse().unwrap()).collect::<Vec<i32>>()).collect()
}

/// Where cgroup v2 is mounted.
pub fn unified_mount() -> Option<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
    let line = mounts.lines().find(|line| line.split(' ').nth(2) == Some("cgroup2"))?;
    line.split(' ').nth(1).map(PathBuf::from)
}

/// Groups of the program that are left.
pub fn groups_left() -> Vec<PathBuf> {
    let Some(base) = unified_mount().map(|mount| mount.join("plotwarden")) else { return Vec::new() };
    let Ok(entries) = fs::read_dir(&base) else { return Vec::new() };
    let mut groups = vec![base];
    groups.extend(entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()));
    groups
}
