//! CPU time, scheduling and load of the machine.

use crate::sample::{CpuSample, CpuTimes, LoadSample};

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
];

fn stat<T: Fact>(s: &Snapshot, out: &mut Samples<'_>, pick: fn(&CpuSample) -> T) {
    out.one(s.world.host.cpu.as_ref().map(pick));
}

fn load(s: &Snapshot, out: &mut Samples<'_>, pick: fn(&LoadSample) -> f64) {
    out.one(s.world.host.load.as_ref().map(pick));
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
