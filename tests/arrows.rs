//! Holds the arrows that must never be: which room may know which other one. It reads the `use` lines and paths of every file below `src/`.

use std::fs;
use std::path::{Path, PathBuf};

/// A room and what it must never mention, with the reason.
struct Ban {
    rooms: &'static [&'static str],
    never: &'static [&'static str],
    why: &'static str,
}

const BANS: &[Ban] = &[
    Ban {
        rooms: &["decide", "arbiter.rs", "promql", "forecast", "policy"],
        never: &["crate::knob", "crate::http", "crate::actuate", "crate::metrics", "crate::run"],
        why: "what is decided must not know how it is carried out or shown",
    },
    Ban {
        rooms: &["decide", "arbiter.rs", "promql", "forecast", "policy", "rehearsal"],
        never: &["Instant::now", "SystemTime::now", "clock_gettime", "kernel::clock"],
        why: "time is an argument",
    },
    Ban {
        rooms: &["decide", "arbiter.rs", "promql", "forecast"],
        never: &["std::fs", "std::net", "std::process", "tokio", "File::open", "libc::"],
        why: "decisions are pure",
    },
    Ban {
        rooms: &["sample", "inventory", "kernel", "plotter"],
        never: &[
            "crate::policy",
            "crate::decide",
            "crate::arbiter",
            "crate::claim",
            "crate::actuate",
            "crate::knob",
            "crate::http",
        ],
        why: "what is read must not know what is wanted",
    },
    Ban {
        rooms: &["kernel"],
        never: &["crate::plotter", "crate::sample", "crate::inventory", "crate::world", "crate::metrics"],
        why: "the doors to the kernel know no rooms behind them",
    },
    Ban {
        rooms: &["http", "metrics"],
        never: &["crate::actuate::Actuator", "crate::knob", "crate::kernel::process_events"],
        why: "publishing reads a snapshot and touches nothing",
    },
];

/// Pure rooms may know the kernel room's plain facts (identity, process facts), never its readers.
const PURE: &[&str] = &["decide", "arbiter.rs", "promql", "forecast", "policy"];
const KERNEL_FACTS: &[&str] = &["crate::kernel::process::Identity", "crate::kernel::process::RunState"];

#[test]
fn no_room_reaches_where_it_must_not() {
    let mut faults = Vec::new();
    for (path, code) in sources() {
        for ban in BANS.iter().filter(|ban| ban.rooms.iter().any(|room| is_in(&path, room))) {
            for (number, line) in code.lines().enumerate() {
                for word in ban.never.iter().filter(|word| line.contains(*word)) {
                    faults.push(format!("{}:{}: `{word}`: {}", path.display(), number + 1, ban.why));
                }
            }
        }
        if PURE.iter().any(|room| is_in(&path, room)) {
            for (number, line) in code.lines().enumerate().filter(|(_, line)| line.contains("crate::kernel")) {
                if !KERNEL_FACTS.iter().any(|fact| line.contains(fact)) {
                    faults.push(format!("{}:{}: a pure room uses the kernel room", path.display(), number + 1));
                }
            }
        }
    }
    assert!(faults.is_empty(), "arrows that must never be:\n{}", faults.join("\n"));
}

#[test]
fn only_actuate_writes_knobs() {
    let mut faults = Vec::new();
    for (path, code) in sources() {
        if is_in(&path, "knob") || is_in(&path, "actuate") {
            continue;
        }
        for (number, line) in code.lines().enumerate() {
            if line.contains("crate::knob") && line.contains("write") {
                faults.push(format!("{}:{}: {}", path.display(), number + 1, line.trim()));
            }
        }
    }
    assert!(faults.is_empty(), "only `actuate` may write a knob:\n{}", faults.join("\n"));
}

#[test]
fn unsafe_code_stays_at_the_doors() {
    for (path, code) in sources() {
        if is_in(&path, "knob") || is_in(&path, "kernel") {
            continue;
        }
        let found = code.lines().position(|line| line.contains("unsafe {") || line.contains("unsafe fn"));
        assert!(found.is_none(), "{}:{}: unsafe belongs in kernel/ or knob/", path.display(), found.unwrap_or(0) + 1);
    }
}

#[test]
fn files_stay_readable() {
    for (path, code) in sources() {
        let lines = code.lines().count();
        assert!(lines <= 450, "{} has {lines} lines; an idea per file", path.display());
    }
}

#[test]
fn the_test_sees_the_rooms() {
    let seen: Vec<PathBuf> = sources().into_iter().map(|(path, _)| path).collect();
    for ban in BANS.iter().flat_map(|ban| ban.rooms).filter(|room| root().join("src").join(room).exists()) {
        assert!(seen.iter().any(|path| is_in(path, ban)), "no file of {ban} was read");
    }
    assert!(is_in(Path::new("src/decide/mod.rs"), "decide"));
    assert!(!is_in(Path::new("src/cli/decide.rs"), "decide"));
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn is_in(path: &Path, room: &str) -> bool {
    path.starts_with(Path::new("src").join(room))
}

/// Every Rust file below `src/`, relative to the package, without its tests (which may reach anywhere).
fn sources() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") && !is_test_file(&path) {
                let code = fs::read_to_string(&path).unwrap();
                let code = code.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().to_owned();
                found.push((path.strip_prefix(root()).unwrap().to_owned(), code));
            }
        }
    }
    assert!(found.len() > 10);
    found
}

fn is_test_file(path: &Path) -> bool {
    path.file_stem().is_some_and(|stem| stem == "tests" || stem.to_string_lossy().ends_with("_tests"))
        || path.components().any(|part| part.as_os_str() == "tests")
}
