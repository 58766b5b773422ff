//! Machines that we do not have, written down as text in `tests/machines/NAME/*.tree`, a file per part, and laid out as
//! folders that procfs, sysfs and the rest can be read from.
//!
//! A tree is a list of entries, each begun by a line with `=== ` and a path below the machine's root:
//!
//! ```text
//! === sys/devices/system/cpu/online
//! 0-7
//! === sys/class/net/eth0 -> ../../devices/pci0000:00/net/eth0
//! === sys/kernel/mm/empty/
//! === sys/firmware/dmi/tables/DMI hex
//! 00 1a 00 00
//! ```
//!
//! The lines below are what the file holds; an arrow makes a link, a slash at the end a folder, `hex` bytes.
//!
//! What a machine has many of is written down once. A range in a path makes a file for each number, `each` and a range behind
//! it one file that holds the lines again and again; in the lines, `[n]`, `[n+64]` and `[n-32]` are the number and what it makes:
//!
//! ```text
//! === sys/devices/system/cpu/cpu[0-63]/topology/thread_siblings_list
//! [n],[n+64]
//! === proc/cpuinfo each [0-127]
//! processor : [n]
//! ```

use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::Path;

/// Lays the machine out below `root`.
pub fn lay_out(name: &str, root: &Path) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/machines").join(name);
    let mut trees: Vec<_> = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "tree"))
        .collect();
    trees.sort();
    assert!(!trees.is_empty(), "{} holds no tree", folder.display());
    for tree in trees {
        let text = fs::read_to_string(&tree).unwrap();
        for entry in text.split("=== ").skip(1) {
            let (head, contents) = entry.split_once('\n').unwrap_or((entry, ""));
            lay_all(root, head.trim_end(), contents);
        }
    }
}

fn lay_all(root: &Path, head: &str, contents: &str) {
    let Some((before, (first, last), behind)) = range(head) else { return lay(root, head, contents) };
    for number in first..=last {
        match before.strip_suffix(" each ") {
            Some(file) => append(&root.join(file), &numbered(contents, number)),
            None => lay(root, &format!("{before}{number}{behind}"), &numbered(contents, number)),
        }
    }
}

/// `[0-63]` with what stands before and behind it.
fn range(head: &str) -> Option<(&str, (i64, i64), &str)> {
    let (before, rest) = head.split_once('[')?;
    let (range, behind) = rest.split_once(']')?;
    let (first, last) = range.split_once('-')?;
    Some((before, (first.parse().ok()?, last.parse().ok()?), behind))
}

/// The lines of one number.
fn numbered(contents: &str, number: i64) -> String {
    let mut text = String::new();
    let mut rest = contents;
    while let Some((before, behind)) = rest.split_once("[n") {
        let (offset, behind) = behind.split_once(']').unwrap();
        let offset: i64 = if offset.is_empty() { 0 } else { offset.parse().unwrap() };
        text.push_str(before);
        text.push_str(&(number + offset).to_string());
        rest = behind;
    }
    text + rest
}

fn append(path: &Path, lines: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut file = fs::OpenOptions::new().append(true).create(true).open(path).unwrap();
    file.write_all(lines.as_bytes()).unwrap();
}

fn lay(root: &Path, head: &str, contents: &str) {
    let path = |below: &str| {
        let path = root.join(below);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        path
    };
    if let Some((below, target)) = head.split_once(" -> ") {
        symlink(target, path(below)).unwrap_or_else(|error| panic!("{head}: {error}"));
    } else if let Some(below) = head.strip_suffix('/') {
        fs::create_dir_all(path(below)).unwrap();
    } else if let Some(below) = head.strip_suffix(" hex") {
        let bytes = contents.split_whitespace().map(|byte| u8::from_str_radix(byte, 16).unwrap());
        fs::write(path(below), bytes.collect::<Vec<u8>>()).unwrap();
    } else {
        fs::write(path(head), contents).unwrap_or_else(|error| panic!("{head}: {error}"));
    }
}
