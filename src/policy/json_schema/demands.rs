//! What one section of a policy demands of another: a stage that waits for a trigger needs one, and the like.
//!
//! Only what can be told from words that stand in the document; values are compared by `plotwarden policy check`.

use serde_json::{Value, json};

use super::quantity;
use crate::policy::rules::{Kind, Unit};
use crate::pressure::Resource;

/// What the spec of a kind that acts by stages demands of itself.
pub fn of_staged(kind: Kind) -> Vec<Value> {
    let of_sections = [("place", Kind::Cpu), ("shape", Kind::Network)].into_iter().filter(|(_, owner)| *owner == kind);
    let mut all = vec![
        demand(&stage_with("at", &json!({"const": "fired"})), "trigger"),
        demand(&stage_with("at", &json!({"const": "window"})), "schedule"),
        safe_if_a_signal_says_so(),
    ];
    all.extend(of_sections.map(|(section, _)| demand(&does(section), section)));
    all
}

fn demand(holds: &Value, section: &str) -> Value {
    json!({"if": holds, "then": {"required": [section]}})
}

/// Some stage has a field like this.
fn stage_with(field: &str, value: &Value) -> Value {
    has_one("stages", &json!({"type": "object", "required": [field], "properties": {field: value}}))
}

/// A list with at least one item like this.
fn has_one(list: &str, item: &Value) -> Value {
    json!({"required": [list], "properties": {list: {"type": "array", "contains": item}}})
}

/// A measure is among what some stage does, or among what is safe.
fn does(measure: &str) -> Value {
    let measure = json!({"const": measure});
    json!({"anyOf": [stage_with("do", &json!({"type": "array", "contains": measure})), has_one("safe", &measure)]})
}

/// Of no signal `onMissing` is `safe`; or else something is.
fn safe_if_a_signal_says_so() -> Value {
    let another = json!({"properties": {"onMissing": {"not": {"const": "safe"}}}});
    json!({
        "if": {"properties": {"signals": {"additionalProperties": another}}},
        "else": {"required": ["safe"], "properties": {"safe": {"minItems": 1}}},
    })
}

/// What acts by the severity of a resource needs a line that says how severe it is.
pub fn of_contention() -> Vec<Value> {
    let severity_of = |resource: Resource| {
        let same = json!({"const": resource.name()});
        let line = json!({"required": ["resource"], "properties": {"resource": same}});
        json!({
            "if": stage_with("resource", &same),
            "then": {"properties": {"severity": {
                "contains": line,
                "errorMessage": format!("add a line with `resource: {}`, which says how bad it is", resource.name()),
            }}},
        })
    };
    Resource::ALL.map(severity_of).to_vec()
}

/// What is shared out decides what its amounts are.
pub fn of_fleet_budget() -> Vec<Value> {
    let amounts_of = |resource: &str, unit: Unit| {
        let amount = quantity::of(unit);
        json!({
            "if": {"required": ["resource"], "properties": {"resource": {"const": resource}}},
            "then": {"properties": {
                "limit": amount,
                "members": {"items": {"properties": {"floor": amount, "ceiling": amount}}},
            }},
        })
    };
    vec![amounts_of("power", Unit::Watts), amounts_of("uplink", Unit::BytesPerSecond)]
}
