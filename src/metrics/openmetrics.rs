//! The `OpenMetrics` 1.0 text format, written by `prometheus-client` from our families.

use std::fmt;
use std::fmt::Write as _;
use std::sync::{Arc, LazyLock};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{
    CounterValueEncoder, DescriptorEncoder, EncodeCounterValue, EncodeGaugeValue, EncodeLabelSet, EncodeLabelValue,
    GaugeValueEncoder, LabelSetEncoder, MetricEncoder, NoLabelSet, text,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit as ClientUnit};

use super::family::{Family, Kind, SampleWriter, Samples, Unit};
use super::label::{Label, tame};
use super::snapshot::Snapshot;
use super::value::Value;

/// The client's own `Ratios` is plural, which is not what the naming rules of Prometheus ask for.
static RATIO: LazyLock<ClientUnit> = LazyLock::new(|| ClientUnit::Other("ratio".to_owned()));
static WATTS: LazyLock<ClientUnit> = LazyLock::new(|| ClientUnit::Other("watts".to_owned()));
static HERTZ: LazyLock<ClientUnit> = LazyLock::new(|| ClientUnit::Other("hertz".to_owned()));

pub(super) fn write(snapshot: &Arc<Snapshot>, out: &mut String) -> fmt::Result {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Published(Arc::clone(snapshot))));
    text::encode(out, &registry)
}

/// A snapshot as a collector. There is no `Family` per process or job: keeping those costs six times as much as the
/// writing (measured: 32 ms against 5.6 for 50,000 series), and forgetting to clear one publishes the dead.
#[derive(Debug)]
struct Published(Arc<Snapshot>);

impl Collector for Published {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        for family in super::families_of(&self.0) {
            let mut writer = FamilyWriter { family, state: State::Fresh(&mut encoder) };
            Samples::draw(family, &self.0, &mut writer)?;
        }
        Ok(())
    }
}

struct FamilyWriter<'f, 'w> {
    family: &'static Family,
    state: State<'f, 'w>,
}

/// The head of a family is written with its first sample.
enum State<'f, 'w> {
    Fresh(&'f mut DescriptorEncoder<'w>),
    Open(MetricEncoder<'f>),
    Failed,
}

impl SampleWriter for FamilyWriter<'_, '_> {
    fn sample(&mut self, labels: &[Label<'_>], value: Value) -> fmt::Result {
        self.state = match std::mem::replace(&mut self.state, State::Failed) {
            State::Fresh(encoder) => State::Open(head(encoder, self.family)?),
            state => state,
        };
        let State::Open(metric) = &mut self.state else { return Err(fmt::Error) };
        let labels = LabelSet { names: self.family.labels, values: labels };
        match self.family.kind {
            Kind::Info => metric.encode_info(&labels),
            Kind::Counter if labels.names.is_empty() => metric.encode_counter::<NoLabelSet, _, f64>(&value, None),
            Kind::Counter => metric.encode_family(&labels)?.encode_counter::<NoLabelSet, _, f64>(&value, None),
            Kind::Gauge if labels.names.is_empty() => metric.encode_gauge(&value),
            Kind::Gauge => metric.encode_family(&labels)?.encode_gauge(&value),
        }
    }
}

/// Writes the metadata. The client appends unit and `_total` or `_info` by itself, so they are taken off the name.
fn head<'f>(encoder: &'f mut DescriptorEncoder<'_>, family: &'static Family) -> Result<MetricEncoder<'f>, fmt::Error> {
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
    encoder.encode_descriptor(stem, family.help, unit, kind)
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

struct LabelSet<'a> {
    names: &'static [&'static str],
    values: &'a [Label<'a>],
}

impl EncodeLabelSet for LabelSet<'_> {
    fn encode(&self, encoder: &mut LabelSetEncoder) -> fmt::Result {
        for (name, value) in self.names.iter().zip(self.values).filter(|(_, value)| !value.is_empty()) {
            let mut label = encoder.encode_label();
            let mut key = label.encode_label_key()?;
            key.write_str(name)?;
            let mut text_encoder = key.encode_label_value()?;
            match value {
                Label::Text(text) => text_encoder.write_str(&tame(text))?,
                Label::Number(number) => EncodeLabelValue::encode(number, &mut text_encoder)?,
            }
            text_encoder.finish()?;
        }
        Ok(())
    }
}

impl EncodeGaugeValue for Value {
    fn encode(&self, encoder: &mut GaugeValueEncoder) -> fmt::Result {
        match self {
            Self::Whole(number) => EncodeGaugeValue::encode(number, encoder),
            Self::Real(number) => EncodeGaugeValue::encode(number, encoder),
        }
    }
}

impl EncodeCounterValue for Value {
    fn encode(&self, encoder: &mut CounterValueEncoder) -> fmt::Result {
        match self {
            Self::Whole(number) => EncodeCounterValue::encode(number, encoder),
            Self::Real(number) => EncodeCounterValue::encode(number, encoder),
        }
    }
}
