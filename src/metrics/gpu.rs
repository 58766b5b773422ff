//! Graphics processors, and how much of their memory each job has.
//!
//! The label `gpu` is the index that NVIDIA's tools use, or the PCI address of a card of another maker; what it stands for
//! is in `plotwarden_gpu_info`.

use crate::inventory::GpuDevice;
use crate::sample::{GpuProcess, GpuSample};
use crate::units::Bytes;

use super::family::{Family, Samples};
use super::snapshot::Snapshot;
use super::value::Fact;

const NVML: &str = "NVML, the driver";

pub(super) const FAMILIES: &[Family] = &[
    Family::info("plotwarden_gpu_info", "Facts about the GPU; one that is not known is empty.")
        .by(&["gpu", "vendor", "model", "uuid", "pci_address", "driver_version", "cuda_version", "compute_capability"])
        .from("inventory")
        .drawn(info),
    Family::gauge(
        "plotwarden_gpu_sample_age_seconds",
        "Age of what is known of the GPUs; grows while their driver does not answer.",
    )
    .from("clock")
    .drawn(|s, out| out.one(s.world.host.gpus.as_ref().map(|gpus| gpus.age))),
    measured("plotwarden_gpu_utilization_ratio", "Share of the time in which the GPU computed or drew.")
        .drawn(|s, out| each(s, out, |gpu| gpu.utilisation)),
    measured("plotwarden_gpu_memory_utilization_ratio", "Share of the time in which its memory was read or written.")
        .drawn(|s, out| each(s, out, |gpu| gpu.memory_utilisation)),
    measured("plotwarden_gpu_memory_total_bytes", "Memory of the GPU.").drawn(|s, out| each(s, out, |gpu| gpu.memory_total)),
    measured("plotwarden_gpu_memory_used_bytes", "Memory in use.").drawn(|s, out| each(s, out, |gpu| gpu.memory_used)),
    measured("plotwarden_gpu_memory_free_bytes", "Memory that a plotter could still have.")
        .drawn(|s, out| each(s, out, |gpu| gpu.memory_free)),
    measured("plotwarden_gpu_temperature_celsius", "Temperature of the GPU.")
        .drawn(|s, out| each(s, out, |gpu| gpu.temperature)),
    measured("plotwarden_gpu_power_watts", "Power draw of the whole card.").drawn(|s, out| each(s, out, |gpu| gpu.power)),
    measured("plotwarden_gpu_power_limit_watts", "Power limit in force, whoever set it.")
        .drawn(|s, out| each(s, out, |gpu| gpu.power_limit)),
    Family::gauge(
        "plotwarden_gpu_power_limit_bound_watts",
        "The default power limit, and between what it can be set: default, min, max.",
    )
    .by(&["gpu", "bound"])
    .from(NVML)
    .drawn(power_limit_bounds),
    Family::gauge(
        "plotwarden_gpu_temperature_limit_celsius",
        "Temperature at which the GPU or its memory is slowed down a little (gpu, memory), much (slowdown), or switched off (shutdown).",
    )
    .by(&["gpu", "limit"])
    .from(NVML)
    .drawn(temperature_limits),
    Family::counter("plotwarden_gpu_energy_joules_total", "Energy used since the driver was loaded.")
        .by(&["gpu"])
        .from(NVML)
        .drawn(|s, out| each(s, out, |gpu| gpu.energy)),
    Family::gauge("plotwarden_gpu_clock_hertz", "Clocks now: graphics, sm (which computes), memory.")
        .by(&["gpu", "clock"])
        .from(NVML)
        .drawn(clocks),
    Family::gauge("plotwarden_gpu_clock_max_hertz", "The highest that each clock can be.")
        .by(&["gpu", "clock"])
        .from(NVML)
        .drawn(clocks_max),
    Family::gauge("plotwarden_gpu_clock_limited", "1 for each reason that keeps the clocks below their highest now.")
        .by(&["gpu", "reason"])
        .from(NVML)
        .drawn(clock_limits),
    Family::gauge("plotwarden_gpu_fan_speed_ratio", "Speed that each fan is meant to have, of its full speed.")
        .by(&["gpu", "fan"])
        .from(NVML)
        .drawn(fans),
    Family::counter("plotwarden_gpu_memory_errors_total", "Errors of the memory in the life of the GPU, by kind: corrected, uncorrected.")
        .by(&["gpu", "kind"])
        .from(NVML)
        .drawn(memory_errors),
    Family::gauge("plotwarden_gpu_pcie_bytes_per_second", "Throughput of the PCI link over 20 ms, as seen by the GPU: received, sent.")
        .by(&["gpu", "direction"])
        .from(NVML)
        .drawn(link_throughput),
    Family::counter("plotwarden_gpu_pcie_replays_total", "Transfers over the PCI link that had to be repeated.")
        .by(&["gpu"])
        .from(NVML)
        .drawn(|s, out| each(s, out, |gpu| gpu.link_replays)),
    Family::gauge("plotwarden_gpu_pcie_generation", "Generation of PCI Express that the link runs at; less while the GPU saves power.")
        .by(&["gpu"])
        .from(NVML)
        .drawn(|s, out| each(s, out, |gpu| gpu.link_generation)),
    Family::gauge("plotwarden_gpu_pcie_lanes", "Lanes that the PCI link uses now.")
        .by(&["gpu"])
        .from(NVML)
        .drawn(|s, out| each(s, out, |gpu| gpu.link_lanes)),
    Family::gauge("plotwarden_gpu_processes", "Processes that use the GPU, plotters or not.")
        .by(&["gpu"])
        .from(NVML)
        .drawn(|s, out| each(s, out, |gpu| gpu.processes.as_ref().map(Vec::len))),
    Family::gauge("plotwarden_job_gpu_memory_bytes", "Memory of a GPU that the processes of the job have.")
        .by(&["job_id", "gpu"])
        .from(NVML)
        .drawn(job_memory),
];

