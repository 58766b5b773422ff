//! The policy language as it is written: every field with the place it stands at, nothing checked beyond its own type.
//!
//! A file per section, and one per kind that has sections of its own. `resolve` turns this into the plain rules that decisions are
//! made by, and holds what one field demands of another.

mod action;
mod allocation;
mod behavior;
mod contention;
mod control;
mod cpu;
mod fleet_budget;
mod forecast;
mod guardrail;
mod header;
mod network;
mod rebalance;
mod schedule;
mod selector;
mod signal;
mod staged;
mod trigger;

use std::collections::BTreeMap;

use crate::policy::spanned::Spanned;
use schemars::JsonSchema;
use serde::Deserialize;

use super::cases::WrittenCase;

pub use action::{Action, KnobSetting, KnobValue, Toward};
pub use allocation::{Gate, Limits};
pub use behavior::{Behavior, Guardrails, Reversals, Steps};
pub use contention::{Anchor, Bands, Clear, ContentionSpec};
pub use control::Control;
pub use cpu::Placement;
pub use fleet_budget::{FleetBudgetSpec, Lease, Member};
pub use forecast::ForecastSpec;
pub use guardrail::{Changes, GuardrailSpec, LargestStep, forbidden, stepped};
pub use header::Header;
pub use network::{Packets, Shape, TrafficClass};
pub use rebalance::Moves;
pub use schedule::{Schedule, Window};
pub use selector::{JobSelector, Selector};
pub use signal::Signal;
pub use staged::{At, Stage, StagedSpec};
pub use trigger::{Condition, Trigger};

/// A document of any kind: the same envelope around what is of the kind.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Written<S> {
    #[serde(rename = "apiVersion")]
    _api_version: String,
    #[serde(rename = "kind")]
    _kind: String,
    pub metadata: Metadata,
    pub spec: S,
    #[serde(default)]
    pub tests: Vec<Spanned<WrittenCase>>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Metadata {
    /// 1 to 63 lower-case letters, digits and inner hyphens.
    #[schemars(extend("pattern" = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", "errorMessage" = "write 1 to 63 lower-case letters, digits and inner hyphens"))]
    pub name: Spanned<String>,
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
}
