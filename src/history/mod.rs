//! The embedded history: a small Prometheus for our own series, so that policies can ask for trends without a server.
//!
//! All series are sampled in the same tick, so a tick has one time stamp for all of them. Three tiers hold the same
//! samples at different distances; each is a table of ticks and series whose older part is compressed column by
//! column. Nothing here reads a clock, and only [`file`] touches the disk.

mod aggregate;
mod block;
mod codec;
pub mod file;
mod index;
mod labels;
mod select;
mod stamps;
mod stats;
mod tier;
pub mod value;

#[cfg(test)]
mod realistic_tests;
#[cfg(test)]
mod snapshot_tests;
#[cfg(test)]
mod tests;

pub use codec::SnapshotFault;
pub use index::SeriesId;
pub use labels::{Labels, NAME, Target};
pub use select::{Query, SelectedSeries, Selection, TooMuch};
pub use stats::{Counters, Resolution, Stats, TierStats};

use aggregate::Aggregates;
use index::{SeriesIndex, Slot};
use tier::Tier;
use value::ABSENT;

use std::sync::{Arc, RwLock};
use std::time::Duration;

use crate::promql::Matcher;
use crate::units::Bytes;

/// The history, written by one and read by many.
pub type SharedHistory = Arc<RwLock<History>>;

/// How long every tick is kept, milliseconds.
const FINE_SPAN: i64 = 3_600_000;
/// A clock that is set back further than this has been wrong: what is held is forgotten.
pub const LONGEST_SET_BACK: Duration = Duration::from_millis(FINE_SPAN.unsigned_abs());
/// Least distance of the samples of the second tier, milliseconds, and how long they are kept.
const MEDIUM_STEP: i64 = 15_000;
const MEDIUM_SPAN: i64 = 24 * 3_600_000;
/// The coarse tier may use one part of this many of the memory, and of this many for what cannot be dropped of it.
const COARSE_SHARE: usize = 4;
const COARSE_ROWS_SHARE: usize = 8;
/// A tick that is this much early still ends a step: ticks are not on time to the millisecond.
const EARLY: i64 = 500;

/// What the caller decides about the history.
#[derive(Debug, Clone)]
pub struct HistoryConfig {
    pub target: Target,
    /// Most memory for samples, labels and lookups. 5,000 series fill about 110 MB in a day.
    pub memory_limit: Bytes,
    /// Which series are forecast, as the matchers of selectors: these are also kept as summaries of five minutes, for
    /// weeks. They take up to a quarter of the memory; meant are series of the machine, not of jobs that come and go.
    pub forecast: Vec<Vec<Matcher>>,
}

/// A tick that was refused: time stamps only rise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the tick at {given} ms is not later than the one at {newest} ms; the clock was set back, and samples are taken again \
     once it has passed that time"
)]
pub struct TickRefused {
    pub newest: i64,
    pub given: i64,
}

/// A series that was refused: what cannot be dropped, rows and labels, would take more than half of the memory limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the history has no room for another series: beside {series} others it would need {bytes} bytes before keeping any past, \
     more than half of its limit of {limit}; raise the memory limit or publish fewer series"
)]
pub struct HistoryFull {
    pub series: usize,
    pub bytes: usize,
    pub limit: usize,
}

/// What became of the samples of a tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Appended {
    /// Samples that were taken, `up` included.
    pub samples: usize,
    /// Samples whose series the history had already forgotten; look their series up again.
    pub unknown: usize,
}

/// The series of one process and its target, in three resolutions.
///
/// Cloning copies rows and lookups but shares the sealed blocks: clone under a lock, and write the clone without it.
#[derive(Debug, Clone)]
pub struct History {
    config: HistoryConfig,
    index: SeriesIndex,
    fine: Tier,
    medium: Tier,
    coarse: Aggregates,
    counters: Counters,
    /// The tick that is being appended.
    incoming: Vec<f64>,
}

impl History {
    pub fn new(config: HistoryConfig) -> Self {
        Self {
            config,
            index: SeriesIndex::default(),
            fine: Tier::new(FINE_SPAN),
            medium: Tier::new(MEDIUM_SPAN),
            coarse: Aggregates::new(),
            counters: Counters::default(),
            incoming: Vec::new(),
        }
    }

