//! What a scrape can show, and whether a query asks for more than that.

use std::collections::BTreeMap;

use plotwarden::metrics::catalogue;
use plotwarden::promql::{Engine, METRIC_NAME};

/// A query, and where it stands.
#[derive(Debug)]
pub struct Expression {
    pub at: String,
    pub query: String,
}

/// Series that Prometheus itself makes of each target.
const OF_PROMETHEUS: &[&str] = &["up"];
/// Labels that Prometheus itself puts on each series of a target.
const OF_TARGETS: &[&str] = &["job", "instance"];

/// Names of all metrics that are published.
pub fn families() -> impl Iterator<Item = &'static str> {
    catalogue().into_iter().map(|family| family.name)
}

/// Every expression that cannot be parsed, or reads a metric or a label that does not exist.
pub fn faults(expressions: &[Expression]) -> Vec<String> {
    assert!(!expressions.is_empty(), "there is nothing to check");
    let mut published: BTreeMap<&str, &[&str]> =
        catalogue().into_iter().map(|family| (family.name, family.labels)).collect();
    published.extend(OF_PROMETHEUS.iter().map(|&name| (name, &[][..])));
    expressions.iter().flat_map(|expression| faults_of(expression, &published)).collect()
}

fn faults_of(Expression { at, query }: &Expression, published: &BTreeMap<&str, &[&str]>) -> Vec<String> {
    let parsed = match Engine::default().parse(query) {
        Ok(parsed) => parsed,
        Err(error) => return vec![format!("{at}: {}", error.show(query))],
    };
    let mut faults = Vec::new();
    for reading in parsed.readings() {
        let Some(labels) = reading.metric.and_then(|metric| published.get(metric)) else {
            faults.push(format!("{at}: {query}: nothing is published as {:?}", reading.metric));
            continue;
        };
        for matcher in reading.matchers.iter().filter(|matcher| &*matcher.name != METRIC_NAME) {
            if !labels.contains(&&*matcher.name) && !OF_TARGETS.contains(&&*matcher.name) {
                faults.push(format!("{at}: {query}: {:?} has no label {}", reading.metric, matcher.name));
            }
        }
    }
    faults
}
