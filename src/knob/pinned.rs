//! Threads that somebody has pinned to CPUs. Linux before 6.2 forgets such a wish whenever the group of the thread gets a set of CPUs
//! (`cpuset`), be it the set of all: there the controller is kept away from them.

use std::fs;

use super::task::Tasks;
use crate::kernel::process::Identity;

/// The first Linux that keeps what `sched_setaffinity(2)` was asked for.
const KEEPS_AFFINITY: (u32, u32) = (6, 2);

/// Why the processes must not be given a set of CPUs, if so.
pub fn first_of(tasks: &Tasks, processes: &[Identity]) -> Option<String> {
    if keeps_affinity() {
        return None;
    }
    // Nobody pins init, so that it may run wherever anybody may.
    let most =
        processes.iter().map(|process| process.pid).chain([1]).filter_map(|pid| allowed(tasks, pid, pid)).max()?;
    processes.iter().find_map(|process| {
        let threads = fs::read_dir(tasks.dir(process.pid).join("task")).ok()?.filter_map(Result::ok);
        let threads = threads.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let pinned = |tid: &i32| allowed(tasks, process.pid, *tid).is_some_and(|cpus| cpus < most);
        let tid = threads.into_iter().find(pinned)?;
        Some(format!(
            "thread {tid} of process {} is pinned to CPUs, and Linux before 6.2 forgets that when its group gets a set of them",
            process.pid
        ))
    })
}

fn keeps_affinity() -> bool {
    let name = nix::sys::utsname::uname();
    let release = name.as_ref().ok().and_then(|name| name.release().to_str());
    release.and_then(version).is_some_and(|version| version >= KEEPS_AFFINITY)
}

fn version(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// How many CPUs a thread may run on.
fn allowed(tasks: &Tasks, pid: i32, tid: i32) -> Option<u32> {
    let status = fs::read_to_string(tasks.dir(pid).join(format!("task/{tid}/status"))).ok()?;
    let mask = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed:"))?;
    Some(mask.chars().filter_map(|digit| digit.to_digit(16)).map(u32::count_ones).sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        assert_eq!(version("6.1.0-21-amd64"), Some((6, 1)));
        assert!(version("6.12.3").unwrap() >= KEEPS_AFFINITY);
        assert!(version("5.10.0").unwrap() < KEEPS_AFFINITY);
        assert_eq!(version("custom"), None);
    }

    #[test]
    fn cpus_of_a_thread_are_counted() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("7/task/7")).unwrap();
        fs::write(dir.path().join("7/task/7/status"), "Name:\tx\nCpus_allowed:\tff,0000000f\nMems_allowed:\t1\n")
            .unwrap();
        assert_eq!(allowed(&Tasks::new(dir.path()), 7, 7), Some(12));
    }
}
