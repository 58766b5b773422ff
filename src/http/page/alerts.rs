//! Alerts on the status page, the worst first.

use std::time::{Duration, UNIX_EPOCH};

use crate::alert::{ActiveAlert, AlertState};
use crate::metrics::Snapshot;

use super::html::Html;
use super::words::since;

/// Nobody reads more; the metrics count them all.
const SHOWN: usize = 30;
const CRITICAL: &str = "critical";

pub(super) fn alerts(html: &mut Html, snapshot: &Snapshot) {
    let mut alerts: Vec<&ActiveAlert> = snapshot.alerts.iter().collect();
    if alerts.is_empty() {
        return;
    }
    alerts.sort_by_key(|alert| (alert.state != AlertState::Firing, alert.severity() != CRITICAL, alert.since));
    html.raw("<section><h2>Alerts</h2><ol class=\"rows\">");
    for alert in alerts.into_iter().take(SHOWN) {
        row(html, alert, snapshot);
    }
    html.raw("</ol></section>");
}

fn row(html: &mut Html, alert: &ActiveAlert, snapshot: &Snapshot) {
    let began = UNIX_EPOCH + Duration::from_millis(u64::try_from(alert.since).unwrap_or(0));
    let stamp = humantime::format_rfc3339_seconds(began).to_string();
    html.raw("<li><time datetime=\"").text(&stamp).raw("\" title=\"").text(&stamp).raw("\">");
    html.text(&since(began, snapshot.world.now.wall)).raw("</time><span>");
    let class = match alert.state {
        AlertState::Firing if alert.severity() == CRITICAL => "chip bad",
        AlertState::Firing => "chip warn",
        AlertState::Pending => "chip",
    };
    html.raw("<span class=\"").raw(class).raw("\">").text(alert.severity());
    if alert.state == AlertState::Pending {
        html.raw(", pending");
    }
    html.raw("</span> <b>").text(alert.annotations.get("summary").unwrap_or(&alert.name)).raw("</b> ");
    html.text(alert.annotations.get("description").map(String::as_str).unwrap_or_default());
    html.raw(" <span class=\"under\">").text(&alert.name).raw("</span></span></li>");
}
