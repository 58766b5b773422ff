//! When an operation does good: a pure question of what is measured right before it.

use std::collections::BTreeSet;

use crate::claim::Deed;
use crate::knob::{Measured, cpu_list};
use crate::units::{Bytes, Ratio};

/// Caches are a remedy for work that waits for memory, and for nothing else.
const LEAST_PRESSURE: f64 = 0.1;
/// Less cache than this share of memory is not worth dropping: it is the part that is in use.
const LEAST_CACHE: u64 = 10;

/// Why the operation would do no good now; `None` if it would. `paused`: the job is held paused by us.
pub fn unmet(deed: &Deed, measured: &Measured, paused: bool) -> Option<String> {
    match (deed, measured) {
        (Deed::Cool, Measured::Job { swap_free: 0, .. }) => {
            Some("no swap is free, and anonymous memory can go nowhere else".to_owned())
        }
        (Deed::Cool | Deed::PageOut, Measured::Job { anonymous: 0, .. }) => {
            Some("it has no anonymous memory".to_owned())
        }
        (Deed::Cool, Measured::Job { .. }) => None,
        (Deed::PageOut, Measured::Job { .. }) if !paused => {
            Some("it runs, and would read back at once what is paged out".to_owned())
        }
        (Deed::PageOut, Measured::Job { anonymous, swap_free, .. }) => (anonymous > swap_free).then(|| {
            format!("it has {} of anonymous memory, and {} of swap are free", Bytes(*anonymous), Bytes(*swap_free))
        }),
        (Deed::MovePages { from, to }, Measured::Nodes { job, free }) => no_move(from, to, job, free),
        (Deed::Compact, Measured::Free { free, in_large_blocks }) => {
            (in_large_blocks.saturating_mul(2) >= *free).then(|| {
                format!("of {} free memory {} are in large blocks already", Bytes(*free), Bytes(*in_large_blocks))
            })
        }
        (Deed::DropCaches, Measured::Cache { pressure, .. }) if pressure.is_nan() || *pressure < LEAST_PRESSURE => {
            Some(format!(
                "the pressure on memory is {}, and below {} nobody is helped",
                Ratio(*pressure),
                Ratio(LEAST_PRESSURE)
            ))
        }
        (Deed::DropCaches, Measured::Cache { cached, total, .. }) => (cached.saturating_mul(LEAST_CACHE) < *total)
            .then(|| format!("only {} of {} are cache", Bytes(*cached), Bytes(*total))),
        (Deed::Reclaim { bytes }, Measured::Group { current }) => (*bytes == 0 || bytes > current)
            .then(|| format!("{} of the {} in its group cannot be reclaimed", Bytes(*bytes), Bytes(*current))),
        (Deed::StandBy, Measured::Disk { rotational: false, .. }) => Some("it does not turn".to_owned()),
        (Deed::StandBy, Measured::Disk { in_flight, .. }) => {
            (*in_flight > 0).then(|| format!("{in_flight} requests are under way"))
        }
        (deed, measured) => Some(format!("{measured} says nothing about {}", deed.name())),
    }
}

fn no_move(
    from: &BTreeSet<u32>,
    to: &BTreeSet<u32>,
    job: &std::collections::BTreeMap<u32, u64>,
    free: &std::collections::BTreeMap<u32, u64>,
) -> Option<String> {
    if to.is_empty() || from.intersection(to).next().is_some() {
        return Some(format!("nodes {} and {} are no two places", cpu_list(from), cpu_list(to)));
    }
    if let Some(node) = from.union(to).find(|node| !free.contains_key(node)) {
        return Some(format!("there is no node {node}"));
    }
    let sum = |bytes: &std::collections::BTreeMap<u32, u64>, nodes: &BTreeSet<u32>| {
        Bytes(nodes.iter().filter_map(|node| bytes.get(node)).sum())
    };
    let (there, room) = (sum(job, from), sum(free, to));
    if there.0 == 0 {
        return Some(format!("nothing of it lies on {}", cpu_list(from)));
    }
    (there.0 > room.0).then(|| format!("{there} lie on {}, and {room} are free on {}", cpu_list(from), cpu_list(to)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    fn job(anonymous: u64, swap_free: u64) -> Measured {
        Measured::Job { resident: anonymous, anonymous, swapped: 0, swap_free }
    }

    #[test]
    fn memory_is_paged_out_of_a_paused_job_into_swap_that_is_there() {
        assert_eq!(unmet(&Deed::PageOut, &job(GIB, GIB), true), None);
        assert!(unmet(&Deed::PageOut, &job(GIB, GIB), false).unwrap().contains("it runs"));
        assert!(unmet(&Deed::PageOut, &job(GIB, GIB - 1), true).unwrap().contains("swap"));
        assert!(unmet(&Deed::PageOut, &job(0, GIB), true).is_some());
        assert_eq!(unmet(&Deed::Cool, &job(GIB, 1), false), None);
        assert!(unmet(&Deed::Cool, &job(GIB, 0), false).unwrap().contains("no swap"));
    }

    #[test]
    fn pages_move_to_another_node_that_has_room() {
        let deed = |from: &[u32], to: &[u32]| Deed::MovePages {
            from: from.iter().copied().collect(),
            to: to.iter().copied().collect(),
        };
        let nodes = Measured::Nodes { job: [(0, GIB)].into(), free: [(0, GIB), (1, 2 * GIB), (2, GIB - 1)].into() };
        assert_eq!(unmet(&deed(&[0], &[1]), &nodes, false), None);
        for (from, to, why) in [
            (&[0][..], &[0][..], "no two places"),
            (&[0], &[], "no two places"),
            (&[0], &[3], "no node 3"),
            (&[1], &[0], "nothing"),
            (&[0], &[2], "are free"),
        ] {
            assert!(unmet(&deed(from, to), &nodes, false).unwrap().contains(why), "{from:?} to {to:?}");
        }
    }

    #[test]
    fn caches_are_dropped_under_pressure_only() {
        let cache = |pressure, cached| Measured::Cache { pressure, cached, total: 10 * GIB };
        assert_eq!(unmet(&Deed::DropCaches, &cache(0.1, GIB), false), None);
        assert!(unmet(&Deed::DropCaches, &cache(0.09, GIB), false).unwrap().contains("pressure"));
        assert!(unmet(&Deed::DropCaches, &cache(0.5, GIB - 1), false).unwrap().contains("cache"));
        assert!(unmet(&Deed::DropCaches, &cache(f64::NAN, 5 * GIB), false).is_some());
    }

    #[test]
    fn each_of_the_others_is_declined_where_it_does_no_good() {
        let free = |in_large_blocks| Measured::Free { free: GIB, in_large_blocks };
        assert_eq!(unmet(&Deed::Compact, &free(GIB / 2 - 1), false), None);
        assert!(unmet(&Deed::Compact, &free(GIB / 2), false).is_some());
        let group = Measured::Group { current: GIB };
        assert_eq!(unmet(&Deed::Reclaim { bytes: GIB }, &group, false), None);
        for bytes in [0, GIB + 1] {
            assert!(unmet(&Deed::Reclaim { bytes }, &group, false).is_some());
        }
        let disk = |rotational, in_flight| Measured::Disk { rotational, in_flight };
        assert_eq!(unmet(&Deed::StandBy, &disk(true, 0), false), None);
        assert!(unmet(&Deed::StandBy, &disk(false, 0), false).is_some());
        assert!(unmet(&Deed::StandBy, &disk(true, 1), false).is_some());
        assert!(unmet(&Deed::StandBy, &group, false).is_some(), "what was measured is of something else");
    }
}
