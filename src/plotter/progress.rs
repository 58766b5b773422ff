//! How far a plot is: witnesses weighed in their order of trust, and kept from going backwards.

use std::cmp::Reverse;
use std::time::Duration;

use super::command_line::CommandLine;
use super::eta::Eta;
use super::evidence::{self, Observation, Statement};
use super::job::{Evidence, Phase, Progress};
use super::log::{LogFollower, LogState};
use super::profile::Profile;
use crate::units::{Ratio, float, whole};

/// What a plot that is not done can reach.
const ALMOST_DONE: f64 = 0.999;
/// A plotter that has written more than this share of one plot must be in a later plot: copying adds at most a tenth.
const MORE_THAN_ONE_PLOT: f64 = 1.15;
/// A plotter that sleeps on a full disk gives no sign: neither CPU time nor bytes for this long.
const QUIET_AFTER: Duration = Duration::from_mins(1);
/// A retry writes a line to the log; more bytes than this mean that it works again.
const WORKS_AGAIN: u64 = 1 << 20;

/// Follows one plotter over all its plots.
#[derive(Debug, Default)]
pub(super) struct Tracker {
    log: LogFollower,
    started: bool,
    plot: Plot,
    /// The plot before this one: its files may stay open while it is copied.
    previous_id: Option<String>,
    /// Plots of this plotter before the one at hand.
    before: u32,
    /// Count of the log's plots when this one began.
    log_plot: u64,
    quiet: Quiet,
}

/// What is known of the plot at hand.
#[derive(Debug, Default)]
struct Plot {
    id: Option<String>,
    /// Odometer at its beginning.
    odometer_base: u64,
    /// Other witnesses spoke of this plot first: the log's plot of this count is still the one before.
    log_lags_at: Option<u64>,
    phase: Option<(Phase, Evidence)>,
    ratio: Option<(f64, Evidence)>,
    eta: Eta,
}

/// Since when a plotter has used nothing.
#[derive(Debug, Default)]
struct Quiet {
    /// Running time at the last sign of life, and what CPU time and bytes were then.
    last_sign: Duration,
    cpu: Option<Duration>,
    bytes: Option<u64>,
    /// Bytes when the log first spoke of a stall.
    stalled_at: Option<u64>,
}

/// One tick's witnesses, before they are weighed.
struct Witnesses<'a> {
    /// Age of the plotter without pauses.
    running: Duration,
    threads: Option<Statement>,
    files: Option<Statement>,
    odometer: Option<u64>,
    /// Bytes of one plot.
    total: Option<f64>,
    command_line: &'a CommandLine,
}

impl Tracker {
    /// `running` is the age of the plotter without pauses.
    pub fn observe(
        &mut self,
        profile: &Profile,
        command_line: &CommandLine,
        running: Duration,
        seen: &Observation,
    ) -> Progress {
        if let Some(chunk) = &seen.log {
            self.log.feed(&profile.log, chunk);
        }
        let witnesses = Witnesses {
            running,
            threads: seen.threads.as_ref().and_then(|names| evidence::threads(profile, names)),
            files: seen
                .files
                .as_ref()
                .and_then(|files| evidence::files(profile, files))
                .filter(|found| found.plot_id.is_none() || found.plot_id != self.previous_id),
            odometer: seen.io.as_ref().and_then(|io| evidence::odometer(profile, io)),
            total: evidence::total(profile, &command_line.variables),
            command_line,
        };
        self.turn_to_present_plot(&witnesses);

        let Witnesses { threads, files, odometer, total, .. } = witnesses;
        let written = odometer.map(|now| float(now.saturating_sub(self.plot.odometer_base)));
        let share = total.zip(written).map(|(total, written)| written / total);
        let by_bytes = share.and_then(|share| evidence::bytes(profile, share));
        let nothing = LogState::default();
        let log = if self.plot.log_lags_at == Some(self.log.state().plot) { &nothing } else { self.log.state() };
        let table = self.plot.weigh(&[threads, files, by_bytes], log);
        self.plot.advance(profile, log, share);
        self.plot.eta.update(running, self.plot.ratio());
        let stalled = self.quiet.stalled(profile, &mut self.log, running, seen, odometer);
        self.report(table, stalled, running, command_line.arguments.count)
    }

