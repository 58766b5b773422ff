//! Groups of the cgroup v2 tree, opened as directories, so that a group made again under the same path is not mistaken for it.
//!
//! Source: `Documentation/admin-guide/cgroup-v2.rst`.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::fcntl::{OFlag, openat};
use nix::sys::stat::Mode;

use crate::claim::Controller;

/// Name of our group below the root of the mount.
pub const BASE_GROUP: &str = "plotwarden";

/// Where systemd makes the scopes of jobs for us.
pub const BASE_SLICE: &str = "plotwarden.slice";

/// A mounted cgroup v2 tree.
#[derive(Debug, Clone)]
pub struct Tree {
    mount: PathBuf,
}

/// One group, held open.
#[derive(Debug)]
pub struct GroupDir {
    dir: OwnedFd,
}

impl Tree {
    pub fn new(mount: &Path) -> Self {
        Self { mount: mount.to_owned() }
    }

    pub fn mount(&self) -> &Path {
        &self.mount
    }

    /// Where the group of that path lies; `None` for one outside of our cgroup namespace.
    pub fn dir(&self, path: &str) -> Option<PathBuf> {
        if path.split('/').any(|part| part == "..") {
            None
        } else {
            Some(self.mount.join(path.trim_start_matches('/')))
        }
    }

    pub fn inode(&self, path: &str) -> io::Result<u64> {
        let dir = self.dir(path).ok_or_else(|| io::Error::from_raw_os_error(libc::ENOENT))?;
        Ok(std::fs::metadata(dir)?.ino())
    }

    /// Opens the group; ENOENT if the path now leads to another one.
    pub fn open(&self, path: &str, inode: u64) -> io::Result<GroupDir> {
        let dir = self.dir(path).ok_or_else(|| io::Error::from_raw_os_error(libc::ENOENT))?;
        let file = File::options().read(true).custom_flags(libc::O_DIRECTORY | libc::O_CLOEXEC).open(dir)?;
        if file.metadata()?.ino() != inode {
            return Err(io::Error::from_raw_os_error(libc::ENOENT));
        }
        Ok(GroupDir { dir: file.into() })
    }

    /// Makes the group of that path, and the one above it, unless they are there; returns its inode.
    pub fn make(&self, path: &str) -> io::Result<u64> {
        let dir = self.dir(path).ok_or_else(|| io::Error::from_raw_os_error(libc::EINVAL))?;
        let above = dir.parent().ok_or_else(|| io::Error::from_raw_os_error(libc::EINVAL))?;
        let make = || make_unless_there(above).and_then(|()| make_unless_there(&dir));
        // The group above goes with the last one in it, which may be just now: once more.
        make().or_else(|_| make())?;
        self.inode(path)
    }

    /// Removes an empty group, and ours above it if it was the last one. One with another inode is not ours.
    ///
    /// A process on its way out keeps its group busy for a moment, hence the patience.
    pub fn remove(&self, path: &str, inode: u64) -> io::Result<()> {
        const PATIENCE: u32 = 20;
        let Some(dir) = self.dir(path) else { return Ok(()) };
        for attempt in 0..=PATIENCE {
            if inode != 0 && self.inode(path).is_ok_and(|now| now != inode) {
                return Ok(());
            }
            match std::fs::remove_dir(&dir) {
                Err(error) if error.raw_os_error() == Some(libc::EBUSY) && attempt < PATIENCE => {
                    std::thread::sleep(std::time::Duration::from_millis(5));
                }
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => break,
            }
        }
        self.remove_base();
        Ok(())
    }

    /// Makes our group in the root unless it is there.
    pub fn make_base(&self) -> io::Result<()> {
        make_unless_there(&self.mount.join(BASE_GROUP))
    }

    /// Removes our group in the root if it is empty and hands nothing down. It stays as long as one of both is not so.
    pub fn remove_base(&self) {
        let base = self.mount.join(BASE_GROUP);
        let handed = std::fs::read_to_string(base.join("cgroup.subtree_control"));
        if handed.is_ok_and(|handed| handed.trim().is_empty()) {
            // Fails while jobs have groups, which is as it should be.
            let _ = std::fs::remove_dir(base);
        }
    }

