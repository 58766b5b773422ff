//! What a stage does: a measure by its name, or a knob with the value that it is to have.

use std::collections::BTreeMap;
use std::fmt;

use super::trigger::sides;
use crate::policy::spanned::Spanned;
use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor, value::MapAccessDeserializer};

use crate::claim::KnobKind;
use crate::policy::knobs;
use crate::policy::quantity::Level;

#[derive(Debug)]
pub enum Action {
    CloseAdmission,
    Pause,
    Place,
    Shape,
    Knob(KnobKind, Box<Spanned<KnobSetting>>),
}

/// `{atMost: 95W}`, and of which parts of the machine.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, remote = "Self")]
pub struct KnobSetting {
    #[serde(default)]
    pub at_most: Option<Spanned<KnobValue>>,
    #[serde(default)]
    pub at_least: Option<Spanned<KnobValue>>,
    #[serde(default)]
    pub exactly: Option<Spanned<KnobValue>>,
    /// Where the value begins; it then goes by steps.
    #[serde(default)]
    pub from: Option<Spanned<KnobValue>>,
    /// What the steps are to reach.
    #[serde(default)]
    pub toward: Option<Toward>,
    /// Names of parts of the machine, with `*`; all of them if none is given.
    #[serde(default)]
    pub of: Vec<Spanned<String>>,
}

/// `{signal: wall, above: 430W}`: tighter while the signal is beyond the level, looser while it is not.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("oneOf" = sides()))]
pub struct Toward {
    pub signal: Spanned<String>,
    #[serde(default)]
    pub above: Option<Spanned<Level>>,
    #[serde(default)]
    pub below: Option<Spanned<Level>>,
}

/// The value of a knob, in whatever form the knob has.
#[derive(Debug, Clone, PartialEq)]
pub enum KnobValue {
    Text(String),
    Number(f64),
    /// `{read: 200MiB/s, readOps: 5000}`.
    Rates(BTreeMap<String, KnobValue>),
}

const MEASURES: &[&str] = &["closeAdmission", "pause", "place", "shape"];

impl Action {
    pub fn name(&self) -> &'static str {
        match self {
            Self::CloseAdmission => "closeAdmission",
            Self::Pause => "pause",
            Self::Place => "place",
            Self::Shape => "shape",
            Self::Knob(kind, _) => kind.name(),
        }
    }
}

impl<'de> Deserialize<'de> for Action {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ActionVisitor)
    }
}

struct ActionVisitor;

impl<'de> Visitor<'de> for ActionVisitor {
    type Value = Action;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a measure such as `pause`, or a knob such as `{{cpu-weight: {{atMost: 20}}}}`")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Action, E> {
        if knobs::named(text).is_some() {
            return Err(E::custom(format!("the knob `{text}` has no value; write `{{{text}: {{atMost: ...}}}}`")));
        }
        match text {
            "closeAdmission" => Ok(Action::CloseAdmission),
            "pause" => Ok(Action::Pause),
            "place" => Ok(Action::Place),
            "shape" => Ok(Action::Shape),
            _ => Err(E::unknown_variant(text, MEASURES)),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Action, A::Error> {
        let Some(name) = map.next_key::<String>()? else {
            return Err(A::Error::custom("an action is missing; write a measure such as `pause`, or a knob"));
        };
        let Some(kind) = knobs::named(&name) else {
            return Err(A::Error::unknown_field(&name, knobs::NAMES));
        };
        let setting = Box::new(map.next_value()?);
        if map.next_key::<String>()?.is_some() {
            return Err(A::Error::custom("two actions in one; write each as an entry of its own: `- {...}`"));
        }
        Ok(Action::Knob(kind, setting))
    }
}

/// Around what is derived: a value that stands alone says neither at most nor at least.
impl<'de> Deserialize<'de> for KnobSetting {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(KnobSettingVisitor)
    }
}

struct KnobSettingVisitor;

impl KnobSettingVisitor {
    fn alone<E: Error>(value: impl fmt::Display) -> E {
        E::custom(format!(
            "`{value}` alone does not say how it is meant; write `{{atMost: {value}}}`, or `atLeast` or `exactly`"
        ))
    }
}

impl<'de> Visitor<'de> for KnobSettingVisitor {
    type Value = KnobSetting;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "what a knob is to have, such as `{{atMost: 20}}`")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<KnobSetting, E> {
        Err(Self::alone(text))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<KnobSetting, E> {
        Err(Self::alone(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<KnobSetting, E> {
        Err(Self::alone(value))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<KnobSetting, E> {
        Err(Self::alone(value))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<KnobSetting, A::Error> {
        KnobSetting::deserialize(MapAccessDeserializer::new(map))
    }
}

impl<'de> Deserialize<'de> for KnobValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(KnobValueVisitor)
    }
}

struct KnobValueVisitor;

impl<'de> Visitor<'de> for KnobValueVisitor {
    type Value = KnobValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the value of a knob, such as `95W`, `20` or `powersave`")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<KnobValue, E> {
        let word = if value { "on" } else { "off" };
        Err(E::custom(format!("`{value}` is no value of a knob; write `{word}`")))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<KnobValue, E> {
        Ok(KnobValue::Text(text.to_owned()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<KnobValue, E> {
        Ok(KnobValue::Number(crate::units::float(value)))
    }

    #[expect(clippy::cast_precision_loss, reason = "no knob has a value beyond 2^53")]
    fn visit_i64<E: Error>(self, value: i64) -> Result<KnobValue, E> {
        Ok(KnobValue::Number(value as f64))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<KnobValue, E> {
        Ok(KnobValue::Number(value))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<KnobValue, A::Error> {
        BTreeMap::deserialize(MapAccessDeserializer::new(map)).map(KnobValue::Rates)
    }
}