    fn report(&self, table: Option<u8>, stalled: bool, running: Duration, count: Option<i64>) -> Progress {
        let log = self.log.state();
        let done = self.plot.phase.is_some_and(|(phase, _)| phase == Phase::Done);
        // A log may hold plots of an earlier plotter; this one makes no more than it was asked for.
        let asked = count.and_then(|count| u32::try_from(count).ok()).filter(|count| *count > 0);
        let before = asked.map_or(self.before, |asked| self.before.min(asked - 1));
        Progress {
            phase: self.plot.phase.map(|(phase, _)| phase),
            phase_from: self.plot.phase.map(|(_, from)| from),
            table,
            ratio: self.plot.ratio().map(Ratio),
            ratio_from: self.plot.ratio.map(|(_, from)| from),
            eta: self.plot.eta.left(running, self.plot.ratio()),
            plot_id: self.plot.id.clone(),
            plots_done: before + u32::from(done),
            stalled,
            error: log.error.clone(),
        }
    }

    /// Begins a new plot where a witness speaks of another one than so far.
    fn turn_to_present_plot(&mut self, seen: &Witnesses) {
        let log = self.log.state();
        let by_files = seen.files.as_ref().and_then(|found| found.plot_id.as_ref());
        let id = [by_files, log.plot_id.as_ref(), seen.command_line.plot_id.as_ref()]
            .into_iter()
            .flatten()
            .find(|id| Some(*id) != self.previous_id.as_ref())
            .cloned();
        let present = id.is_some() && id == self.plot.id;
        let other_id = id.is_some() && self.plot.id.is_some() && !present;
        let caught_up = self.plot.log_lags_at == Some(self.log_plot);
        let other_in_log = self.log_plot > 0 && log.plot > self.log_plot && !present && !caught_up;
        let exact = seen.threads.as_ref().or(seen.files.as_ref()).filter(|found| !found.or_later);
        // It was in phase 3 or beyond, and now there are threads or files of phase 1.
        let one = seen.command_line.arguments.count == Some(1);
        let began_again = self.plot.phase.zip(exact).filter(|_| !one).is_some_and(|((before, _), now)| {
            let back = before >= Phase::Number(3) && now.phase <= Phase::Number(1);
            (back || (before == Phase::Done && now.phase < Phase::Done)) && !present
        });
        if !self.started {
            self.started = true;
            self.before = plots_before(seen);
            self.plot = Plot::first_seen(self.before.max(log.before), seen);
            // It has just been started, and its log still holds what an earlier plotter appended to the same file.
            if log.phase == Some(Phase::Done) {
                self.plot.log_lags_at = Some(log.plot);
                self.previous_id.clone_from(&log.plot_id);
            }
        } else if other_id || other_in_log || began_again {
            self.before += 1;
            self.previous_id = self.plot.id.take();
            self.plot = Plot {
                odometer_base: seen.odometer.unwrap_or(0),
                log_lags_at: Some(log.plot).filter(|plot| *plot == self.log_plot),
                eta: Eta::from(seen.running),
                ..Plot::default()
            };
        }
        self.before = self.before.max(log.before);
        self.log_plot = log.plot;
        self.plot.id = id.filter(|id| Some(id) != self.previous_id.as_ref()).or_else(|| self.plot.id.take());
    }
}

/// How many plots a plotter had made before we first saw it, by its bytes.
fn plots_before(seen: &Witnesses) -> u32 {
    if seen.command_line.arguments.count == Some(1) {
        return 0;
    }
    let plots = seen.odometer.zip(seen.total).map(|(now, total)| float(now) / total);
    let plots = plots.filter(|plots| *plots > MORE_THAN_ONE_PLOT).map_or(0, |plots| whole(plots.floor()));
    u32::try_from(plots).unwrap_or(0)
}

impl Plot {
    /// The plot that a plotter is at when we first see it, after so many others.
    fn first_seen(before: u32, seen: &Witnesses) -> Self {
        if before == 0 {
            return Self::default();
        }
        let bytes = seen.total.map_or(0, |total| whole(f64::from(before) * total));
        let odometer_base = bytes.min(seen.odometer.unwrap_or(0));
        Self { odometer_base, eta: Eta::from(seen.running), ..Self::default() }
    }

    fn ratio(&self) -> Option<f64> {
        self.ratio.map(|(ratio, _)| ratio)
    }

