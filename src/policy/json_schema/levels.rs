//! Levels in the schema: where all signals of a policy have one unit, each level is written in it.
//!
//! A schema cannot look up the signal that a level is of. Most policies have signals of one unit, and then it need not.

use serde_json::{Value, json};

use super::{Definitions, quantity, reference};
use crate::policy::rules::Unit;

/// All signals are like this, so this is what levels are.
struct Levels {
    of: &'static str,
    signal: Value,
    level: Value,
}

fn all() -> impl Iterator<Item = Levels> {
    const UNITS: [(&str, Unit); 8] = [
        ("ratio", Unit::Share),
        ("none", Unit::Plain),
        ("celsius", Unit::Celsius),
        ("watts", Unit::Watts),
        ("bytes", Unit::Bytes),
        ("bytesPerSecond", Unit::BytesPerSecond),
        ("seconds", Unit::Seconds),
        ("hertz", Unit::Hertz),
    ];
    // What is measured here is part of something.
    let local = Levels { of: "local", signal: json!({"required": ["local"]}), level: quantity::share_of_all() };
    let of_unit = |(name, unit)| Levels {
        of: name,
        signal: json!({"required": ["unit"], "properties": {"unit": {"const": name}}}),
        level: quantity::of(unit),
    };
    std::iter::once(local).chain(UNITS.into_iter().map(of_unit))
}

impl Levels {
    fn level(&self) -> String {
        format!("level-{}", self.of)
    }

    fn trigger(&self) -> String {
        format!("trigger-{}", self.of)
    }

    /// Then the rest of the spec is like this.
    fn demand(&self, then: &Value) -> Value {
        let signals = json!({"type": "object", "minProperties": 1, "additionalProperties": self.signal});
        json!({"if": {"required": ["signals"], "properties": {"signals": signals}}, "then": {"properties": then}})
    }
}

/// What the levels of a trigger are, and a level by itself.
pub fn definitions() -> Definitions {
    let of_one = |levels: Levels| {
        let level = json!({"$ref": reference(&levels.level())});
        let sides = json!({"above": level, "below": level, "clear": level});
        let mut trigger = sides.clone();
        for several in ["any", "all"] {
            trigger[several] = json!({"items": {"properties": sides}});
        }
        let trigger = json!({"properties": trigger});
        [(levels.trigger(), trigger), (levels.level(), levels.level)]
    };
    all().flat_map(of_one).collect()
}

/// In a policy that acts by stages: of triggers, and of what steps go toward.
pub fn of_staged() -> Vec<Value> {
    let demand = |levels: Levels| {
        let level = json!({"$ref": reference(&levels.level())});
        let trigger = json!({"$ref": reference(&levels.trigger())});
        let toward = json!({"properties": {"above": level, "below": level}});
        let actions = json!({"items": {"additionalProperties": {"properties": {"toward": toward}}}});
        let stage = json!({"properties": {"at": trigger, "do": actions}});
        levels.demand(&json!({"trigger": trigger, "stages": {"items": stage}, "safe": actions}))
    };
    all().map(demand).collect()
}

/// In a policy that acts by severity: where it begins, and where it is worst.
pub fn of_contention() -> Vec<Value> {
    let demand = |levels: Levels| {
        let level = json!({"$ref": reference(&levels.level())});
        levels.demand(&json!({"severity": {"items": {"properties": {"zero": level, "one": level}}}}))
    };
    all().map(demand).collect()
}
