//! What each plotting job is and uses.
//!
//! The label is `job_id`, not `job`: Prometheus puts the name of its scrape job into `job`, and would rename ours to
//! `exported_job` in every query. Facts that would make every series longer stand once, in the info families.

use std::collections::BTreeMap;
use std::time::UNIX_EPOCH;

use crate::kernel::process::RunState;
use crate::sample::{DelaySample, JobSample};
use crate::world::JobView;

use super::family::{Family, Samples};
use super::snapshot::Snapshot;
use super::value::Fact;

pub(super) const FAMILIES: &[Family] = &[
    Family::gauge(
        "plotwarden_jobs",
        "Plotting jobs by profile and state: running, paused by us, or stalled by themselves.",
    )
    .by(&["profile", "state"])
    .from("jobs")
    .drawn(jobs_by_state),
    Family::info("plotwarden_job_info", "Facts about the job; one that is not known is empty.")
        .by(&["job_id", "profile", "mode", "k", "level", "threads", "buckets", "owner", "plot_id"])
        .from("command line, process, open files")
        .drawn(job_info),
    Family::info("plotwarden_job_directory_info", "Directories that the job uses, by use: temp or final.")
        .by(&["job_id", "use", "path"])
        .from("command line")
        .drawn(directories),
    Family::info("plotwarden_job_temp_device_info", "Block devices that the job's temp directories lie on: `$device`.")
        .by(&["job_id", "device"])
        .from("stat of temp directories, /sys/dev/block")
        .drawn(|s, out| {
            for view in &s.world.jobs {
                for device in view.sample.temp_devices.names() {
                    out.fact([view.job.id.as_str().into(), device.into()]);
                }
            }
        }),
    Family::gauge("plotwarden_job_start_time_seconds", "When the plotter was started, in seconds since 1970.")
        .by(&["job_id"])
        .from("/proc/PID/stat starttime")
        .drawn(start_time),
    Family::gauge("plotwarden_job_processes", "Processes of the job: plotter, wrappers and children.")
        .by(&["job_id"])
        .from("/proc")
        .drawn(|s, out| each(s, out, |view| view.job.processes.len())),
    Family::counter("plotwarden_job_cpu_seconds_total", "CPU time of the job by mode.")
        .by(&["job_id", "mode"])
        .from("/proc/PID/stat")
        .drawn(|s, out| {
            for view in &s.world.jobs {
                out.add([view.job.id.as_str().into(), "user".into()], view.sample.cpu_user);
                out.add([view.job.id.as_str().into(), "system".into()], view.sample.cpu_system);
            }
        }),
    sampled(
        "plotwarden_job_resident_bytes",
        "Resident memory, shared pages counted in each process.",
        "/proc/PID/stat",
    )
    .drawn(|s, out| each_sample(s, out, |sample| sample.resident)),
    sampled(
        "plotwarden_job_proportional_bytes",
        "Memory, shared pages divided; read seldom.",
        "/proc/PID/smaps_rollup",
    )
    .drawn(|s, out| each_sample(s, out, |sample| sample.proportional)),
    sampled("plotwarden_job_threads", "Threads.", "/proc/PID/stat")
        .drawn(|s, out| each_sample(s, out, |sample| sample.threads)),
    sampled("plotwarden_job_open_files", "Open file descriptors.", "/proc/PID/fd")
        .drawn(|s, out| each_sample(s, out, |sample| sample.open_files)),
    sampled(
        "plotwarden_job_temp_bytes",
        "Space that the job's temp files occupy on their disks.",
        "stat of temp files",
    )
    .drawn(|s, out| each_sample(s, out, |sample| sample.temp_bytes)),
    Family::counter("plotwarden_job_faults_total", "Page faults by kind; a major one had to read from a disk.")
        .by(&["job_id", "kind"])
        .from("/proc/PID/stat")
        .drawn(|s, out| {
            for view in &s.world.jobs {
                out.add([view.job.id.as_str().into(), "minor".into()], view.sample.minor_faults);
                out.add([view.job.id.as_str().into(), "major".into()], view.sample.major_faults);
            }
        }),
    Family::counter(
        "plotwarden_job_delay_seconds_total",
        "Time that the threads of the job waited, by kind: for a CPU, for disks (io), for pages in swap (swapin), for memory to be \
         freed (reclaim) or put together (compaction), for pages dropped a moment before (thrashing). All but cpu only while \
         kernel.task_delayacct is 1, of jobs started since.",
    )
    .by(&["job_id", "kind"])
    .from("taskstats")
    .drawn(delays),
    counted("plotwarden_job_file_read_bytes_total", "Bytes through read(2) and its kin, cached or not.")
        .drawn(|s, out| each_sample(s, out, |sample| sample.rchar)),
    counted("plotwarden_job_file_written_bytes_total", "Bytes through write(2) and its kin: the odometer of progress.")
        .drawn(|s, out| each_sample(s, out, |sample| sample.wchar)),
    counted("plotwarden_job_read_bytes_total", "Bytes read from disks.")
        .drawn(|s, out| each_sample(s, out, |sample| sample.read_bytes)),
    counted("plotwarden_job_written_bytes_total", "Bytes written, to disks or to the page cache on their way there.")
        .drawn(|s, out| each_sample(s, out, |sample| sample.written_bytes)),
    counted(
        "plotwarden_job_cancelled_write_bytes_total",
        "Written bytes that were deleted before they reached a disk; wear is written less cancelled.",
    )
    .drawn(|s, out| each_sample(s, out, |sample| sample.cancelled_bytes)),
];

