//! What we keep from running, why, and for how long: the price of control.

use super::family::{Family, Samples};
use super::job::{each, suspended};
use super::snapshot::Snapshot;

pub(super) const FAMILIES: &[Family] = &[
    Family::gauge("plotwarden_job_paused", "1 while we hold the job paused.")
        .by(&["job_id"])
        .from("pauses")
        .drawn(|s, out| each(s, out, |view| view.pause.since.is_some())),
    Family::gauge("plotwarden_job_pause_reason", "1 for the reason of the present pause, 0 for those of past ones.")
        .by(&["job_id", "reason"])
        .from("pauses")
        .drawn(reasons),
    Family::counter("plotwarden_job_paused_seconds_total", "Time for which we held the job paused, by reason.")
        .by(&["job_id", "reason"])
        .from("pauses")
        .drawn(|s, out| {
            for view in &s.world.jobs {
                for (reason, &time) in &view.pause.total {
                    out.add([view.job.id.as_str().into(), reason.into()], time);
                }
            }
        }),
    Family::gauge("plotwarden_job_suspended", "1 while the plotter is frozen or stopped, by us or by anybody else.")
        .by(&["job_id"])
        .from("cgroup.events frozen, /proc/PID/stat state")
        .drawn(|s, out| each(s, out, |view| suspended(&view.sample))),
];

fn reasons(s: &Snapshot, out: &mut Samples<'_>) {
    for view in &s.world.jobs {
        let id = view.job.id.as_str().into();
        let present = view.pause.since.as_ref().map(|(_, reason)| reason);
        if let Some(reason) = present.filter(|reason| !view.pause.total.contains_key(*reason)) {
            out.fact([id, reason.into()]);
        }
        for reason in view.pause.total.keys() {
            out.add([id, reason.into()], present == Some(reason));
        }
    }
}
