//! Which surfaces of the machine can be used, and what each part of the inventory is worth: how much of it a real source gave, and
//! whether it can be true.

use std::time::SystemTime;

use super::family::{Family, Samples};
use super::snapshot::Snapshot;
use crate::inventory::{Part, Status};
use crate::units::Ratio;

pub(super) const FAMILIES: &[Family] = &[
    Family::gauge(
        "plotwarden_capability",
        "1 for the state of each surface that is read or written; the reason says why one is not fully usable.",
    )
    .by(&["surface", "state", "reason"])
    .from("inventory")
    .drawn(|s, out| {
        for capability in &s.inventory.capabilities {
            out.fact([capability.surface.into(), capability.state.name().into(), (&capability.reason).into()]);
        }
    }),
    Family::gauge(
        "plotwarden_inventory_confidence_ratio",
        "Share of the facts of a part that a real source gave; no sample if the machine has nothing of the kind.",
    )
    .by(&["part"])
    .from("inventory")
    .drawn(|s, out| {
        for part in parts(s) {
            out.add([part.name.into()], part.confidence);
        }
    }),
    Family::gauge(
        "plotwarden_inventory_status",
        "1 for what the facts of a part are worth, else 0: valid, partial, doubtful, failed, or absent.",
    )
    .by(&["part", "status"])
    .from("inventory")
    .drawn(|s, out| {
        for part in parts(s) {
            for status in Status::ALL {
                out.add([part.name.into(), status.name().into()], part.status == status);
            }
        }
    }),
    Family::gauge(
        "plotwarden_inventory_discovered_timestamp_seconds",
        "When a part of the inventory was last discovered.",
    )
    .by(&["part"])
    .from("inventory")
    .drawn(|s: &Snapshot, out: &mut Samples<'_>| {
        for part in parts(s) {
            out.add([part.name.into()], part.discovered_at);
        }
    }),
];

/// Any part, without its facts.
struct Worth {
    name: &'static str,
    confidence: Option<Ratio>,
    status: Status,
    discovered_at: SystemTime,
}

fn parts(s: &Snapshot) -> [Worth; 7] {
    let inventory = &s.inventory;
    [
        worth("system", &inventory.system),
        worth("cpu", &inventory.cpu),
        worth("memory", &inventory.memory),
        worth("storage", &inventory.storage),
        worth("network", &inventory.network),
        worth("gpu", &inventory.gpu),
        worth("power", &inventory.power),
    ]
}

fn worth<T>(name: &'static str, part: &Part<T>) -> Worth {
    Worth { name, confidence: part.confidence, status: part.status, discovered_at: part.discovered_at }
}
