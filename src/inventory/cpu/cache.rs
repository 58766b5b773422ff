//! The caches, and which CPUs share each: threads of one plot are best kept under one last-level cache.
//!
//! Source: `Documentation/ABI/testing/sysfs-devices-system-cpu`, `cpuN/cache`.

use std::path::Path;

use serde::Serialize;

use crate::inventory::Survey;
use crate::kernel::{KernelError, Roots, attribute};
use crate::units::Bytes;

/// One cache.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cache {
    pub level: u32,
    pub kind: CacheKind,
    #[serde(rename = "size_bytes")]
    pub size: Option<Bytes>,
    #[serde(rename = "line_bytes")]
    pub line: Option<Bytes>,
    /// The CPUs that share it.
    pub cpus: Vec<u32>,
}

/// What a cache holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CacheKind {
    Data,
    Instruction,
    Unified,
}

impl CacheKind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Data => "data",
            Self::Instruction => "instruction",
            Self::Unified => "unified",
        }
    }
}

/// The caches of the CPUs that are online, the small ones first; each one once, whoever shares it.
pub(super) fn read(roots: &Roots, online: &[u32], survey: &mut Survey) -> Vec<Cache> {
    let mut caches: Vec<Cache> = Vec::new();
    for cpu in online {
        let directory = roots.sys(format!("devices/system/cpu/cpu{cpu}/cache"));
        let names = attribute::entries(&directory).unwrap_or_default();
        for name in names.iter().filter(|name| name.starts_with("index")) {
            read_one(&directory.join(name), &mut caches, survey);
        }
    }
    survey.known((!caches.is_empty()).then_some(()));
    caches.sort_by(|one, other| (one.level, one.kind, &one.cpus).cmp(&(other.level, other.kind, &other.cpus)));
    caches
}

fn read_one(directory: &Path, caches: &mut Vec<Cache>, survey: &mut Survey) {
    // Machines that do not tell who shares their caches cannot have them counted.
    let cpus = survey.fact_if_there(attribute::cpu_list(&directory.join("shared_cpu_list")));
    let level = attribute::decimal(&directory.join("level")).map(|level| u32::try_from(level).unwrap_or(u32::MAX));
    let level = survey.fact_if_there(level);
    let kind = survey.fact_if_there(kind(&directory.join("type")));
    let (Some(cpus), Some(level), Some(kind)) = (cpus, level, kind) else { return };
    if caches.iter().any(|known| known.level == level && known.kind == kind && known.cpus == cpus) {
        return;
    }
    let size = survey.fact_if_there(size(&directory.join("size")));
    let line = survey.fact_if_there(attribute::decimal(&directory.join("coherency_line_size")));
    caches.push(Cache { level, kind, size, line: line.filter(|line| *line > 0).map(Bytes), cpus });
}

fn kind(path: &Path) -> Result<CacheKind, KernelError> {
    match attribute::text(path)?.as_str() {
        "Data" => Ok(CacheKind::Data),
        "Instruction" => Ok(CacheKind::Instruction),
        "Unified" => Ok(CacheKind::Unified),
        other => Err(KernelError::malformed(path, format!("`{other}` is no kind of cache"))),
    }
}

/// `32K`; the kernel writes no other unit.
fn size(path: &Path) -> Result<Bytes, KernelError> {
    let text = attribute::text(path)?;
    let kibibytes = text.strip_suffix('K').and_then(|digits| digits.parse::<u64>().ok()).filter(|size| *size > 0);
    let bytes = kibibytes.and_then(|size| size.checked_mul(1024));
    bytes.map(Bytes).ok_or_else(|| KernelError::malformed(path, format!("`{text}` is no size such as `32K`")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::fixture::Fixture;

    fn index(fixture: &Fixture, cpu: u32, index: u32, [level, kind, size, cpus]: [&str; 4]) {
        let directory = format!("sys/devices/system/cpu/cpu{cpu}/cache/index{index}");
        for (name, value) in [("level", level), ("type", kind), ("size", size), ("shared_cpu_list", cpus)] {
            fixture.file(&format!("{directory}/{name}"), format!("{value}\n"));
        }
    }

    #[test]
    fn a_cache_that_is_shared_is_one_cache() {
        let fixture = Fixture::new();
        for cpu in [0, 1] {
            index(&fixture, cpu, 0, ["1", "Data", "32K", &cpu.to_string()]);
            index(&fixture, cpu, 3, ["3", "Unified", "32768K", "0-1"]);
        }
        let caches = read(&fixture.roots, &[0, 1], &mut Survey::default());
        let told: Vec<_> = caches.iter().map(|cache| (cache.level, cache.size, cache.cpus.clone())).collect();
        let bytes = |kibibytes: u64| Some(Bytes(kibibytes * 1024));
        assert_eq!(told, [(1, bytes(32), vec![0]), (1, bytes(32), vec![1]), (3, bytes(32768), vec![0, 1])]);
    }

    #[test]
    fn a_size_that_cannot_be_is_not_known_and_said() {
        for bad in ["0K", "-1K", "32", "18446744073709551615K", "K", "\u{fffd}"] {
            let fixture = Fixture::new();
            index(&fixture, 0, 0, ["1", "Data", bad, "0"]);
            let mut survey = Survey::default();
            let caches = read(&fixture.roots, &[0], &mut survey);
            assert_eq!(caches[0].size, None, "{bad}");
            let part = survey.close(std::time::UNIX_EPOCH, ());
            assert!(part.problems[0].contains("size"), "{bad}: {:?}", part.problems);
        }
    }

    #[test]
    fn a_cache_of_no_known_kind_is_left_out() {
        let fixture = Fixture::new();
        index(&fixture, 0, 0, ["1", "Magic", "32K", "0"]);
        assert_eq!(read(&fixture.roots, &[0], &mut Survey::default()), []);
    }
}
