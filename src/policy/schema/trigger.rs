//! `trigger`: when a stage begins and ends, by the values of signals.

use crate::policy::spanned::Spanned;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::policy::quantity::{DAY, Level, Period};

/// One condition by itself, or several under `any` or `all`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("oneOf" = json!([one(), several("any", "all"), several("all", "any")])))]
pub struct Trigger {
    #[serde(default)]
    pub signal: Option<Spanned<String>>,
    #[serde(default)]
    pub above: Option<Spanned<Level>>,
    #[serde(default)]
    pub below: Option<Spanned<Level>>,
    #[serde(default)]
    pub clear: Option<Spanned<Level>>,
    #[serde(default)]
    pub any: Option<Vec<Spanned<Condition>>>,
    #[serde(default)]
    pub all: Option<Vec<Spanned<Condition>>>,
    /// How long it must hold before anything begins.
    #[serde(rename = "for")]
    pub hold: Spanned<Period<0, DAY>>,
    /// How long it must be clear before anything ends; as long as `for` if not given.
    #[serde(default)]
    pub clear_for: Option<Spanned<Period<0, DAY>>>,
}

/// `{signal: temperature, above: 70C, clear: 65C}`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("oneOf" = sides()))]
pub struct Condition {
    pub signal: Spanned<String>,
    #[serde(default)]
    pub above: Option<Spanned<Level>>,
    #[serde(default)]
    pub below: Option<Spanned<Level>>,
    pub clear: Spanned<Level>,
}

/// A condition is on one side.
pub(super) fn sides() -> Value {
    json!([{"required": ["above"]}, {"required": ["below"]}])
}

fn one() -> Value {
    json!({"required": ["signal", "clear"], "properties": {"any": false, "all": false}, "oneOf": sides()})
}

fn several(which: &str, other: &str) -> Value {
    json!({
        "required": [which],
        "properties": {other: false, "signal": false, "above": false, "below": false, "clear": false},
    })
}
