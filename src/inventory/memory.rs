//! The memory.

use serde::Serialize;

use super::Survey;
use crate::kernel::{Roots, file};
use crate::sample::MemorySample;
use crate::units::Bytes;

/// Facts about the memory.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Memory {
    #[serde(rename = "total_bytes")]
    pub total: Option<Bytes>,
    #[serde(rename = "swap_total_bytes")]
    pub swap_total: Option<Bytes>,
}

impl Memory {
    pub(super) fn read(roots: &Roots, survey: &mut Survey) -> Self {
        let memory = survey.fact(file::read(&roots.proc("meminfo"), MemorySample::parse));
        Self {
            total: survey.known(memory.as_ref().and_then(|memory| memory.total)),
            swap_total: survey.known(memory.as_ref().and_then(|memory| memory.swap_total)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::fixture::Fixture;

    #[test]
    fn facts_come_from_their_files() {
        let fixture = Fixture::new();
        fixture.file("proc/meminfo", "MemTotal: 4 kB\nSwapTotal: 0 kB\n");
        let memory = Memory::read(&fixture.roots, &mut Survey::default());
        assert_eq!((memory.total, memory.swap_total), (Some(Bytes(4096)), Some(Bytes(0))));
    }
}
