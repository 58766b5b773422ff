//! The jobs as JSON, for scripts: the same from `plotwarden jobs --output json` and from `/api/v1/jobs`.

use serde::Serialize;

use super::JobView;
use crate::clock::Moment;
use crate::plotter::{Demand, Needs};
use crate::sample::TempDevices;
use crate::units::Bytes;

/// A fact that is not known is `null`. Field names are an interface: scripts read them.
#[derive(Serialize)]
struct JobEntry<'a> {
    id: &'a str,
    profile: &'a str,
    pid: i32,
    pids: Vec<i32>,
    owner_uid: u32,
    owner: Option<&'a str>,
    k: Option<u8>,
    threads: Option<u32>,
    buckets: Option<u32>,
    level: Option<u32>,
    temp_dirs: Vec<String>,
    /// Empty where there is none; `null` where it is not known.
    temp_devices: Option<&'a [String]>,
    final_dirs: Vec<String>,
    phase: Option<String>,
    phase_from: Option<&'static str>,
    table: Option<u8>,
    progress_ratio: Option<f64>,
    eta_seconds: Option<u64>,
    age_seconds: u64,
    plot_id: Option<&'a str>,
    plot_bytes: Option<u64>,
    plots_done: u32,
    resident_bytes: Option<u64>,
    temp_bytes: Option<u64>,
    needs_now: NeedEntry,
    needs_peak: NeedEntry,
    paused_reason: Option<&'a str>,
    stalled: bool,
    error: Option<&'a str>,
}

#[derive(Serialize)]
struct NeedEntry {
    ram_bytes: Option<u64>,
    temp_bytes: Option<u64>,
    cores: Option<f64>,
    write_bytes: Option<u64>,
    vram_bytes: Option<u64>,
}

/// All jobs, in their order.
///
/// # Errors
/// Never in practice: every field is a number, a text or a list of them.
pub fn jobs(views: &[JobView], now: Moment) -> serde_json::Result<String> {
    let entries: Vec<_> = views.iter().map(|view| entry(view, now)).collect();
    serde_json::to_string(&entries)
}

fn entry(view: &JobView, now: Moment) -> JobEntry<'_> {
    let JobView { job, sample, pause } = view;
    let paths = |dirs: &[std::path::PathBuf]| dirs.iter().map(|dir| dir.display().to_string()).collect();
    let Needs { now: needs_now, peak, plot } = job.needs;
    JobEntry {
        id: job.id.as_str(),
        profile: &job.profile,
        pid: job.plotter.pid,
        pids: job.processes.iter().map(|process| process.pid).collect(),
        owner_uid: job.owner.uid,
        owner: job.owner.name.as_deref(),
        k: job.arguments.k,
        threads: job.arguments.threads,
        buckets: job.arguments.buckets,
        level: job.arguments.level,
        temp_dirs: paths(&job.arguments.temp_dirs),
        temp_devices: match &sample.temp_devices {
            TempDevices::Known(names) => Some(names),
            TempDevices::Pending | TempDevices::Unknown(_) => None,
        },
        final_dirs: paths(&job.arguments.final_dirs),
        phase: job.progress.phase.map(|phase| phase.to_string()),
        phase_from: job.progress.phase_from.map(crate::plotter::Evidence::name),
        table: job.progress.table,
        progress_ratio: job.progress.ratio.map(|ratio| ratio.0),
        eta_seconds: job.progress.eta.map(|eta| eta.as_secs()),
        age_seconds: now.since(job.started).as_secs(),
        plot_id: job.progress.plot_id.as_deref(),
        plot_bytes: number(plot),
        plots_done: job.progress.plots_done,
        resident_bytes: number(sample.resident),
        temp_bytes: number(sample.temp_bytes),
        needs_now: need(needs_now),
        needs_peak: need(peak),
        paused_reason: pause.since.as_ref().map(|(_, reason)| reason.as_str()),
        stalled: job.progress.stalled,
        error: job.progress.error.as_deref(),
    }
}

fn need(demand: Demand) -> NeedEntry {
    NeedEntry {
        ram_bytes: number(demand.ram),
        temp_bytes: number(demand.temp),
        cores: demand.cores,
        write_bytes: number(demand.write),
        vram_bytes: number(demand.vram),
    }
}

fn number(amount: Option<Bytes>) -> Option<u64> {
    amount.map(|amount| amount.0)
}
