//! The status page: what an operator wants to see before opening a dashboard, in one self-contained document.
//!
//! Rendered on the server from the last snapshot, without script; it renews itself by a `meta refresh`.

mod alerts;
mod control;
mod host;
mod html;
mod jobs;
mod processes;
mod words;

#[cfg(test)]
mod tests;

use crate::clock::Moment;
use crate::metrics::Snapshot;
use crate::mode::Mode;

use super::readiness;
use html::Html;
use words::{ago, span};

/// The query that stops the page from renewing itself, for reading and for copying.
pub(super) const REFRESH_OFF: &str = "refresh=off";

/// The whole document. `latest` is `None` before the first tick.
pub(super) fn render(latest: Option<&Snapshot>, now: Moment, telemetry_path: &str, refresh: bool) -> String {
    let mut html = Html::default();
    head(&mut html, latest, refresh);
    banner(&mut html, latest, now, refresh);
    html.raw("<main>");
    notices(&mut html, latest, now);
    if let Some(snapshot) = latest {
        alerts::alerts(&mut html, snapshot);
        host::tiles(&mut html, snapshot);
        jobs::table(&mut html, snapshot);
        processes::table(&mut html, snapshot);
        control::contention(&mut html, snapshot);
        control::recent(&mut html, snapshot);
        control::knobs(&mut html, snapshot);
        control::policies(&mut html, snapshot);
        host::limits(&mut html, snapshot);
    }
    html.raw("</main>");
    foot(&mut html, latest, telemetry_path);
    html.into_string()
}

fn head(html: &mut Html, latest: Option<&Snapshot>, refresh: bool) {
    html.raw("<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">");
    html.raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">");
    html.raw("<meta name=\"color-scheme\" content=\"light dark\">");
    if refresh {
        html.raw("<meta http-equiv=\"refresh\" content=\"5\">");
    }
    html.raw("<title>").text(hostname(latest)).raw(" · plotwarden</title>");
    html.raw("<link rel=\"icon\" href=\"favicon.svg\"><link rel=\"stylesheet\" href=\"style.css\"></head><body>");
}

fn banner(html: &mut Html, latest: Option<&Snapshot>, now: Moment, refresh: bool) {
    html.raw("<header><a class=\"brand\" href=\".\"><img src=\"favicon.svg\" alt=\"\" width=\"28\" height=\"28\">plotwarden</a>");
    html.raw("<h1>").text(hostname(latest)).raw("</h1><div class=\"chips\">");
    if let Some(snapshot) = latest {
        let (class, words) = match snapshot.own.mode {
            Mode::Enforce => ("chip good", "in control"),
            Mode::DryRun => ("chip warn", "dry run: nothing is written"),
            Mode::Off => ("chip warn", "observing only"),
        };
        html.raw("<span class=\"").raw(class).raw("\">").raw(words).raw("</span>");
        let age = now.since(snapshot.world.now.boot);
        html.raw("<span class=\"chip\">sampled ").text(&ago(age)).raw("</span>");
    }
    if refresh {
        html.raw("<a class=\"chip\" href=\"?refresh=off\">stop refresh</a>");
    } else {
        html.raw("<a class=\"chip\" href=\".\">refresh again</a>");
    }
    html.raw("</div></header>");
}

/// What needs attention, above all else.
fn notices(html: &mut Html, latest: Option<&Snapshot>, now: Moment) {
    let Some(snapshot) = latest else {
        html.raw("<p class=\"notice warn\">").text(&readiness::NotReady::NoSampleYet.to_string()).raw("</p>");
        return;
    };
    if let Some(why) = readiness::stalled(snapshot, now) {
        html.raw("<p class=\"notice bad\">").text(&why.to_string()).raw("</p>");
    }
    if snapshot.own.guard_alive == Some(false) {
        html.raw(
            "<p class=\"notice bad\">The guard is not running: should plotwarden be killed, nothing puts the machine ",
        );
        html.raw("back until <code>plotwarden restore</code> is run.</p>");
    }
    if let Some(error) = &snapshot.reload.error {
        html.raw("<p class=\"notice warn\">The policies could not be loaded; the last good set stays in force: ");
        html.text(error).raw("</p>");
    }
}

fn foot(html: &mut Html, latest: Option<&Snapshot>, telemetry_path: &str) {
    html.raw("<footer><nav><a href=\"").text(telemetry_path.trim_start_matches('/')).raw("\">metrics</a>");
    html.raw(
        "<a href=\"api/v1/jobs\">jobs as JSON</a><a href=\"-/ready\">ready</a><a href=\"-/healthy\">healthy</a></nav>",
    );
    if let Some(Snapshot { own, world, .. }) = latest {
        html.raw("<p>plotwarden ").text(own.version);
        let up = world.now.wall.duration_since(own.started).unwrap_or_default();
        html.raw(" · up ").text(&span(up));
        html.raw(" · tick ").text(&format!("{:.1} ms", own.tick_duration.as_secs_f64() * 1000.0));
        if let Some(resident) = own.usage.resident {
            html.raw(" · ").text(&resident.to_string());
        }
        html.raw("</p>");
    }
    html.raw("</footer></body></html>");
}

fn hostname(latest: Option<&Snapshot>) -> &str {
    latest.and_then(|snapshot| snapshot.inventory.system.facts.hostname.as_deref()).unwrap_or("this machine")
}
