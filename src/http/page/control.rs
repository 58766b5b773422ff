//! What the policies see, decide and hold, on the status page.

use crate::decide::{Decision, Input};
use crate::metrics::{KnobState, PolicyState, Reading, Snapshot};
use crate::mode::Mode;
use crate::pressure::Resource;

use super::host::colour;
use super::html::Html;
use super::words::{plain, since, span};

/// Severities from which the strategies get stronger.
const BANDS: (f64, f64) = (0.4, 0.8);
/// Lines of what was decided.
const DECISIONS: usize = 12;
/// Rows of knobs; a job has a handful.
const KNOBS: usize = 60;

/// As git shows commits.
const SHORT: usize = 12;

/// A card for each policy that has decided.
pub(super) fn contention(html: &mut Html, snapshot: &Snapshot) {
    let mut decided =
        snapshot.policies.iter().filter_map(|policy| Some((policy, policy.decision.as_ref()?))).peekable();
    if decided.peek().is_none() {
        return;
    }
    html.raw("<section><h2>Contention</h2><div class=\"cards\">");
    for (policy, decision) in decided {
        html.raw("<article class=\"card\"><h3>").text(&policy.name).raw("</h3>");
        severities(html, decision);
        verdict(html, policy, decision);
        signals(html, &decision.inputs);
        html.raw("</article>");
    }
    html.raw("</div></section>");
}

fn severities(html: &mut Html, decision: &Decision) {
    html.raw("<dl class=\"meters\">");
    for (resource, severity) in &decision.severities {
        html.raw(match resource {
            Resource::Cpu => "<dt>CPU</dt><dd>",
            Resource::Memory => "<dt>Memory</dt><dd>",
            Resource::Io => "<dt>I/O</dt><dd>",
        });
        html.bar(colour(severity.0, BANDS), severity.0).raw("<span>").text(&format!("{:.2}", severity.0));
        html.raw("</span></dd>");
    }
    html.raw("</dl>");
}

fn verdict(html: &mut Html, policy: &PolicyState, decision: &Decision) {
    html.raw("<p>");
    match decision.strategy {
        Some(strategy) => html.raw("<b>").text(&plain(strategy.name())).raw("</b>"),
        None => html.raw("no contention"),
    };
    if let Some(cause) = decision.cause {
        html.raw(" against ").text(&plain(cause.name()));
    }
    if decision.admission_closed {
        html.raw(", no further plots");
    }
    if policy.mode != Mode::Enforce {
        html.raw(" <span class=\"chip warn\">").text(&plain(policy.mode.name())).raw("</span>");
    }
    html.raw("</p>");
}

fn signals(html: &mut Html, inputs: &[Input]) {
    html.raw("<ul class=\"under\">");
    for input in inputs {
        html.raw("<li>").text(&input.signal).raw(": ");
        match (input.value, &input.missing) {
            (Some(value), _) => html.text(&format!("{value:.3}")),
            (None, Some(why)) => html.raw("missing, ").text(why),
            (None, None) => html.raw("missing"),
        };
        if let Some(age) = input.age.filter(|age| age.as_secs() > 1) {
            html.raw(", ").text(&span(age)).raw(" old");
        }
        html.raw("</li>");
    }
    html.raw("</ul>");
}

/// What was decided last, newest first.
pub(super) fn recent(html: &mut Html, snapshot: &Snapshot) {
    html.raw("<section><h2>Decisions</h2>");
    if snapshot.recent.is_empty() {
        html.raw("<p class=\"empty\">Nothing had to be decided yet.</p></section>");
        return;
    }
    html.raw("<ol class=\"rows\">");
    for decision in snapshot.recent.iter().take(DECISIONS) {
        let stamp = humantime::format_rfc3339_seconds(decision.at).to_string();
        html.raw("<li><time datetime=\"").text(&stamp).raw("\" title=\"").text(&stamp).raw("\">");
        html.text(&since(decision.at, snapshot.world.now.wall)).raw("</time><span>").text(&decision.what);
        html.raw(" <span class=\"under\">").text(&decision.policy).raw("</span></span></li>");
    }
    html.raw("</ol></section>");
}

/// What is changed on the machine now.
pub(super) fn knobs(html: &mut Html, snapshot: &Snapshot) {
    if snapshot.knobs.is_empty() {
        return;
    }
    html.raw("<section><h2>Changed on this machine</h2><table><thead><tr><th>Knob<th>On<th>Was<th>Is<th>By</tr></thead><tbody>");
    for KnobState { knob, target, original, wanted, actual, holders, reason } in snapshot.knobs.iter().take(KNOBS) {
        html.raw("<tr><td data-label=\"Knob\">").text(&plain(knob.name()));
        html.raw("</td><td data-label=\"On\">").text(target);
        html.raw("</td><td data-label=\"Was\">");
        reading(html, original.as_ref());
        html.raw("</td><td data-label=\"Is\">");
        reading(html, actual.as_ref());
        if let Some(wanted) = wanted.as_ref().filter(|wanted| Some(*wanted) != actual.as_ref()) {
            html.raw(" <span class=\"chip warn\">wanted ").text(&wanted.text).raw("</span>");
        }
        html.raw("</td><td data-label=\"By\">").text(&holders.join(", "));
        html.raw(" <span class=\"under\">").text(&plain(reason)).raw("</span></td></tr>");
    }
    html.raw("</tbody></table></section>");
}

fn reading(html: &mut Html, reading: Option<&Reading>) {
    match reading {
        Some(reading) => html.text(&reading.text),
        None => html.raw("<span class=\"none\">–</span>"),
    };
}

/// The policies in force.
pub(super) fn policies(html: &mut Html, snapshot: &Snapshot) {
    html.raw("<section><h2>Policies</h2>");
    if snapshot.policies.is_empty() {
        html.raw("<p class=\"empty\">No policy is in force: plotwarden observes and changes nothing.</p></section>");
        return;
    }
    html.raw("<table><thead><tr><th>Policy<th>Kind<th>Mode<th>Hash</tr></thead><tbody>");
    for policy in &snapshot.policies {
        let chip = match policy.mode {
            Mode::Enforce => "<span class=\"chip good\">",
            Mode::DryRun | Mode::Off => "<span class=\"chip warn\">",
        };
        html.raw("<tr><td data-label=\"Policy\"><b>").text(&policy.name);
        html.raw("</b></td><td data-label=\"Kind\">").text(policy.kind);
        html.raw("</td><td data-label=\"Mode\">").raw(chip).text(&plain(policy.mode.name()));
        html.raw("</span></td><td data-label=\"Hash\"><code>").text(&policy.hash).raw("</code></td></tr>");
    }
    html.raw("</tbody></table>");
    if let Some(at) = snapshot.reload.succeeded_at {
        html.raw("<p class=\"under\">loaded ").text(&since(at, snapshot.world.now.wall));
        for commit in &snapshot.reload.commits {
            html.raw(", commit <code>").text(commit.id.get(..SHORT).unwrap_or(&commit.id)).raw("</code>");
        }
        html.raw("</p>");
    }
    html.raw("</section>");
}
