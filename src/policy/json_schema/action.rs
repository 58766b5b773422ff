//! Actions in the schema: which measures and knobs a kind has, and what the value of each knob looks like.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};

use super::text::text;
use super::{Definitions, SECTIONS, quantity, reference};
use crate::claim::KnobKind;
use crate::policy::knobs::{ALL, Form, PolicyKnob, RATE_KEYS};
use crate::policy::rules::{Kind, Unit};
use crate::policy::schema::{Action, At, Trigger};

/// Of CPUs or nodes: `0-3,8`.
const NUMBERS: &str = r"^\s*\+?[0-9]+\s*(-\s*\+?[0-9]+\s*)?(,\s*\+?[0-9]+\s*(-\s*\+?[0-9]+\s*)?)*$";

/// Stands for the actions of a kind, which are put in its place.
impl JsonSchema for Action {
    fn schema_name() -> Cow<'static, str> {
        "Action".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        true.into()
    }
}

impl JsonSchema for At {
    fn schema_name() -> Cow<'static, str> {
        "At".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "When the stage is in force.",
            "anyOf": [
                {"const": "always", "description": "At all times."},
                {"const": "window", "description": "While a window of the schedule is open."},
                {"const": "fired", "description": "While the trigger of the policy holds."},
                generator.subschema_for::<Trigger>(),
            ],
        })
    }
}

impl JsonSchema for KnobKind {
    fn schema_name() -> Cow<'static, str> {
        "KnobKind".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let names: Vec<&str> = Self::ALL.iter().map(|kind| kind.name()).collect();
        json_schema!({"description": "A knob, as `plotwarden knobs` names it.", "enum": names})
    }
}

/// What a stage of a policy of `kind` can do.
pub fn action(kind: Kind) -> Value {
    let of_sections = SECTIONS.iter().filter(|(section, owner)| *owner == kind && ["place", "shape"].contains(section));
    let measures: Vec<&str> =
        ["closeAdmission", "pause"].into_iter().chain(of_sections.map(|(name, _)| *name)).collect();
    json!({
        "description": "A measure by its name, or a knob with its value: `- power-limit: {atMost: 95W}`.",
        "anyOf": [{"enum": measures}, one_knob(kind)],
    })
}

/// A bound of a guardrail.
pub fn bound() -> Value {
    one_knob(Kind::Guardrail)
}

fn one_knob(kind: Kind) -> Value {
    let steps = kind != Kind::Guardrail;
    let knobs = ALL.iter().filter(|knob| knob.may_be_set_by(kind));
    let properties: Map<String, Value> =
        knobs.map(|knob| (knob.kind.name().to_owned(), json!({"$ref": reference(&name(knob, steps))}))).collect();
    json!({
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
        "minProperties": 1,
        "maxProperties": 1,
    })
}

/// Of the definition; a bound of a guardrail is another one only for what policies let go by steps.
fn name(knob: &PolicyKnob, steps: bool) -> String {
    let prefix = if steps || !goes_by_steps(knob) { "knob" } else { "bound" };
    format!("{prefix}-{}", knob.kind.name())
}

/// Definitions of all knobs, and of the bounds that guardrails set for them.
pub fn knobs() -> Definitions {
    let of_all = |steps| ALL.iter().map(move |knob| (name(knob, steps), setting(knob, steps)));
    of_all(false).chain(of_all(true)).collect()
}

fn setting(knob: &PolicyKnob, steps: bool) -> Value {
    let value = value(knob, true);
    let mut properties = json!({"exactly": value});
    let mut needs = json!({"required": ["exactly"]});
    if has_order(knob) {
        properties["atMost"] = value.clone();
        properties["atLeast"] = value;
        let bounds = ["atMost", "atLeast", "exactly"].map(|bound| json!({"required": [bound]}));
        needs = json!({"oneOf": bounds});
    }
    if steps && goes_by_steps(knob) {
        properties["from"] = self::value(knob, false);
        properties["from"]["description"] = "Where the value begins; it then goes by steps.".into();
        properties["toward"] = json!({"$ref": reference("Toward")});
        needs["dependencies"] = json!({"toward": ["from"]});
    }
    if knob.of.is_some() || knob.form == Form::Rates {
        properties["of"] = json!({
            "description": "Names of parts of the machine, with `*`; all of them if none is given.",
            "type": "array",
            "items": {"type": "string"},
        });
    }
    needs["description"] = format!("{} Value: {}.", knob.kind.meaning(), knob.example()).into();
    needs["type"] = "object".into();
    needs["properties"] = properties;
    needs["additionalProperties"] = false.into();
    needs
}

/// Whether one value of it can be more than another.
fn has_order(knob: &PolicyKnob) -> bool {
    !matches!(knob.form, Form::Word(_)) || matches!(knob.kind, KnobKind::SchedClass | KnobKind::IoPriority)
}

fn goes_by_steps(knob: &PolicyKnob) -> bool {
    let in_steps = matches!(knob.form, Form::Quantity { .. } | Form::Rates);
    in_steps && !matches!(knob.kind, KnobKind::Nice | KnobKind::OomScore)
}

fn value(knob: &PolicyKnob, may_be_max: bool) -> Value {
    match knob.form {
        Form::Quantity { unit, least, most, max, .. } => {
            let value = match unit {
                Unit::Plain => json!({"type": "number", "minimum": least, "maximum": most}),
                unit => quantity::of(unit),
            };
            if max && may_be_max { json!({"anyOf": [value, {"const": "max"}]}) } else { value }
        }
        Form::Switch => json!({"enum": ["on", "off"]}),
        Form::Word([]) => json!({"type": "string"}),
        Form::Word(words) => json!({"enum": words}),
        Form::Numbers => json!({"anyOf": [
            text(NUMBERS, "numbers such as `'0-3,8'`"),
            {"type": "integer", "minimum": 0, "maximum": 65535},
        ]}),
        Form::Rates => rates(),
    }
}

fn rates() -> Value {
    let rate = quantity::above_zero(Unit::BytesPerSecond);
    let operations = json!({"type": "number", "exclusiveMinimum": 0});
    let rate_of = |name: &str| if name.ends_with("Ops") { operations.clone() } else { rate.clone() };
    let properties: Map<String, Value> =
        RATE_KEYS.iter().map(|(name, _)| ((*name).to_owned(), rate_of(name))).collect();
    json!({"type": "object", "properties": properties, "additionalProperties": false, "minProperties": 1})
}
