//! `plotwarden metrics`: every metric family with its meaning, as a table, as the page of the documentation, or as JSON.

use super::options::{MetricsOptions, MetricsOutput};
use super::{exit, table};
use crate::metrics::{FamilyDescription, catalogue, reference};

pub fn metrics(options: &MetricsOptions) -> u8 {
    let families = catalogue();
    match options.output {
        MetricsOutput::Table => {
            let rows: Vec<Vec<String>> = families.iter().map(row).collect();
            table::print(&["NAME", "TYPE", "LABELS", "MEANING"], &rows);
        }
        MetricsOutput::Markdown => print!("{}", reference::markdown(&families)),
        MetricsOutput::Json => match serde_json::to_string_pretty(&families) {
            Ok(json) => println!("{json}"),
            Err(error) => {
                eprintln!("plotwarden: cannot write the list of metrics: {error}");
                return exit::CANNOT;
            }
        },
    }
    exit::OK
}

fn row(family: &FamilyDescription) -> Vec<String> {
    let kind = family.kind.name();
    vec![family.name.to_owned(), kind.to_owned(), family.labels.join(","), family.help.to_owned()]
}
