//! A failed test as a timeline: the steps at which something changed, with the one that failed marked.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::Duration;

use super::judge::Fault;
use super::seen::Seen;
use crate::claim::{Claim, Setting};
use crate::policy::{Policy, Unit};

/// Rows shown of one test; those nearest before a fault are kept.
const MOST_ROWS: usize = 24;

const HEADINGS: [&str; 5] = ["TIME", "SIGNALS", "STAGE", "CLAIMS", "PAUSED"];

/// One row, in words.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Row {
    pub at: String,
    pub signals: String,
    pub stage: String,
    pub claims: String,
    pub paused: String,
    /// Whether an expectation failed here.
    pub failed: bool,
}

/// The rows of a test in which something failed.
pub fn rows(policies: &[Policy], seen: &[Seen], faults: &[Fault]) -> Vec<Row> {
    let failed: BTreeSet<usize> = faults.iter().map(|fault| fault.step).collect();
    let last = failed.last().copied().unwrap_or(0);
    let changes = changes(seen);
    let steps = changes.range(..=last).chain(&failed).copied().collect::<BTreeSet<usize>>();
    let steps: Vec<usize> = steps.into_iter().chain(changes.range(last + 1..).next().copied()).collect();
    let first = steps.iter().position(|step| failed.contains(step)).unwrap_or(0);
    let cut = first.saturating_sub(MOST_ROWS / 2).min(steps.len().saturating_sub(MOST_ROWS));
    let shown = steps.into_iter().skip(cut).take(MOST_ROWS);
    shown.map(|step| row(policies, &seen[step], failed.contains(&step))).collect()
}

/// All rows of a test.
pub fn whole(policies: &[Policy], seen: &[Seen]) -> Vec<Row> {
    changes(seen).into_iter().map(|step| row(policies, &seen[step], false)).collect()
}

/// The first step, and those that are not as the one before.
fn changes(seen: &[Seen]) -> BTreeSet<usize> {
    let pairs = (1..).zip(seen.windows(2));
    let changed =
        pairs.filter_map(|(step, pair)| matches!(pair, [before, after] if !after.stands_as(before)).then_some(step));
    std::iter::once(0).chain(changed).take(seen.len()).collect()
}

fn row(policies: &[Policy], seen: &Seen, failed: bool) -> Row {
    let several = seen.policies.len() > 1;
    let named = |name: &str, text: String| if several { format!("{name}: {text}") } else { text };
    let signals = seen.policies.iter().flat_map(|policy| policy.inputs.iter().map(move |input| (policy, input)));
    let signals: Vec<String> = signals
        .map(|(policy, input)| {
            let unit = policies
                .iter()
                .find(|one| one.name == policy.name)
                .map_or(Unit::Plain, |one| one.rules.unit(&input.signal));
            format!("{}={}", input.signal, input.value.map_or_else(|| "missing".to_owned(), |value| unit.show(value)))
        })
        .collect();
    let stage: Vec<String> = seen
        .policies
        .iter()
        .map(|policy| {
            let stage = policy.stages.last().map_or("none", String::as_str);
            named(&policy.name, format!("{stage}{}", if policy.admission_closed { ", closed" } else { "" }))
        })
        .collect();
    Row {
        at: time(seen.at),
        signals: signals.join(" "),
        stage: stage.join("; "),
        claims: claims(seen),
        paused: several_of(&seen.paused),
        failed,
    }
}

/// All of a few names; of many the first ones and their number.
fn several_of(names: &BTreeSet<String>) -> String {
    const SHOWN: usize = 5;
    let shown: Vec<&str> = names.iter().map(String::as_str).take(SHOWN).collect();
    let more = if names.len() > SHOWN { format!(" and {} more", names.len() - SHOWN) } else { String::new() };
    shown.join(" ") + &more
}

/// `nice 5: p1 p2; io-priority idle: p2`. What stands still has a column of its own.
fn claims(seen: &Seen) -> String {
    let mut by_value: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let halted = |claim: &&Claim| claim.setting == Setting::Paused && seen.paused.contains(&claim.target.to_string());
    for claim in seen.notable_claims().filter(|claim| !halted(claim)) {
        let value = format!("{} {}", claim.setting.kind().name(), claim.setting);
        by_value.entry(value).or_default().insert(claim.target.to_string());
    }
    let of_value = |(value, targets): (&String, &BTreeSet<String>)| format!("{value}: {}", several_of(targets));
    by_value
        .iter()
        .map(of_value)
        .chain(seen.refused.iter().map(|why| format!("refused: {why}")))
        .collect::<Vec<_>>()
        .join("; ")
}

pub fn time(at: Duration) -> String {
    humantime::format_duration(at).to_string()
}

/// The rows as a table; `>` marks those that failed.
pub fn table(rows: &[Row]) -> String {
    const WIDEST: usize = 48;
    let cells =
        |row: &Row| [row.at.clone(), row.signals.clone(), row.stage.clone(), row.claims.clone(), row.paused.clone()];
    let body: Vec<[String; 5]> = rows.iter().map(cells).collect();
    let width = |column: usize| {
        let texts = body.iter().map(|cells| cells[column].chars().count());
        texts.max().unwrap_or(0).max(HEADINGS[column].len()).min(WIDEST)
    };
    let widths: [usize; 5] = std::array::from_fn(width);
    let mut out = String::new();
    let mut line = |mark: &str, cells: [&str; 5]| {
        let mut text = format!("  {mark} ");
        for (cell, width) in cells.iter().zip(widths) {
            // Nobody can do anything about a text that cannot be written to memory.
            let _ = write!(text, "{cell:<width$}  ");
        }
        out.push_str(text.trim_end());
        out.push('\n');
    };
    line(" ", HEADINGS);
    for (row, cells) in rows.iter().zip(&body) {
        line(if row.failed { ">" } else { " " }, cells.each_ref().map(String::as_str));
    }
    out
}
