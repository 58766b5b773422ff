//! What a server sends back, read with suspicion: JSON of the query API, and the date of the HTTP header.

use std::time::SystemTime;

use serde::Deserialize;

use crate::promql::{Labels, Millis, Point, Row, Value, VectorSample};
use crate::signal::outcome::{Failure, Outcome};

/// More of a server's message than this fits no log line.
const LONGEST_MESSAGE: usize = 300;

#[derive(Deserialize)]
struct Envelope {
    status: String,
    data: Option<Data>,
    #[serde(default)]
    error: String,
    #[serde(default)]
    warnings: Vec<String>,
    #[serde(default)]
    infos: Vec<String>,
}

#[derive(Deserialize)]
#[serde(tag = "resultType", content = "result", rename_all = "lowercase")]
enum Data {
    Scalar(Sample),
    String(Sample),
    Vector(Vec<Element>),
    Matrix(Vec<Series>),
}

/// Seconds, and the value as text.
type Sample = (f64, String);

#[derive(Deserialize)]
struct Element {
    metric: std::collections::BTreeMap<String, String>,
    /// Absent where the sample is a native histogram.
    value: Option<Sample>,
}

#[derive(Deserialize)]
struct Series {
    metric: std::collections::BTreeMap<String, String>,
    #[serde(default)]
    values: Vec<Sample>,
}

#[derive(Deserialize)]
struct BuildInfo {
    data: Build,
}

#[derive(Deserialize)]
struct Build {
    version: String,
}

/// The result of a query.
///
/// # Errors
/// It is not what the API promises, or the server itself doubts that it is complete.
pub fn value(body: &[u8]) -> Result<Value, Failure> {
    let malformed = |reason: String| Failure::new(Outcome::Malformed, format!("the reply is no result: {reason}"));
    let envelope: Envelope = serde_json::from_slice(body).map_err(|error| malformed(error.to_string()))?;
    if envelope.status != "success" {
        return Err(Failure::new(Outcome::Failed, format!("the server answers: {}", short(&envelope.error))));
    }
    if let Some(doubt) = envelope.warnings.iter().chain(&envelope.infos).next() {
        return Err(Failure::new(Outcome::Partial, format!("the server doubts its answer: {}", short(doubt))));
    }
    let data = envelope.data.ok_or_else(|| malformed("it has no data".to_owned()))?;
    convert(data).map_err(malformed)
}

fn convert(data: Data) -> Result<Value, String> {
    Ok(match data {
        Data::Scalar(sample) => Value::Scalar(point(&sample)?),
        Data::String((_, text)) => Value::Text(text),
        Data::Vector(elements) => Value::Vector(
            elements
                .into_iter()
                .map(|element| {
                    let sample = element.value.ok_or("a native histogram stands where a number is needed")?;
                    Ok(VectorSample { labels: Labels::from_pairs(element.metric), point: point(&sample)? })
                })
                .collect::<Result<_, String>>()?,
        ),
        Data::Matrix(series) => Value::Matrix(
            series
                .into_iter()
                .map(|series| {
                    let points = series.values.iter().map(point).collect::<Result<_, String>>()?;
                    Ok(Row { labels: Labels::from_pairs(series.metric), points })
                })
                .collect::<Result<_, String>>()?,
        ),
    })
}

fn point((seconds, text): &Sample) -> Result<Point, String> {
    let value = text.parse().map_err(|_| format!("`{}` is no value", short(text)))?;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a stamp out of range becomes the farthest one: old, or of the future"
    )]
    let at = (seconds * 1000.0).round() as Millis;
    Ok(Point { at, value })
}

/// What the server says is wrong; empty if it does not say.
pub fn error(body: &[u8]) -> String {
    serde_json::from_slice::<Envelope>(body).map(|envelope| short(&envelope.error)).unwrap_or_default()
}

/// The version in the build information; empty if there is none.
pub fn version(body: &[u8]) -> String {
    serde_json::from_slice::<BuildInfo>(body).map(|info| short(&info.data.version)).unwrap_or_default()
}

