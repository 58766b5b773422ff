//! Alerting rules in the form of Prometheus, evaluated over the embedded history: without a server an alert still shows, on
//! the status page and in the metrics. What is notified, and whom, stays with Prometheus and Alertmanager.
//!
//! Source: <https://prometheus.io/docs/prometheus/latest/configuration/alerting_rules/>.

mod rule;
mod state;
mod template;

pub use rule::{Rule, RuleError, Rules};
pub use state::{ActiveAlert, AlertState, Alerts};
