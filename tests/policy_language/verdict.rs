//! What somebody who knows nothing but the schema says about a policy file.

use std::fmt;

use jsonschema::Validator;
use plotwarden::policy;
use serde_json::Value;
use serde_yaml::{DuplicateKeyPolicy, Options};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// No reader of YAML gets as far as the schema.
    NoYaml,
    Refused,
    Accepted,
}

impl fmt::Display for Verdict {
    /// As a bad policy is marked.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoYaml => "no YAML",
            Self::Refused => "refused by the schema",
            Self::Accepted => "beyond the schema",
        })
    }
}

pub fn validator() -> Validator {
    jsonschema::draft7::new(&policy::json_schema()).unwrap()
}

pub fn verdict(validator: &Validator, text: &str) -> Verdict {
    match read(text) {
        None => Verdict::NoYaml,
        Some(documents) if documents.iter().all(|document| validator.is_valid(document)) => Verdict::Accepted,
        Some(_) => Verdict::Refused,
    }
}

/// The documents of a text as an editor reads them: YAML 1.2, each key once.
pub fn read(text: &str) -> Option<Vec<Value>> {
    serde_yaml::from_multiple_with_options(text, options()).ok()
}

pub fn options() -> Options {
    serde_yaml::options! {
        duplicate_keys: DuplicateKeyPolicy::Error,
        strict_booleans: true,
        with_snippet: false,
    }
}
