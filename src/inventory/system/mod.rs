//! The operating system: names, kernel, distribution, and who owns the cgroup tree.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::Survey;
use crate::kernel::cgroup::{CgroupMode, Mounts};
use crate::kernel::{Roots, attribute, clock, file, text};

/// Facts about the operating system.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct System {
    pub hostname: Option<String>,
    /// Release, such as `6.1.0-56-amd64`.
    pub kernel: Option<String>,
    /// Name for people, such as `Debian GNU/Linux 12 (bookworm)`.
    pub distribution: Option<String>,
    /// `/proc/sys/kernel/random/boot_id`.
    pub boot_id: Option<String>,
    pub architecture: &'static str,
    pub cgroup_mode: CgroupMode,
    /// PID 1 is systemd, which then owns the cgroup tree.
    pub systemd: bool,
}

impl System {
    pub(super) fn read(roots: &Roots, mounts: Option<&Mounts>, survey: &mut Survey) -> Self {
        let first_process = survey.fact(attribute::text(&roots.proc("1/comm")));
        let distribution = distribution(roots);
        Self {
            hostname: survey.fact(attribute::text(&roots.proc("sys/kernel/hostname"))),
            kernel: survey.fact(attribute::text(&roots.proc("sys/kernel/osrelease"))),
            distribution: survey.known(distribution),
            boot_id: survey.fact(clock::boot_id(roots)),
            architecture: std::env::consts::ARCH,
            cgroup_mode: survey.known(mounts.map(|mounts| mounts.mode)).unwrap_or(CgroupMode::None),
            systemd: first_process.as_deref() == Some("systemd"),
        }
    }
}

/// Of the first process, which is the machine's own where we are in a container that shows the machine's procfs.
fn distribution(roots: &Roots) -> Option<String> {
    let of_machine = roots.proc("1/root/etc/os-release");
    let ours = (roots.procfs == Path::new("/proc")).then(|| PathBuf::from("/etc/os-release"));
    std::iter::once(of_machine).chain(ours).find_map(|path| file::read(&path, |bytes| Ok(pretty_name(bytes))).ok()?)
}

/// `PRETTY_NAME="..."` of os-release(5).
fn pretty_name(bytes: &[u8]) -> Option<String> {
    let value = text::lines(bytes).find_map(|line| line.strip_prefix(b"PRETTY_NAME="))?;
    let name = text::lossy(value).trim_matches(['"', '\'']).to_owned();
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::fixture::Fixture;

    #[test]
    fn facts_come_from_their_files() {
        let fixture = Fixture::new();
        fixture
            .file("proc/sys/kernel/hostname", "farm\n")
            .file("proc/sys/kernel/osrelease", "6.1.0\n")
            .file("proc/1/comm", "systemd\n")
            .file("proc/1/root/etc/os-release", "ID=debian\nPRETTY_NAME=\"Debian 12\"\n");
        let system = System::read(&fixture.roots, None, &mut Survey::default());
        assert_eq!(system.hostname.as_deref(), Some("farm"));
        assert_eq!((system.kernel.as_deref(), system.systemd), (Some("6.1.0"), true));
        assert_eq!(system.distribution.as_deref(), Some("Debian 12"));
    }
}
