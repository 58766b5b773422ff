//! `/api/v1/series`, `/api/v1/labels` and `/api/v1/label/<name>/values`: which series there are.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError};

use super::form::Parameters;
use super::json::Metric;
use super::reply::{self, ApiError, Outcome};
use super::{time, turn};
use crate::history::{History, Labels};
use crate::http::site::Site;
use crate::promql::{Engine, Matcher, Millis};
use crate::signal::labels;

const MATCH: &str = "match[]";

/// Which series are meant: those that one of the selectors picks, or all if there is none, with samples in a range.
struct Choice {
    selectors: Vec<String>,
    start: Millis,
    end: Millis,
}

pub(super) async fn series(site: &Site, parameters: &Parameters) -> Outcome {
    let choice = Choice::of(parameters)?;
    if choice.selectors.is_empty() {
        return Err(ApiError::bad_data("no match[] parameter provided"));
    }
    listed(site, parameters, choice, |found| {
        let found: Vec<_> = found.iter().map(labels).collect();
        reply::success(&found.iter().map(Metric).collect::<Vec<_>>())
    })
    .await
}

pub(super) async fn names(site: &Site, parameters: &Parameters) -> Outcome {
    listed(site, parameters, Choice::of(parameters)?, |found| {
        reply::success(&found.iter().flat_map(Labels::iter).map(|(name, _)| name).collect::<BTreeSet<_>>())
    })
    .await
}

pub(super) async fn values(site: &Site, name: &str, parameters: &Parameters) -> Outcome {
    let mut bytes = name.bytes();
    let letter = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
    if !bytes.next().is_some_and(letter) || !bytes.all(|byte| letter(byte) || byte.is_ascii_digit()) {
        return Err(ApiError::bad_data(format!("invalid label name: {name:?}")));
    }
    let name = name.to_owned();
    listed(site, parameters, Choice::of(parameters)?, move |found| {
        reply::success(&found.iter().filter_map(|labels| labels.get(&name)).collect::<BTreeSet<_>>())
    })
    .await
}

/// Writes what is found, in the order of the labels.
async fn listed(
    site: &Site,
    parameters: &Parameters,
    choice: Choice,
    write: impl FnOnce(&BTreeSet<Labels>) -> Outcome + Send + 'static,
) -> Outcome {
    let history = Arc::clone(&site.history);
    turn::take(site, turn::patience(parameters)?, move |_| {
        let matchers = choice.selectors.iter().map(|text| selector(text)).collect::<Result<Vec<_>, _>>()?;
        let found = choice.find(&matchers, &history.read().unwrap_or_else(PoisonError::into_inner));
        write(&found)
    })
    .await
}

impl Choice {
    fn of(parameters: &Parameters) -> Result<Self, ApiError> {
        let selectors = parameters.all(MATCH).map(str::to_owned).collect();
        let start = time::moment_or(parameters, "start", Millis::MIN)?;
        let end = time::moment_or(parameters, "end", Millis::MAX)?;
        if end < start {
            return Err(ApiError::parameter("end", "end timestamp must not be before start time"));
        }
        Ok(Self { selectors, start, end })
    }

    fn find(&self, selectors: &[Vec<Matcher>], history: &History) -> BTreeSet<Labels> {
        if selectors.is_empty() {
            return history.series_between(&[], self.start, self.end).into_iter().collect();
        }
        selectors.iter().flat_map(|matchers| history.series_between(matchers, self.start, self.end)).collect()
    }
}

fn selector(text: &str) -> Result<Vec<Matcher>, ApiError> {
    let query = Engine::default().parse(text).map_err(|error| ApiError::parse(MATCH, text, &error))?;
    let matchers =
        query.selector().ok_or_else(|| ApiError::parameter(MATCH, format!("{text:?} is no series selector")))?;
    Ok(matchers.to_vec())
}