    /// Takes the phase of the most trusted witness, and returns the table that goes with it.
    fn weigh(&mut self, statements: &[Option<Statement>; 3], log: &LogState) -> Option<u8> {
        let by_log = log.phase.map(|phase| Statement {
            from: Evidence::Log,
            phase,
            table: log.table,
            plot_id: None,
            or_later: false,
        });
        let all: Vec<&Statement> = statements.iter().flatten().chain(&by_log).collect();
        let first = all.first()?;
        let chosen = if first.or_later {
            all.iter().max_by_key(|statement| (statement.phase, Reverse(statement.from))).unwrap_or(first)
        } else {
            first
        };
        // Between two tables a better witness may be silent and a worse one behind: then the better one's word still holds.
        let outdated = self
            .phase
            .is_some_and(|(before, from)| before == Phase::Done || (chosen.phase < before && chosen.from > from));
        if !outdated {
            self.phase = Some((chosen.phase, chosen.from));
        }
        let (phase, _) = self.phase?;
        all.iter().filter(|statement| statement.phase == phase).find_map(|statement| statement.table)
    }

    /// Raises the ratio; it never falls within a plot.
    fn advance(&mut self, profile: &Profile, log: &LogState, share: Option<f64>) {
        if self.phase.is_some_and(|(phase, _)| phase == Phase::Done) {
            self.ratio = Some((1.0, Evidence::Log));
            return;
        }
        let measured = share.filter(|_| profile.odometer.as_ref().is_some_and(|odometer| odometer.measures_progress));
        let by_bytes = measured.map(|share| (self.within_phase(profile, share), Evidence::ByteOdometer));
        let by_log = log.progress.map(|progress| (progress, Evidence::Log));
        let by_phase = self.phase.and_then(|(phase, from)| {
            let start = profile.phases.iter().find(|start| start.phase == phase)?;
            Some((start.progress, from))
        });
        // A log may lag behind what threads and files show.
        let without_bytes = by_log.into_iter().chain(by_phase).max_by(|one, other| one.0.total_cmp(&other.0));
        let Some((ratio, from)) = by_bytes.or(without_bytes) else { return };
        let ratio = ratio.clamp(0.0, ALMOST_DONE);
        if self.ratio.is_none_or(|(before, _)| ratio > before) {
            self.ratio = Some((ratio, from));
        }
    }

    /// Bytes that do not belong to this plot (a copy of the one before) cannot carry it out of a phase that is known for sure.
    fn within_phase(&self, profile: &Profile, share: f64) -> f64 {
        match self.phase {
            Some((phase, Evidence::ThreadNames | Evidence::OpenFiles)) => {
                evidence::byte_bounds(profile, phase).map_or(share, |(begin, end)| share.clamp(begin, end.max(begin)))
            }
            _ => share,
        }
    }
}

impl Quiet {
    fn stalled(
        &mut self,
        profile: &Profile,
        log: &mut LogFollower,
        running: Duration,
        seen: &Observation,
        odometer: Option<u64>,
    ) -> bool {
        if log.state().stalled {
            let since = *self.stalled_at.get_or_insert(odometer.unwrap_or(0));
            if odometer.is_some_and(|now| now.saturating_sub(since) > WORKS_AGAIN) {
                log.clear_stall();
                self.stalled_at = None;
            }
        } else {
            self.stalled_at = None;
        }
        log.state().stalled || (profile.control.sleeps_when_full && self.silent(running, seen, odometer))
    }

    /// Neither CPU time nor bytes for a minute of running time. Not known while either cannot be read.
    fn silent(&mut self, running: Duration, seen: &Observation, odometer: Option<u64>) -> bool {
        let bytes = odometer.or(seen.io.map(|io| io.wchar));
        let alive = seen.cpu.is_none() || bytes.is_none() || bytes != self.bytes || {
            // A sleeper wakes to look at the clock.
            let used = seen.cpu.unwrap_or_default().saturating_sub(self.cpu.unwrap_or_default());
            used > Duration::from_millis(100)
        };
        if alive {
            *self = Self { last_sign: running, cpu: seen.cpu, bytes, stalled_at: self.stalled_at };
        }
        running.saturating_sub(self.last_sign) >= QUIET_AFTER
    }
}
