//! Kind `Guardrail`: bounds that no policy passes, whatever its class.

use std::fmt;

use crate::policy::number::Number;
use crate::policy::spanned::Spanned;
use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::{Deserializer, Error, Visitor};
use serde_json::json;

use super::Action;
use crate::policy::json_schema::ShareAboveNone;
use crate::policy::knobs::{self, Form, PolicyKnob};
use crate::policy::quantity::{DAY, HOUR, MILLISECOND, Percent, Period, SECOND};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GuardrailSpec {
    #[serde(default)]
    pub protected: Protected,
    #[serde(default)]
    pub limits: Bounds,
    #[serde(default)]
    pub changes: Changes,
    /// Values that knobs may have: `- {cpu-quota: {atLeast: 20%}}`.
    #[serde(default)]
    pub knobs: Vec<Spanned<Action>>,
    /// Measures and knobs that nobody may use.
    #[serde(default)]
    #[schemars(extend("items" = json!({"enum": forbidden()})))]
    pub never: Vec<Spanned<String>>,
    /// Whether a job may be ended as the last resort.
    #[serde(default, deserialize_with = "truth")]
    pub allow_kill: bool,
}

/// `true` or `false`, and no text that only looks like it.
fn truth<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    deserializer.deserialize_any(TruthVisitor)
}

struct TruthVisitor;

impl Visitor<'_> for TruthVisitor {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`true` or `false`")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<bool, E> {
        Ok(value)
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<bool, E> {
        Err(E::custom("this is neither `true` nor `false`; write `true` or `false`"))
    }
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

/// How fast knobs may change, whoever wants it. What goes back to its original waits for none of this.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Changes {
    /// Between two changes of one knob; 1s if it is not given.
    #[serde(default)]
    pub cooldown: Option<Spanned<Period<SECOND, HOUR>>>,
    /// Of all knobs together, so many at once after a quiet time; 2000 if it is not given.
    #[serde(default)]
    #[schemars(range(min = 1, max = 2000))]
    pub burst: Option<Spanned<Number<u32>>>,
    /// And then one more each time that so much has passed; 100ms if it is not given.
    #[serde(default)]
    pub every: Option<Spanned<Period<{ 100 * MILLISECOND }, HOUR>>>,
    /// From one value of ours to the next: `- {knob: cpu-quota, decrease: 25%, increase: 10%}`.
    #[serde(default)]
    pub largest_steps: Vec<LargestStep>,
}

/// In percent of the value that a knob has, but at least one of its units; without one that way goes in one step.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("anyOf" = json!([{"required": ["decrease"]}, {"required": ["increase"]}])))]
pub struct LargestStep {
    #[schemars(extend("enum" = json!(stepped())))]
    pub knob: Spanned<String>,
    #[serde(default)]
    #[schemars(with = "ShareAboveNone")]
    pub decrease: Option<Spanned<Percent>>,
    #[serde(default)]
    #[schemars(with = "ShareAboveNone")]
    pub increase: Option<Spanned<Percent>>,
}

/// Knobs whose values are numbers, and can go by steps.
pub fn stepped() -> Vec<&'static str> {
    let goes_by_steps = |knob: &&PolicyKnob| matches!(knob.form, Form::Quantity { .. } | Form::Rates);
    knobs::ALL.iter().filter(goes_by_steps).map(|knob| knob.kind.name()).collect()
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Bounds {
    /// Of all jobs.
    #[serde(default)]
    #[schemars(with = "ShareAboveNone")]
    pub max_paused: Option<Spanned<Percent>>,
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub keep_running: Option<Spanned<Number<u32>>>,
    /// The longest that one job is paused in one go.
    #[serde(default)]
    pub max_pause: Option<Spanned<Period<{ 10 * SECOND }, DAY>>>,
    #[serde(default)]
    pub min_run: Option<Spanned<Period<0, DAY>>>,
}
