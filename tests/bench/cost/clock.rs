//! CPU time and memory of other processes.

use std::time::Duration;

use nix::time::{ClockId, clock_getcpuclockid, clock_gettime};
use nix::unistd::Pid;

/// CPU time of a process since its start, all threads, ended ones included.
pub fn cpu_of(pid: i32) -> Duration {
    let clock: ClockId = clock_getcpuclockid(Pid::from_raw(pid)).unwrap();
    clock_gettime(clock).unwrap().into()
}

/// CPU time of the thread of this name.
pub fn cpu_of_thread(pid: i32, name: &str) -> Duration {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap().flatten();
    let read = |thread: &std::path::Path, file: &str| std::fs::read_to_string(thread.join(file)).unwrap_or_default();
    let named = threads.map(|thread| thread.path()).find(|thread| read(thread, "comm").trim() == name).unwrap();
    Duration::from_nanos(read(&named, "schedstat").split(' ').next().unwrap().parse().unwrap())
}

/// Resident memory in bytes.
pub fn resident(pid: i32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.split_whitespace().next().unwrap().parse::<u64>().unwrap() * 1024
}

pub fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
