//! Tests as they are written: every field with the place it stands at.

use crate::policy::number::Number;
use crate::policy::spanned::Spanned;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::Admission;
use crate::claim::KnobKind;
use crate::mode::Mode;
use crate::policy::json_schema::{Samples, ShareOfAll};
use crate::policy::quantity::{DAY, HOUR, Percent, Period, SECOND, Size};
use crate::policy::schema::Metadata;

/// RFC 3339 with any offset.
const WALL_CLOCK: &str =
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]*)?(Z|[-+][0-9]{1,3}:[0-9]{1,3})$";

/// More nodes, cores of one and threads of a core than any machine has.
pub const MOST_NODES: u32 = 64;
pub const MOST_CORES: u32 = 256;
pub const MOST_THREADS: u32 = 8;
/// More plots than any machine makes at once; each costs time in each step.
pub const MOST_JOBS: u32 = 5000;

/// A document of kind `PolicyTest`: tests of policies that stand elsewhere, or of several at once.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyTestDocument {
    #[serde(rename = "apiVersion")]
    _api_version: String,
    #[serde(rename = "kind")]
    _kind: String,
    pub metadata: Metadata,
    pub spec: PolicyTestSpec,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicyTestSpec {
    #[schemars(length(min = 1))]
    pub policies: Spanned<Vec<Spanned<String>>>,
    pub tests: Vec<Spanned<WrittenCase>>,
}

/// One test.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WrittenCase {
    pub name: String,
    /// `enforce` if not given.
    #[serde(default)]
    pub mode: Option<Mode>,
    #[serde(default)]
    #[schemars(extend("pattern" = WALL_CLOCK, "errorMessage" = "write `'2026-01-12T16:50:00+01:00'`, or with `Z` for UTC"))]
    pub start: Option<Spanned<String>>,
    /// 1 s if not given.
    #[serde(default)]
    pub interval: Option<Spanned<Period<SECOND, HOUR>>>,
    #[serde(default)]
    pub given: Given,
    #[serde(default)]
    pub series: Vec<Spanned<WrittenSeries>>,
    #[schemars(length(min = 1))]
    pub expect: Spanned<Vec<Spanned<WrittenExpectation>>>,
}

/// What is there when the test begins, or comes while it runs.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Given {
    #[serde(default)]
    pub topology: WrittenTopology,
    #[serde(default)]
    pub jobs: Vec<Spanned<WrittenJob>>,
    #[serde(default)]
    pub queue: Vec<Spanned<QueuedJob>>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WrittenTopology {
    #[serde(default)]
    #[schemars(range(min = 1, max = MOST_NODES))]
    pub numa_nodes: Option<Spanned<Number<u32>>>,
    #[serde(default)]
    #[schemars(range(min = 1, max = MOST_CORES))]
    pub cores_per_node: Option<Spanned<Number<u32>>>,
    #[serde(default)]
    #[schemars(range(min = 1, max = MOST_THREADS))]
    pub smt: Option<Spanned<Number<u32>>>,
    #[serde(default)]
    pub memory: Option<Size>,
    #[serde(default)]
    pub swap: Option<Size>,
}

/// A plot that runs from the beginning.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WrittenJob {
    pub id: Spanned<String>,
    #[serde(default)]
    pub plotter: Option<Spanned<String>>,
    #[serde(default)]
    pub k: Option<Number<u8>>,
    #[serde(default)]
    pub threads: Option<Number<u32>>,
    #[serde(default)]
    pub temp_dir: Option<OneOrMore>,
    #[serde(default)]
    pub final_dir: Option<OneOrMore>,
    #[serde(default)]
    pub device: Option<OneOrMore>,
    #[serde(default)]
    pub user: Option<String>,
    #[serde(default)]
    #[schemars(with = "ShareOfAll")]
    pub progress: Option<Spanned<Percent>>,
    #[serde(default)]
    pub phase: Option<Spanned<Number<u8>>>,
    #[serde(default)]
    pub age: Option<Spanned<Period<0, { 30 * DAY }>>>,
    #[serde(default)]
    pub lasts: Option<Spanned<Period<0, { 30 * DAY }>>>,
}

