//! `/api/v1/query` and `/api/v1/query_range`.

use std::sync::Arc;
use std::time::UNIX_EPOCH;

use super::form::Parameters;
use super::json::Data;
use super::reply::{self, ApiError, Outcome};
use super::{time, turn};
use crate::http::site::Site;
use crate::promql::{Engine, Limits, Millis, Query};
use crate::signal::Live;

/// A quarter of what one query may cost elsewhere, since two are answered at once, and then written as text: 150 MB each at
/// the very most, for a moment.
const POINTS: usize = 5_000_000;
/// As a server words it.
const TOO_FINE: &str =
    "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)";

fn engine(site: &Site) -> Engine {
    Engine { limits: Limits { points: POINTS, ..Limits::default() }, ..site.dialect.engine() }
}

pub(super) async fn instant(site: &Site, parameters: &Parameters) -> Outcome {
    let at = time::moment_or(parameters, "time", now(site))?;
    let (text, history) = (text(parameters), Arc::clone(&site.history));
    let (stats, engine) = (parameters.get("stats").is_some(), engine(site));
    turn::take(site, turn::patience(parameters)?, move |halt| {
        let answer = engine.instant(&parse(engine, &text)?, at, &Live(&history), halt);
        let answer = answer.map_err(|error| ApiError::evaluation(&text, &error))?;
        reply::annotated(&Data::new(&answer, at, stats.then_some(&text)), &text, &answer.annotations)
    })
    .await
}

pub(super) async fn range(site: &Site, parameters: &Parameters) -> Outcome {
    let (start, end, step) = steps(parameters)?;
    let (text, history) = (text(parameters), Arc::clone(&site.history));
    let (stats, engine) = (parameters.get("stats").is_some(), engine(site));
    turn::take(site, turn::patience(parameters)?, move |halt| {
        let answer = engine.range(&parse(engine, &text)?, (start, end, step), &Live(&history), halt);
        let answer = answer.map_err(|error| ApiError::evaluation(&text, &error))?;
        reply::annotated(&Data::new(&answer, end, stats.then_some(&text)), &text, &answer.annotations)
    })
    .await
}

fn text(parameters: &Parameters) -> String {
    parameters.get("query").unwrap_or_default().to_owned()
}

/// On the blocking thread as well: a pattern may take its time.
fn parse(engine: Engine, text: &str) -> Result<Query, ApiError> {
    engine.parse(text).map_err(|error| ApiError::parse("query", text, &error))
}

fn steps(parameters: &Parameters) -> Result<(Millis, Millis, Millis), ApiError> {
    let (start, end) = (time::moment(parameters, "start")?, time::moment(parameters, "end")?);
    if end < start {
        return Err(ApiError::parameter("end", "end timestamp must not be before start time"));
    }
    let missing = || ApiError::parameter("step", "cannot parse \"\" to a valid duration");
    let step = time::length(parameters, "step")?.ok_or_else(missing)?;
    if step <= 0 {
        let why = "zero or negative query resolution step widths are not accepted. Try a positive integer";
        return Err(ApiError::parameter("step", why));
    }
    let most = Millis::try_from(Limits::default().steps).unwrap_or(Millis::MAX);
    if (end - start) / step > most {
        return Err(ApiError::bad_data(TOO_FINE));
    }
    Ok((start, end, step))
}

pub(super) fn now(site: &Site) -> Millis {
    let since = (site.clock)().wall.duration_since(UNIX_EPOCH).unwrap_or_default();
    Millis::try_from(since.as_millis()).unwrap_or(Millis::MAX)
}
