//! The page of promises: each has its row, its room and its tests, and the tests are there. And what of it can be read in the source.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Number, where, tests.
fn rows() -> Vec<(u32, Vec<String>, Vec<String>)> {
    let page = fs::read_to_string(root().join("docs/safety.md")).unwrap();
    let quoted = |cell: &str| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
    let row = |line: &str| {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let number = cells.first()?.parse().ok()?;
        assert_eq!(cells.len(), 4, "{line}");
        Some((number, quoted(cells[2]), quoted(cells[3])))
    };
    page.lines().filter(|line| line.starts_with("| ")).filter_map(row).collect()
}

#[test]
fn each_of_the_twenty_has_a_row_with_tests() {
    let rows = rows();
    assert_eq!(rows.iter().map(|(number, ..)| *number).collect::<Vec<_>>(), (1..=20).collect::<Vec<_>>());
    for (number, places, tests) in rows {
        assert!(!places.is_empty() && !tests.is_empty(), "row {number}");
        for place in places {
            assert!(root().join("src").join(&place).exists(), "row {number}: src/{place} is not there");
        }
    }
}

#[test]
fn each_test_that_is_named_is_a_test() {
    for (number, _, tests) in rows() {
        for test in tests {
            let (file, function) = test.split_once("::").unwrap_or_else(|| panic!("row {number}: {test}"));
            let source =
                fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("row {number}: {file}: {error}"));
            let at = source.find(&format!("fn {function}(")).unwrap_or_else(|| panic!("row {number}: no {test}"));
            let before: Vec<&str> = source[..at].lines().rev().take(4).collect();
            assert!(before.iter().any(|line| line.trim() == "#[test]"), "row {number}: {test} is no test");
        }
    }
}

/// A number may belong to another process by the time that a signal is sent.
#[test]
fn signals_go_by_pidfd_only() {
    let mut by_pidfd = 0;
    for path in sources(&root().join("src")) {
        let source = fs::read_to_string(&path).unwrap();
        let code = source.split("#[cfg(test)]\nmod tests").next().unwrap();
        for call in ["libc::kill(", "libc::tgkill(", "libc::tkill(", "signal::kill(", "killpg(", "SYS_kill"] {
            assert!(!code.contains(call), "{}: {call}", path.display());
        }
        by_pidfd += code.matches("SYS_pidfd_send_signal").count();
    }
    assert_eq!(by_pidfd, 1, "there is one door");
}

/// Without the files of tests.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let found = entries.flat_map(|path| match path.is_dir() {
        true if path.ends_with("tests") => Vec::new(),
        true => sources(&path),
        false => vec![path],
    });
    let is_source = |path: &PathBuf| {
        path.extension().is_some_and(|end| end == "rs") && !path.to_string_lossy().ends_with("tests.rs")
    };
    found.filter(is_source).collect()
}
