//! The CPUs.

use serde::Serialize;

use super::Survey;
use crate::kernel::{KernelError, Roots, attribute, file, text};

/// Facts about the CPUs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Cpu {
    pub model: Option<String>,
    /// Numbers of the CPUs that are online; empty if that cannot be read.
    pub online: Vec<u32>,
}

impl Cpu {
    pub(super) fn read(roots: &Roots, survey: &mut Survey) -> Self {
        Self { model: survey.fact(model(roots)).flatten(), online: survey.fact(online(roots)).unwrap_or_default() }
    }
}

/// On ARM the kernel does not tell the model of the CPU here.
fn model(roots: &Roots) -> Result<Option<String>, KernelError> {
    file::read(&roots.proc("cpuinfo"), |bytes| {
        let model = [&b"model name"[..], b"cpu model", b"cpu"].iter().find_map(|key| text::value_of(bytes, key));
        Ok(model.filter(|model| !model.is_empty()).map(text::lossy))
    })
}

/// How many CPUs are online, for who needs nothing else of the inventory; `None` if that cannot be read.
pub fn cpus_online(roots: &Roots) -> Option<u32> {
    online(roots).ok().and_then(|cpus| u32::try_from(cpus.len()).ok()).filter(|count| *count > 0)
}

fn online(roots: &Roots) -> Result<Vec<u32>, KernelError> {
    attribute::cpu_list(&roots.sys("devices/system/cpu/online"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::fixture::Fixture;

    #[test]
    fn facts_come_from_their_files() {
        let fixture = Fixture::new();
        fixture
            .file("proc/cpuinfo", "processor\t: 0\nmodel name\t: AMD EPYC\n")
            .file("sys/devices/system/cpu/online", "0-2,5\n");
        let cpu = Cpu::read(&fixture.roots, &mut Survey::default());
        assert_eq!(cpu.model.as_deref(), Some("AMD EPYC"));
        assert_eq!(cpu.online, [0, 1, 2, 5]);
    }

    #[test]
    fn this_machine_has_as_many_cpus_as_the_c_library_says() {
        let cpu = Cpu::read(&Roots::standard(), &mut Survey::default());
        let count = nix::unistd::sysconf(nix::unistd::SysconfVar::_NPROCESSORS_ONLN).unwrap().unwrap();
        assert_eq!(cpu.online.len(), usize::try_from(count).unwrap());
    }
}
