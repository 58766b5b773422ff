//! Moments and lengths of time as clients of Prometheus write them.

use super::form::Parameters;
use super::reply::ApiError;
use crate::promql::{Millis, parse_duration};

/// Farther from 1970 is refused: 285,000 years.
const FARTHEST: f64 = 9_007_199_254_740_992.0;

/// The moment of this name, or `default` where it is not given.
pub(super) fn moment_or(parameters: &Parameters, name: &str, default: Millis) -> Result<Millis, ApiError> {
    let Some(text) = parameters.get(name) else { return Ok(default) };
    parse_moment(text).ok_or_else(|| ApiError::parameter(name, format!("cannot parse {text:?} to a valid timestamp")))
}

pub(super) fn moment(parameters: &Parameters, name: &str) -> Result<Millis, ApiError> {
    let missing = || ApiError::parameter(name, "cannot parse \"\" to a valid timestamp");
    parameters.get(name).ok_or_else(missing)?;
    moment_or(parameters, name, 0)
}

/// The length of this name; `None` where it is not given.
pub(super) fn length(parameters: &Parameters, name: &str) -> Result<Option<Millis>, ApiError> {
    let Some(text) = parameters.get(name) else { return Ok(None) };
    let length = seconds(text).or_else(|| parse_duration(text));
    length.map(Some).ok_or_else(|| ApiError::parameter(name, format!("cannot parse {text:?} to a valid duration")))
}

/// Seconds since 1970 with fractions, or RFC 3339.
fn parse_moment(text: &str) -> Option<Millis> {
    seconds(text).or_else(|| rfc3339(text))
}

fn seconds(text: &str) -> Option<Millis> {
    let millis = text.parse::<f64>().ok()? * 1000.0;
    #[allow(clippy::cast_possible_truncation, reason = "within the range just tested")]
    (millis.abs() <= FARTHEST).then(|| millis.round() as Millis)
}

/// `2026-11-23T08:00:00.5Z`, or with `+01:00` in place of `Z`.
fn rfc3339(text: &str) -> Option<Millis> {
    let (local, ahead) = text.strip_suffix(['Z', 'z']).map(|local| (local, 0)).or_else(|| without_offset(text))?;
    let time = humantime::parse_rfc3339(&format!("{local}Z")).ok()?;
    let since = time.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some(Millis::try_from(since.as_millis()).ok()? - ahead)
}

/// Takes `+01:00` off the end, and says how long that is.
fn without_offset(text: &str) -> Option<(&str, Millis)> {
    let (local, offset) = text.split_at_checked(text.len().checked_sub("+01:00".len())?)?;
    let sign = if offset.starts_with('+') { 1 } else { -1 };
    let (hours, minutes) = offset.strip_prefix(['+', '-'])?.split_once(':')?;
    let (hours, minutes): (Millis, Millis) = (hours.parse().ok()?, minutes.parse().ok()?);
    Some((local, sign * (hours * 60 + minutes) * 60_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_as_clients_write_them() {
        for (text, expected) in [
            ("1435781451.781", Some(1_435_781_451_781)),
            ("1435781451", Some(1_435_781_451_000)),
            ("-1.5", Some(-1500)),
            ("1.4e9", Some(1_400_000_000_000)),
            ("2015-07-01T20:10:51.781Z", Some(1_435_781_451_781)),
            ("2015-07-01T22:10:51.781+02:00", Some(1_435_781_451_781)),
            ("2015-07-01T15:40:51-04:30", Some(1_435_781_451_000)),
            ("", None),
            ("now", None),
            ("NaN", None),
            ("1e300", None),
            ("2015-07-01", None),
            ("2015-07-01T22:10:51é02:00", None),
            ("é:00", None),
            ("2015-07-01T22:10:51é2:00", None),
        ] {
            assert_eq!(parse_moment(text), expected, "{text}");
        }
    }

    #[test]
    fn lengths_are_seconds_or_durations() {
        let read = |text| length(&Parameters::from([("step", text)]), "step");
        assert_eq!(read("15").unwrap(), Some(15_000));
        assert_eq!(read("0.25").unwrap(), Some(250));
        assert_eq!(read("1m30s").unwrap(), Some(90_000));
        assert_eq!(read("").unwrap(), None);
        assert!(read("soon").unwrap_err().message.contains("\"soon\""));
    }
}
