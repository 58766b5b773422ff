//! `/api/v1/metadata`: type, help and unit of each metric, from the same list that scrapes are written from.

use std::collections::BTreeMap;

use serde::Serialize;

use super::form::Parameters;
use super::reply::{self, ApiError, Outcome};
use crate::metrics::{self, Unit};

#[derive(Serialize)]
struct Entry {
    #[serde(rename = "type")]
    kind: &'static str,
    help: &'static str,
    unit: &'static str,
}

pub(super) fn metadata(parameters: &Parameters) -> Outcome {
    let wrong = |_| ApiError::bad_data("limit must be a number");
    let limit = parameters.get("limit").map(str::parse).transpose().map_err(wrong)?.unwrap_or(usize::MAX);
    let wanted = parameters.get("metric");
    let families = metrics::catalogue().into_iter().filter(|family| wanted.is_none_or(|name| name == family.name));
    let entry = |family: &metrics::FamilyDescription| Entry {
        kind: family.kind.name(),
        help: family.help,
        unit: family.unit.map(Unit::name).unwrap_or_default(),
    };
    let entries: BTreeMap<&str, [Entry; 1]> =
        families.take(limit).map(|family| (family.name, [entry(&family)])).collect();
    reply::success(&entries)
}
