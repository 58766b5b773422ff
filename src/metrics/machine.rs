//! What the machine is: the facts that other series are read with.

use super::family::{Family, Samples};
use super::snapshot::Snapshot;

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
    Family::info(
        "plotwarden_system_info",
        "What the operating system runs on; virtualisation and container as systemd-detect-virt names them.",
    )
    .by(&["virtualisation", "container", "pressure", "boot_id"])
    .from("inventory")
    .drawn(|s, out| {
        let system = &s.inventory.system.facts;
        out.fact([
            system.virtualisation.into(),
            system.container.into(),
            system.pressure.into(),
            system.boot_id.as_deref().into(),
        ]);
    }),
    Family::info("plotwarden_hardware_info", "Who made the machine, its board and its firmware.")
        .by(&["vendor", "product", "board_vendor", "board", "bios_vendor", "bios_version", "bios_date"])
        .from("/sys/class/dmi/id, device tree")
        .drawn(hardware),
    Family::info(
        "plotwarden_kernel_option_info",
        "Options of the kernel's command line that change what can be measured and controlled.",
    )
    .by(&["option"])
    .from("/proc/cmdline")
    .drawn(|s, out| {
        for option in s.inventory.system.facts.kernel_options.iter().flatten() {
            out.fact([option.into()]);
        }
    }),
    Family::gauge("plotwarden_boot_time_seconds", "When the machine was booted, in seconds since 1970.")
        .from("/proc/stat btime")
        .drawn(|s, out| out.one(s.world.host.cpu.as_ref().and_then(|cpu| cpu.booted_at))),
    Family::gauge("plotwarden_file_descriptors_allocated", "Open files of all processes.")
        .from("/proc/sys/fs/file-nr")
        .drawn(|s, out| out.one(s.world.host.file_handles.map(|files| files.allocated))),
    Family::gauge("plotwarden_file_descriptors_maximum", "Open files that the kernel allows to all processes.")
        .from("/proc/sys/fs/file-nr")
        .drawn(|s, out| out.one(s.world.host.file_handles.map(|files| files.maximum))),
    Family::gauge("plotwarden_cpus_online", "CPUs that are online.").from("/sys/devices/system/cpu/online").drawn(
        |s, out| {
            let cpus = &s.inventory.cpu.facts.topology.online;
            out.one((!cpus.is_empty()).then_some(cpus.len()));
        },
    ),
];

fn hardware(s: &Snapshot, out: &mut Samples<'_>) {
    let machine = &s.inventory.system.facts.machine;
    let facts = [
        &machine.vendor,
        &machine.product,
        &machine.board_vendor,
        &machine.board,
        &machine.bios_vendor,
        &machine.bios_version,
        &machine.bios_date,
    ];
    if facts.iter().any(|fact| fact.is_some()) {
        out.fact(facts.map(|fact| fact.as_deref().into()));
    }
}
