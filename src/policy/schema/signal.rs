//! `signals`: what a policy looks at.

use crate::policy::spanned::Spanned;
use schemars::{JsonSchema, SchemaGenerator};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::policy::json_schema::ShareOfAll;
use crate::policy::quantity::{HOUR, MINUTE, Percent, Period, SECOND};
use crate::policy::question::{Answerer, Gauge, Scope};
use crate::policy::rules::{OnMissing, Unit};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("oneOf" = json!([local(), promql()]), "allOf" = json!([of_the_machine(), cpu_full(), fresh()])))]
pub struct Signal {
    #[serde(default)]
    #[schemars(extend("enum" = Gauge::names()))]
    pub local: Option<Spanned<String>>,
    #[serde(default)]
    pub promql: Option<Spanned<String>>,
    #[serde(default)]
    pub source: Option<Spanned<Answerer>>,
    /// What the expression gives, where it is no share and no plain number.
    #[serde(default)]
    pub unit: Option<Spanned<UnitName>>,
    #[serde(default)]
    pub of: Option<Spanned<Scope>>,
    #[serde(default)]
    pub window: Option<Spanned<Period<SECOND, { 10 * MINUTE }>>>,
    pub max_age: Spanned<Period<SECOND, HOUR>>,
    pub on_missing: OnMissing,
    #[serde(default)]
    #[schemars(with = "ShareOfAll")]
    pub min_history: Option<Spanned<Percent>>,
    #[serde(default)]
    pub every: Option<Spanned<Period<SECOND, HOUR>>>,
}

/// What a gauge of this machine needs and cannot have.
fn local() -> Value {
    json!({
        "required": ["local", "window"],
        "properties": {"promql": false, "source": false, "unit": false, "minHistory": false, "every": false},
    })
}

/// The same of an expression, whose window stands in itself.
fn promql() -> Value {
    json!({
        "required": ["promql"],
        "properties": {"local": false, "window": false, "of": {"enum": ["machine", "each"]}},
    })
}

/// Some gauges exist of the machine only.
fn of_the_machine() -> Value {
    let gauges = Gauge::names()
        .into_iter()
        .filter(|name| Gauge::from_name(name).is_some_and(|gauge| gauge.pressure_of().is_none()));
    json!({
        "if": {"required": ["local"], "properties": {"local": {"enum": gauges.collect::<Vec<_>>()}}},
        "then": {"properties": {"of": {"enum": ["machine"]}}},
    })
}

/// What is measured at each tick is never old.
fn fresh() -> Value {
    let age = Period::<SECOND, { 10 * MINUTE }>::json_schema(&mut SchemaGenerator::default());
    json!({"if": {"required": ["local"]}, "then": {"properties": {"maxAge": age}}})
}

/// On a whole machine some task always runs, so this is always 0 there.
fn cpu_full() -> Value {
    json!({
        "if": {"required": ["local"], "properties": {"local": {"const": "cpu.full"}}},
        "then": {"required": ["of"], "properties": {"of": {"enum": ["jobs", "each"]}}},
    })
}

/// Units that an expression may give; in each case the base unit of Prometheus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum UnitName {
    Ratio,
    Celsius,
    Watts,
    Bytes,
    BytesPerSecond,
    Seconds,
    Hertz,
    None,
}

impl From<UnitName> for Unit {
    fn from(name: UnitName) -> Self {
        match name {
            UnitName::Ratio => Self::Share,
            UnitName::Celsius => Self::Celsius,
            UnitName::Watts => Self::Watts,
            UnitName::Bytes => Self::Bytes,
            UnitName::BytesPerSecond => Self::BytesPerSecond,
            UnitName::Seconds => Self::Seconds,
            UnitName::Hertz => Self::Hertz,
            UnitName::None => Self::Plain,
        }
    }
}
