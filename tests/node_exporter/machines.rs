//! The same for machines that we do not have: both look at the files of `tests/machines/`, in which nothing moves.

use std::thread::sleep;
use std::time::Duration;

use tempfile::TempDir;

use crate::exposition::Exposition;
use crate::row::Scrapes;
use crate::scrape::{self, NodeExporter};
use crate::support::machine;
use crate::table::rows;

/// What such machines are for. The rest of their files is there for tests of ours only, and not whole enough for others.
const COLLECTORS: [&str; 6] = ["cpufreq", "edac", "hwmon", "netclass", "powersupplyclass", "thermal_zone"];
/// By then everything has been read that is not read each tick.
const SETTLED: Duration = Duration::from_secs(6);

/// How many families were compared.
fn compare(name: &str) -> Option<usize> {
    let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    machine::lay_out(name, folder.path());
    let theirs = NodeExporter::start(folder.path())?;
    let missing = crate::missing(&theirs, &["cpufreq", "hwmon", "thermal_zone"]);
    assert!(missing.is_empty(), "{name}: of node_exporter, neither compared nor left out for a reason: {missing:?}");
    let ours = scrape::plotwarden(folder.path());
    sleep(SETTLED);
    let before = vec![theirs.scrape(&COLLECTORS)];
    let text = ours.metrics().text;
    let scrapes = Scrapes { before, ours: Exposition::parse(&text), after: theirs.scrape(&COLLECTORS) };
    let comparisons: Vec<_> = rows().iter().map(|row| row.compare(&scrapes)).collect();
    let faults: Vec<&String> = comparisons.iter().flat_map(|comparison| &comparison.faults).collect();
    assert!(faults.is_empty(), "{name}: that do not agree: {faults:#?}");
    Some(comparisons.iter().filter(|comparison| comparison.compared > 0).count())
}

#[test]
fn a_server_with_many_sensors_is_seen_alike() {
    let Some(compared) = compare("dual-socket-server") else { return };
    assert!(compared >= 20, "only {compared} families were there to be compared");
}

#[test]
fn a_desktop_is_seen_alike() {
    let Some(compared) = compare("desktop") else { return };
    assert!(compared >= 20, "only {compared} families were there to be compared");
}

#[test]
fn an_arm_board_is_seen_alike() {
    let Some(compared) = compare("arm-board") else { return };
    assert!(compared >= 5, "only {compared} families were there to be compared");
}
