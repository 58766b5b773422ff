//! Where the kernel's file systems are mounted, so that tests, containers and foreign machines can be read through other roots.

use std::path::{Path, PathBuf};

use super::nvml;

/// The roots of the kernel's file systems, and our run directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roots {
    /// procfs, `/proc` on most machines.
    pub procfs: PathBuf,
    /// sysfs, `/sys` on most machines.
    pub sysfs: PathBuf,
    /// A cgroup2 mount, if there is one: `/sys/fs/cgroup`, or `/sys/fs/cgroup/unified` on a hybrid machine.
    pub cgroupfs: Option<PathBuf>,
    /// Lock, journal, heartbeat and audit file; on a tmpfs, so that it dies with the boot as the knobs do.
    pub run: PathBuf,
    /// NVIDIA's management library; a name without a slash is looked for where the dynamic loader looks.
    pub nvml: PathBuf,
}

impl Roots {
    /// Where nearly every machine has them; the cgroup2 mount is to be found by [`super::cgroup::Mounts::read`].
    pub fn standard() -> Self {
        Self {
            procfs: "/proc".into(),
            sysfs: "/sys".into(),
            cgroupfs: None,
            run: "/run/plotwarden".into(),
            nvml: nvml::LIBRARY.into(),
        }
    }

    pub fn proc(&self, below: impl AsRef<Path>) -> PathBuf {
        self.procfs.join(below)
    }

    pub fn sys(&self, below: impl AsRef<Path>) -> PathBuf {
        self.sysfs.join(below)
    }

    /// The directory of a process in procfs.
    pub fn pid(&self, pid: i32) -> PathBuf {
        self.procfs.join(pid.to_string())
    }
}
