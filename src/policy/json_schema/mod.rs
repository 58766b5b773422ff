//! The policy language as a JSON Schema, so that editors complete and check while a policy is written.
//!
//! It is drawn from the types that the loader reads, so that neither can know a field that the other does not. What derives
//! cannot tell is added here: which sections and knobs belong to which kind, and what the value of each knob looks like.
//! JSON Schema draft 7, which the YAML servers of all editors know.

mod action;
mod demands;
mod levels;
mod notation;
mod null;
mod period;
mod quantity;
mod text;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::cases::{PolicyTestSpec, WrittenCase};
use super::document::API_VERSION;
use super::rules::Kind;
use super::schema::{ContentionSpec, FleetBudgetSpec, ForecastSpec, GuardrailSpec, Metadata, StagedSpec, Toward};

pub(super) use notation::Samples;
pub(super) use quantity::{ShareAboveNone, ShareOfAll};

/// Sections that only one kind has.
pub(super) const SECTIONS: &[(&str, Kind)] = &[
    ("place", Kind::Cpu),
    ("shape", Kind::Network),
    ("limits", Kind::Allocation),
    ("gates", Kind::Allocation),
    ("moves", Kind::Rebalance),
];

/// Of all kinds that act by stages.
const STAGED_LEVELS: &str = "StagedLevels";

type Definitions = Map<String, Value>;

/// The schema of a document of any kind.
pub fn json_schema() -> Value {
    let mut generator = SchemaSettings::draft07().into_generator();
    let metadata = of::<Metadata>(&mut generator);
    let tests = of::<Vec<WrittenCase>>(&mut generator);
    let kinds = of::<Kind>(&mut generator);
    of::<Toward>(&mut generator);
    let specs: Vec<Value> = Kind::ALL.into_iter().map(|kind| spec_of(kind, &mut generator)).collect();
    let mut definitions = generator.take_definitions(true);
    let by_kind: Vec<Value> =
        Kind::ALL.into_iter().zip(specs).map(|(kind, spec)| choice(kind, &spec, &mut definitions)).collect();
    for shared in ["StagedSpec", "Stage", "Action"] {
        definitions.remove(shared);
    }
    definitions.insert(STAGED_LEVELS.to_owned(), json!({"allOf": levels::of_staged()}));
    definitions.extend(levels::definitions());
    definitions.extend(action::knobs());
    let mut schema = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "A policy of plotwarden",
        "description": "What an operator wants of a machine that plots: when, what, and how far it may go.",
        "type": "object",
        "required": ["apiVersion", "kind", "metadata", "spec"],
        "properties": {
            "apiVersion": {"description": "The version of the language.", "const": API_VERSION},
            "kind": kinds,
            "metadata": metadata,
            "spec": {"description": "What the policy says; what belongs here depends on `kind`.", "type": "object"},
            "tests": tests,
        },
        "additionalProperties": false,
        "allOf": by_kind,
        "definitions": definitions,
    });
    null::without(&mut schema);
    schema
}

fn of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Value {
    generator.subschema_for::<T>().to_value()
}

fn spec_of(kind: Kind, generator: &mut SchemaGenerator) -> Value {
    match kind {
        Kind::Guardrail => of::<GuardrailSpec>(generator),
        Kind::Contention => of::<ContentionSpec>(generator),
        Kind::Forecast => of::<ForecastSpec>(generator),
        Kind::FleetBudget => of::<FleetBudgetSpec>(generator),
        Kind::PolicyTest => of::<PolicyTestSpec>(generator),
        _ => of::<StagedSpec>(generator),
    }
}

/// What holds if a document is of `kind`. Adds what only this kind has to the definitions.
fn choice(kind: Kind, spec: &Value, definitions: &mut Definitions) -> Value {
    let mut properties = json!({"spec": spec});
    match kind {
        _ if kind.is_staged() => {
            let spec = specialised("StagedSpec", kind, definitions);
            specialised("Stage", kind, definitions);
            let levels = json!({"$ref": reference(STAGED_LEVELS)});
            demand(&spec, [demands::of_staged(kind), vec![levels]].concat(), definitions);
            definitions.insert(name(kind, "Action"), action::action(kind));
            properties = json!({"spec": {"$ref": reference(&spec)}});
        }
        Kind::Guardrail => {
            definitions.insert("GuardrailAction".to_owned(), action::bound());
            if let Some(spec) = definitions.get_mut("GuardrailSpec") {
                point(spec, "Action", "GuardrailAction");
            }
        }
        Kind::Contention => {
            demand("ContentionSpec", [demands::of_contention(), levels::of_contention()].concat(), definitions);
        }
        Kind::FleetBudget => demand("FleetBudgetSpec", demands::of_fleet_budget(), definitions),
        // It is tests.
        Kind::PolicyTest => properties = json!({"spec": spec, "tests": false}),
        _ => {}
    }
    json!({
        "if": {"properties": {"kind": {"const": kind.name()}}, "required": ["kind"]},
        "then": {"properties": properties},
    })
}

/// Adds what a spec demands of itself to its definition.
fn demand(spec: &str, demands: Vec<Value>, definitions: &mut Definitions) {
    if let Some(definition) = definitions.get_mut(spec) {
        definition["allOf"] = demands.into();
    }
}

/// A copy of a shared definition, with the sections and actions of one kind.
fn specialised(shared: &str, kind: Kind, definitions: &mut Definitions) -> String {
    let mut schema = definitions.get(shared).cloned().unwrap_or_default();
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        for (section, _) in SECTIONS.iter().filter(|(_, owner)| *owner != kind) {
            properties.remove(*section);
        }
    }
    for part in ["Stage", "Action"] {
        point(&mut schema, part, &name(kind, part));
    }
    let name = name(kind, shared.trim_start_matches("Staged"));
    definitions.insert(name.clone(), schema);
    name
}

fn name(kind: Kind, part: &str) -> String {
    format!("{kind}{part}")
}

fn reference(definition: &str) -> String {
    format!("#/definitions/{definition}")
}

/// Lets all references to one definition point at another.
fn point(schema: &mut Value, from: &str, to: &str) {
    match schema {
        Value::Object(object) => {
            for (key, value) in object {
                if key == "$ref" && *value == reference(from) {
                    *value = reference(to).into();
                } else {
                    point(value, from, to);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| point(item, from, to)),
        _ => {}
    }
}
