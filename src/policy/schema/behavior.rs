//! `behavior` and `guardrails`: how fast a policy may act, and what it must not do.

use crate::policy::number::Number;
use crate::policy::spanned::Spanned;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::policy::json_schema::ShareAboveNone;
use crate::policy::quantity::{DAY, HOUR, MINUTE, Percent, Period, SECOND};
use crate::policy::rules::Measure;

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Behavior {
    #[serde(default)]
    pub settle: Option<Spanned<Period<0, HOUR>>>,
    #[serde(default)]
    pub cooldown: Option<Spanned<Period<0, HOUR>>>,
    /// How often the policy decides.
    #[serde(default)]
    pub tick: Option<Spanned<Period<SECOND, { 10 * MINUTE }>>>,
    #[serde(default)]
    pub steps: Option<Steps>,
    #[serde(default)]
    #[schemars(with = "ShareAboveNone")]
    pub pause_at_once: Option<Spanned<Percent>>,
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub max_actions_per_hour: Option<Spanned<Number<u32>>>,
    #[serde(default)]
    pub reversals: Option<Reversals>,
}

/// How far a value that has a `from` moves each time.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Steps {
    #[schemars(with = "ShareAboveNone")]
    pub tighten: Spanned<Percent>,
    #[schemars(with = "ShareAboveNone")]
    pub relax: Spanned<Percent>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reversals {
    #[schemars(range(min = 1))]
    pub max: Spanned<Number<u32>>,
    pub per: Spanned<Period<MINUTE, DAY>>,
    #[serde(rename = "then")]
    _then: ReversalResponse,
    pub hold: Spanned<Period<MINUTE, { 2 * HOUR }>>,
}

/// What follows too many reversals: stay on the careful side for a while.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ReversalResponse {
    HoldRestrictive,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Guardrails {
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub keep_running: Option<Spanned<Number<u32>>>,
    #[serde(default)]
    #[schemars(with = "ShareAboveNone")]
    pub max_paused: Option<Spanned<Percent>>,
    #[serde(default)]
    pub min_run: Option<Spanned<Period<0, DAY>>>,
    #[serde(default)]
    pub never: Vec<Spanned<Measure>>,
    #[serde(default)]
    pub never_pause: Vec<String>,
}
