//! What a process would escape from if it were moved to a group of ours: limits that somebody has set on the group that it is in,
//! or on one above. A controller that is merely there limits nobody.
//!
//! Protections (`memory.low`, `io.latency`) are nothing to escape from.

use std::io;
use std::path::Path;

use super::cgroup::Tree;
use super::value::parse_cpu_list;
use crate::kernel::attribute::decimal;

/// A file of a group, and whether what it says holds anybody back.
struct Limit {
    file: &'static str,
    holds: fn(&str) -> bool,
}

/// systemd gives every unit 15 %, and every user 33 %, of all tasks that there can be, which is meant against fork bombs.
const SHARE_OF_TASKS: u64 = 10;
/// More than any plotter comes near to.
const MANY_TASKS: u64 = 4096;
/// What groups have if nobody says otherwise.
const USUAL_WEIGHT: u64 = 100;

const LIMITS: &[Limit] = &[
    Limit { file: "cgroup.freeze", holds: |text| text == "1" },
    Limit { file: "memory.max", holds: is_not_max },
    Limit { file: "memory.high", holds: is_not_max },
    Limit { file: "memory.swap.max", holds: is_not_max },
    Limit { file: "cpu.max", holds: |text| !text.starts_with("max") },
    Limit { file: "cpu.idle", holds: |text| text == "1" },
    Limit { file: "cpu.weight", holds: is_light },
    Limit { file: "io.max", holds: |text| !text.is_empty() },
    Limit { file: "io.weight", holds: is_light_by_default },
    Limit { file: "io.bfq.weight", holds: is_light_by_default },
];

/// Why a process must stay in the group, if so.
pub fn left_behind(tree: &Tree, procfs: &Path, path: &str) -> Option<String> {
    let many = many_tasks(procfs);
    let mut group = path.trim_end_matches('/');
    while !group.is_empty() {
        if let Some(why) = of_group(tree, group, many) {
            return Some(why);
        }
        group = group.rsplit_once('/')?.0;
    }
    None
}

fn of_group(tree: &Tree, group: &str, many: u64) -> Option<String> {
    let found = LIMITS.iter().map(|limit| (limit.file, limit.holds)).map(|(file, holds)| {
        let text = read(tree, group, file)?;
        Ok(text.filter(|text| holds(text)).map(|text| format!("{file} {text}")))
    });
    let sets = ["cpuset.cpus", "cpuset.mems"].into_iter().map(|file| {
        let (set, all) = (read(tree, group, file)?, read(tree, "/", &format!("{file}.effective"))?);
        let set = set.filter(|set| !set.is_empty() && !is_all(set, all.as_deref()));
        Ok(set.map(|set| format!("{file} {set}")))
    });
    let tasks = || {
        let tasks = read(tree, group, "pids.max")?;
        let few = tasks.filter(|tasks| tasks.parse().is_ok_and(|tasks: u64| tasks < many));
        Ok(few.map(|tasks| format!("pids.max {tasks}")))
    };
    found.chain(sets).chain([tasks()]).find_map(|limit: io::Result<Option<String>>| match limit {
        Ok(limit) => Some(format!("would leave behind {} of {group}", limit?)),
        Err(error) => Some(format!("may have limits that cannot be read: {error}")),
    })
}

/// From how many tasks on a limit of them holds nobody back.
fn many_tasks(procfs: &Path) -> u64 {
    let number = |file: &str| decimal(&procfs.join("sys/kernel").join(file)).unwrap_or(u64::MAX);
    MANY_TASKS.min(number("threads-max").min(number("pid_max")) / SHARE_OF_TASKS)
}

/// `None` if there is no such file.
fn read(tree: &Tree, group: &str, file: &str) -> io::Result<Option<String>> {
    let Some(dir) = tree.dir(group) else { return Ok(None) };
    match std::fs::read_to_string(dir.join(file)) {
        Ok(text) => Ok(Some(text.trim().to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn is_not_max(text: &str) -> bool {
    text != "max"
}

/// 0 is what a group shows whose weight is that of idle tasks.
fn is_light(text: &str) -> bool {
    text.parse().is_ok_and(|weight: u64| weight < USUAL_WEIGHT)
}

fn is_light_by_default(text: &str) -> bool {
    text.lines().any(|line| line.rsplit(' ').next().is_some_and(is_light))
}

fn is_all(set: &str, all: Option<&str>) -> bool {
    let all = all.and_then(parse_cpu_list);
    all.zip(parse_cpu_list(set)).is_some_and(|(all, set)| all.is_subset(&set))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A usual machine with systemd: everything handed down, nothing limited.
    const USUAL: &[(&str, &str)] = &[
        ("memory.max", "max"),
        ("memory.high", "max"),
        ("cpu.max", "max 100000"),
        ("cpu.weight", "100"),
        ("cpuset.cpus", ""),
        ("io.max", ""),
        ("io.weight", "default 100"),
        ("pids.max", "9830"),
        ("cgroup.freeze", "0"),
    ];

    fn escapes_from(group: &str, file: &str, text: &str) -> Option<String> {
        let dir = tempfile::tempdir().unwrap();
        for path in ["user.slice", "user.slice/session-1.scope"] {
            std::fs::create_dir_all(dir.path().join(path)).unwrap();
            for (file, text) in USUAL {
                std::fs::write(dir.path().join(path).join(file), format!("{text}\n")).unwrap();
            }
        }
        std::fs::write(dir.path().join("cpuset.cpus.effective"), "0-3\n").unwrap();
        std::fs::write(dir.path().join(group).join(file), format!("{text}\n")).unwrap();
        std::fs::create_dir_all(dir.path().join("proc/sys/kernel")).unwrap();
        std::fs::write(dir.path().join("proc/sys/kernel/threads-max"), "6889\n").unwrap();
        left_behind(&Tree::new(dir.path()), &dir.path().join("proc"), "/user.slice/session-1.scope")
    }

    #[test]
    fn a_group_without_limits_may_be_left_whatever_its_controllers() {
        assert_eq!(escapes_from("user.slice", "memory.max", "max"), None);
        assert_eq!(escapes_from("user.slice", "cpuset.cpus", "0-3"), None);
        assert_eq!(escapes_from("user.slice", "memory.low", "1073741824"), None);
        assert_eq!(escapes_from("user.slice", "pids.max", "1033"), None, "15 % of a small machine");
    }

    #[test]
    fn a_limit_is_not_escaped_from_wherever_it_is() {
        for (file, text) in [
            ("memory.max", "1073741824"),
            ("memory.high", "1073741824"),
            ("memory.swap.max", "0"),
            ("cpu.max", "50000 100000"),
            ("cpu.weight", "20"),
            ("cpu.idle", "1"),
            ("cpuset.cpus", "0-1"),
            ("io.max", "8:0 rbps=1048576 wbps=max riops=max wiops=max"),
            ("io.weight", "default 10"),
            ("pids.max", "64"),
            ("cgroup.freeze", "1"),
        ] {
            for group in ["user.slice", "user.slice/session-1.scope"] {
                let expected = format!("would leave behind {file} {text} of /{group}");
                assert_eq!(escapes_from(group, file, text), Some(expected));
            }
        }
    }
}
