//! Breaks the files of a machine, and mends them again: laying out a whole machine for each round would take longer than
//! looking at it.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::chance::Chance;

/// More than any file may have.
const TOO_LONG: usize = (4 << 20) + 1;
const NUMBERS: [&str; 9] =
    ["0", "-1", "1", "4294967295", "18446744073709551615", "18446744073709551616", "1e999", "nan", "0x7fffffff"];

/// What a path held before it was broken.
enum Before {
    File(PathBuf, Vec<u8>),
    Link(PathBuf, PathBuf),
    Folder { at: PathBuf, kept: PathBuf },
}

/// A machine with all its files, that can be broken and mended.
pub struct Machine {
    pub root: PathBuf,
    files: Vec<PathBuf>,
    folders: Vec<PathBuf>,
    broken: Vec<Before>,
    /// What was done, for who has to find out why it mattered.
    pub said: Vec<String>,
}

impl Machine {
    pub fn new(root: PathBuf) -> Self {
        let (mut files, mut folders) = (Vec::new(), Vec::new());
        collect(&root, &mut files, &mut folders);
        assert!(files.len() > 10, "{} is no machine", root.display());
        Self { root, files, folders, broken: Vec::new(), said: Vec::new() }
    }

    /// Breaks a few files, now and then very many.
    pub fn damage(&mut self, chance: &mut Chance) {
        let times = if chance.once_in(20) { self.files.len() } else { 1 + chance.below(8) };
        for _ in 0..times {
            if chance.once_in(30) {
                self.hide_folder(chance);
            } else {
                self.break_file(chance);
            }
        }
    }

    /// Puts back what was broken, the last first.
    pub fn mend(&mut self) {
        for before in self.broken.drain(..).rev() {
            match before {
                Before::File(path, contents) => {
                    remove(&path);
                    fs::write(path, contents).unwrap();
                }
                Before::Link(path, target) => {
                    remove(&path);
                    symlink(target, path).unwrap();
                }
                Before::Folder { at, kept } => fs::rename(kept, at).unwrap(),
            }
        }
        self.said.clear();
    }

    fn hide_folder(&mut self, chance: &mut Chance) {
        let at = chance.pick(&self.folders).clone();
        let kept = self.root.join(format!("hidden-{}", self.broken.len()));
        if fs::rename(&at, &kept).is_ok() {
            self.said.push(format!("hid {}", at.display()));
            self.broken.push(Before::Folder { at, kept });
        }
    }

    fn break_file(&mut self, chance: &mut Chance) {
        let path = chance.pick(&self.files).clone();
        // It may lie in a folder that has been hidden, or have been made a folder.
        let Ok(metadata) = fs::symlink_metadata(&path) else { return };
        let before = if metadata.is_symlink() {
            Before::Link(path.clone(), fs::read_link(&path).unwrap())
        } else {
            let Ok(contents) = fs::read(&path) else { return };
            Before::File(path.clone(), contents)
        };
        let contents = if let Before::File(_, contents) = &before { contents.clone() } else { Vec::new() };
        self.broken.push(before);
        remove(&path);
        let what = match chance.below(16) {
            0 => "removed",
            1 => {
                symlink("nowhere", &path).unwrap();
                "made a link to nowhere"
            }
            2 => {
                symlink(path.file_name().unwrap(), &path).unwrap();
                "made a link to itself"
            }
            3 => {
                fs::create_dir(&path).unwrap();
                "made a folder"
            }
            4 if chance.once_in(4) => {
                symlink("/dev/zero", &path).unwrap();
                "made endless"
            }
            5 => {
                let other = chance.pick(&self.files);
                // A link may have been made endless meanwhile.
                let is_file = fs::symlink_metadata(other).is_ok_and(|metadata| metadata.is_file());
                fs::write(&path, if is_file { fs::read(other).unwrap() } else { Vec::new() }).unwrap();
                "given the contents of another file"
            }
            way => {
                let (contents, what) = spoiled(contents, way, chance);
                fs::write(&path, contents).unwrap();
                what
            }
        };
        self.said.push(format!("{}: {what}", path.display()));
    }
}

fn spoiled(mut contents: Vec<u8>, way: usize, chance: &mut Chance) -> (Vec<u8>, &'static str) {
    let length = contents.len();
    match way {
        6 => {
            contents.truncate(chance.below(length + 1));
            (contents, "cut")
        }
        7 => (Vec::new(), "emptied"),
        8 if chance.once_in(4) && length > 0 => (contents.repeat(TOO_LONG / length + 1), "repeated until too long"),
        9 => {
            let at = chance.below(length + 1);
            contents.splice(at..at, [0xff, 0xc3, 0x28, 0x00]);
            (contents, "made no text")
        }
        10 | 11 => (with_other_numbers(&contents, chance), "given other numbers"),
        12 => {
            let mut lines: Vec<&[u8]> = contents.split_inclusive(|byte| *byte == b'\n').collect();
            for _ in 0..lines.len() {
                let (one, other) = (chance.below(lines.len()), chance.below(lines.len()));
                if chance.once_in(2) { lines.swap(one, other) } else { lines[one] = lines[other] }
            }
            (lines.concat(), "its lines in disorder")
        }
        13 => {
            let times = 2 + chance.below(50);
            (contents.repeat(times), "repeated")
        }
        _ => {
            for _ in 0..=chance.below(8) {
                if let Some(byte) = contents.get_mut(chance.below(length.max(1))) {
                    *byte ^= 1 << chance.below(8);
                }
            }
            (contents, "bits turned over")
        }
    }
}

/// Some of the numbers replaced by such as no machine has.
fn with_other_numbers(contents: &[u8], chance: &mut Chance) -> Vec<u8> {
    let rate = 1 + chance.below(8);
    let mut text = Vec::with_capacity(contents.len());
    for run in contents.chunk_by(|one, other| one.is_ascii_digit() == other.is_ascii_digit()) {
        let is_number = run.first().is_some_and(u8::is_ascii_digit);
        let replaced = is_number && chance.once_in(rate);
        text.extend_from_slice(if replaced { chance.pick(&NUMBERS).as_bytes() } else { run });
    }
    text
}

fn remove(path: &Path) {
    if path.is_dir() && !path.is_symlink() { fs::remove_dir(path).unwrap() } else { drop(fs::remove_file(path)) }
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>, folders: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            folders.push(entry.path());
            collect(&entry.path(), files, folders);
        } else {
            files.push(entry.path());
        }
    }
    // The order of a directory is not the same on every machine, but that of a seed has to be.
    files.sort();
    folders.sort();
}
