//! The jobs as JSON, for scripts that want them without a Prometheus server.

use serde::Serialize;

use crate::metrics::Snapshot;
use crate::units::Bytes;
use crate::world::JobView;

/// A fact that is not known is `null`.
#[derive(Serialize)]
struct JobEntry<'a> {
    id: &'a str,
    profile: &'a str,
    pid: i32,
    owner_uid: u32,
    owner: Option<&'a str>,
    k: Option<u8>,
    phase: Option<String>,
    table: Option<u8>,
    progress_ratio: Option<f64>,
    eta_seconds: Option<u64>,
    age_seconds: u64,
    plot_id: Option<&'a str>,
    plots_done: u32,
    resident_bytes: Option<u64>,
    temp_bytes: Option<u64>,
    paused_reason: Option<&'a str>,
    stalled: bool,
    error: Option<&'a str>,
}

/// All jobs, oldest first.
pub(super) fn jobs(snapshot: &Snapshot) -> serde_json::Result<Vec<u8>> {
    let entries: Vec<_> = snapshot.world.jobs.iter().map(|view| entry(snapshot, view)).collect();
    serde_json::to_vec(&entries)
}

fn entry<'a>(snapshot: &Snapshot, view: &'a JobView) -> JobEntry<'a> {
    let JobView { job, sample, pause } = view;
    let bytes = |amount: Option<Bytes>| amount.map(|amount| amount.0);
    JobEntry {
        id: job.id.as_str(),
        profile: &job.profile,
        pid: job.plotter.pid,
        owner_uid: job.owner.uid,
        owner: job.owner.name.as_deref(),
        k: job.arguments.k,
        phase: job.progress.phase.map(|phase| phase.to_string()),
        table: job.progress.table,
        progress_ratio: job.progress.ratio.map(|ratio| ratio.0),
        eta_seconds: job.progress.eta.map(|eta| eta.as_secs()),
        age_seconds: snapshot.world.now.since(job.started).as_secs(),
        plot_id: job.progress.plot_id.as_deref(),
        plots_done: job.progress.plots_done,
        resident_bytes: bytes(sample.resident),
        temp_bytes: bytes(sample.temp_bytes),
        paused_reason: pause.since.as_ref().map(|(_, reason)| reason.as_str()),
        stalled: job.progress.stalled,
        error: job.progress.error.as_deref(),
    }
}