/// A plot that starts while the test runs, or many of them one after another.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct QueuedJob {
    pub id: Spanned<String>,
    pub at: Spanned<Period<0, DAY>>,
    /// So many like this, numbered from 1: `p-1`, `p-2`.
    #[serde(default)]
    #[schemars(range(min = 1, max = MOST_JOBS))]
    pub count: Option<Spanned<Number<u32>>>,
    /// Between two of them.
    #[serde(default)]
    pub every: Option<Spanned<Period<0, DAY>>>,
    #[serde(default)]
    pub plotter: Option<Spanned<String>>,
    #[serde(default)]
    pub k: Option<Number<u8>>,
    #[serde(default)]
    pub threads: Option<Number<u32>>,
    #[serde(default)]
    pub temp_dir: Option<OneOrMore>,
    #[serde(default)]
    pub final_dir: Option<OneOrMore>,
    #[serde(default)]
    pub device: Option<OneOrMore>,
    #[serde(default)]
    pub user: Option<String>,
    #[serde(default)]
    pub lasts: Option<Spanned<Period<SECOND, DAY>>>,
}

/// `a`, or `[a, b]`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum OneOrMore {
    One(String),
    More(Vec<String>),
}

/// What a signal of the policies answers, or samples of a metric.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("oneOf" = json!([{"required": ["signal"]}, {"required": ["series"]}])))]
pub struct WrittenSeries {
    #[serde(default)]
    pub signal: Option<Spanned<String>>,
    /// Of this policy only, where several have a signal of the name.
    #[serde(default)]
    pub policy: Option<Spanned<String>>,
    #[serde(default)]
    pub series: Option<Spanned<String>>,
    #[schemars(with = "Samples")]
    pub values: Spanned<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WrittenExpectation {
    pub at: Spanned<Period<0, DAY>>,
    #[serde(default)]
    pub policy: Option<Spanned<String>>,
    #[serde(default)]
    pub stage: Option<String>,
    #[serde(default)]
    pub claims: Option<Vec<WrittenClaim>>,
    #[serde(default)]
    pub never: Vec<KnobKind>,
    #[serde(default)]
    pub denied: Vec<WrittenDenial>,
    #[serde(default)]
    pub paused: Option<Vec<Spanned<String>>>,
    #[serde(default)]
    pub running: Option<Vec<Spanned<String>>>,
    #[serde(default)]
    pub admission: Option<Admission>,
    #[serde(default)]
    pub starts: Option<Number<u32>>,
    #[serde(default)]
    pub alerts: Option<Vec<String>>,
    #[serde(default)]
    pub reversals: Option<Number<u32>>,
    #[serde(default)]
    pub restored: Option<bool>,
    #[serde(default)]
    pub missing: Option<Vec<Spanned<String>>>,
    #[serde(default)]
    pub reason: Option<String>,
    #[serde(default)]
    pub says: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WrittenClaim {
    pub knob: KnobKind,
    #[serde(default)]
    pub target: Option<Spanned<String>>,
    /// As `plotwarden knobs` shows it; a bare number is in the knob's own unit.
    #[serde(default)]
    pub value: Option<Scalar>,
    #[serde(default)]
    pub bound: Option<WrittenBound>,
    #[serde(default)]
    pub policy: Option<Spanned<String>>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WrittenDenial {
    pub knob: KnobKind,
    #[serde(default)]
    pub target: Option<Spanned<String>>,
    #[serde(default)]
    pub by: Option<String>,
}

/// A number or a text.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Scalar {
    Number(i64),
    Text(String),
}

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum WrittenBound {
    AtMost,
    AtLeast,
    Exactly,
}
