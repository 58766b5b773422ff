//! The `OpenMetrics` 1.0 text format. `prometheus-client` writes what describes a family, once; it takes 1,800 instructions for
//! each sample (measured), so the lines of samples are our own.

use std::fmt;
use std::sync::LazyLock;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit as ClientUnit};

use super::family::{Family, Kind, Unit};

/// The last line.
pub(super) const END: &str = "# EOF\n";

/// The metadata of all families, by their place.
static HEADS: LazyLock<Vec<Box<str>>> = LazyLock::new(|| super::families().map(head).collect());
/// The client's own `Ratios` is plural, which is not what the naming rules of Prometheus ask for.
static RATIO: LazyLock<ClientUnit> = LazyLock::new(|| ClientUnit::Other("ratio".to_owned()));
static WATTS: LazyLock<ClientUnit> = LazyLock::new(|| ClientUnit::Other("watts".to_owned()));
static HERTZ: LazyLock<ClientUnit> = LazyLock::new(|| ClientUnit::Other("hertz".to_owned()));

/// What describes the family at this place among all, before its first sample.
pub(super) fn push_head(out: &mut String, place: usize) {
    out.push_str(HEADS.get(place).map_or("", |head| head));
}

/// What describes `family`; empty if it breaks the rules of naming, which a test excludes.
fn head(family: &'static Family) -> Box<str> {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Described(family)));
    let mut text = String::new();
    let written = text::encode(&mut text, &registry);
    written.ok().and_then(|()| text.strip_suffix(END)).unwrap_or_default().into()
}

/// A family without samples.
#[derive(Debug)]
struct Described(&'static Family);

impl Collector for Described {
    /// The client appends unit and `_total` or `_info` by itself, so they are taken off the name.
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let Self(family) = self;
        let (kind, suffix) = match family.kind {
            Kind::Counter => (MetricType::Counter, "_total"),
            Kind::Gauge => (MetricType::Gauge, ""),
            Kind::Info => (MetricType::Info, "_info"),
        };
        let mut stem = family.name.strip_suffix(suffix).ok_or(fmt::Error)?;
        let unit = match family.unit() {
            None => None,
            Some(unit) => {
                stem = stem.strip_suffix(unit.name()).and_then(|stem| stem.strip_suffix('_')).ok_or(fmt::Error)?;
                Some(client_unit(unit))
            }
        };
        encoder.encode_descriptor(stem, family.help, unit, kind).map(drop)
    }
}

fn client_unit(unit: Unit) -> &'static ClientUnit {
    match unit {
        Unit::Bytes => &ClientUnit::Bytes,
        Unit::Seconds => &ClientUnit::Seconds,
        Unit::Ratio => &RATIO,
        Unit::Celsius => &ClientUnit::Celsius,
        Unit::Watts => &WATTS,
        Unit::Joules => &ClientUnit::Joules,
        Unit::Volts => &ClientUnit::Volts,
        Unit::Amperes => &ClientUnit::Amperes,
        Unit::Hertz => &HERTZ,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_family_is_described_by_its_own_name() {
        for (family, head) in super::super::families().zip(HEADS.iter()) {
            let stem = family.name.trim_end_matches("_total").trim_end_matches("_info");
            assert!(head.starts_with(&format!("# HELP {stem} {}\n", family.help)), "{}: {head}", family.name);
        }
    }
}
