//! Alerts, for those who have no server that evaluates the rules.

use std::collections::BTreeMap;

use super::family::{Family, Samples};
use super::snapshot::Snapshot;

pub(super) const FAMILIES: &[Family] = &[Family::gauge(
    "plotwarden_alerts",
    "Alerts of the shipped or given rules over the embedded history; state pending or firing.",
)
.by(&["alertname", "severity", "state"])
.from("alerts/plotwarden.rules.yml, the embedded history")
.drawn(alerts)];

fn alerts(s: &Snapshot, out: &mut Samples<'_>) {
    let mut counts: BTreeMap<(&str, &str, &str), u64> = BTreeMap::new();
    for alert in s.alerts.iter() {
        *counts.entry((&alert.name, alert.severity(), alert.state.name())).or_default() += 1;
    }
    for ((name, severity, state), count) in counts {
        out.add([name.into(), severity.into(), state.into()], count);
    }
}
