//! The memory modules and their slots, as the firmware describes them.

use crate::inventory::{Memory, MemoryModule};
use crate::metrics::family::{Family, Samples};
use crate::metrics::snapshot::Snapshot;
use crate::metrics::value::Fact;

const SOURCE: &str = "/sys/firmware/dmi/tables/DMI";

pub(in crate::metrics) const FAMILIES: &[Family] = &[
    Family::gauge("plotwarden_memory_page_size_bytes", "Size of a page of memory.")
        .from("/proc/self/auxv")
        .drawn(|s, out| one(s, out, |memory| memory.page_size)),
    Family::gauge("plotwarden_memory_slots", "Slots for memory modules.")
        .from(SOURCE)
        .drawn(|s, out| one(s, out, |memory| memory.slots)),
    Family::gauge("plotwarden_memory_slots_populated", "Slots with a memory module.")
        .from(SOURCE)
        .drawn(|s, out| one(s, out, |memory| memory.populated_slots)),
    Family::gauge("plotwarden_memory_channels_populated", "Memory channels with a module; each adds bandwidth.")
        .from("/sys/firmware/dmi/tables/DMI, or /sys/devices/system/edac/mc")
        .drawn(|s, out| one(s, out, |memory| memory.populated_channels)),
    Family::info("plotwarden_memory_module_info", "A memory module; a fact that is not known is empty.")
        .by(&["slot", "locator", "bank", "channel", "type", "form_factor", "manufacturer", "part_number"])
        .from(SOURCE)
        .drawn(|s, out| {
            for module in modules(s) {
                out.fact([
                    module.slot.into(),
                    module.locator.as_deref().into(),
                    module.bank.as_deref().into(),
                    module.channel.as_deref().into(),
                    module.technology.into(),
                    module.form_factor.into(),
                    module.manufacturer.as_deref().into(),
                    module.part_number.as_deref().into(),
                ]);
            }
        }),
    module("plotwarden_memory_module_size_bytes", "Memory on the module.")
        .drawn(|s, out| each(s, out, |module| module.size)),
    module("plotwarden_memory_module_rated_transfers_per_second", "Transfers that the module is made for.")
        .drawn(|s, out| each(s, out, |module| module.rated_speed)),
    module("plotwarden_memory_module_configured_transfers_per_second", "Transfers that the firmware has set.")
        .drawn(|s, out| each(s, out, |module| module.configured_speed)),
];

const fn module(name: &'static str, help: &'static str) -> Family {
    Family::gauge(name, help).by(&["slot", "locator"]).from(SOURCE)
}

fn one<T: Fact>(s: &Snapshot, out: &mut Samples<'_>, pick: fn(&Memory) -> T) {
    out.one(pick(&s.inventory.memory.facts));
}

fn modules(s: &Snapshot) -> &[MemoryModule] {
    s.inventory.memory.facts.modules.as_deref().unwrap_or_default()
}

fn each<T: Fact>(s: &Snapshot, out: &mut Samples<'_>, pick: fn(&MemoryModule) -> T) {
    for module in modules(s) {
        out.add([module.slot.into(), module.locator.as_deref().into()], pick(module));
    }
}
