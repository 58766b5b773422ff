//! All processes of the machine together, and those outside the jobs that use most.
//!
//! At most five processes are named by each measure, and only those that use a notable amount: a name is a new series.

use std::sync::Arc;

use super::family::{Family, Samples};
use super::snapshot::Snapshot;
use crate::sample::{ProcessesSample, TopProcess};

pub(super) const FAMILIES: &[Family] = &[
    Family::gauge("plotwarden_processes", "Processes by kind: with a program, or threads of the kernel's own.")
        .by(&["kind"])
        .from("/proc/PID/stat")
        .drawn(|s, out| {
            let Some(sweep) = &s.world.processes else { return };
            out.add(["program".into()], sweep.processes);
            out.add(["kernel".into()], sweep.kernel_threads);
        }),
    Family::gauge(
        "plotwarden_process_sweep_age_seconds",
        "How long ago the last sweep over all processes began, from which all these figures are.",
    )
    .from("sweep")
    .drawn(|s, out| one(s, out, |sweep| s.world.now.since(sweep.begun))),
    Family::gauge("plotwarden_process_sweep_duration_seconds", "Duration of the last sweep, on a thread of its own.")
        .from("sweep")
        .drawn(|s, out| one(s, out, |sweep| sweep.took)),
    Family::gauge(
        "plotwarden_process_sweep_unchanged",
        "Processes that had done nothing since the sweep before, so that they were not read.",
    )
    .from("/proc/PID/schedstat")
    .drawn(|s, out| one(s, out, |sweep| sweep.unchanged)),
    top(
        "plotwarden_top_process_cpu_ratio",
        "Processes outside the jobs that use most CPU, 1 is one whole CPU; at most five, each above 1 % of a CPU.",
        "/proc/PID/stat",
    )
    .drawn(|s, out| each(s, out, |sweep| &sweep.top_cpu)),
    top(
        "plotwarden_top_process_resident_bytes",
        "Processes outside the jobs with most resident memory; at most five, each above 1 % of the memory.",
        "/proc/PID/stat",
    )
    .drawn(|s, out| each(s, out, |sweep| &sweep.top_memory)),
    top(
        "plotwarden_top_process_io_bytes_per_second",
        "Processes outside the jobs that read and write most from and to storage; at most five, each above 1 MB/s.",
        "/proc/PID/io",
    )
    .drawn(|s, out| each(s, out, |sweep| &sweep.top_io)),
];

const fn top(name: &'static str, help: &'static str, source: &'static str) -> Family {
    Family::gauge(name, help).by(&["pid", "comm", "user"]).from(source)
}

fn one<T: super::value::Fact>(s: &Snapshot, out: &mut Samples<'_>, pick: impl Fn(&Arc<ProcessesSample>) -> T) {
    if let Some(sweep) = &s.world.processes {
        out.one(pick(sweep));
    }
}

fn each(s: &Snapshot, out: &mut Samples<'_>, pick: fn(&ProcessesSample) -> &[TopProcess]) {
    for TopProcess { pid, comm, user, value } in s.world.processes.iter().flat_map(|sweep| pick(sweep)) {
        out.add([pid.unsigned_abs().into(), comm.into(), user.as_deref().into()], *value);
    }
}
