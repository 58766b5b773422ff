//! All processes at once.

use std::collections::BTreeMap;

use nix::dir::Dir;
use nix::fcntl::OFlag;
use nix::sys::stat::Mode;

use super::super::{KernelError, Roots, text};
use super::ProcessDir;

/// The numbers of all processes that we can see.
pub fn pids(roots: &Roots) -> Result<Vec<i32>, KernelError> {
    let mut pids = Vec::new();
    for_each(roots, |pid, _| pids.push(pid))?;
    Ok(pids)
}

/// The parent of each process; processes that end meanwhile are left out. Reads one file per process of the machine.
pub fn parents(roots: &Roots) -> Result<BTreeMap<i32, i32>, KernelError> {
    let parent = |pid| Some((pid, ProcessDir::open(roots, pid).and_then(|process| process.stat()).ok()?.parent));
    Ok(pids(roots)?.into_iter().filter_map(parent).collect())
}

/// Calls `take` with the pid of each process and the inode number of its directory, without opening it.
///
/// The kernel gives the directory of each process an inode number of its own: a number that has changed means that the
/// pid was used again, or merely that the kernel had forgotten the directory entry.
pub(in crate::kernel) fn for_each(roots: &Roots, mut take: impl FnMut(i32, u64)) -> Result<(), KernelError> {
    let failed = |errno: nix::Error| KernelError::io("list", &roots.procfs, errno.into());
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let mut directory = Dir::open(&roots.procfs, flags, Mode::empty()).map_err(failed)?;
    for entry in directory.iter() {
        let entry = entry.map_err(failed)?;
        if let Some(pid) = text::small_decimal(entry.file_name().to_bytes()) {
            take(pid, entry.ino());
        }
    }
    Ok(())
}
