//! The JSON that a server answers with, as far as it is shown.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::promql::Labels;

/// Less of a range than this is worth a word.
const WELL_COVERED: f64 = 0.8;
/// The resolution that goes without saying.
const FINEST: &str = "tick";

/// What a server says, good or bad.
#[derive(Debug, Deserialize)]
pub struct Reply {
    error: Option<String>,
    data: Option<Payload>,
    #[serde(default)]
    warnings: Vec<String>,
    #[serde(default)]
    infos: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Payload {
    #[serde(flatten)]
    data: Data,
    stats: Option<Stats>,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(tag = "resultType", content = "result", rename_all = "lowercase")]
pub enum Data {
    Scalar(Pair),
    String(Pair),
    Vector(Vec<Sample>),
    Matrix(Vec<Row>),
}

/// Seconds since 1970, and a value as text.
pub type Pair = (f64, String);

#[derive(Debug, PartialEq, Deserialize)]
pub struct Sample {
    pub metric: BTreeMap<String, String>,
    pub value: Pair,
}

#[derive(Debug, PartialEq, Deserialize)]
pub struct Row {
    pub metric: BTreeMap<String, String>,
    pub values: Vec<Pair>,
}

/// What plotwarden, unlike Prometheus, tells of each selector.
#[derive(Debug, Deserialize)]
struct Stats {
    #[serde(default)]
    selectors: Vec<Selector>,
}

#[derive(Debug, Deserialize)]
struct Selector {
    #[serde(rename = "selector")]
    text: String,
    covered_ratio: Option<f64>,
    resolution: Option<String>,
}

/// The values, and what is to be known about them.
#[derive(Debug)]
pub struct Answer {
    pub data: Data,
    pub notes: Vec<String>,
}

impl Reply {
    /// # Errors
    /// The server's reason.
    pub fn into_answer(self) -> Result<Answer, String> {
        let Some(Payload { data, stats }) = self.data else {
            return Err(self.error.unwrap_or_else(|| "the server sent neither data nor a reason".to_owned()));
        };
        let warnings = self.warnings.iter().map(|text| format!("warning: {text}"));
        let infos = self.infos.iter().map(|text| format!("info: {text}"));
        let selectors = stats.iter().flat_map(|stats| &stats.selectors).flat_map(Selector::notes);
        Ok(Answer { data, notes: warnings.chain(infos).chain(selectors).collect() })
    }
}

impl Selector {
    fn notes(&self) -> impl Iterator<Item = String> {
        let name = &self.text;
        let coarse = self.resolution.as_deref().filter(|resolution| *resolution != FINEST);
        let coarse = coarse.map(|resolution| format!("{name}: read at a resolution of {resolution}"));
        let thin = self.covered_ratio.filter(|share| *share < WELL_COVERED);
        let thin = thin.map(|share| format!("{name}: data covers only {:.0} % of the range", share * 100.0));
        coarse.into_iter().chain(thin)
    }
}

/// `name{label="value"}`, without anything that a terminal would take for a command.
pub fn series(metric: &BTreeMap<String, String>) -> String {
    printable(&Labels::from_pairs(metric.iter().map(|(name, value)| (name.as_str(), value.as_str()))).to_string())
}

pub fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(text: &str) -> Result<Answer, String> {
        serde_json::from_str::<Reply>(text).unwrap().into_answer()
    }

    #[test]
    fn every_type_is_read() {
        let one = |data: &str| answer(&format!(r#"{{"status":"success","data":{data}}}"#)).unwrap().data;
        assert_eq!(one(r#"{"resultType":"scalar","result":[1.5,"2"]}"#), Data::Scalar((1.5, "2".to_owned())));
        let Data::Vector(samples) = one(r#"{"resultType":"vector","result":[{"metric":{"a":"b"},"value":[1,"NaN"]}]}"#)
        else {
            panic!()
        };
        assert_eq!(series(&samples[0].metric), r#"{a="b"}"#);
        assert_eq!(one(r#"{"resultType":"matrix","result":[],"stats":{"timings":{}}}"#), Data::Matrix(Vec::new()));
    }

    #[test]
    fn doubts_are_told() {
        let notes = answer(
            r#"{"status":"success","warnings":["w (1:1)"],"data":{"resultType":"vector","result":[],"stats":{"selectors":[
               {"selector":"x[1d]","series":1,"newest_age_seconds":1,"covered_ratio":0.25,"resolution":"15s"},
               {"selector":"y","series":1,"newest_age_seconds":1,"covered_ratio":null,"resolution":"tick"}]}}}"#,
        );
        let expected =
            ["warning: w (1:1)", "x[1d]: read at a resolution of 15s", "x[1d]: data covers only 25 % of the range"];
        assert_eq!(notes.unwrap().notes, expected);
    }

    #[test]
    fn a_refusal_is_the_server_s_reason() {
        let refusal = answer(r#"{"status":"error","errorType":"execution","error":"too much"}"#).unwrap_err();
        assert_eq!(refusal, "too much");
        assert!(answer("{}").unwrap_err().contains("neither"));
    }

    #[test]
    fn terminals_are_not_commanded() {
        assert_eq!(printable("a\x1b[31m\r\nb"), "a\u{fffd}[31m\u{fffd}\nb");
    }
}
