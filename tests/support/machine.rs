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

use std::fs;
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
            lay(root, head.trim_end(), contents);
        }
    }
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
