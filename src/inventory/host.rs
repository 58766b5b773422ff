//! The facts of this machine that the other rooms build on.

use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};

use super::capability::{self, Capability};
use crate::kernel::cgroup::{CgroupMode, Mounts};
use crate::kernel::{KernelError, Roots, clock, file, text};
use crate::sample::MemorySample;
use crate::units::Bytes;

/// No machine has more CPUs; a list that goes beyond is not believed.
const MOST_CPUS: u32 = 1 << 16;

/// Facts about the machine.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Inventory {
    pub hostname: Option<String>,
    /// Release, such as `6.1.0-56-amd64`.
    pub kernel: Option<String>,
    /// Name for people, such as `Debian GNU/Linux 12 (bookworm)`.
    pub distribution: Option<String>,
    /// `/proc/sys/kernel/random/boot_id`.
    pub boot_id: Option<String>,
    pub architecture: &'static str,
    pub cpu_model: Option<String>,
    /// Numbers of the CPUs that are online; empty if that cannot be read.
    pub cpus_online: Vec<u32>,
    #[serde(serialize_with = "as_number")]
    pub memory_total: Option<Bytes>,
    #[serde(serialize_with = "as_number")]
    pub swap_total: Option<Bytes>,
    pub cgroup_mode: CgroupMode,
    /// PID 1 is systemd, which then owns the cgroup tree.
    pub systemd: bool,
    pub capabilities: Vec<Capability>,
}

impl Inventory {
    /// Looks at the machine, and at what we may do there; changes nothing. A fact that cannot be read is absent.
    pub fn read(roots: &Roots) -> Self {
        let mounts = Mounts::read(roots);
        let memory = file::read(&roots.proc("meminfo"), MemorySample::parse).ok();
        let kernel = first_line(&roots.proc("sys/kernel/osrelease"));
        let systemd = first_line(&roots.proc("1/comm")).as_deref() == Some("systemd");
        Self {
            hostname: first_line(&roots.proc("sys/kernel/hostname")),
            distribution: distribution(roots),
            boot_id: clock::boot_id(roots).ok(),
            architecture: std::env::consts::ARCH,
            cpu_model: cpu_model(roots).ok().flatten(),
            cpus_online: cpus_online(roots).unwrap_or_default(),
            memory_total: memory.as_ref().and_then(|memory| memory.total),
            swap_total: memory.and_then(|memory| memory.swap_total),
            cgroup_mode: mounts.as_ref().map_or(CgroupMode::None, |mounts| mounts.mode),
            capabilities: capability::probe(roots, mounts, kernel.as_deref(), systemd),
            kernel,
            systemd,
        }
    }
}

fn first_line(path: &Path) -> Option<String> {
    let line = file::read(path, |bytes| Ok(text::lines(bytes).next().map(text::lossy)));
    line.ok().flatten().filter(|line| !line.is_empty())
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

/// On ARM the kernel does not tell the model of the CPU here.
fn cpu_model(roots: &Roots) -> Result<Option<String>, KernelError> {
    file::read(&roots.proc("cpuinfo"), |bytes| {
        let model = [&b"model name"[..], b"cpu model", b"cpu"].iter().find_map(|key| text::value_of(bytes, key));
        Ok(model.filter(|model| !model.is_empty()).map(text::lossy))
    })
}

fn cpus_online(roots: &Roots) -> Result<Vec<u32>, KernelError> {
    file::read(&roots.sys("devices/system/cpu/online"), |bytes| {
        parse_cpu_list(bytes.trim_ascii()).ok_or_else(|| format!("`{}` is not a list of CPUs", text::lossy(bytes)))
    })
}

/// `0-3,8`, as in `Documentation/admin-guide/cputopology.rst`.
fn parse_cpu_list(list: &[u8]) -> Option<Vec<u32>> {
    let number = |bytes| text::decimal(bytes).and_then(|cpu| u32::try_from(cpu).ok()).filter(|cpu| *cpu < MOST_CPUS);
    let mut cpus = Vec::new();
    for range in list.split(|byte| *byte == b',') {
        let (first, rest) = range.split_at(range.iter().position(|byte| *byte == b'-').unwrap_or(range.len()));
        let first = number(first)?;
        let end = if rest.is_empty() { first } else { number(&rest[1..]).filter(|end| *end >= first)? };
        cpus.extend(first..=end);
    }
    Some(cpus)
}

#[allow(clippy::ref_option, reason = "serde hands fields over by reference")]
fn as_number<S: Serializer>(bytes: &Option<Bytes>, serializer: S) -> Result<S::Ok, S::Error> {
    bytes.map(|bytes| bytes.0).serialize(serializer)
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
            .file("proc/1/root/etc/os-release", "ID=debian\nPRETTY_NAME=\"Debian 12\"\n")
            .file("proc/cpuinfo", "processor\t: 0\nmodel name\t: AMD EPYC\n")
            .file("proc/meminfo", "MemTotal: 4 kB\nSwapTotal: 0 kB\n")
            .file("sys/devices/system/cpu/online", "0-2,5\n");
        let inventory = Inventory::read(&fixture.roots);
        assert_eq!(inventory.hostname.as_deref(), Some("farm"));
        assert_eq!((inventory.kernel.as_deref(), inventory.systemd), (Some("6.1.0"), true));
        assert_eq!(inventory.distribution.as_deref(), Some("Debian 12"));
        assert_eq!(inventory.cpu_model.as_deref(), Some("AMD EPYC"));
        assert_eq!(inventory.cpus_online, [0, 1, 2, 5]);
        assert_eq!((inventory.memory_total, inventory.swap_total), (Some(Bytes(4096)), Some(Bytes(0))));
    }

    #[test]
    fn of_a_machine_without_files_nothing_is_made_up() {
        let inventory = Inventory::read(&Fixture::new().roots);
        let facts =
            [&inventory.hostname, &inventory.kernel, &inventory.distribution, &inventory.boot_id, &inventory.cpu_model];
        assert!(facts.iter().all(|fact| fact.is_none()), "{inventory:?}");
        assert_eq!((inventory.memory_total, inventory.cgroup_mode, inventory.systemd), (None, CgroupMode::None, false));
    }

    #[test]
    fn a_list_of_cpus_is_believed_if_it_can_be_true() {
        assert_eq!(parse_cpu_list(b"0"), Some(vec![0]));
        for bad in [&b""[..], b"0-", b"-1", b"0,,1", b"3-1", b"0-4294967295", b"\xff"] {
            assert_eq!(parse_cpu_list(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn this_machine_is_found_and_can_be_written_down() {
        let inventory = Inventory::read(&Roots::standard());
        assert_eq!(inventory.cpus_online.len(), num_cpus());
        assert!(inventory.hostname.is_some() && inventory.boot_id.is_some() && inventory.kernel.is_some());
        let json = serde_json::to_value(&inventory).unwrap();
        assert_eq!(json["memory_total"].as_u64(), inventory.memory_total.map(|bytes| bytes.0));
        assert!(json["capabilities"].as_array().unwrap().len() >= 9);
    }

    fn num_cpus() -> usize {
        nix::unistd::sysconf(nix::unistd::SysconfVar::_NPROCESSORS_ONLN).unwrap().unwrap().try_into().unwrap()
    }
}
