//! Takes `null` out of a schema, as a value and as a default: a key without a value is a slip, and the loader refuses it.

use serde_json::{Value, json};

pub fn without(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            if object.get("default") == Some(&Value::Null) {
                object.shift_remove("default");
            }
            if let Some(Value::Array(types)) = object.get_mut("type") {
                types.retain(|name| name != "null");
                if let [only] = types.as_slice() {
                    let only = only.clone();
                    object.insert("type".to_owned(), only);
                }
            }
            if let Some(Value::Array(choices)) = object.get_mut("anyOf") {
                choices.retain(|choice| *choice != json!({"type": "null"}));
                // Beside a `$ref`, draft 7 reads nothing; so the list stays, for the sake of the description.
                if let [only] = choices.as_slice() {
                    let only = only.clone();
                    object.remove("anyOf");
                    object.insert("allOf".to_owned(), json!([only]));
                }
            }
            object.values_mut().for_each(without);
        }
        Value::Array(items) => items.iter_mut().for_each(without),
        _ => {}
    }
}
