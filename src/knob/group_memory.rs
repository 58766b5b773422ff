//! How much memory a group holds, and how much of it the kernel could take back without swap.

use std::io;

use super::cgroup::GroupDir;

/// Bytes charged to a group. What a process had before it was moved in stays charged to the group that it left.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct GroupMemory {
    pub current: u64,
    /// Page cache, which does not include tmpfs, and kernel objects that can be dropped.
    pub reclaimable: u64,
    pub anonymous: u64,
}

impl GroupMemory {
    /// Reads `memory.current` and `memory.stat`.
    ///
    /// # Errors
    /// If the group is not there, has no memory controller, or says something that is not in the documented format.
    pub fn read(group: &GroupDir) -> io::Result<Self> {
        let malformed = |file: &str| io::Error::new(io::ErrorKind::InvalidData, format!("{file} is malformed"));
        let current = group.read("memory.current")?.trim().parse().map_err(|_| malformed("memory.current"))?;
        let stat = group.read("memory.stat")?;
        let field = |name: &str| {
            let of_line = |line: &str| line.strip_prefix(name)?.strip_prefix(' ')?.trim().parse::<u64>().ok();
            stat.lines().find_map(of_line).ok_or_else(|| malformed("memory.stat"))
        };
        // Shared memory counts as file, but lies among the anonymous pages.
        let reclaimable = field("inactive_file")? + field("active_file")? + field("slab_reclaimable")?;
        Ok(Self { current, reclaimable, anonymous: field("anon")? })
    }

    /// What stays even if all that can be taken back is.
    pub fn held(self) -> u64 {
        self.current.saturating_sub(self.reclaimable)
    }
}
