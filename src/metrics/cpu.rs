//! CPU time, scheduling, frequency and load of the machine.

use crate::sample::{CpuFrequency, CpuPaceSample, CpuSample, CpuTimes, LoadSample, RunQueue, SOFTIRQS};

use super::family::{Family, Samples};
use super::snapshot::Snapshot;
use super::value::Fact;

pub(super) const FAMILIES: &[Family] = &[
    Family::counter("plotwarden_cpu_seconds_total", "CPU time since boot by CPU and mode; guest time is part of user.")
        .by(&["cpu", "mode"])
        .from("/proc/stat")
        .drawn(cpu_times),
    Family::counter("plotwarden_context_switches_total", "Context switches since boot.")
        .from("/proc/stat ctxt")
        .drawn(|s, out| stat(s, out, |cpu| cpu.context_switches)),
    Family::counter("plotwarden_interrupts_total", "Interrupts served since boot.")
        .from("/proc/stat intr")
        .drawn(|s, out| stat(s, out, |cpu| cpu.interrupts)),
    Family::counter("plotwarden_softirqs_total", "Soft interrupts served since boot, by kind.")
        .by(&["kind"])
        .from("/proc/stat softirq")
        .drawn(softirqs),
    Family::counter("plotwarden_forks_total", "Processes and threads started since boot.")
        .from("/proc/stat processes")
        .drawn(|s, out| stat(s, out, |cpu| cpu.forks)),
    Family::gauge("plotwarden_procs_running", "Threads that run or could run.")
        .from("/proc/stat procs_running")
        .drawn(|s, out| stat(s, out, |cpu| cpu.running)),
    Family::gauge("plotwarden_procs_blocked", "Threads that wait for a disk.")
        .from("/proc/stat procs_blocked")
        .drawn(|s, out| stat(s, out, |cpu| cpu.blocked)),
    Family::gauge("plotwarden_load1", "Load average of one minute.")
        .from("/proc/loadavg")
        .drawn(|s, out| load(s, out, |load| load.one)),
    Family::gauge("plotwarden_load5", "Load average of five minutes.")
        .from("/proc/loadavg")
        .drawn(|s, out| load(s, out, |load| load.five)),
    Family::gauge("plotwarden_load15", "Load average of fifteen minutes.")
        .from("/proc/loadavg")
        .drawn(|s, out| load(s, out, |load| load.fifteen)),
    Family::gauge(
        "plotwarden_cpu_online",
        "1 for each CPU that runs threads, 0 for each that is there and switched off.",
    )
    .by(&["cpu"])
    .from("/proc/stat")
    .drawn(online),
    Family::counter("plotwarden_schedstat_running_seconds_total", "Time that threads ran on each CPU.")
        .by(&["cpu"])
        .from("/proc/schedstat")
        .drawn(|s, out| run_queues(s, out, |queue| queue.running)),
    Family::counter(
        "plotwarden_schedstat_waiting_seconds_total",
        "Time that threads could have run on each CPU and waited for it; that of all threads is added up.",
    )
    .by(&["cpu"])
    .from("/proc/schedstat")
    .drawn(|s, out| run_queues(s, out, |queue| queue.waiting)),
    Family::counter("plotwarden_schedstat_timeslices_total", "Timeslices that threads had on each CPU.")
        .by(&["cpu"])
        .from("/proc/schedstat")
        .drawn(|s, out| run_queues(s, out, |queue| queue.timeslices)),
    Family::gauge("plotwarden_cpu_frequency_hertz", "Frequency of each CPU, of at most a few seconds ago.")
        .by(&["cpu"])
        .from("/sys/devices/system/cpu/cpufreq scaling_cur_freq")
        .drawn(|s, out| frequencies(s, out, |frequency| frequency.current)),
    Family::gauge(
        "plotwarden_cpu_scaling_frequency_min_hertz",
        "Least frequency that is allowed to each CPU, as of the last minute.",
    )
    .by(&["cpu"])
    .from("/sys/devices/system/cpu/cpufreq scaling_min_freq")
    .drawn(|s, out| frequencies(s, out, |frequency| frequency.scaling_min)),
    Family::gauge(
        "plotwarden_cpu_scaling_frequency_max_hertz",
        "Greatest frequency that is allowed to each CPU, as of the last minute.",
    )
    .by(&["cpu"])
    .from("/sys/devices/system/cpu/cpufreq scaling_max_freq")
    .drawn(|s, out| frequencies(s, out, |frequency| frequency.scaling_max)),
    Family::counter(
        "plotwarden_cpu_core_throttles_total",
        "How often heat has slowed a core down, by the first CPU of the core.",
    )
    .by(&["cpu"])
    .from("/sys/devices/system/cpu/cpuN/thermal_throttle/core_throttle_count")
    .drawn(|s, out| counts(s, out, |pace| &pace.throttles.cores)),
    Family::counter("plotwarden_cpu_package_throttles_total", "How often heat has slowed a package down.")
        .by(&["package"])
        .from("/sys/devices/system/cpu/cpuN/thermal_throttle/package_throttle_count")
        .drawn(|s, out| counts(s, out, |pace| &pace.throttles.packages)),
];

