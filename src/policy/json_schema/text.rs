//! Texts of a form: the pattern for programs, and words for people, since no one reads a pattern that did not match.
//!
//! `errorMessage` is no keyword of JSON Schema, but the servers of YAML and JSON that editors use show it in place of the
//! pattern, and all others pass over it.

use schemars::{Schema, json_schema};
use serde_json::{Value, json};

/// A text of this form; it reads as in `write a power, such as 450W`.
pub fn text(pattern: &str, form: &str) -> Value {
    json!({"type": "string", "pattern": pattern, "errorMessage": message(form)})
}

/// The same, described by its form.
pub fn described(pattern: &str, form: &str) -> Schema {
    json_schema!({
        "description": format!("{}.", capitalised(form)),
        "type": "string",
        "pattern": pattern,
        "errorMessage": message(form),
    })
}

/// What editors show where a text has another form.
pub fn message(form: &str) -> String {
    format!("write {form}")
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
