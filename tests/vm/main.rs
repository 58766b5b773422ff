//! The real program on a real kernel, in a virtual machine whose hardware we know: what it finds and measures is what the machine
//! was given, and what the knobs do to it is undone. Four boots, and many looks at what came of them.
//!
//! It needs qemu, a static busybox, a compiler, and the packages of Debian's kernel, which are fetched into `target/`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod archive;
mod cpu;
mod files;
mod kernel;
mod knobs;
mod machine;
mod memory;
mod power;
mod program;
mod report;
mod service;
mod starved;
mod storage;
mod systemd;

use std::sync::LazyLock;

use files::Scenario;
use report::Report;
use serde_json::Value;

/// plotwarden looks at the machine, and serves what it measures.
const DISCOVERY: Scenario = Scenario { name: "discovery", modules: &[], tests: &[], systemd: false, policy: None };

static REPORT: LazyLock<Report> = LazyLock::new(|| Report::of_a_boot(&DISCOVERY));

static DISCOVERED: LazyLock<Value> = LazyLock::new(|| {
    let text = REPORT.section("discover");
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}\n{}", REPORT.section("log")))
});

/// The row of a list of the inventory in which a fact has this value.
fn row<'d>(part: &'d Value, list: &str, key: &str, value: &str) -> &'d Value {
    let rows = part[list].as_array().unwrap_or_else(|| panic!("no {list} in {part}"));
    rows.iter().find(|row| row[key] == value).unwrap_or_else(|| panic!("no {key}={value} in {list}: {rows:#?}"))
}

/// The value of a series of a scrape, `first` or `second`; `None` if there is none.
fn value(scrape: &str, series: &str) -> Option<f64> {
    let lines = REPORT.section(scrape).lines();
    let mut values = lines.filter_map(|line| line.strip_prefix(series)?.strip_prefix(' ')?.trim().parse().ok());
    values.next()
}

#[test]
fn nothing_went_wrong_inside() {
    let said = REPORT.section("program");
    for bad in ["panicked", "level=error", "the counter of"] {
        assert!(!said.contains(bad), "{said}");
    }
}