    /// The id of a series, which is created if there is none: the name of the metric and its own labels, to which
    /// `job` and `instance` are added. Callers keep the id from tick to tick.
    ///
    /// # Errors
    /// The memory limit leaves no room for another series.
    pub fn series(&mut self, metric: &str, labels: &[(&str, &str)]) -> Result<SeriesId, HistoryFull> {
        let labels = self.config.target.label(self.index.interner(), metric, labels);
        if let Some(known) = self.index.find(&labels) {
            return Ok(known);
        }
        let has_room = self.coarse.fixed_bytes(true) <= self.limit() / COARSE_ROWS_SHARE;
        let forecast = has_room && self.is_forecast(&labels);
        self.make_room(&labels, forecast)?;
        let id = self.index.add(labels);
        if let Some(slot) = self.index.slot(id).filter(|_| forecast) {
            self.coarse.add(as_slot(slot));
        }
        Ok(id)
    }

    /// Whether the id still stands for a series. It does for as long as any sample of the series is held.
    pub fn holds(&self, id: SeriesId) -> bool {
        self.index.slot(id).is_some()
    }

    /// Appends one tick at `at`, milliseconds since the epoch, and `up` as 1. Series that had a sample in the tick
    /// before and have none in this one get the stale marker. Of two samples of one series the last one counts.
    ///
    /// # Errors
    /// The stamp is not later than the newest one. If it lies more than an hour before it, the clock had been wrong:
    /// all that is held is forgotten and the tick is taken.
    pub fn append(
        &mut self,
        at: i64,
        samples: impl IntoIterator<Item = (SeriesId, f64)>,
    ) -> Result<Appended, TickRefused> {
        self.begin(at)?;
        let up = self.series("up", &[]).ok();
        let mut appended = Appended::default();
        self.incoming.clear();
        self.incoming.resize(self.index.width(), ABSENT);
        for (id, value) in samples.into_iter().chain(up.map(|up| (up, 1.0))) {
            if let Some(slot) = self.index.slot(id) {
                self.incoming[slot] = value::stored(value);
                appended.samples += 1;
            } else {
                appended.unknown += 1;
            }
        }
        self.finish(at);
        self.counters.samples += appended.samples as u64;
        Ok(appended)
    }

    /// Appends a tick in which nothing could be sampled: `up` is 0 and every other series becomes stale, as after a
    /// failed scrape.
    ///
    /// # Errors
    /// As [`Self::append`].
    pub fn append_down(&mut self, at: i64) -> Result<(), TickRefused> {
        self.begin(at)?;
        let up = self.series("up", &[]).ok().and_then(|up| self.index.slot(up));
        self.incoming.clear();
        self.incoming.resize(self.index.width(), ABSENT);
        if let Some(slot) = up {
            self.incoming[slot] = 0.0;
            self.counters.samples += 1;
        }
        self.finish(at);
        Ok(())
    }

    /// Stamp of the newest tick, milliseconds since the epoch.
    pub fn newest(&self) -> Option<i64> {
        self.fine.newest()
    }

    pub fn stats(&self) -> Stats {
        let tier = |resolution: Resolution, bytes: usize| {
            let tier = self.tier(resolution);
            let (sealed_samples, sealed_bytes) = tier.sealed();
            let (complete_from, newest) = (tier.complete_from(), tier.newest());
            TierStats { resolution, sealed_samples, sealed_bytes, bytes, complete_from, newest }
        };
        Stats {
            series: self.index.len(),
            bytes: self.bytes(),
            limit_bytes: self.limit(),
            tiers: [
                tier(Resolution::EveryTick, self.fine.bytes()),
                tier(Resolution::FifteenSeconds, self.medium.bytes()),
                tier(Resolution::FiveMinutes, self.coarse.bytes()),
            ],
            counters: self.counters,
        }
    }

    fn begin(&mut self, at: i64) -> Result<(), TickRefused> {
        let Some(newest) = self.newest().filter(|newest| at <= *newest) else { return Ok(()) };
        if at >= newest - FINE_SPAN {
            self.counters.refused_ticks += 1;
            return Err(TickRefused { newest, given: at });
        }
        self.forget();
        self.counters.clock_resets += 1;
        Ok(())
    }

