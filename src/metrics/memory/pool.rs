//! Pools of huge pages, by the size of their pages, and how the kernel gives huge pages out by itself.

use crate::metrics::family::{Family, Samples};
use crate::metrics::snapshot::Snapshot;
use crate::sample::HugePages;
use crate::units::Bytes;

pub(in crate::metrics) const FAMILIES: &[Family] = &[
    pool(
        "plotwarden_huge_pages_pool_bytes",
        "Memory set aside as huge pages of a size; programs that do not ask for it cannot use it.",
        "/sys/kernel/mm/hugepages/hugepages-SIZE/nr_hugepages",
    )
    .drawn(|s, out| each(s, out, |pool| pool.pool)),
    pool(
        "plotwarden_huge_pages_free_bytes",
        "Huge pages that nobody uses.",
        "/sys/kernel/mm/hugepages/hugepages-SIZE/free_hugepages",
    )
    .drawn(|s, out| each(s, out, |pool| pool.free)),
    pool(
        "plotwarden_huge_pages_reserved_bytes",
        "Free huge pages that are promised already.",
        "/sys/kernel/mm/hugepages/hugepages-SIZE/resv_hugepages",
    )
    .drawn(|s, out| each(s, out, |pool| pool.reserved)),
    pool(
        "plotwarden_huge_pages_surplus_bytes",
        "Huge pages beyond the configured number.",
        "/sys/kernel/mm/hugepages/hugepages-SIZE/surplus_hugepages",
    )
    .drawn(|s, out| each(s, out, |pool| pool.surplus)),
    Family::info("plotwarden_transparent_huge_pages_info", "When programs get huge pages without asking for them.")
        .by(&["enabled", "defrag"])
        .from("/sys/kernel/mm/transparent_hugepage")
        .drawn(|s, out| {
            if let Some(pages) = &s.inventory.memory.facts.transparent_huge_pages {
                out.fact([pages.enabled.as_deref().into(), pages.defrag.as_deref().into()]);
            }
        }),
];

const fn pool(name: &'static str, help: &'static str, source: &'static str) -> Family {
    Family::gauge(name, help).by(&["size"]).from(source)
}

fn each(s: &Snapshot, out: &mut Samples<'_>, pick: fn(&HugePages) -> Bytes) {
    for pool in &s.world.host.memory_places.huge_pages {
        out.add([(&pool.size).into()], pick(pool));
    }
}
