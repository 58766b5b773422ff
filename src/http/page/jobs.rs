//! The plots in the making: a table where there is room, a stack of cards on a phone.

use crate::clock::Moment;
use crate::metrics::Snapshot;
use crate::plotter::{Arguments, Phase, Progress};
use crate::world::JobView;

use super::html::Html;
use super::words::{ago, percent, plain, span};

/// Rows on the page; whoever runs more reads them as JSON or in Prometheus.
const ROWS: usize = 200;

pub(super) fn table(html: &mut Html, snapshot: &Snapshot) {
    html.raw("<section><h2>Plots</h2>");
    let jobs = &snapshot.world.jobs;
    if jobs.is_empty() {
        html.raw("<p class=\"empty\">No plotter is running. One that is started shows up here within a second.</p></section>");
        return;
    }
    html.raw("<table class=\"jobs\"><thead><tr><th>Plot<th>State<th>Progress<th>Time left<th>Memory<th>Temp</tr></thead><tbody>");
    for view in jobs.iter().take(ROWS) {
        row(html, view, snapshot.world.now);
    }
    html.raw("</tbody></table>");
    if jobs.len() > ROWS {
        html.raw("<p class=\"under\">and ").text(&(jobs.len() - ROWS).to_string()).raw(" more</p>");
    }
    html.raw("</section>");
}

fn row(html: &mut Html, view: &JobView, now: Moment) {
    html.raw("<tr><td data-label=\"Plot\">");
    name(html, view, now);
    html.raw("</td><td data-label=\"State\">");
    state(html, view, now);
    html.raw("</td><td data-label=\"Progress\" class=\"wide\">");
    progress(html, view);
    html.raw("</td><td data-label=\"Time left\" class=\"number\">");
    known(html, view.job.progress.eta.map(span));
    html.raw("</td><td data-label=\"Memory\" class=\"number\">");
    amount(html, view.sample.resident, view.job.needs.peak.ram);
    html.raw("</td><td data-label=\"Temp\" class=\"number\">");
    amount(html, view.sample.temp_bytes, view.job.needs.peak.temp);
    html.raw("</td></tr>");
}

fn name(html: &mut Html, view: &JobView, now: Moment) {
    let job = &view.job;
    html.raw("<b>").text(&job.profile);
    let Arguments { k, mode, .. } = &job.arguments;
    if let Some(k) = k {
        html.text(&format!(" k{k}"));
    }
    html.raw("</b>");
    if let Some(mode) = mode {
        html.raw(" ").text(mode);
    }
    html.raw("<div class=\"under\">pid ").text(&job.plotter.pid.to_string());
    if let Some(owner) = &job.owner.name {
        html.raw(" · ").text(owner);
    }
    html.raw(" · started ").text(&ago(now.since(job.started))).raw("</div>");
}

fn state(html: &mut Html, view: &JobView, now: Moment) {
    let progress = &view.job.progress;
    match (&view.pause.since, progress.stalled) {
        (Some((since, reason)), _) => {
            html.raw("<span class=\"chip warn\">paused</span><div class=\"under\">for ");
            html.text(&span(now.since(*since))).raw(": ").text(&plain(reason)).raw("</div>");
        }
        (None, true) => {
            html.raw("<span class=\"chip bad\">waits by itself</span>");
        }
        (None, false) => {
            html.raw("<span class=\"chip good\">running</span>");
        }
    }
    if let Some(error) = &progress.error {
        html.raw("<div class=\"under error\">").text(error).raw("</div>");
    }
}

fn progress(html: &mut Html, view: &JobView) {
    let Progress { ratio, .. } = view.job.progress;
    let class = if view.pause.since.is_some() { "warn" } else { "good" };
    match ratio {
        Some(ratio) => html
            .raw("<div class=\"bar\">")
            .bar(class, ratio.0)
            .raw("<span>")
            .text(&percent(ratio.0))
            .raw("</span></div>"),
        None => html.raw("<span class=\"none\">not known yet</span>"),
    };
    html.raw("<div class=\"under\">").text(&whereabouts(&view.job.progress)).raw("</div>");
}

fn whereabouts(progress: &Progress) -> String {
    let phase = progress.phase.map(|phase| match phase {
        Phase::Number(number) => format!("phase {number}"),
        phase => phase.to_string(),
    });
    // A plotter that writes or copies has left its tables behind.
    let at_tables = matches!(progress.phase, Some(Phase::Number(_)) | None);
    let table = progress.table.filter(|_| at_tables).map(|table| format!("table {table}"));
    let before = (progress.plots_done > 0).then(|| format!("{} done before", progress.plots_done));
    [phase, table, before].into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

/// What is used, and below it what the job needs at its worst moment still to come.
fn amount(html: &mut Html, used: Option<crate::units::Bytes>, peak: Option<crate::units::Bytes>) {
    known(html, used.map(|used| used.to_string()));
    if let Some(peak) = peak {
        html.raw("<div class=\"under\">peak ").text(&peak.to_string()).raw("</div>");
    }
}

fn known(html: &mut Html, words: Option<String>) {
    match words {
        Some(words) => html.text(&words),
        None => html.raw("<span class=\"none\">–</span>"),
    };
}
