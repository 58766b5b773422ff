//! The classic Prometheus text format 0.0.4, which `prometheus-client` does not write.
//!
//! Source: <https://prometheus.io/docs/instrumenting/exposition_formats/>.

use super::family::{Family, Kind};

/// What describes `family`, before its first sample.
pub(super) fn push_head(out: &mut String, family: &Family) {
    let Family { name, help, kind, .. } = family;
    // The classic format knows no info; there it is a gauge that is always 1.
    let kind = if *kind == Kind::Info { Kind::Gauge } else { *kind };
    for part in ["# HELP ", name, " ", help, "\n# TYPE ", name, " ", kind.name(), "\n"] {
        out.push_str(part);
    }
}
