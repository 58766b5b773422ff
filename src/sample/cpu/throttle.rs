//! How often heat has slowed cores and packages down, on Intel's processors; counters since boot.
//!
//! Source: `Documentation/ABI/testing/sysfs-devices-system-cpu`, `thermal_throttle`.

use std::collections::BTreeSet;

use crate::kernel::file::KeptFile;
use crate::kernel::{Roots, attribute, text};

/// How often cores and packages were slowed down; what is not told is not there.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Throttles {
    /// By the first CPU of each core.
    pub cores: Vec<(u32, u64)>,
    /// By package.
    pub packages: Vec<(u32, u64)>,
}

/// The open files of all counters: one for each core and one for each package, though each of its CPUs would tell.
#[derive(Debug, Default)]
pub(super) struct ThrottleCounters {
    cores: Vec<(u32, KeptFile)>,
    packages: Vec<(u32, KeptFile)>,
}

impl ThrottleCounters {
    pub(super) fn find(roots: &Roots, cpus: &[u32]) -> Self {
        let mut found = Self::default();
        let mut seen = BTreeSet::new();
        for cpu in cpus {
            let directory = roots.sys(format!("devices/system/cpu/cpu{cpu}"));
            let counters = directory.join("thermal_throttle");
            let siblings = attribute::cpu_list(&directory.join("topology/thread_siblings_list")).unwrap_or_default();
            let is_first = siblings.first().is_none_or(|first| first == cpu);
            if !is_first || !counters.is_dir() {
                continue;
            }
            found.cores.push((*cpu, KeptFile::new(counters.join("core_throttle_count"))));
            let package = attribute::decimal(&directory.join("topology/physical_package_id"));
            if let Ok(package) = package.map(|package| u32::try_from(package).unwrap_or(u32::MAX))
                && seen.insert(package)
            {
                found.packages.push((package, KeptFile::new(counters.join("package_throttle_count"))));
            }
        }
        found
    }

    pub(super) fn read(&mut self) -> Throttles {
        Throttles { cores: read_all(&mut self.cores), packages: read_all(&mut self.packages) }
    }
}

fn read_all(files: &mut [(u32, KeptFile)]) -> Vec<(u32, u64)> {
    let read = |(number, file): &mut (u32, KeptFile)| {
        let count = file.read(|bytes| text::decimal(bytes.trim_ascii()).ok_or_else(|| "no number".to_owned()));
        Some((*number, count.ok()?))
    };
    files.iter_mut().filter_map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::fixture::Fixture;

    #[test]
    fn packages_and_cores_are_told_once_each() {
        let fixture = Fixture::new();
        for (cpu, package, siblings) in [(0, 0, "0,3"), (1, 1, "1"), (2, 0, "2"), (3, 0, "0,3")] {
            let directory = format!("sys/devices/system/cpu/cpu{cpu}");
            fixture
                .file(&format!("{directory}/topology/physical_package_id"), format!("{package}\n"))
                .file(&format!("{directory}/topology/thread_siblings_list"), format!("{siblings}\n"))
                .file(&format!("{directory}/thermal_throttle/core_throttle_count"), format!("{}\n", cpu + 10))
                .file(&format!("{directory}/thermal_throttle/package_throttle_count"), format!("{}\n", package + 5));
        }
        let throttles = ThrottleCounters::find(&fixture.roots, &[0, 1, 2, 3, 4]).read();
        assert_eq!(throttles.cores, [(0, 10), (1, 11), (2, 12)]);
        assert_eq!(throttles.packages, [(0, 5), (1, 6)]);
    }

    #[test]
    fn a_counter_that_is_no_number_is_not_there() {
        let fixture = Fixture::new();
        fixture.file("sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count", "-1\n");
        assert_eq!(ThrottleCounters::find(&fixture.roots, &[0]).read(), Throttles::default());
    }
}
