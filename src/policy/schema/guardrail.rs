//! Kind `Guardrail`: bounds that no policy passes, whatever its class.

use serde::Deserialize;
use serde_yaml::Spanned;

use super::Action;
use crate::policy::quantity::{Percent, Period};

#[derive(Debug, Deserialize)]
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
    pub never: Vec<Spanned<String>>,
    /// Whether a job may be ended as the last resort.
    #[serde(default)]
    pub allow_kill: bool,
}

/// Whose processes are left alone.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Protected {
    /// Names of executables, with `*`; beside those that are always protected.
    #[serde(default)]
    pub exe: Vec<Spanned<String>>,
    /// If any are named, jobs of others are left alone. Names, or numbers in quotes.
    #[serde(default)]
    pub users_allowed: Vec<Spanned<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Bounds {
    /// Of all jobs.
    #[serde(default)]
    pub max_paused: Option<Spanned<Percent>>,
    #[serde(default)]
    pub keep_running: Option<Spanned<u32>>,
    /// The longest that one job is paused in one go.
    #[serde(default)]
    pub max_pause: Option<Spanned<Period>>,
    #[serde(default)]
    pub min_run: Option<Spanned<Period>>,
}
