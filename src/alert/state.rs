//! What becomes of an alert from one evaluation to the next: pending, firing, gone. Pure: time is an argument.

use std::collections::BTreeMap;

use super::rule::{Rule, Rules};
use crate::promql::{Labels, METRIC_NAME, Millis, VectorSample};

/// A rule may find so many at once; more are left out, since nobody reads them one by one.
const MOST_PER_RULE: usize = 200;

/// How far an alert has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AlertState {
    /// The expression is true, not yet for long enough.
    Pending,
    Firing,
}

/// An alert that is pending or fires.
#[derive(Debug, Clone, PartialEq)]
pub struct ActiveAlert {
    pub name: String,
    pub state: AlertState,
    /// Of the series and of the rule, sorted by name.
    pub labels: BTreeMap<String, String>,
    pub annotations: BTreeMap<String, String>,
    /// Since when the expression has been true, milliseconds since the epoch.
    pub since: Millis,
    pub value: f64,
}

/// All alerts of a set of rules.
#[derive(Debug, Default)]
pub struct Alerts {
    /// By the rule's place and the labels of the series.
    active: BTreeMap<(usize, Vec<(String, String)>), Active>,
}

#[derive(Debug, Clone)]
struct Active {
    since: Millis,
    seen: Millis,
    fires: bool,
    labels: Labels,
    value: f64,
}

impl Alerts {
    /// Takes what the expression of the rule at `place` is true of now.
    pub fn follow(&mut self, place: usize, rule: &Rule, found: &[VectorSample], now: Millis) {
        for sample in found.iter().take(MOST_PER_RULE) {
            let key = (place, identity(&sample.labels));
            let active = self.active.entry(key).or_insert_with(|| Active {
                since: now,
                seen: now,
                fires: false,
                labels: sample.labels.clone(),
                value: sample.point.value,
            });
            (active.seen, active.value) = (now, sample.point.value);
            active.fires |= now.saturating_sub(active.since) >= rule.hold;
        }
        self.active.retain(|(of, _), active| {
            *of != place || active.seen == now || active.fires && now.saturating_sub(active.seen) < rule.keep
        });
    }

    /// The alerts, by rule and series.
    pub fn active(&self, rules: &Rules) -> Vec<ActiveAlert> {
        let rules: Vec<&Rule> = rules.iter().collect();
        self.active.iter().filter_map(|((place, _), active)| Some(active.told(rules.get(*place)?))).collect()
    }
}

impl Active {
    fn told(&self, rule: &Rule) -> ActiveAlert {
        let render = |(name, template): (&String, &super::template::Template)| {
            (name.clone(), template.render(&self.labels, self.value))
        };
        let of_series = identity(&self.labels).into_iter();
        ActiveAlert {
            name: rule.name.clone(),
            state: if self.fires { AlertState::Firing } else { AlertState::Pending },
            labels: of_series.chain(rule.labels.iter().map(render)).collect(),
            annotations: rule.annotations.iter().map(render).collect(),
            since: self.since,
            value: self.value,
        }
    }
}

impl AlertState {
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Firing => "firing",
        }
    }
}

impl ActiveAlert {
    pub fn severity(&self) -> &str {
        self.labels.get("severity").map(String::as_str).unwrap_or_default()
    }
}

/// An alert is told from others by the labels of its series without the metric's name.
fn identity(labels: &Labels) -> Vec<(String, String)> {
    let named = labels.iter().filter(|label| &*label.name != METRIC_NAME);
    named.map(|label| (label.name.to_string(), label.value.to_string())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::promql::Point;

    const RULES: &str = "groups:\n- name: disks\n  rules:\n  - alert: DiskFull\n    expr: free < 0.1\n    for: 1m\n    \
        keep_firing_for: 2m\n    labels: {severity: warning}\n    annotations: {summary: '{{ $labels.device }} is full'}\n";

    fn rules() -> Rules {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), RULES).unwrap();
        Rules::read(file.path()).unwrap()
    }

    fn full(devices: &[&str]) -> Vec<VectorSample> {
        let sample = |device: &&str| VectorSample {
            labels: Labels::from_pairs([(METRIC_NAME, "free"), ("device", *device)]),
            point: Point { at: 0, value: 0.05 },
        };
        devices.iter().map(sample).collect()
    }

    /// The states after evaluations at seconds, each with the devices that are full.
    fn states(evaluations: &[(i64, &[&str])]) -> Vec<(String, AlertState)> {
        let (rules, mut alerts) = (rules(), Alerts::default());
        for (second, devices) in evaluations {
            alerts.follow(0, rules.iter().next().unwrap(), &full(devices), second * 1000);
        }
        alerts.active(&rules).into_iter().map(|alert| (alert.labels["device"].clone(), alert.state)).collect()
    }

    #[test]
    fn an_alert_fires_when_it_has_lasted_and_not_before() {
        assert_eq!(states(&[(0, &["sda"]), (59, &["sda"])]), [("sda".to_owned(), AlertState::Pending)]);
        assert_eq!(states(&[(0, &["sda"]), (60, &["sda"])]), [("sda".to_owned(), AlertState::Firing)]);
    }

    #[test]
    fn a_gap_begins_anew_for_who_was_pending_and_is_bridged_for_who_fired() {
        assert_eq!(states(&[(0, &["sda"]), (30, &[]), (60, &["sda"])]), [("sda".to_owned(), AlertState::Pending)]);
        assert_eq!(states(&[(0, &["sda"]), (60, &["sda"]), (120, &[])]), [("sda".to_owned(), AlertState::Firing)]);
        assert_eq!(states(&[(0, &["sda"]), (60, &["sda"]), (180, &[])]), []);
    }

    #[test]
    fn series_are_alerts_of_their_own_with_the_texts_of_the_rule() {
        let (rules, mut alerts) = (rules(), Alerts::default());
        alerts.follow(0, rules.iter().next().unwrap(), &full(&["sda", "sdb"]), 0);
        let active = alerts.active(&rules);
        assert_eq!(active.len(), 2);
        assert_eq!(active[1].annotations["summary"], "sdb is full");
        assert_eq!((active[1].severity(), active[1].labels.contains_key(METRIC_NAME)), ("warning", false));
    }
}
