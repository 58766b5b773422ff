//! The file system that the machine boots into: an archive of the format that the kernel unpacks itself
//! (`Documentation/driver-api/early-userspace/buffer-format.rst`), written here so that nothing but the files is needed.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

const FOLDER: u32 = 0o040_755;
const FILE: u32 = 0o100_644;
const PROGRAM: u32 = 0o100_755;
const LINK: u32 = 0o120_777;

/// An archive while it grows. What is there already stays: of two files of one name the first counts.
#[derive(Default)]
pub struct Archive {
    bytes: Vec<u8>,
    entries: u32,
    present: BTreeSet<String>,
}

impl Archive {
    pub fn folder(&mut self, path: &str) {
        if let Some((above, _)) = path.rsplit_once('/') {
            self.folder(above);
        }
        if self.present.insert(path.to_owned()) {
            self.entry(path, FOLDER, &[]);
        }
    }

    pub fn file(&mut self, path: &str, contents: &[u8]) {
        self.entry_in_folder(path, FILE, contents);
    }

    pub fn executable(&mut self, path: &str, contents: &[u8]) {
        self.entry_in_folder(path, PROGRAM, contents);
    }

    pub fn link(&mut self, path: &str, target: &str) {
        self.entry_in_folder(path, LINK, target.as_bytes());
    }

    /// A program of this machine with the libraries that it is linked with, all where they lie here, but for the program.
    pub fn program(&mut self, path: &str, program: &Path) {
        self.executable(path, &read(program));
        let output = Command::new("ldd").arg(program).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        for library in text.split_whitespace().filter(|word| word.starts_with('/')) {
            self.executable(library.trim_start_matches('/'), &read(Path::new(library)));
        }
    }

    pub fn finish(mut self) -> Vec<u8> {
        self.entry("TRAILER!!!", 0, &[]);
        self.bytes
    }

    fn entry_in_folder(&mut self, path: &str, mode: u32, contents: &[u8]) {
        if let Some((above, _)) = path.rsplit_once('/') {
            self.folder(above);
        }
        if self.present.insert(path.to_owned()) {
            self.entry(path, mode, contents);
        }
    }

    /// Inode, mode, owner, group, links, time, length, four device numbers, length of the name with its end, no sum.
    fn entry(&mut self, path: &str, mode: u32, contents: &[u8]) {
        self.entries += 1;
        let [length, name] = [contents.len(), path.len() + 1].map(|length| u32::try_from(length).unwrap());
        let fields = [self.entries, mode, 0, 0, 1, 0, length, 0, 0, 0, 0, name, 0];
        self.bytes.extend(b"070701");
        for field in fields {
            self.bytes.extend(format!("{field:08x}").bytes());
        }
        self.bytes.extend(path.bytes().chain([0]));
        self.pad();
        self.bytes.extend(contents);
        self.pad();
    }

    fn pad(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }
}

pub fn read(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
