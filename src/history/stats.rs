//! What the history says about itself, for metrics and the status page.

use super::tier::Dropped;

/// Figures of one tier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TierStats {
    pub resolution: Resolution,
    /// Samples in sealed blocks, stale markers included.
    pub sealed_samples: usize,
    /// Memory of the sealed blocks.
    pub sealed_bytes: usize,
    /// Memory in all: sealed blocks, rows that are not sealed yet, time stamps.
    pub bytes: usize,
    /// From this stamp on (milliseconds since the epoch) nothing has been dropped; `None` if nothing ever was.
    pub complete_from: Option<i64>,
    /// Stamp of the newest tick.
    pub newest: Option<i64>,
}

/// Figures of the whole history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stats {
    /// Series of which anything is held.
    pub series: usize,
    /// Memory in all, labels and lookups included.
    pub bytes: usize,
    pub limit_bytes: usize,
    pub tiers: [TierStats; 3],
    pub counters: Counters,
}

/// What has happened since the start of the process; each only rises.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Ticks that were appended.
    pub ticks: u64,
    /// Samples that were appended, `up` included.
    pub samples: u64,
    /// Ticks that were refused because their time stamp was not later than the one before.
    pub refused_ticks: u64,
    /// Times that the clock went back so far that everything held was forgotten.
    pub clock_resets: u64,
    /// Series that were refused because the memory limit left no room for them; each attempt counts.
    pub refused_series: u64,
    /// Blocks that were dropped before their time to keep the memory limit.
    pub dropped_blocks: u64,
    /// The samples in those blocks.
    pub dropped_samples: u64,
}

impl Counters {
    pub(super) fn count(&mut self, dropped: Dropped) {
        self.dropped_blocks += dropped.blocks;
        self.dropped_samples += dropped.samples;
    }
}

/// A tier, by the distance of its samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Resolution {
    /// Every tick, one second by default, for an hour.
    EveryTick,
    /// 15 s for a day.
    FifteenSeconds,
    /// Summaries of five minutes for four weeks, of the series that are forecast.
    FiveMinutes,
}

impl Resolution {
    /// As label value and for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::EveryTick => "tick",
            Self::FifteenSeconds => "15s",
            Self::FiveMinutes => "5m",
        }
    }
}