    /// Paths and inodes of the groups of jobs.
    pub fn own(&self) -> Vec<(String, u64)> {
        let scopes = self.below(&format!("/{BASE_SLICE}"));
        let bases =
            scopes.into_iter().filter(|scope| scope.strip_suffix(".scope").is_some()).chain([format!("/{BASE_GROUP}")]);
        let groups = bases.flat_map(|base| self.below(&base));
        groups.filter_map(|path| Some((path.clone(), self.inode(&path).ok()?))).collect()
    }

    /// Paths of the groups in a group.
    fn below(&self, path: &str) -> Vec<String> {
        let entries = self.dir(path).and_then(|dir| std::fs::read_dir(dir).ok());
        let groups = entries.into_iter().flatten().filter_map(Result::ok);
        let groups = groups.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        groups.filter_map(|entry| Some(format!("{path}/{}", entry.file_name().to_str()?))).collect()
    }
}

/// Whether the path is that of a group that we or systemd for us have made.
pub fn is_ours(path: &str) -> bool {
    let first = path.trim_start_matches('/').split('/').next();
    first == Some(BASE_GROUP) || first == Some(BASE_SLICE)
}

impl GroupDir {
    pub fn has(&self, file: &str) -> bool {
        self.file(file, OFlag::O_PATH).is_ok()
    }

    pub fn read(&self, file: &str) -> io::Result<String> {
        let mut text = String::new();
        self.file(file, OFlag::O_RDONLY)?.read_to_string(&mut text)?;
        Ok(text)
    }

    pub fn try_clone(&self) -> io::Result<Self> {
        Ok(Self { dir: self.dir.try_clone()? })
    }

    /// One write call, which the kernel takes as a whole or not at all.
    pub fn write(&self, file: &str, text: &str) -> io::Result<()> {
        self.file(file, OFlag::O_WRONLY)?.write_all(text.as_bytes())
    }

    /// Whether a controller is among those of `cgroup.controllers` or `cgroup.subtree_control`.
    pub fn lists(&self, file: &str, controller: Controller) -> io::Result<bool> {
        Ok(self.read(file)?.split_ascii_whitespace().any(|name| name == controller.name()))
    }

    /// Hands a controller down to the groups below, or takes it from them; writes only where that changes something.
    pub fn hand_down(&self, controller: Controller, hand: bool) -> io::Result<()> {
        const FILE: &str = "cgroup.subtree_control";
        if self.lists(FILE, controller)? == hand {
            return Ok(());
        }
        self.write(FILE, &format!("{}{}", if hand { '+' } else { '-' }, controller.name()))
    }

    /// Pids of the processes in the group itself, as this pid namespace numbers them.
    pub fn members(&self) -> io::Result<Vec<i32>> {
        let text = self.read("cgroup.procs")?;
        Ok(text.lines().filter_map(|line| line.trim().parse().ok()).filter(|&pid| pid > 0).collect())
    }

    fn file(&self, name: &str, mode: OFlag) -> io::Result<File> {
        Ok(openat(&self.dir, name, mode | OFlag::O_CLOEXEC, Mode::empty())?.into())
    }
}

/// A job's name as a file name: what could leave the directory, or mislead a reader, is written as `%XX`.
pub fn file_name(job: &str) -> String {
    let mut name = String::with_capacity(job.len());
    for (at, byte) in job.bytes().enumerate() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_') || (byte == b'.' && at > 0) {
            name.push(char::from(byte));
        } else {
            name.extend(['%', hex_digit(byte >> 4), hex_digit(byte & 15)]);
        }
    }
    name
}

fn make_unless_there(dir: &Path) -> io::Result<()> {
    match std::fs::create_dir(dir) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// Upper case; 0 to 15.
fn hex_digit(digit: u8) -> char {
    char::from_digit(digit.into(), 16).unwrap_or('_').to_ascii_uppercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_outside_of_our_namespace_has_no_place() {
        let tree = Tree::new(Path::new("/mnt"));
        assert_eq!(tree.dir("/../other"), None);
        assert_eq!(tree.dir("/a/b"), Some(PathBuf::from("/mnt/a/b")));
        assert_eq!(tree.dir("/"), Some(PathBuf::from("/mnt/")));
    }
}
