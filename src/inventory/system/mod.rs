//! The operating system and what it runs on: names, kernel, distribution, machine, virtualisation, and who owns the cgroup
//! tree.

mod container;
mod control_groups;
mod kernel_options;
mod machine;
mod virtualisation;

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Serialize, Serializer};

use super::Survey;
use crate::kernel::cgroup::{CgroupMode, Mounts};
use crate::kernel::{KernelError, Roots, attribute, clock, file, pressure, text};

pub use machine::Machine;

/// Facts about the operating system and the machine below it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct System {
    pub hostname: Option<String>,
    /// Release, such as `6.1.0-56-amd64`.
    pub kernel: Option<String>,
    /// Name for people, such as `Debian GNU/Linux 12 (bookworm)`.
    pub distribution: Option<String>,
    /// `/proc/sys/kernel/random/boot_id`.
    pub boot_id: Option<String>,
    #[serde(serialize_with = "as_rfc3339")]
    pub booted_at: Option<SystemTime>,
    pub architecture: &'static str,
    /// As systemd-detect-virt(1) names it; `none` on bare metal.
    pub virtualisation: Option<&'static str>,
    /// As systemd-detect-virt(1) names it, or `kubernetes`; `none` outside of any.
    pub container: Option<&'static str>,
    pub cgroup_mode: CgroupMode,
    /// Of either version.
    pub cgroup_controllers: Option<Vec<String>>,
    /// Whether pressure stall information is `measured`, `disabled`, `absent` or `unreadable`.
    pub pressure: &'static str,
    /// PID 1 is systemd, which then owns the cgroup tree.
    pub systemd: bool,
    /// Of the kernel's command line, what changes what can be measured and controlled.
    pub kernel_options: Option<Vec<String>>,
    pub machine: Machine,
}

impl System {
    pub(super) fn read(roots: &Roots, mounts: Option<&Mounts>, survey: &mut Survey) -> Self {
        let first_process = survey.fact(attribute::text(&roots.proc("1/comm")));
        let distribution = distribution(roots);
        let machine = Machine::read(roots, survey);
        Self {
            hostname: survey.fact(attribute::text(&roots.proc("sys/kernel/hostname"))),
            kernel: survey.fact(attribute::text(&roots.proc("sys/kernel/osrelease"))),
            distribution: survey.known(distribution),
            boot_id: survey.fact(clock::boot_id(roots)),
            booted_at: survey.fact(booted_at(roots)),
            architecture: std::env::consts::ARCH,
            virtualisation: survey.known(virtualisation::detect(roots, &machine)),
            container: survey.known(container::detect(roots)),
            cgroup_mode: survey.known(mounts.map(|mounts| mounts.mode)).unwrap_or(CgroupMode::None),
            cgroup_controllers: control_groups::controllers(roots, mounts, survey),
            pressure: pressure::probe(roots).name(),
            systemd: first_process.as_deref() == Some("systemd"),
            kernel_options: survey.fact(kernel_options::read(roots)),
            machine,
        }
    }
}

/// `btime` of `/proc/stat`, in whole seconds since 1970.
fn booted_at(roots: &Roots) -> Result<SystemTime, KernelError> {
    file::read(&roots.proc("stat"), |bytes| {
        let seconds = text::lines(bytes).find_map(|line| text::decimal(line.strip_prefix(b"btime ")?));
        let booted = seconds.and_then(|seconds| UNIX_EPOCH.checked_add(Duration::from_secs(seconds)));
        booted.ok_or_else(|| "no line `btime`".to_owned())
    })
}

#[allow(clippy::ref_option, reason = "the form in which serde calls it")]
fn as_rfc3339<S: Serializer>(at: &Option<SystemTime>, serializer: S) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => serializer.collect_str(&humantime::format_rfc3339_seconds(*at)),
        None => serializer.serialize_none(),
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
mod tests;
