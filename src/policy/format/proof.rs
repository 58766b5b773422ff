//! Proves of a file that laying it out has changed neither what it says nor what is said beside it.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use crate::policy::document::{Document, documents};
use crate::policy::error::PolicyError;

/// What the documents say, whatever the order of their keys.
pub fn data(path: &Path, text: &str) -> Result<Vec<Value>, PolicyError> {
    documents(path, text).iter().map(Document::parse).collect()
}

/// The new text says the same, and with the same characters, those of comments among them, white space apart.
pub fn holds(path: &Path, (old, said): (&str, &[Value]), new: &str) -> bool {
    characters(old) == characters(new) && data(path, new).is_ok_and(|says| says == said)
}

fn characters(text: &str) -> BTreeMap<char, usize> {
    let mut counts = BTreeMap::new();
    for c in text.chars().filter(|c| !c.is_whitespace()) {
        *counts.entry(c).or_default() += 1;
    }
    counts
}
