//! `trigger`: when a stage begins and ends, by the values of signals.

use serde::Deserialize;
use serde_yaml::Spanned;

use crate::policy::quantity::{Level, Period};

/// One condition by itself, or several under `any` or `all`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
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
    pub hold: Spanned<Period>,
    /// How long it must be clear before anything ends; as long as `for` if not given.
    #[serde(default)]
    pub clear_for: Option<Spanned<Period>>,
}

/// `{signal: temperature, above: 70C, clear: 65C}`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    pub signal: Spanned<String>,
    #[serde(default)]
    pub above: Option<Spanned<Level>>,
    #[serde(default)]
    pub below: Option<Spanned<Level>>,
    pub clear: Spanned<Level>,
}