const fn measured(name: &'static str, help: &'static str) -> Family {
    Family::gauge(name, help).by(&["gpu"]).from("NVML, the driver, or sysfs of amdgpu")
}

fn gpus(s: &Snapshot) -> impl Iterator<Item = &GpuSample> {
    s.world.host.gpus.iter().flat_map(|gpus| gpus.gpus.iter())
}

fn devices(s: &Snapshot) -> impl Iterator<Item = &GpuDevice> {
    s.inventory.gpu.facts.devices.iter()
}

fn each<T: Fact>(s: &Snapshot, out: &mut Samples<'_>, pick: fn(&GpuSample) -> T) {
    for gpu in gpus(s) {
        out.add([(&gpu.gpu).into()], pick(gpu));
    }
}

fn info(s: &Snapshot, out: &mut Samples<'_>) {
    let nvidia = s.inventory.gpu.facts.nvidia.as_ref();
    for gpu in devices(s) {
        // The versions are those of NVIDIA's driver.
        let versions = nvidia.filter(|_| gpu.uuid.is_some());
        out.fact([
            (&gpu.gpu).into(),
            (&gpu.vendor).into(),
            gpu.model.as_deref().into(),
            gpu.uuid.as_deref().into(),
            gpu.pci_address.as_deref().into(),
            versions.and_then(|nvidia| nvidia.driver.as_deref()).into(),
            versions.and_then(|nvidia| nvidia.cuda.as_deref()).into(),
            gpu.compute_capability.as_deref().into(),
        ]);
    }
}

fn power_limit_bounds(s: &Snapshot, out: &mut Samples<'_>) {
    for gpu in devices(s) {
        if let Some(limit) = &gpu.power_limit {
            for (bound, watts) in [("default", limit.default), ("min", limit.min), ("max", limit.max)] {
                out.add([(&gpu.gpu).into(), bound.into()], watts);
            }
        }
    }
}

fn temperature_limits(s: &Snapshot, out: &mut Samples<'_>) {
    for gpu in devices(s) {
        if let Some(at) = &gpu.temperature_limit {
            for (limit, celsius) in
                [("gpu", at.gpu), ("memory", at.memory), ("slowdown", at.slowdown), ("shutdown", at.shutdown)]
            {
                out.add([(&gpu.gpu).into(), limit.into()], celsius);
            }
        }
    }
}

fn clocks(s: &Snapshot, out: &mut Samples<'_>) {
    for gpu in gpus(s) {
        for &(clock, hertz) in &gpu.clocks {
            out.add([(&gpu.gpu).into(), clock.into()], hertz);
        }
    }
}

fn clocks_max(s: &Snapshot, out: &mut Samples<'_>) {
    for gpu in devices(s) {
        if let Some(max) = &gpu.clock_max {
            for (clock, hertz) in [("graphics", max.graphics), ("sm", max.sm), ("memory", max.memory)] {
                out.add([(&gpu.gpu).into(), clock.into()], hertz);
            }
        }
    }
}

fn clock_limits(s: &Snapshot, out: &mut Samples<'_>) {
    for gpu in gpus(s) {
        for &(reason, holds) in gpu.clock_limits.iter().flatten() {
            out.add([(&gpu.gpu).into(), reason.into()], holds);
        }
    }
}

fn fans(s: &Snapshot, out: &mut Samples<'_>) {
    for gpu in gpus(s) {
        for (fan, speed) in (0_u32..).zip(&gpu.fans) {
            out.add([(&gpu.gpu).into(), fan.into()], *speed);
        }
    }
}

fn memory_errors(s: &Snapshot, out: &mut Samples<'_>) {
    for gpu in gpus(s) {
        out.add([(&gpu.gpu).into(), "corrected".into()], gpu.corrected_errors);
        out.add([(&gpu.gpu).into(), "uncorrected".into()], gpu.uncorrected_errors);
    }
}

fn link_throughput(s: &Snapshot, out: &mut Samples<'_>) {
    for gpu in gpus(s) {
        out.add([(&gpu.gpu).into(), "received".into()], gpu.link_received.map(|rate| rate.0));
        out.add([(&gpu.gpu).into(), "sent".into()], gpu.link_sent.map(|rate| rate.0));
    }
}

/// A job that does not use the GPU has no series, nor has one of whose process the driver does not tell the memory.
fn job_memory(s: &Snapshot, out: &mut Samples<'_>) {
    for gpu in gpus(s) {
        for view in &s.world.jobs {
            let is_ours =
                |process: &&GpuProcess| view.job.processes.iter().any(|ours| ours.pid.cast_unsigned() == process.pid);
            let mut of_job = gpu.processes.iter().flatten().filter(is_ours).peekable();
            if of_job.peek().is_some() {
                let memory: Option<u64> = of_job.map(|process| process.memory.map(|memory| memory.0)).sum();
                out.add([view.job.id.as_str().into(), (&gpu.gpu).into()], memory.map(Bytes));
            }
        }
    }
}
