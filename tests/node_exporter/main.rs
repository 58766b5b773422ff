//! Whoever leaves `node_exporter` for `plotwarden` sees the same machine: both run here at the same time, and every family that
//! both have is compared, series by series.

#[path = "../support/mod.rs"]
mod support;

mod exposition;
mod left_out;
mod machines;
mod promtool;
mod row;
mod scrape;
mod table;

use std::fmt::Write as _;
use std::path::Path;

use left_out::LEFT_OUT;
use scrape::NodeExporter;
use table::rows;

/// Collectors that a machine that plots needs, by their names there: nothing of them may go unnoticed.
const TRIMMED: [&str; 11] = [
    "cpu",
    "meminfo",
    "diskstats",
    "filesystem",
    "netdev",
    "pressure",
    "loadavg",
    "vmstat",
    "hwmon",
    "cpufreq",
    "thermal_zone",
];

/// A machine that is busy may move more between two scrapes than a tolerance allows, but not each time.
const ATTEMPTS: usize = 3;

#[test]
fn every_family_that_both_have_agrees() {
    let Some(theirs) = NodeExporter::start(Path::new("/")) else { return };
    let ours = scrape::plotwarden(Path::new("/"));
    let (mut left, mut report, mut compared, mut faults) = (rows(), String::new(), 0, Vec::new());
    for _ in 0..ATTEMPTS {
        faults.clear();
        let scrapes = scrape::both(&theirs, &ours);
        left.retain(|row| {
            let comparison = row.compare(&scrapes);
            let agrees = comparison.faults.is_empty();
            if agrees && comparison.compared > 0 {
                compared += 1;
                writeln!(report, "{:4} series  {:45} {}", comparison.compared, row.theirs, row.ours).unwrap();
            }
            faults.extend(comparison.faults);
            !agrees
        });
        if left.is_empty() {
            break;
        }
    }
    println!("{report}{compared} families compared");
    assert!(faults.is_empty(), "{report}\nthat do not agree:\n{}", faults.join("\n"));
    assert!(compared > 100, "only {compared} families were there to be compared:\n{report}");
}

#[test]
fn nothing_that_a_plotting_machine_needs_is_missing() {
    let Some(theirs) = NodeExporter::start(Path::new("/")) else { return };
    let missing = missing(&theirs, &TRIMMED);
    assert!(missing.is_empty(), "of node_exporter, neither compared nor left out for a reason: {missing:?}");
}

/// Families of these collectors that are neither in the table nor left out.
fn missing(theirs: &NodeExporter, collectors: &[&str]) -> Vec<String> {
    let has_row = |name: &str| rows().iter().any(|row| row.theirs == name);
    let is_left_out = |name: &str| LEFT_OUT.iter().any(|(left_out, _)| *left_out == name);
    let is_of_machine = |name: &str| {
        name.starts_with("node_") && !name.starts_with("node_scrape_") && name != "node_exporter_build_info"
    };
    let is_missing = |name: &&str| is_of_machine(name) && !has_row(name) && !is_left_out(name);
    theirs.scrape(collectors).names().filter(is_missing).map(str::to_owned).collect()
}

#[test]
fn the_table_names_only_what_there_is_and_leaves_out_only_with_a_reason() {
    let published = plotwarden::metrics::names();
    for row in rows() {
        assert!(published.contains(&row.ours), "{} is no family of ours", row.ours);
        assert!(row.theirs.starts_with("node_"), "{}", row.theirs);
    }
    for (name, why) in LEFT_OUT {
        assert!(!rows().iter().any(|row| row.theirs == *name), "{name} is compared, and left out");
        assert!(why.len() > 10, "{name}: why?");
    }
}
