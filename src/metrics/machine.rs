//! What the machine is, and which of its surfaces can be used: the facts that other series are read with.

use super::family::Family;

pub(super) const FAMILIES: &[Family] = &[
    Family::info("plotwarden_machine_info", "Facts about the machine; one that is not known is empty.")
        .by(&["hostname", "kernel", "distribution", "architecture", "cpu_model", "cgroup_mode"])
        .from("inventory")
        .drawn(|s, out| {
            let system = &s.inventory.system.facts;
            out.fact([
                system.hostname.as_deref().into(),
                system.kernel.as_deref().into(),
                system.distribution.as_deref().into(),
                system.architecture.into(),
                s.inventory.cpu.facts.model.as_deref().into(),
                system.cgroup_mode.name().into(),
            ]);
        }),
    Family::gauge("plotwarden_cpus_online", "CPUs that are online.").from("/sys/devices/system/cpu/online").drawn(
        |s, out| {
            let cpus = &s.inventory.cpu.facts.topology.online;
            out.one((!cpus.is_empty()).then_some(cpus.len()));
        },
    ),
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
];
