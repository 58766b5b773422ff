//! CPUs, scheduling, pressure, and the machine as a whole.

use super::FLEETING;
use crate::row::{Row, counter, gauge, same};

/// Two steps of the kernel's clock for CPU time, a hundredth of a second each.
const STEP: f64 = 0.02;
const CPU: &[(&str, &str)] = &[("cpu", "cpu")];

pub const ROWS: &[Row] = &[
    counter("node_cpu_seconds_total", "plotwarden_cpu_seconds_total")
        .by(&[("cpu", "cpu"), ("mode", "mode")])
        .give_or_take(STEP),
    same("node_cpu_info", "plotwarden_cpu_info").by(&[
        ("package", "package"),
        ("vendor", "vendor"),
        ("family", "family"),
        ("model", "model"),
        ("model_name", "model_name"),
        ("stepping", "stepping"),
        ("microcode", "microcode"),
    ]),
    counter("node_cpu_package_throttles_total", "plotwarden_cpu_package_throttles_total")
        .by(&[("package", "package")])
        .paced(),
    // What a governor changes a hundred times a second.
    gauge("node_cpu_scaling_frequency_hertz", "plotwarden_cpu_frequency_hertz", 0.8).by(CPU),
    same("node_cpu_scaling_frequency_min_hertz", "plotwarden_cpu_scaling_frequency_min_hertz").by(CPU),
    same("node_cpu_scaling_frequency_max_hertz", "plotwarden_cpu_scaling_frequency_max_hertz").by(CPU),
    same("node_cpu_frequency_min_hertz", "plotwarden_cpu_frequency_min_hertz").by(CPU),
    same("node_cpu_frequency_max_hertz", "plotwarden_cpu_frequency_max_hertz").by(CPU),
    counter("node_schedstat_running_seconds_total", "plotwarden_schedstat_running_seconds_total").by(CPU).paced(),
    counter("node_schedstat_waiting_seconds_total", "plotwarden_schedstat_waiting_seconds_total").by(CPU).paced(),
    counter("node_schedstat_timeslices_total", "plotwarden_schedstat_timeslices_total").by(CPU).paced(),
    counter("node_context_switches_total", "plotwarden_context_switches_total"),
    counter("node_intr_total", "plotwarden_interrupts_total"),
    counter("node_softirqs_total", "plotwarden_softirqs_total")
        .by(&[("vector", "kind")])
        .fewer("block_iopoll has been called irq_poll since Linux 4.5"),
    counter("node_forks_total", "plotwarden_forks_total"),
    gauge("node_procs_running", "plotwarden_procs_running", 0.0).give_or_take(FLEETING),
    gauge("node_procs_blocked", "plotwarden_procs_blocked", 0.0).give_or_take(FLEETING),
    gauge("node_load1", "plotwarden_load1", 0.0).give_or_take(0.01),
    gauge("node_load5", "plotwarden_load5", 0.0).give_or_take(0.01),
    gauge("node_load15", "plotwarden_load15", 0.0).give_or_take(0.01),
    pressure("node_pressure_cpu_waiting_seconds_total").with(&[MACHINE, ("resource", "cpu"), ("kind", "some")]),
    pressure("node_pressure_memory_waiting_seconds_total").with(&[MACHINE, ("resource", "memory"), ("kind", "some")]),
    pressure("node_pressure_memory_stalled_seconds_total").with(&[MACHINE, ("resource", "memory"), ("kind", "full")]),
    pressure("node_pressure_io_waiting_seconds_total").with(&[MACHINE, ("resource", "io"), ("kind", "some")]),
    pressure("node_pressure_io_stalled_seconds_total").with(&[MACHINE, ("resource", "io"), ("kind", "full")]),
    same("node_boot_time_seconds", "plotwarden_boot_time_seconds").give_or_take(1.0),
    gauge("node_filefd_allocated", "plotwarden_file_descriptors_allocated", 0.5).give_or_take(500.0),
    same("node_filefd_maximum", "plotwarden_file_descriptors_maximum"),
    same("node_uname_info", "plotwarden_machine_info").by(&[
        ("nodename", "hostname"),
        ("release", "kernel"),
        ("machine", "architecture"),
    ]),
    same("node_os_info", "plotwarden_machine_info").by(&[("pretty_name", "distribution")]),
];

const MACHINE: (&str, &str) = ("scope", "machine");

const fn pressure(theirs: &'static str) -> Row {
    // They write microseconds as a float, we keep them.
    counter(theirs, "plotwarden_pressure_waiting_seconds_total").give_or_take(1e-5)
}
