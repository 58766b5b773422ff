//! `plotwarden knobs`: every knob with what it is on this machine now, as a table, as the page of the documentation, as JSON or YAML.

use std::collections::BTreeMap;

use super::options::{KnobsOptions, KnobsOutput};
use super::{exit, table};
use crate::inventory::CapabilityState;
use crate::knob::{GroupUse, Linux, Listed, ListedPart, describe, list, markdown};

pub fn knobs(options: &KnobsOptions) -> u8 {
    let machine = Linux::new(&options.paths.roots(), GroupUse::Free);
    let text = match options.output {
        KnobsOutput::Markdown => Ok(markdown(&describe(&machine))),
        KnobsOutput::Table => {
            let rows: Vec<Vec<String>> = list(&machine).iter().flat_map(rows).collect();
            Ok(table::render(&["KNOB", "OF", "UNIT", "NOW", "STATE"], &rows))
        }
        KnobsOutput::Json => serde_json::to_string_pretty(&list(&machine)).map(|json| json + "\n").map_err(said),
        KnobsOutput::Yaml => serde_yaml::to_string(&list(&machine)).map_err(said),
    };
    match text {
        Ok(text) => {
            print!("{text}");
            exit::OK
        }
        Err(error) => {
            eprintln!("plotwarden: cannot write the list of knobs: {error}");
            exit::CANNOT
        }
    }
}

fn said(error: impl std::error::Error) -> String {
    error.to_string()
}

/// A row for all parts that are alike.
fn rows(knob: &Listed) -> Vec<Vec<String>> {
    let row = |of: String, now: String, state: String| {
        vec![knob.described.name.to_owned(), of, knob.described.unit.to_owned(), now, state]
    };
    if knob.parts.is_empty() || knob.state == CapabilityState::Unusable {
        return vec![row(knob.described.of.to_owned(), String::new(), state(knob))];
    }
    let mut alike: BTreeMap<(String, String), Vec<&str>> = BTreeMap::new();
    let mut order = Vec::new();
    for part in &knob.parts {
        let key = (part.value.clone().unwrap_or_default(), state_of_part(knob, part));
        if !alike.contains_key(&key) {
            order.push(key.clone());
        }
        alike.entry(key).or_default().push(&part.part);
    }
    let parts = |key: &(String, String)| shortened(alike.get(key).map_or(&[], Vec::as_slice));
    order.iter().map(|key| row(parts(key), key.0.clone(), key.1.clone())).collect()
}

fn state(knob: &Listed) -> String {
    match (knob.state, knob.mend.is_empty()) {
        (CapabilityState::Usable, _) => "usable".to_owned(),
        (state, true) => format!("{}: {}", state.name(), knob.reason),
        (state, false) => format!("{}: {}; {}", state.name(), knob.reason, knob.mend),
    }
}

fn state_of_part(knob: &Listed, part: &ListedPart) -> String {
    match (&part.problem, &part.off_limits) {
        (Some(problem), _) => format!("not known: {problem}"),
        (_, Some(why)) => format!("left alone: {why}"),
        (None, None) => state(knob),
    }
}

/// A machine may have hundreds of parts with the same value.
fn shortened(parts: &[&str]) -> String {
    match parts {
        [first, .., last] if parts.len() > 3 => format!("{first} to {last} ({})", parts.len()),
        few => few.join(" "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_that_are_alike_share_a_row() {
        assert_eq!(shortened(&["cpu/0", "cpu/1"]), "cpu/0 cpu/1");
        assert_eq!(shortened(&["cpu/0", "cpu/1", "cpu/2", "cpu/5"]), "cpu/0 to cpu/5 (4)");
    }
}
