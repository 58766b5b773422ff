//! The policy language as it is written: every field with the place it stands at, nothing checked beyond its own type.
//!
//! `resolve` turns this into the plain rules that decisions are made by, and holds what one field demands of another.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_yaml::Spanned;

use super::cases::WrittenCase;
use super::quantity::{Level, Percent, Period};
use super::question::{Answerer, Scope};
use super::rules::{Band, Measure, OnExit, OnMissing};
use crate::claim::Class;
use crate::mode::Mode;
use crate::pressure::Resource;

/// The first lines of any policy document; read alone first, to know which schema the rest follows.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Header {
    pub api_version: Spanned<String>,
    pub kind: Spanned<String>,
}

/// A document of kind `Contention`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ContentionDocument {
    #[serde(rename = "apiVersion")]
    _api_version: String,
    #[serde(rename = "kind")]
    _kind: String,
    pub metadata: Metadata,
    pub spec: ContentionSpec,
    #[serde(default)]
    pub tests: Vec<Spanned<WrittenCase>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metadata {
    pub name: Spanned<String>,
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ContentionSpec {
    #[serde(default)]
    pub control: Control,
    pub selector: Selector,
    pub signals: BTreeMap<String, Spanned<Signal>>,
    pub severity: Vec<Spanned<Anchor>>,
    #[serde(default)]
    pub bands: Option<Spanned<Bands>>,
    pub trigger: Trigger,
    pub stages: Vec<Spanned<Stage>>,
    #[serde(default)]
    pub behavior: Behavior,
    #[serde(default)]
    pub guardrails: Guardrails,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Control {
    #[serde(default)]
    pub mode: Option<Spanned<Mode>>,
    #[serde(default)]
    pub class: Option<Class>,
    #[serde(default)]
    pub priority: Option<Spanned<u16>>,
    #[serde(default)]
    pub on_exit: OnExit,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Selector {
    pub jobs: JobSelector,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct JobSelector {
    #[serde(rename = "role")]
    _role: Role,
    #[serde(default)]
    pub plotter: Vec<String>,
    #[serde(default)]
    pub owner: Vec<String>,
    #[serde(default)]
    pub temp_dir: Vec<Spanned<String>>,
    #[serde(default)]
    pub final_dir: Vec<Spanned<String>>,
    #[serde(default)]
    pub k: Vec<u8>,
}

/// What jobs are; so far all that are recognised make plots.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Role {
    Plotter,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Signal {
    #[serde(default)]
    pub local: Option<Spanned<String>>,
    #[serde(default)]
    pub promql: Option<Spanned<String>>,
    #[serde(default)]
    pub source: Option<Spanned<Answerer>>,
    #[serde(default)]
    pub of: Option<Spanned<Scope>>,
    #[serde(default)]
    pub window: Option<Spanned<Period>>,
    pub max_age: Spanned<Period>,
    pub on_missing: OnMissing,
    #[serde(default)]
    pub min_history: Option<Spanned<Percent>>,
    #[serde(default)]
    pub every: Option<Spanned<Period>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Anchor {
    pub resource: ResourceName,
    pub signal: Spanned<String>,
    pub zero: Spanned<Level>,
    pub one: Spanned<Level>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ResourceName {
    Cpu,
    Memory,
    Io,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bands {
    pub notice: f64,
    pub warn: f64,
    pub critical: f64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trigger {
    #[serde(rename = "for")]
    pub hold: Spanned<Period>,
    pub clear: Spanned<Clear>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clear {
    pub below: Spanned<f64>,
    #[serde(rename = "for")]
    pub hold: Spanned<Period>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    pub resource: ResourceName,
    pub at: Band,
    #[serde(rename = "do")]
    pub measures: Vec<Spanned<Measure>>,
    #[serde(default, rename = "for")]
    pub hold: Option<Spanned<Period>>,
    #[serde(default)]
    pub clear: Option<Spanned<Clear>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Behavior {
    #[serde(default)]
    pub settle: Option<Spanned<Period>>,
    #[serde(default)]
    pub cooldown: Option<Spanned<Period>>,
    #[serde(default)]
    pub pause_at_once: Option<Spanned<Percent>>,
    #[serde(default)]
    pub max_actions_per_hour: Option<Spanned<u32>>,
    #[serde(default)]
    pub reversals: Option<Reversals>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reversals {
    pub max: Spanned<u32>,
    pub per: Spanned<Period>,
    #[serde(rename = "then")]
    _then: ReversalResponse,
    pub hold: Spanned<Period>,
}

/// What follows too many reversals: stay on the careful side for a while.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ReversalResponse {
    HoldRestrictive,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Guardrails {
    #[serde(default)]
    pub keep_running: Option<Spanned<u32>>,
    #[serde(default)]
    pub max_paused: Option<Spanned<Percent>>,
    #[serde(default)]
    pub min_run: Option<Spanned<Period>>,
    #[serde(default)]
    pub never: Vec<Spanned<Measure>>,
    #[serde(default)]
    pub never_pause: Vec<String>,
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