    /// Drops all samples and keeps the series, so that their ids stay good.
    fn forget(&mut self) {
        self.fine = Tier::new(FINE_SPAN);
        self.medium = Tier::new(MEDIUM_SPAN);
        self.coarse = Aggregates::new();
        self.mark_forecast();
    }

    /// Hands the incoming row to the tiers, and lets go of what is too old or too much.
    fn finish(&mut self, at: i64) {
        self.fine.push(at, &self.incoming);
        if self.medium.newest().is_none_or(|newest| at - newest >= MEDIUM_STEP - EARLY) {
            self.medium.push(at, &self.incoming);
        }
        self.coarse.observe(at, &self.incoming);
        self.counters.ticks += 1;
        for tier in [&mut self.fine, &mut self.medium, &mut self.coarse.tier] {
            tier.expire(at);
        }
        self.keep_within_limit();
        for column in self.fine.last_turn() {
            let slot = as_slot(column);
            if self.fine.is_empty(column) && self.medium.is_empty(column) && self.coarse.is_empty(slot) {
                self.index.remove(slot);
                self.coarse.remove(slot);
            }
        }
    }

    /// The oldest blocks go first, of whichever tier. The coarse tier goes last while it keeps to its share: it is by far
    /// the oldest and by far the smallest, so that dropping it would cost a month and win next to nothing.
    fn keep_within_limit(&mut self) {
        let limit = self.limit();
        let full = |tier: &Tier| tier.sealed().0 > 0 && tier.oldest_stamp().is_some();
        while self.bytes() > limit && self.coarse.bytes() > limit / COARSE_SHARE && full(&self.coarse.tier) {
            let dropped = self.coarse.tier.drop_oldest();
            self.counters.count(dropped);
        }
        while self.bytes() > limit {
            let older = [&mut self.fine, &mut self.medium].into_iter().filter(|tier| full(tier));
            let Some(tier) = older
                .min_by_key(|tier| tier.oldest_stamp())
                .or_else(|| Some(&mut self.coarse.tier).filter(|tier| full(tier)))
            else {
                return;
            };
            let dropped = tier.drop_oldest();
            self.counters.count(dropped);
        }
    }

    /// Rows cannot be dropped, so the number of series has its own bound: half of the memory is for the past.
    fn make_room(&mut self, labels: &Labels, forecast: bool) -> Result<(), HistoryFull> {
        let width = self.index.width_with_another();
        let rows = self.fine.fixed_bytes(width) + self.medium.fixed_bytes(width) + self.coarse.fixed_bytes(forecast);
        let bytes = self.index.bytes() + labels.bytes() + rows;
        if bytes <= self.limit() / 2 {
            return Ok(());
        }
        self.counters.refused_series += 1;
        self.index.interner().sweep();
        Err(HistoryFull { series: self.index.len(), bytes, limit: self.limit() })
    }

    /// Begins and ends to summarise series as the configuration has it, which may be another one than before.
    fn mark_forecast(&mut self) {
        let wanted = |slot: &Slot| self.index.labels(*slot).is_some_and(|labels| self.is_forecast(labels));
        let unwanted: Vec<Slot> = self.coarse.members().filter(|slot| !wanted(slot)).collect();
        for slot in unwanted {
            self.coarse.remove(slot);
        }
        let marked: Vec<Slot> =
            self.index.occupied().filter(|(_, labels)| self.is_forecast(labels)).map(|(slot, _)| slot).collect();
        for slot in marked {
            self.coarse.add(slot);
        }
    }

    fn is_forecast(&self, labels: &Labels) -> bool {
        self.config.forecast.iter().any(|matchers| labels.match_all(matchers))
    }

    fn bytes(&self) -> usize {
        self.index.bytes() + self.fine.bytes() + self.medium.bytes() + self.coarse.bytes()
    }

    fn limit(&self) -> usize {
        usize::try_from(self.config.memory_limit.0).unwrap_or(usize::MAX)
    }
}

fn as_slot(column: usize) -> Slot {
    Slot::try_from(column).unwrap_or(Slot::MAX)
}
