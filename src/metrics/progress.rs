//! How far each job is, and what it needs: now, and at the worst moment that still lies ahead of it.
//!
//! The phase is a number in one series per job. Where the phase is a label, as plotman has it, every step of a plot ends
//! all series of the job and begins new ones: rates break, and the index grows with each plot. One number costs one
//! series for the life of a job, and a state timeline with value mappings shows it by name.

use crate::plotter::{Demand, Phase, Progress};

use super::family::{Family, Samples};
use super::job;
use super::snapshot::Snapshot;
use super::value::Fact;

const SOURCE: &str = "thread names, open files, bytes written, log";
const PROFILE: &str = "needs of the profile, corrected by what was measured";

pub(super) const FAMILIES: &[Family] = &[
    gauge(
        "plotwarden_job_phase",
        "Where in its plot the job is: 0 allocating, 1 to 9 the plotter's own phase, 10 writing, 11 copying, 12 done.",
    )
    .drawn(|s, out| each(s, out, |progress| progress.phase.and_then(phase_number))),
    gauge("plotwarden_job_table", "Table that the job works on.")
        .drawn(|s, out| each(s, out, |progress| progress.table.map(u32::from))),
    gauge("plotwarden_job_progress_ratio", "Share of the plot that is done; never falls within one plot.")
        .drawn(|s, out| each(s, out, |progress| progress.ratio)),
    gauge("plotwarden_job_eta_seconds", "Running time that the plot still needs; pauses come on top.")
        .drawn(|s, out| each(s, out, |progress| progress.eta)),
    Family::gauge("plotwarden_job_evidence", "1 for what a statement (phase or progress) about the job rests on.")
        .by(&["job_id", "of", "evidence"])
        .from(SOURCE)
        .drawn(evidence),
    Family::counter("plotwarden_job_plots_total", "Plots that this plotter process has finished.")
        .by(&["job_id"])
        .from(SOURCE)
        .drawn(|s, out| each(s, out, |progress| progress.plots_done)),
    gauge("plotwarden_job_stalled", "1 while the plotter waits by itself: a full disk, a retry, a flush.")
        .drawn(|s, out| each(s, out, |progress| progress.stalled)),
    gauge("plotwarden_job_error", "1 if the job's log holds a line that the profile calls an error.")
        .drawn(|s, out| each(s, out, |progress| progress.error.is_some())),
    need("plotwarden_job_need_ram_bytes", "Memory that the job needs.").drawn(|s, out| needs(s, out, |need| need.ram)),
    need("plotwarden_job_need_temp_bytes", "Temp space that the job needs, over all its temp directories.")
        .drawn(|s, out| needs(s, out, |need| need.temp)),
    need("plotwarden_job_need_cores", "CPU cores that the job can use.")
        .drawn(|s, out| needs(s, out, |need| need.cores)),
    need("plotwarden_job_need_write_bytes", "Bytes that the job has still to write.")
        .drawn(|s, out| needs(s, out, |need| need.write)),
    need("plotwarden_job_need_vram_bytes", "GPU memory that the job needs.")
        .drawn(|s, out| needs(s, out, |need| need.vram)),
    Family::gauge("plotwarden_job_plot_size_bytes", "Size that the finished plot will have.")
        .by(&["job_id"])
        .from(PROFILE)
        .drawn(|s, out| job::each(s, out, |view| view.job.needs.plot)),
];

const fn gauge(name: &'static str, help: &'static str) -> Family {
    Family::gauge(name, help).by(&["job_id"]).from(SOURCE)
}

const fn need(name: &'static str, help: &'static str) -> Family {
    Family::gauge(name, help).by(&["job_id", "when"]).from(PROFILE)
}

fn each<T: Fact>(s: &Snapshot, out: &mut Samples<'_>, pick: fn(&Progress) -> T) {
    for view in &s.world.jobs {
        out.add([view.job.id.as_str().into()], pick(&view.job.progress));
    }
}

fn needs<T: Fact>(s: &Snapshot, out: &mut Samples<'_>, pick: fn(&Demand) -> T) {
    for view in &s.world.jobs {
        let id = view.job.id.as_str().into();
        out.add([id, "now".into()], pick(&view.job.needs.now));
        out.add([id, "peak".into()], pick(&view.job.needs.peak));
    }
}

fn evidence(s: &Snapshot, out: &mut Samples<'_>) {
    for view in &s.world.jobs {
        let (id, progress) = (view.job.id.as_str().into(), &view.job.progress);
        for (of, evidence) in [("phase", progress.phase_from), ("progress", progress.ratio_from)] {
            if let Some(evidence) = evidence {
                out.fact([id, of.into(), evidence.name().into()]);
            }
        }
    }
}

/// `None` for a phase number that no known plotter has, and that would be read as another phase.
fn phase_number(phase: Phase) -> Option<u32> {
    match phase {
        Phase::Allocating => Some(0),
        Phase::Number(number) => (1..=9).contains(&number).then_some(number.into()),
        Phase::Writing => Some(10),
        Phase::Copying => Some(11),
        Phase::Done => Some(12),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_keep_their_order_as_numbers() {
        let order =
            [Phase::Allocating, Phase::Number(1), Phase::Number(4), Phase::Writing, Phase::Copying, Phase::Done];
        assert!(order.map(|phase| phase_number(phase).unwrap()).is_sorted());
        assert_eq!(phase_number(Phase::Number(10)), None);
    }
}