fn stat<T: Fact>(s: &Snapshot, out: &mut Samples<'_>, pick: fn(&CpuSample) -> T) {
    out.one(s.world.host.cpu.as_ref().map(pick));
}

fn load(s: &Snapshot, out: &mut Samples<'_>, pick: fn(&LoadSample) -> f64) {
    out.one(s.world.host.load.as_ref().map(pick));
}

fn softirqs(s: &Snapshot, out: &mut Samples<'_>) {
    let counts = s.world.host.cpu.as_ref().and_then(|cpu| cpu.softirqs);
    for (kind, count) in SOFTIRQS.into_iter().zip(counts.into_iter().flatten()) {
        out.add([kind.into()], count);
    }
}

/// Those that are there are known since discovery; those that are online have a line in this sample.
fn online(s: &Snapshot, out: &mut Samples<'_>) {
    let Some(sample) = &s.world.host.cpu else { return };
    for cpu in &s.inventory.cpu.facts.topology.cpus {
        out.add([cpu.cpu.into()], sample.cpus.iter().any(|(number, _)| *number == cpu.cpu));
    }
}

fn run_queues<T: Fact>(s: &Snapshot, out: &mut Samples<'_>, pick: fn(&RunQueue) -> T) {
    for queue in pace(s).and_then(|pace| pace.run_queues.as_ref()).into_iter().flatten() {
        out.add([queue.cpu.into()], pick(queue));
    }
}

fn frequencies<T: Fact>(s: &Snapshot, out: &mut Samples<'_>, pick: fn(&CpuFrequency) -> T) {
    for frequency in pace(s).iter().flat_map(|pace| &pace.frequencies) {
        out.add([frequency.cpu.into()], pick(frequency));
    }
}

fn counts(s: &Snapshot, out: &mut Samples<'_>, pick: fn(&CpuPaceSample) -> &Vec<(u32, u64)>) {
    for (number, count) in pace(s).map(pick).into_iter().flatten() {
        out.add([(*number).into()], *count);
    }
}

fn pace(s: &Snapshot) -> Option<&CpuPaceSample> {
    s.world.host.cpu_pace.as_deref()
}

fn cpu_times(s: &Snapshot, out: &mut Samples<'_>) {
    for &(number, CpuTimes { user, nice, system, idle, iowait, irq, softirq, steal }) in
        s.world.host.cpu.iter().flat_map(|cpu| &cpu.cpus)
    {
        for (mode, time) in [
            ("user", user),
            ("nice", nice),
            ("system", system),
            ("idle", idle),
            ("iowait", iowait),
            ("irq", irq),
            ("softirq", softirq),
            ("steal", steal),
        ] {
            out.add([number.into(), mode.into()], time);
        }
    }
}