const fn sampled(name: &'static str, help: &'static str, source: &'static str) -> Family {
    Family::gauge(name, help).by(&["job_id"]).from(source)
}

const fn counted(name: &'static str, help: &'static str) -> Family {
    Family::counter(name, help).by(&["job_id"]).from("/proc/PID/io")
}

/// One sample per job.
pub(super) fn each<T: Fact>(s: &Snapshot, out: &mut Samples<'_>, pick: fn(&JobView) -> T) {
    for view in &s.world.jobs {
        out.add([view.job.id.as_str().into()], pick(view));
    }
}

fn each_sample<T: Fact>(s: &Snapshot, out: &mut Samples<'_>, pick: fn(&JobSample) -> T) {
    for view in &s.world.jobs {
        out.add([view.job.id.as_str().into()], pick(&view.sample));
    }
}

fn job_info(s: &Snapshot, out: &mut Samples<'_>) {
    for view in &s.world.jobs {
        let (job, arguments) = (&view.job, &view.job.arguments);
        let owner = job.owner.name.as_deref().map_or_else(|| job.owner.uid.into(), Into::into);
        out.fact([
            job.id.as_str().into(),
            (&job.profile).into(),
            arguments.mode.as_deref().into(),
            arguments.k.map(u32::from).into(),
            arguments.level.into(),
            arguments.threads.into(),
            arguments.buckets.into(),
            owner,
            job.progress.plot_id.as_deref().into(),
        ]);
    }
}

fn delays(s: &Snapshot, out: &mut Samples<'_>) {
    for view in &s.world.jobs {
        let DelaySample { cpu, io, swapin, reclaim, thrashing, compaction } = view.sample.delays;
        for (kind, time) in [
            ("cpu", cpu),
            ("io", io),
            ("swapin", swapin),
            ("reclaim", reclaim),
            ("thrashing", thrashing),
            ("compaction", compaction),
        ] {
            out.add([view.job.id.as_str().into(), kind.into()], time);
        }
    }
}

fn directories(s: &Snapshot, out: &mut Samples<'_>) {
    for view in &s.world.jobs {
        let arguments = &view.job.arguments;
        for (purpose, paths) in [("temp", &arguments.temp_dirs), ("final", &arguments.final_dirs)] {
            for path in paths {
                let path = path.to_string_lossy();
                out.fact([view.job.id.as_str().into(), purpose.into(), path.as_ref().into()]);
            }
        }
    }
}

/// Whole seconds, since the two clocks are read one after the other and a start time must not tremble.
fn start_time(s: &Snapshot, out: &mut Samples<'_>) {
    let now = s.world.now;
    for view in &s.world.jobs {
        let started = now.wall.checked_sub(now.since(view.job.started));
        let since_1970 = started.and_then(|started| started.duration_since(UNIX_EPOCH).ok());
        out.add([view.job.id.as_str().into()], since_1970.map(|time| time.as_secs_f64().round()));
    }
}

fn jobs_by_state(s: &Snapshot, out: &mut Samples<'_>) {
    let mut counts: BTreeMap<&str, [u64; 3]> = s.profiles.iter().map(|name| (name.as_str(), [0; 3])).collect();
    for view in &s.world.jobs {
        counts.entry(&view.job.profile).or_default()[state_of(view)] += 1;
    }
    for (profile, counts) in counts {
        for (state, count) in ["running", "paused", "stalled"].into_iter().zip(counts) {
            out.add([profile.into(), state.into()], count);
        }
    }
}

fn state_of(view: &JobView) -> usize {
    match (&view.pause.since, view.job.progress.stalled) {
        (Some(_), _) => 1,
        (None, true) => 2,
        (None, false) => 0,
    }
}

/// Does not run at present, whoever brought that about.
pub(super) fn suspended(sample: &JobSample) -> Option<bool> {
    let stopped = sample.state.map(|state| matches!(state, RunState::Stopped | RunState::Traced));
    match (sample.frozen, stopped) {
        (None, None) => None,
        (frozen, stopped) => Some(frozen == Some(true) || stopped == Some(true)),
    }
}
