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

/// Name of our group below the root of the mount.
pub const BASE_GROUP: &str = "plotwarden";

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

    /// Where the group of a job belongs.
    pub fn path_of(job: &str) -> String {
        format!("/{BASE_GROUP}/{}", file_name(job))
    }

    /// Makes the group of that path, and ours above it, unless they are there; returns its inode.
    pub fn make(&self, path: &str) -> io::Result<u64> {
        let dir = self.dir(path).ok_or_else(|| io::Error::from_raw_os_error(libc::EINVAL))?;
        let make = || make_unless_there(&self.mount.join(BASE_GROUP)).and_then(|()| make_unless_there(&dir));
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
        // Fails while other jobs have groups, which is as it should be.
        let _ = std::fs::remove_dir(self.mount.join(BASE_GROUP));
        Ok(())
    }

    /// Paths and inodes of the groups below ours.
    pub fn own(&self) -> Vec<(String, u64)> {
        let Ok(entries) = std::fs::read_dir(self.mount.join(BASE_GROUP)) else { return Vec::new() };
        entries
            .filter_map(Result::ok)
            .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
            .filter_map(|entry| {
                let path = format!("/{BASE_GROUP}/{}", entry.file_name().to_str()?);
                let inode = self.inode(&path).ok()?;
                Some((path, inode))
            })
            .collect()
    }
}

impl GroupDir {
    pub fn read(&self, file: &str) -> io::Result<String> {
        let mut text = String::new();
        self.file(file, OFlag::O_RDONLY)?.read_to_string(&mut text)?;
        Ok(text)
    }

    pub fn write(&self, file: &str, text: &str) -> io::Result<()> {
        self.file(file, OFlag::O_WRONLY)?.write_all(text.as_bytes())
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
    fn a_hostile_job_name_stays_below_our_group() {
        assert_eq!(Tree::path_of("madmax-12-345"), "/plotwarden/madmax-12-345");
        assert_eq!(Tree::path_of("../../etc"), "/plotwarden/%2E.%2F..%2Fetc");
        assert_eq!(Tree::path_of(".."), "/plotwarden/%2E.");
    }

    #[test]
    fn a_group_outside_of_our_namespace_has_no_place() {
        let tree = Tree::new(Path::new("/mnt"));
        assert_eq!(tree.dir("/../other"), None);
        assert_eq!(tree.dir("/a/b"), Some(PathBuf::from("/mnt/a/b")));
        assert_eq!(tree.dir("/"), Some(PathBuf::from("/mnt/")));
    }
}
