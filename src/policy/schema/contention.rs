//! Kind `Contention`: severity of each resource, bands of it, and stages that begin at a band.

use std::collections::BTreeMap;

use crate::policy::number::Number;
use crate::policy::spanned::Spanned;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Behavior, Control, Guardrails, Selector, Signal};
use crate::policy::quantity::{Level, Period};
use crate::policy::rules::{Band, Measure};
use crate::pressure::Resource;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ContentionSpec {
    #[serde(default)]
    pub control: Control,
    pub selector: Selector,
    pub signals: BTreeMap<String, Spanned<Signal>>,
    pub severity: Vec<Spanned<Anchor>>,
    #[serde(default)]
    pub bands: Option<Spanned<Bands>>,
    pub trigger: SeverityTrigger,
    pub stages: Vec<Spanned<SeverityStage>>,
    #[serde(default)]
    pub behavior: Behavior,
    #[serde(default)]
    pub guardrails: Guardrails,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Anchor {
    pub resource: ResourceName,
    pub signal: Spanned<String>,
    pub zero: Spanned<Level>,
    pub one: Spanned<Level>,
}

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ResourceName {
    Cpu,
    Memory,
    Io,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bands {
    #[schemars(extend("exclusiveMinimum" = 0, "maximum" = 1))]
    pub notice: f64,
    #[schemars(extend("exclusiveMinimum" = 0, "maximum" = 1))]
    pub warn: f64,
    #[schemars(extend("exclusiveMinimum" = 0, "maximum" = 1))]
    pub critical: f64,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SeverityTrigger {
    #[serde(rename = "for")]
    pub hold: Spanned<Period>,
    pub clear: Spanned<Clear>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Clear {
    pub below: Spanned<Number<f64>>,
    #[serde(rename = "for")]
    pub hold: Spanned<Period>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("allOf" = json!([pause_against_io_alone()])))]
pub struct SeverityStage {
    pub resource: ResourceName,
    pub at: Band,
    #[serde(rename = "do")]
    pub measures: Vec<Spanned<Measure>>,
    #[serde(default, rename = "for")]
    pub hold: Option<Spanned<Period>>,
    #[serde(default)]
    pub clear: Option<Spanned<Clear>>,
}

/// Paused jobs keep their memory, and of CPUs there is always somebody else's share.
fn pause_against_io_alone() -> Value {
    let others = [Measure::CloseAdmission, Measure::LowerPriority].map(Measure::name);
    json!({
        "if": {"required": ["resource"], "properties": {"resource": {"not": {"const": "io"}}}},
        "then": {"properties": {"do": {"items": {"enum": others}}}},
    })
}

impl From<ResourceName> for Resource {
    fn from(name: ResourceName) -> Self {
        match name {
            ResourceName::Cpu => Self::Cpu,
            ResourceName::Memory => Self::Memory,
            ResourceName::Io => Self::Io,
        }
    }
}
