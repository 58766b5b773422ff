//! Evidence of a plot's phase: what thread names, open files and written bytes say, each by itself. `progress` weighs them.

use std::time::Duration;

use super::expr::Variables;
use super::job::{Evidence, Phase};
use super::log::LogChunk;
use super::profile::{PhaseStart, Profile};
use super::schema::{Counter, WhichTable};
use crate::kernel::process::{IoCounters, OpenFile};

/// What was read of one plotter in one tick. What could not be read is `None`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Observation {
    /// Names of all threads, from `/proc/PID/task/*/comm`.
    pub threads: Option<Vec<String>>,
    pub files: Option<Vec<OpenFile>>,
    pub io: Option<IoCounters>,
    /// CPU time of the plotter since its start.
    pub cpu: Option<Duration>,
    /// New bytes of its log; `None` if it has none that can be read.
    pub log: Option<LogChunk>,
    /// Time for which the job has been paused by us since it started.
    pub paused: Duration,
}

/// One witness's statement.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Statement {
    pub from: Evidence,
    pub phase: Phase,
    pub table: Option<u8>,
    pub plot_id: Option<String>,
    /// The phase may be a later one, of which this witness knows nothing.
    pub or_later: bool,
}

/// The first rule that any thread fits.
pub(super) fn threads(profile: &Profile, names: &[String]) -> Option<Statement> {
    let (_, phase) = profile.threads.iter().find(|(re, _)| names.iter().any(|name| re.is_match(name)))?;
    Some(Statement { from: Evidence::ThreadNames, phase: *phase, table: None, plot_id: None, or_later: false })
}

/// The first rule that any open file fits: rules stand in the order of how far a plot is that has such a file open.
pub(super) fn files(profile: &Profile, files: &[OpenFile]) -> Option<Statement> {
    profile.files.iter().find_map(|rule| {
        let links = files.iter().map(|file| file.link.to_string_lossy());
        let mut found = false;
        let (mut tables, mut plot_id) = (Vec::new(), None);
        for link in links {
            let Some(groups) = rule.re.captures(&link) else { continue };
            found = true;
            tables.extend(groups.name("t").and_then(|table| table.as_str().parse::<u8>().ok()));
            plot_id = groups.name("id").map(|id| id.as_str().to_owned()).or(plot_id);
        }
        let table = match rule.table {
            WhichTable::Highest => tables.into_iter().max(),
            WhichTable::Lowest => tables.into_iter().min(),
        };
        let or_later = rule.or_later;
        found.then_some(Statement { from: Evidence::OpenFiles, phase: rule.phase, table, plot_id, or_later })
    })
}

/// The counter of the profile's odometer.
pub(super) fn odometer(profile: &Profile, io: &IoCounters) -> Option<u64> {
    Some(match profile.odometer.as_ref()?.counter {
        Counter::Wchar => io.wchar,
        Counter::WriteBytes => io.write_bytes,
    })
}

/// Bytes of one plot on that counter.
pub(super) fn total(profile: &Profile, variables: &Variables) -> Option<f64> {
    profile.odometer.as_ref()?.total.number(variables).filter(|total| *total > 0.0)
}

/// The phase that a share of all bytes falls into. Beyond the last known boundary nothing more can be said.
pub(super) fn bytes(profile: &Profile, share: f64) -> Option<Statement> {
    let known = || profile.phases.iter().filter_map(|start| Some((start.phase, start.bytes?)));
    let (phase, _) = known().take_while(|(_, begin)| *begin <= share).last()?;
    let or_later = known().next_back().is_some_and(|(last, _)| last == phase);
    Some(Statement { from: Evidence::ByteOdometer, phase, table: None, plot_id: None, or_later })
}

/// The bounds of a phase on the scale of bytes; open at the top if the next phase has no boundary.
pub(super) fn byte_bounds(profile: &Profile, phase: Phase) -> Option<(f64, f64)> {
    let index = profile.phases.iter().position(|start| start.phase == phase)?;
    let next = profile.phases.get(index + 1).and_then(|next: &PhaseStart| next.bytes);
    Some((profile.phases.get(index)?.bytes?, next.unwrap_or(1.0)))
}
