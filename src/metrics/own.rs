//! The program about itself: who it is, whether its loop turns, what it costs, and whether the guard stands by.

use super::family::Family;
use super::snapshot::ProcessWatch;
use crate::mode::Mode;

pub(super) const FAMILIES: &[Family] = &[
    Family::info("plotwarden_build_info", "Version of plotwarden.")
        .by(&["version"])
        .from("build")
        .drawn(|s, out| out.fact([s.own.version.into()])),
    Family::gauge("plotwarden_mode", "1 for the highest mode that the command line and our privileges allow, else 0.")
        .by(&["mode"])
        .from("loop")
        .drawn(|s, out| {
            for mode in Mode::ALL {
                out.add([mode.name().into()], s.own.mode == mode);
            }
        }),
    Family::counter("plotwarden_ticks_total", "Ticks of the loop: one sample, one round of decisions, one diff.")
        .from("loop")
        .drawn(|s, out| out.one(s.own.ticks)),
    Family::gauge("plotwarden_tick_duration_seconds", "Duration of the last tick.")
        .from("loop")
        .drawn(|s, out| out.one(s.own.tick_duration)),
    Family::gauge("plotwarden_tick_interval_seconds", "Time between two ticks, as configured.")
        .from("loop")
        .drawn(|s, out| out.one(s.own.tick_interval)),
    Family::gauge("plotwarden_last_tick_timestamp_seconds", "When the values of this scrape were sampled.")
        .from("loop")
        .drawn(|s, out| out.one(s.world.now.wall)),
    Family::counter("plotwarden_sample_errors_total", "Parts of samples that could not be read; the log says why.")
        .by(&["part"])
        .from("loop")
        .drawn(|s, out| {
            for (part, &count) in &s.counters.sample_errors {
                out.add([(*part).into()], count);
            }
        }),
    Family::gauge("plotwarden_process_watch", "1 for the way in which new processes are noticed, else 0.")
        .by(&["source"])
        .from("loop")
        .drawn(|s, out| {
            for watch in ProcessWatch::ALL {
                out.add([watch.name().into()], s.own.process_watch == watch);
            }
        }),
    Family::gauge(
        "plotwarden_guard_alive",
        "1 while the guard stands by to put everything back should this process die; no sample where nothing is written.",
    )
    .from("guard heartbeat")
    .drawn(|s, out| out.one(s.own.guard_alive)),
    // The three below keep the names that every Prometheus client library uses, so that dashboards find them.
    Family::counter("process_cpu_seconds_total", "CPU time that plotwarden itself has used.")
        .from("/proc/self/stat")
        .drawn(|s, out| out.one(s.own.usage.cpu)),
    Family::gauge("process_resident_memory_bytes", "Resident memory of plotwarden itself.")
        .from("/proc/self/stat")
        .drawn(|s, out| out.one(s.own.usage.resident)),
    Family::gauge("process_open_fds", "Open file descriptors of plotwarden itself.")
        .from("/proc/self/fd")
        .drawn(|s, out| out.one(s.own.usage.open_files)),
    Family::gauge("process_start_time_seconds", "When plotwarden was started, in seconds since 1970.")
        .from("loop")
        .drawn(|s, out| out.one(s.own.started)),
];
