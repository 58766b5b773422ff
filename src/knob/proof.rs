//! Where each knob has been proven. The table is data, and each of its lines is held by the tests that it speaks of: they tell which
//! knobs went through them, and that has to be what stands here.

use serde::Serialize;

use crate::claim::KnobKind;

/// Lines of a place and the names of knobs.
const TABLE: &str = include_str!("proven.txt");

/// A place where a knob was applied, read back and put back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Proof {
    /// Its dealings with the actuator, on a machine in memory that dies, refuses, rounds and is tampered with.
    Memory,
    /// Its own code, over files, a disk or a library that are played.
    Played,
    /// A real kernel, that of the machine that runs the tests, where it has what the knob needs.
    Host,
    /// A real kernel in the virtual machine of the tests, partly with made-up hardware behind it.
    Guest,
    /// A real GPU.
    Gpu,
}

impl Proof {
    pub const ALL: [Self; 5] = [Self::Memory, Self::Played, Self::Host, Self::Guest, Self::Gpu];

    pub fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Played => "played",
            Self::Host => "host",
            Self::Guest => "guest",
            Self::Gpu => "GPU",
        }
    }
}

/// The places where a kind was proven.
pub fn of(kind: KnobKind) -> Vec<Proof> {
    Proof::ALL.into_iter().filter(|&proof| kinds(proof).any(|name| name == kind.name())).collect()
}

/// The names of the knobs that were proven in a place.
pub fn kinds(proof: Proof) -> impl Iterator<Item = &'static str> {
    let lines = TABLE.lines().filter_map(move |line| line.strip_prefix(proof.name())?.strip_prefix(':'));
    lines.flat_map(str::split_ascii_whitespace)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::knob::catalogued;

    fn table(proof: Proof) -> BTreeSet<&'static str> {
        kinds(proof).collect()
    }

    #[test]
    fn what_is_proven_in_memory_is_what_goes_through_the_contract() {
        let all: BTreeSet<&str> = KnobKind::ALL.iter().map(|kind| kind.name()).collect();
        assert_eq!(table(Proof::Memory), all, "the contract of the actuator's tests takes each kind");
    }

    #[test]
    fn what_is_proven_over_files_is_what_goes_through_the_tests_of_attributes() {
        let attributes = catalogued().into_iter().map(|attribute| attribute.kind.name());
        // These have tests of their own beside them.
        let others = [KnobKind::Fan, KnobKind::DiskPower].map(KnobKind::name).into_iter();
        let gpus = crate::knob::gpu::PLAYED.map(KnobKind::name);
        assert_eq!(table(Proof::Played), attributes.chain(others).chain(gpus).collect());
    }

    #[test]
    fn the_table_names_nothing_but_knobs_and_places() {
        let all: BTreeSet<&str> = KnobKind::ALL.iter().map(|kind| kind.name()).collect();
        for proof in Proof::ALL {
            let unknown: Vec<_> = table(proof).difference(&all).copied().collect();
            assert_eq!(unknown, Vec::<&str>::new(), "{}", proof.name());
        }
        let places: BTreeSet<&str> = TABLE.lines().filter_map(|line| Some(line.split_once(':')?.0)).collect();
        let known = Proof::ALL.map(Proof::name);
        assert!(places.iter().all(|place| known.contains(place)), "{places:?}");
    }
}
