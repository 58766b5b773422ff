//! Groups of processes, as process-exporter has them: chosen by configuration, a bounded number.
//!
//! What processes count between their last reading and their end is lost, and so is all that one counts which lives between two
//! sweeps only; what was read once stays counted.

use std::time::UNIX_EPOCH;

use super::family::{Family, Samples};
use super::snapshot::Snapshot;
use super::value::Fact;
use crate::sample::{GroupSample, StateCounts};

pub(super) const FAMILIES: &[Family] = &[
    level("plotwarden_process_group_processes", "Processes of the group.", "/proc").drawn(|s, out| each(s, out, |group| group.processes)),
    Family::gauge("plotwarden_process_group_states", "Processes of the group by what they do.")
        .by(&["group", "state"])
        .from("/proc/PID/stat")
        .drawn(states),
    level("plotwarden_process_group_threads", "Threads.", "/proc/PID/stat").drawn(|s, out| each(s, out, |group| group.threads)),
    Family::counter(
        "plotwarden_process_group_cpu_seconds_total",
        "CPU time by mode. What a process uses that lives between two sweeps only, or after the last sweep of its life, is not in it.",
    )
    .by(&["group", "mode"])
    .from("/proc/PID/stat")
    .drawn(|s, out| each_two(s, out, ["user", "system"], |group| (group.cpu_user, group.cpu_system))),
    level("plotwarden_process_group_resident_bytes", "Resident memory, shared pages counted in each process.", "/proc/PID/stat")
        .drawn(|s, out| each(s, out, |group| group.resident)),
    level("plotwarden_process_group_virtual_bytes", "Address space.", "/proc/PID/stat").drawn(|s, out| each(s, out, |group| group.virtual_size)),
    level("plotwarden_process_group_swapped_bytes", "Memory in swap, read of each process once a minute at the default interval.", "/proc/PID/status")
        .drawn(|s, out| each(s, out, |group| group.swapped)),
    counted("plotwarden_process_group_read_bytes_total", "Bytes read from storage.", "/proc/PID/io")
        .drawn(|s, out| each(s, out, |group| group.read)),
    counted("plotwarden_process_group_written_bytes_total", "Bytes written to storage, or to the page cache on their way there.", "/proc/PID/io")
        .drawn(|s, out| each(s, out, |group| group.written)),
    Family::counter("plotwarden_process_group_faults_total", "Page faults by kind; a major one had to read from a disk.")
        .by(&["group", "kind"])
        .from("/proc/PID/stat")
        .drawn(|s, out| each_two(s, out, ["minor", "major"], |group| (group.minor_faults, group.major_faults))),
    counted(
        "plotwarden_process_group_context_switches_total",
        "How often the first threads of the processes were given a CPU.",
        "/proc/PID/schedstat",
    )
    .drawn(|s, out| each(s, out, |group| group.context_switches)),
    level("plotwarden_process_group_open_files", "Open file descriptors.", "/proc/PID/fd").drawn(|s, out| each(s, out, |group| group.open_files)),
    level(
        "plotwarden_process_group_worst_open_files_ratio",
        "Open files as a share of what the process may open, of the process that is closest to its limit.",
        "/proc/PID/fd, /proc/PID/limits",
    )
    .drawn(|s, out| each(s, out, |group| group.worst_open_files)),
    level("plotwarden_process_group_oldest_start_time_seconds", "When the oldest process was started, in seconds since 1970.", "/proc/PID/stat")
        .drawn(oldest),
    Family::counter(
        "plotwarden_process_groups_crowded_out_total",
        "Processes counted in the group other because there were 200 groups already.",
    )
    .from("sweep")
    .drawn(|s, out| {
        if let Some(sweep) = &s.world.processes {
            out.one(sweep.crowded_out);
        }
    }),
];

const fn level(name: &'static str, help: &'static str, source: &'static str) -> Family {
    Family::gauge(name, help).by(&["group"]).from(source)
}

const fn counted(name: &'static str, help: &'static str, source: &'static str) -> Family {
    Family::counter(name, help).by(&["group"]).from(source)
}

fn groups(s: &Snapshot) -> impl Iterator<Item = &GroupSample> {
    s.world.processes.iter().flat_map(|sweep| &sweep.groups)
}

fn each<T: Fact>(s: &Snapshot, out: &mut Samples<'_>, pick: fn(&GroupSample) -> T) {
    for group in groups(s) {
        out.add([(&*group.name).into()], pick(group));
    }
}

fn each_two<T: Fact>(s: &Snapshot, out: &mut Samples<'_>, names: [&str; 2], pick: fn(&GroupSample) -> (T, T)) {
    for group in groups(s) {
        let (first, second) = pick(group);
        out.add([(&*group.name).into(), names[0].into()], first);
        out.add([(&*group.name).into(), names[1].into()], second);
    }
}

fn states(s: &Snapshot, out: &mut Samples<'_>) {
    for group in groups(s) {
        let StateCounts { running, sleeping, uninterruptible, stopped, zombie, idle } = group.states;
        for (state, count) in [
            ("running", running),
            ("sleeping", sleeping),
            ("uninterruptible", uninterruptible),
            ("stopped", stopped),
            ("zombie", zombie),
            ("idle", idle),
        ] {
            out.add([(&*group.name).into(), state.into()], count);
        }
    }
}

/// Whole seconds, since the two clocks are read one after the other and a start time must not tremble.
fn oldest(s: &Snapshot, out: &mut Samples<'_>) {
    let now = s.world.now;
    for group in groups(s) {
        let started = group.oldest_start.and_then(|start| now.wall.checked_sub(now.since(start)));
        let since_1970 = started.and_then(|started| started.duration_since(UNIX_EPOCH).ok());
        out.add([(&*group.name).into()], since_1970.map(|time| time.as_secs_f64().round()));
    }
}
