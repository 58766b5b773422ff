//! Kind `Guardrail`: bounds that no policy passes, whatever its class.

use crate::policy::spanned::Spanned;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::Action;
use crate::policy::knobs;
use crate::policy::quantity::{Percent, Period};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GuardrailSpec {
    #[serde(default)]
    pub protected: Protected,
    #[serde(default)]
    pub limits: Bounds,
    /// Values that knobs may have: `- {cpu-quota: {atLeast: 20%}}`.
    #[serde(default)]
    pub knobs: Vec<Spanned<Action>>,
    /// Measures and knobs that nobody may use.
    #[serde(default)]
    #[schemars(extend("items" = json!({"enum": forbidden()})))]
    pub never: Vec<Spanned<String>>,
    /// Whether a job may be ended as the last resort.
    #[serde(default)]
    pub allow_kill: bool,
}

/// What may be forbidden by name.
pub fn forbidden() -> Vec<&'static str> {
    ["pause", "place", "shape"].into_iter().chain(knobs::NAMES.iter().copied()).collect()
}

/// Whose processes are left alone.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Protected {
    /// Names of executables, with `*`; beside those that are always protected.
    #[serde(default)]
    pub exe: Vec<Spanned<String>>,
    /// If any are named, jobs of others are left alone. Names, or numbers in quotes.
    #[serde(default)]
    pub users_allowed: Vec<Spanned<String>>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Bounds {
    /// Of all jobs.
    #[serde(default)]
    pub max_paused: Option<Spanned<Percent>>,
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub keep_running: Option<Spanned<u32>>,
    /// The longest that one job is paused in one go.
    #[serde(default)]
    pub max_pause: Option<Spanned<Period>>,
    #[serde(default)]
    pub min_run: Option<Spanned<Period>>,
}
