//! Swap by device, and compressed RAM disks.

use crate::metrics::family::{Family, Samples};
use crate::metrics::snapshot::Snapshot;
use crate::sample::{SwapDevice, ZramUse};
use crate::units::Bytes;

pub(in crate::metrics) const FAMILIES: &[Family] = &[
    Family::info(
        "plotwarden_swap_device_info",
        "A device or file that is swapped to; the highest priority comes first.",
    )
    .by(&["device", "kind", "priority"])
    .from("/proc/swaps")
    .drawn(|s, out| {
        for swap in &s.world.host.memory_places.swaps {
            out.fact([(&swap.path).into(), (&swap.kind).into(), (&swap.priority.to_string()).into()]);
        }
    }),
    swap("plotwarden_swap_device_size_bytes", "Swap space on the device.")
        .drawn(|s, out| each(s, out, |swap| swap.size)),
    swap("plotwarden_swap_device_used_bytes", "Swap space in use on the device.")
        .drawn(|s, out| each(s, out, |swap| swap.used)),
    zram("plotwarden_zram_original_bytes", "What is stored in the compressed RAM disk, as long as it was.")
        .drawn(|s, out| each_zram(s, out, |zram| zram.original)),
    zram("plotwarden_zram_compressed_bytes", "What is stored there, compressed.")
        .drawn(|s, out| each_zram(s, out, |zram| zram.compressed)),
    zram("plotwarden_zram_used_bytes", "Memory that the compressed RAM disk takes.")
        .drawn(|s, out| each_zram(s, out, |zram| zram.used)),
];

const fn swap(name: &'static str, help: &'static str) -> Family {
    Family::gauge(name, help).by(&["device"]).from("/proc/swaps")
}

const fn zram(name: &'static str, help: &'static str) -> Family {
    Family::gauge(name, help).by(&["device"]).from("/sys/block/zramN/mm_stat")
}

fn each(s: &Snapshot, out: &mut Samples<'_>, pick: fn(&SwapDevice) -> Bytes) {
    for swap in &s.world.host.memory_places.swaps {
        out.add([(&swap.path).into()], pick(swap));
    }
}

fn each_zram(s: &Snapshot, out: &mut Samples<'_>, pick: fn(&ZramUse) -> Bytes) {
    for zram in &s.world.host.memory_places.zram {
        out.add([(&zram.device).into()], pick(zram));
    }
}
