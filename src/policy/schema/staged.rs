//! The kinds that act by stages: `Allocation`, `Rebalance`, `Memory`, `Cpu`, `Storage`, `Network` and `Power`.
//!
//! They share one shape. What only one of them has (`place`, `limits`) stands here too and is refused elsewhere, with the name of the
//! kind that has it.

use std::collections::BTreeMap;
use std::fmt;

use crate::policy::spanned::Spanned;
use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor, value::MapAccessDeserializer};

use super::{
    Action, Behavior, Control, Gate, Guardrails, Limits, Moves, Placement, Schedule, Selector, Shape, Signal, Trigger,
};
use crate::policy::nearest::suggest;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StagedSpec {
    #[serde(default)]
    pub control: Control,
    /// All plotters if it is not given.
    #[serde(default)]
    pub selector: Option<Selector>,
    #[serde(default)]
    pub signals: BTreeMap<String, Spanned<Signal>>,
    /// What `at: fired` stands for.
    #[serde(default)]
    pub trigger: Option<Spanned<Trigger>>,
    #[serde(default)]
    pub schedule: Option<Spanned<Schedule>>,
    pub stages: Vec<Spanned<Stage>>,
    /// What is done while a signal with `onMissing: safe` is missing.
    #[serde(default)]
    pub safe: Vec<Spanned<Action>>,
    #[serde(default)]
    pub behavior: Behavior,
    #[serde(default)]
    pub guardrails: Guardrails,
    #[serde(default)]
    pub place: Option<Spanned<Placement>>,
    #[serde(default)]
    pub shape: Option<Spanned<Shape>>,
    #[serde(default)]
    pub limits: Option<Spanned<Limits>>,
    #[serde(default)]
    pub gates: Option<Spanned<Vec<Gate>>>,
    #[serde(default)]
    pub moves: Option<Spanned<Moves>>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// For tests and metrics; `stage-1` if it is not given.
    #[serde(default)]
    pub name: Option<Spanned<String>>,
    pub at: Spanned<At>,
    #[serde(rename = "do")]
    #[schemars(length(min = 1))]
    pub actions: Vec<Spanned<Action>>,
}

/// When a stage is in force: `always`, `window`, `fired`, or a trigger of its own.
#[derive(Debug)]
pub enum At {
    Always,
    /// While a window of the schedule is open.
    Window,
    /// While the policy's trigger holds.
    Fired,
    Trigger(Box<Trigger>),
}

const WORDS: &[&str] = &["always", "window", "fired"];

impl<'de> Deserialize<'de> for At {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AtVisitor)
    }
}

struct AtVisitor;

impl<'de> Visitor<'de> for AtVisitor {
    type Value = At;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`always`, `window`, `fired`, or a trigger such as `{{signal: free, below: 10GiB, clear: 20GiB, for: 10s}}`"
        )
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<At, E> {
        match text {
            "always" => Ok(At::Always),
            "window" => Ok(At::Window),
            "fired" => Ok(At::Fired),
            // The parser's own error for it points at the key.
            _ => Err(E::custom(format!("`{text}` is not known here; {}", suggest(text, WORDS)))),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<At, A::Error> {
        Trigger::deserialize(MapAccessDeserializer::new(map)).map(|trigger| At::Trigger(Box::new(trigger)))
    }
}
