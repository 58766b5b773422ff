//! Values as Prometheus writes them: times as numbers of seconds, values as texts.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::promql::{Answer, Labels, Millis, Point, SelectorReport, Value, format_value};

/// The `data` of a query.
#[derive(Serialize)]
pub(super) struct Data<'a> {
    #[serde(flatten)]
    result: Typed<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stats: Option<Stats<'a>>,
}

#[derive(Serialize)]
#[serde(tag = "resultType", content = "result", rename_all = "lowercase")]
enum Typed<'a> {
    Scalar(Sample),
    String(Seconds, &'a str),
    Vector(Vec<VectorEntry<'a>>),
    Matrix(Vec<MatrixEntry<'a>>),
}

#[derive(Serialize)]
struct VectorEntry<'a> {
    metric: Metric<'a>,
    value: Sample,
}

#[derive(Serialize)]
struct MatrixEntry<'a> {
    metric: Metric<'a>,
    values: Vec<Sample>,
}

/// What each selector found. Not what Prometheus tells under this name, which is what the query cost.
#[derive(Serialize)]
struct Stats<'a> {
    selectors: Vec<SelectorEntry<'a>>,
}

#[derive(Serialize)]
struct SelectorEntry<'a> {
    selector: &'a str,
    series: usize,
    newest_age_seconds: Option<Seconds>,
    covered_ratio: Option<f64>,
    resolution: Option<&'a str>,
}

impl<'a> Data<'a> {
    /// `at` is for a text, which has no time of its own; `stats` tells what was read for the query `text`.
    pub fn new(answer: &'a Answer, at: Millis, stats: Option<&'a str>) -> Self {
        let result = match &answer.value {
            Value::Scalar(point) => Typed::Scalar(sample(point)),
            Value::Text(text) => Typed::String(Seconds(at), text),
            Value::Vector(samples) => {
                let entry = |one: &'a crate::promql::VectorSample| VectorEntry {
                    metric: Metric(&one.labels),
                    value: sample(&one.point),
                };
                Typed::Vector(samples.iter().map(entry).collect())
            }
            Value::Matrix(rows) => {
                let entry = |row: &'a crate::promql::Row| MatrixEntry {
                    metric: Metric(&row.labels),
                    values: row.points.iter().map(sample).collect(),
                };
                Typed::Matrix(rows.iter().map(entry).collect())
            }
        };
        let stats =
            stats.map(|text| Stats { selectors: answer.selectors.iter().map(|one| selector(text, one)).collect() });
        Self { result, stats }
    }
}

fn selector<'a>(text: &'a str, report: &'a SelectorReport) -> SelectorEntry<'a> {
    SelectorEntry {
        selector: text.get(report.span.start..report.span.end).unwrap_or_default(),
        series: report.series,
        newest_age_seconds: report.newest_age.map(Seconds),
        covered_ratio: report.covered.map(|covered| covered.least),
        resolution: report.tier.as_deref(),
    }
}

/// The labels of a series, the metric name among them.
pub(super) struct Metric<'a>(pub &'a Labels);

impl Serialize for Metric<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|label| (&*label.name, &*label.value)))
    }
}

/// A time with its value.
#[derive(Serialize)]
struct Sample(Seconds, Number);

fn sample(point: &Point) -> Sample {
    Sample(Seconds(point.at), Number(point.value))
}

/// Milliseconds, written as seconds; whole ones without a fraction.
struct Seconds(Millis);

impl Serialize for Seconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0 % 1000 == 0 {
            return serializer.serialize_i64(self.0 / 1000);
        }
        #[allow(clippy::cast_precision_loss, reason = "exact within 285,000 years of 1970")]
        serializer.serialize_f64(self.0 as f64 / 1000.0)
    }
}

struct Number(f64);

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = self.0.abs();
        // Where Prometheus begins to write exponents.
        if size.is_finite() && size != 0.0 && !(1e-6..1e21).contains(&size) {
            return write!(f, "{:e}", self.0);
        }
        f.write_str(&format_value(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(value: Value) -> String {
        let answer = Answer { value, annotations: Vec::new(), selectors: Vec::new() };
        serde_json::to_string(&Data::new(&answer, 1_500, None)).unwrap()
    }

    #[test]
    fn every_type_has_the_shape_of_prometheus() {
        let point = |at, value| Point { at, value };
        let labels = Labels::from_pairs([("__name__", "up"), ("job", "a\"b")]);
        assert_eq!(
            written(Value::Scalar(point(1_435_781_430_781, 1.0))),
            r#"{"resultType":"scalar","result":[1435781430.781,"1"]}"#
        );
        assert_eq!(written(Value::Text("é".to_owned())), r#"{"resultType":"string","result":[1.5,"é"]}"#);
        assert_eq!(
            written(Value::Vector(vec![crate::promql::VectorSample {
                labels: labels.clone(),
                point: point(2_000, f64::NAN)
            }])),
            r#"{"resultType":"vector","result":[{"metric":{"__name__":"up","job":"a\"b"},"value":[2,"NaN"]}]}"#
        );
        let points = vec![point(0, f64::INFINITY), point(1, -0.25)];
        assert_eq!(
            written(Value::Matrix(vec![crate::promql::Row { labels: Labels::default(), points }])),
            r#"{"resultType":"matrix","result":[{"metric":{},"values":[[0,"+Inf"],[0.001,"-0.25"]]}]}"#
        );
    }

    #[test]
    fn numbers_are_read_back_as_they_were() {
        for number in [0.0, -0.0, 1e-7, 1e300, -1.5e22, 123_456.789, 1e20, f64::MIN_POSITIVE, f64::NEG_INFINITY] {
            let text = Number(number).to_string();
            assert_eq!(text.parse::<f64>().unwrap().to_bits(), number.to_bits(), "{text}");
            assert!(text.len() < 30, "{text}");
        }
    }
}