/// What others wrote, made fit for one line.
fn short(text: &str) -> String {
    text.chars().take(LONGEST_MESSAGE).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// `Mon, 23 Nov 2026 08:08:10 GMT`, the one form of dates that HTTP still writes.
pub fn http_date(text: &str) -> Option<SystemTime> {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let words: Vec<&str> = text.split_whitespace().collect();
    let &[_, day, month, year, time, "GMT"] = words.as_slice() else { return None };
    let month = MONTHS.iter().zip(1..).find(|(name, _)| **name == month)?.1;
    // The same form as in a log, which is read with the crate that is here anyway.
    let stamp = format!("{year}-{month:02}-{day:0>2}T{time}Z");
    humantime::parse_rfc3339(&stamp).ok()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn dates_are_read() {
        let at = |text| http_date(text).map(|at| at.duration_since(SystemTime::UNIX_EPOCH).unwrap());
        assert_eq!(at("Sun, 06 Nov 1994 08:49:37 GMT"), Some(Duration::from_secs(784_111_777)));
        for wrong in ["", "now", "Sun, 06 Nov 1994 08:49:37 CET", "Sun, 99 Nov 1994 08:49:37 GMT", "a b Xyz c d GMT"] {
            assert_eq!(at(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn results_of_every_type_are_read() {
        let read = |data: &str| value(format!(r#"{{"status":"success","data":{data}}}"#).as_bytes());
        let scalar = read(r#"{"resultType":"scalar","result":[1.5,"+Inf"]}"#).unwrap();
        assert_eq!(scalar, Value::Scalar(Point { at: 1500, value: f64::INFINITY }));
        let vector = read(r#"{"resultType":"vector","result":[{"metric":{"a":"b"},"value":[1,"-0.5"]}]}"#).unwrap();
        let Value::Vector(samples) = vector else { panic!("{vector:?}") };
        assert_eq!((samples[0].labels.to_string().as_str(), samples[0].point.value), (r#"{a="b"}"#, -0.5));
        let matrix = read(r#"{"resultType":"matrix","result":[{"metric":{},"values":[[1,"2"],[3,"NaN"]]}]}"#).unwrap();
        let Value::Matrix(rows) = matrix else { panic!("{matrix:?}") };
        assert!(rows[0].points[1].value.is_nan());
    }

    #[test]
    fn what_is_no_result_is_named() {
        for (body, outcome) in [
            ("", Outcome::Malformed),
            ("<html>", Outcome::Malformed),
            ("{}", Outcome::Malformed),
            (r#"{"status":"success"}"#, Outcome::Malformed),
            (r#"{"status":"success","data":{"resultType":"vector","result":7}}"#, Outcome::Malformed),
            (r#"{"status":"success","data":{"resultType":"blob","result":[]}}"#, Outcome::Malformed),
            (r#"{"status":"success","data":{"resultType":"scalar","result":[1,2]}}"#, Outcome::Malformed),
            (r#"{"status":"success","data":{"resultType":"scalar","result":[1,"x"]}}"#, Outcome::Malformed),
            (
                r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"histogram":[1,{}]}]}}"#,
                Outcome::Malformed,
            ),
            (r#"{"status":"error","error":"down"}"#, Outcome::Failed),
            (
                r#"{"status":"success","data":{"resultType":"scalar","result":[1,"1"]},"warnings":["a store is down"]}"#,
                Outcome::Partial,
            ),
            (
                r#"{"status":"success","data":{"resultType":"scalar","result":[1,"1"]},"infos":["no counter"]}"#,
                Outcome::Partial,
            ),
        ] {
            assert_eq!(value(body.as_bytes()).unwrap_err().outcome, outcome, "{body}");
        }
    }

    #[test]
    fn a_version_is_read_or_unknown() {
        assert_eq!(version(br#"{"status":"success","data":{"version":"2.42.0"}}"#), "2.42.0");
        assert_eq!(version(b"404 page not found"), "");
    }
}
