//! The machine on the status page: its resources at a glance, and what of it cannot be used.

use crate::inventory::CapabilityState;
use crate::metrics::Snapshot;
use crate::pressure::{PressureState, Resource};

use super::html::Html;
use super::words::{percent, plain};

/// Pressure above which a bar is yellow, and above which it is red.
const PRESSED: (f64, f64) = (0.2, 0.5);
/// Use of memory above which its bar is yellow, and above which it is red.
const FULL: (f64, f64) = (0.85, 0.95);

/// The row of figures at the top.
pub(super) fn tiles(html: &mut Html, snapshot: &Snapshot) {
    html.raw("<section class=\"tiles\" aria-label=\"Machine\">");
    jobs(html, snapshot);
    admission(html, snapshot);
    memory(html, snapshot);
    for resource in [Resource::Io, Resource::Cpu, Resource::Memory] {
        pressure(html, snapshot, resource);
    }
    load(html, snapshot);
    html.raw("</section>");
}

fn jobs(html: &mut Html, snapshot: &Snapshot) {
    let all = snapshot.world.jobs.len();
    let paused = snapshot.world.jobs.iter().filter(|view| view.pause.since.is_some()).count();
    html.raw("<div class=\"tile\"><h2>Plotting</h2><p class=\"figure\">").text(&all.to_string());
    html.raw("</p><p class=\"under\">");
    match paused {
        0 => html.raw("none paused"),
        _ => html.text(&format!("{paused} paused")),
    };
    html.raw("</p></div>");
}

/// Closed as soon as one policy that is carried out closes it.
fn admission(html: &mut Html, snapshot: &Snapshot) {
    let mut enforced = snapshot.policies.iter().filter(|policy| policy.mode == crate::mode::Mode::Enforce);
    let closed = enforced.find(|policy| policy.decision.as_ref().is_some_and(|decision| decision.admission_closed));
    html.raw("<div class=\"tile\"><h2>New plots</h2>");
    match closed {
        Some(policy) => html.raw("<p class=\"figure warn\">wait</p><p class=\"under\">").text(&policy.name),
        None => html.raw("<p class=\"figure\">welcome</p><p class=\"under\">no policy objects"),
    };
    html.raw("</p></div>");
}

fn memory(html: &mut Html, snapshot: &Snapshot) {
    let Some(memory) = &snapshot.world.host.memory else { return };
    let (Some(total), Some(available)) = (memory.total, memory.available) else { return };
    if total.0 == 0 {
        return;
    }
    let used = 1.0 - crate::units::float(available.0) / crate::units::float(total.0);
    html.raw("<div class=\"tile\"><h2>Memory</h2><p class=\"figure\">").text(&percent(used)).raw("</p>");
    html.bar(colour(used, FULL), used);
    html.raw("<p class=\"under\">").text(&format!("{available} of {total} left")).raw("</p></div>");
}

fn pressure(html: &mut Html, snapshot: &Snapshot, resource: Resource) {
    let title = match resource {
        Resource::Cpu => "<h2>CPU pressure</h2>",
        Resource::Memory => "<h2>Memory pressure</h2>",
        Resource::Io => "<h2>I/O pressure</h2>",
    };
    html.raw("<div class=\"tile\">").raw(title);
    match snapshot.world.host.pressure.of(resource) {
        PressureState::Measured(pressure) => {
            let share = pressure.some.avg10.0;
            html.raw("<p class=\"figure\">").text(&percent(share)).raw("</p>").bar(colour(share, PRESSED), share);
            html.raw("<p class=\"under\">of the last 10 s</p>");
        }
        PressureState::DisabledAtBoot => {
            html.raw("<p class=\"figure none\">off</p><p class=\"under\">boot with <code>psi=1</code></p>");
        }
        PressureState::Absent => {
            html.raw("<p class=\"figure none\">–</p><p class=\"under\">not measured by this kernel</p>");
        }
        PressureState::Unreadable(why) => {
            html.raw("<p class=\"figure none\">–</p><p class=\"under\">").text(why).raw("</p>");
        }
    }
    html.raw("</div>");
}

fn load(html: &mut Html, snapshot: &Snapshot) {
    let Some(load) = &snapshot.world.host.load else { return };
    html.raw("<div class=\"tile\"><h2>Load</h2><p class=\"figure\">").text(&format!("{:.1}", load.one));
    html.raw("</p><p class=\"under\">");
    match snapshot.inventory.cpu.facts.topology.online.len() {
        0 => html.text(&format!("{:.1} in 5 min", load.five)),
        cpus => html.text(&format!("on {cpus} CPUs")),
    };
    html.raw("</p></div>");
}

/// What cannot be used here, why, and the command that mends it.
pub(super) fn limits(html: &mut Html, snapshot: &Snapshot) {
    let limits: Vec<_> = snapshot
        .inventory
        .capabilities
        .iter()
        .filter(|capability| capability.state != CapabilityState::Usable)
        .collect();
    if limits.is_empty() {
        return;
    }
    html.raw("<section><h2>Limits of this machine</h2><ul class=\"rows\">");
    for capability in limits {
        let class = match capability.state {
            CapabilityState::Unusable => "<li><span class=\"chip bad\">",
            CapabilityState::Limited | CapabilityState::Usable => "<li><span class=\"chip warn\">",
        };
        html.raw(class).text(capability.state.name()).raw("</span> <b>").text(&plain(capability.surface)).raw("</b> ");
        html.text(&capability.reason);
        if !capability.mend.is_empty() {
            html.raw("<br><span class=\"under\">to mend it:</span> <code>").text(&capability.mend).raw("</code>");
        }
        html.raw("</li>");
    }
    html.raw("</ul></section>");
}

pub(super) fn colour(share: f64, (warn, bad): (f64, f64)) -> &'static str {
    if share >= bad {
        "bad"
    } else if share >= warn {
        "warn"
    } else {
        "good"
    }
}
