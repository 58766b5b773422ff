//! Reads control groups: where they are mounted, in which one a process is, and how a group fares. Writes nothing.
//!
//! Source: `Documentation/admin-guide/cgroup-v2.rst`.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::{KernelError, Roots, file, mounts, text};

/// How control groups are mounted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CgroupMode {
    /// One cgroup2 tree.
    Unified,
    /// Version 1 controllers, with a cgroup2 mount beside them.
    Hybrid,
    /// Version 1 only.
    Legacy,
    None,
}

/// The mounts of control groups, as we see them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mounts {
    pub mode: CgroupMode,
    /// Where the cgroup2 tree is mounted.
    pub unified: Option<PathBuf>,
    /// The group that lies at the mount: `/`, or the group of a container.
    root: PathBuf,
}

/// `cgroup.events` of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Events {
    /// A process lives in the group or below it.
    pub populated: bool,
    /// All processes are frozen; `None` before Linux 5.2.
    pub frozen: Option<bool>,
}

impl Mounts {
    /// Finds the mounts in `/proc/self/mountinfo`; a cgroup2 tree given by the roots is taken as it is.
    pub fn read(roots: &Roots) -> Result<Self, KernelError> {
        let found = file::read(&mounts::table(roots), |bytes| Ok(Self::parse(bytes, &roots.sys("fs/cgroup"))));
        let Some(given) = &roots.cgroupfs else { return found };
        let mode = found.map_or(CgroupMode::None, |mounts| mounts.mode);
        let mode = match mode {
            CgroupMode::None => CgroupMode::Unified,
            CgroupMode::Legacy => CgroupMode::Hybrid,
            known => known,
        };
        Ok(Self { mode, unified: Some(given.clone()), root: PathBuf::from("/") })
    }

    fn parse(bytes: &[u8], usual: &Path) -> Self {
        let (mut version_1, mut trees) = (false, Vec::new());
        for line in mounts::lines(bytes) {
            match line.kind {
                b"cgroup" => version_1 = true,
                b"cgroup2" => trees.push((mounts::unescape(line.root), mounts::unescape(line.point))),
                _ => {}
            }
        }
        // A container may show a part of the tree beside the tree.
        let whole = trees.iter().position(|(root, _)| root == Path::new("/")).unwrap_or(0);
        let tree = (whole < trees.len()).then(|| trees.swap_remove(whole));
        let mode = match (&tree, version_1) {
            (Some((_, point)), _) if point == usual => CgroupMode::Unified,
            (Some(_), false) => CgroupMode::Unified,
            (Some(_), true) => CgroupMode::Hybrid,
            (None, true) => CgroupMode::Legacy,
            (None, false) => CgroupMode::None,
        };
        let (root, unified) = tree.map_or((PathBuf::from("/"), None), |(root, point)| (root, Some(point)));
        Self { mode, unified, root }
    }

    /// The directory of a group; `None` without a cgroup2 mount, or if the mount does not reach the group.
    pub fn directory(&self, group: &Path) -> Option<PathBuf> {
        Some(self.unified.as_ref()?.join(group.strip_prefix(&self.root).ok()?))
    }
}

/// The cgroup2 group of a process, such as `/plotwarden/job-1`; `None` if it is in none that still exists.
///
/// # Errors
/// [`KernelError::is_gone`] if there is no such process.
pub fn group_of(roots: &Roots, pid: i32) -> Result<Option<PathBuf>, KernelError> {
    file::read(&roots.pid(pid).join("cgroup"), |bytes| {
        let group = text::lines(bytes).find_map(|line| line.strip_prefix(b"0::"));
        Ok(group.filter(|group| !group.ends_with(b" (deleted)")).map(|group| OsString::from_vec(group.to_vec()).into()))
    })
}

/// Reads `cgroup.events` of the group in `directory`.
///
/// # Errors
/// [`KernelError::is_gone`] if there is no such group.
pub fn events(directory: &Path) -> Result<Events, KernelError> {
    file::read(&directory.join("cgroup.events"), |bytes| {
        let flag = |key: &[u8]| {
            let value = text::lines(bytes).find_map(|line| line.strip_prefix(key)?.strip_prefix(b" "));
            value.map(|value| match value {
                b"0" => Ok(false),
                b"1" => Ok(true),
                _ => Err(format!("`{}` is neither 0 nor 1", text::lossy(key))),
            })
        };
        Ok(Events {
            populated: flag(b"populated").ok_or("no line `populated`")??,
            frozen: flag(b"frozen").transpose()?,
        })
    })
}

/// The processes in the group itself; those of other pid namespaces, which have no number for us, are left out.
///
/// # Errors
/// [`KernelError::is_gone`] if there is no such group.
pub fn members(directory: &Path) -> Result<Vec<i32>, KernelError> {
    file::read(&directory.join("cgroup.procs"), |bytes| {
        let pid = |line| text::small_decimal(line).ok_or_else(|| format!("`{}` is not a pid", text::lossy(line)));
        let pids: Result<Vec<i32>, String> = text::lines(bytes).map(pid).collect();
        Ok(pids?.into_iter().filter(|pid| *pid != 0).collect())
    })
}

/// The inode number of a group: a group that was removed and made again has another one.
///
/// # Errors
/// [`KernelError::is_gone`] if there is no such group.
pub fn inode(directory: &Path) -> Result<u64, KernelError> {
    let metadata = std::fs::metadata(directory).map_err(|source| KernelError::io("look at", directory, source))?;
    Ok(metadata.ino())
}

impl CgroupMode {
    pub fn name(self) -> &'static str {
        match self {
            Self::Unified => "unified",
            Self::Hybrid => "hybrid",
            Self::Legacy => "legacy",
            Self::None => "none",
        }
    }
}

#[cfg(test)]
mod tests;
