//! Schema and loader give the same verdict: on what is shipped, on examples, and on examples with any one value put in the place of
//! any other.

use std::fs;

use serde_json::{Value, json};

use super::verdict::{Verdict, read, validator, verdict};
use super::{load, name, policies};

#[test]
fn what_loads_is_accepted() {
    let validator = validator();
    for path in [policies("policies"), policies("tests/policies/good")].concat() {
        let text = fs::read_to_string(&path).unwrap();
        let faults: Vec<String> = read(&text)
            .unwrap()
            .iter()
            .flat_map(|document| validator.iter_errors(document))
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(faults.is_empty(), "{}: {faults:?}", path.display());
    }
}

/// Put in the place of each value of each example.
fn strangers() -> Vec<Value> {
    vec![
        json!(null),
        json!(true),
        json!(0),
        json!(1.5),
        json!(1e300),
        json!(""),
        json!("off"),
        json!("max"),
        json!("pause"),
        json!("7"),
        json!("true"),
        json!("30s"),
        json!("1m"),
        json!("24h"),
        json!(" 15 %"),
        json!("1_000MiB"),
        json!("95W"),
        json!("1Gbit/s"),
        json!("10% of jobs"),
        json!("0%"),
        json!("100%"),
        json!("70C"),
        json!("200MiB/s"),
        json!("fired"),
        json!("safe"),
        json!("2001:db8::7"),
        json!("/mnt"),
        json!(["x"]),
        json!([{}]),
        json!({}),
        json!({"signal": "used", "above": "50%", "clear": "40%"}),
    ]
}

/// What the schema refuses, the loader refuses: nobody's editor underlines what works.
#[test]
fn what_the_schema_refuses_does_not_load() {
    let validator = validator();
    let mut wrong = Vec::new();
    let mut counts = [0; 3];
    for path in policies("tests/policies/good") {
        let text = fs::read_to_string(&path).unwrap();
        let good = read(&text).unwrap().remove(0);
        for place in places(&good) {
            for stranger in strangers().into_iter().map(Some).chain([None]) {
                let mut edited = good.clone();
                put(&mut edited, &place, stranger.clone());
                let text = edited.to_string();
                let verdict = verdict(&validator, &text);
                // Whether a test's policies are there is not asked here.
                let loads = load(&name(&path), &text).is_ok_and(|set| !set.policies.is_empty());
                counts[verdict as usize] += usize::from(!loads);
                if verdict == Verdict::Refused && loads {
                    wrong.push(format!("{}: {place} = {stranger:?}", name(&path)));
                }
            }
        }
    }
    let [_, refused, beyond] = counts;
    println!("of {} edits that do not load the schema refuses {refused}", refused + beyond);
    assert!(wrong.is_empty(), "{} load, though the schema refuses them:\n{}", wrong.len(), wrong.join("\n"));
}

/// Pointers to all values.
fn places(value: &Value) -> Vec<String> {
    let children: Vec<(String, &Value)> = match value {
        Value::Object(object) => object.iter().map(|(key, value)| (key.clone(), value)).collect(),
        Value::Array(items) => items.iter().enumerate().map(|(place, item)| (place.to_string(), item)).collect(),
        _ => Vec::new(),
    };
    let below = |(key, value): (String, &Value)| {
        let own = format!("/{key}");
        let deeper: Vec<String> = places(value).iter().map(|place| format!("{own}{place}")).collect();
        [vec![own], deeper].concat()
    };
    children.into_iter().flat_map(below).collect()
}

/// Replaces what stands there, or takes it away.
fn put(document: &mut Value, place: &str, value: Option<Value>) {
    if let Some(value) = value {
        *document.pointer_mut(place).unwrap() = value;
        return;
    }
    let (parent, key) = place.rsplit_once('/').unwrap();
    match document.pointer_mut(parent).unwrap() {
        Value::Object(object) => drop(object.remove(key)),
        Value::Array(items) => drop(items.remove(key.parse().unwrap())),
        _ => unreachable!("only these hold others"),
    }
}
