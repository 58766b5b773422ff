//! The files of rules and of their unit tests, as far as the checks need to know them.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::published::Expression;

/// A file of alerting rules.
#[derive(Debug, Deserialize)]
pub struct Rules {
    groups: Vec<Group>,
}

#[derive(Debug, Deserialize)]
struct Group {
    rules: Vec<Alert>,
}

#[derive(Debug, Deserialize)]
pub struct Alert {
    #[serde(rename = "alert")]
    pub name: String,
    expr: String,
    #[serde(rename = "for")]
    pub hold: Option<String>,
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
}

/// A file of unit tests for `promtool test rules`.
#[derive(Debug, Deserialize)]
pub struct Cases {
    tests: Vec<Case>,
}

#[derive(Debug, Deserialize)]
struct Case {
    name: String,
    input_series: Vec<InputSeries>,
    alert_rule_test: Vec<Expectation>,
}

#[derive(Debug, Deserialize)]
struct InputSeries {
    series: String,
}

#[derive(Debug, Deserialize)]
struct Expectation {
    alertname: String,
    exp_alerts: Vec<Fired>,
}

#[derive(Debug, Deserialize)]
pub struct Fired {
    exp_labels: BTreeMap<String, String>,
}

impl Rules {
    pub fn parse(text: &str) -> Self {
        serde_yaml::from_str(text).unwrap()
    }

    pub fn alerts(&self) -> impl Iterator<Item = &Alert> {
        self.groups.iter().flat_map(|group| &group.rules)
    }

    pub fn expressions(&self) -> Vec<Expression> {
        self.alerts().map(|alert| Expression { at: alert.name.clone(), query: alert.expr.clone() }).collect()
    }
}

impl Alert {
    pub fn severity(&self) -> &str {
        self.labels.get("severity").map_or("none", String::as_str)
    }

    pub fn annotation(&self, name: &str) -> &str {
        self.annotations.get(name).unwrap_or_else(|| panic!("{}: no {name}", self.name))
    }
}

impl Cases {
    pub fn parse(text: &str) -> Self {
        serde_yaml::from_str(text).unwrap()
    }

    /// Each alert that a case asks about, and what has fired by then.
    pub fn expectations(&self) -> impl Iterator<Item = (&str, &[Fired])> {
        let asked = self.tests.iter().flat_map(|case| &case.alert_rule_test);
        asked.map(|asked| (asked.alertname.as_str(), asked.exp_alerts.as_slice()))
    }

    /// The series that the cases are about, as selectors.
    pub fn series(&self) -> Vec<Expression> {
        let of_case = |case: &Case| {
            let at = case.name.clone();
            case.input_series
                .iter()
                .map(|input| Expression { at: at.clone(), query: input.series.clone() })
                .collect::<Vec<_>>()
        };
        self.tests.iter().flat_map(of_case).collect()
    }
}

impl Fired {
    pub fn severity(&self) -> &str {
        self.exp_labels.get("severity").map_or("none", String::as_str)
    }
}
