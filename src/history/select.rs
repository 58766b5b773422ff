//! Reading: which tier answers a question, and the samples that it holds.

use std::ops::Range;
use std::sync::Arc;

use super::aggregate::BUCKET;
use super::block::{Decoder, TickNo};
use super::index::Slot;
use super::labels::Labels;
use super::stats::Resolution;
use super::tier::Tier;
use super::value::{STALE, is_live};
use super::{History, MEDIUM_STEP};
use crate::promql::{Matcher, Summary};

/// A question: series by their labels, samples by their time.
#[derive(Debug, Clone, Copy)]
pub struct Query<'a> {
    /// All must match.
    pub matchers: &'a [Matcher],
    /// First stamp that counts, milliseconds since the epoch.
    pub start: i64,
    /// Last stamp that counts.
    pub end: i64,
    /// Length of the windows that the asker moves over the samples, milliseconds: a tier whose samples lie farther apart
    /// has no answer. `None` where the newest sample before a moment will do.
    pub window: Option<i64>,
    /// What is wanted of five minutes of which the samples themselves are gone.
    pub summary: Summary,
    /// More series than this are an error.
    pub most_series: usize,
    /// More samples than this are an error: an answer of a day of everything would need gigabytes.
    pub most_samples: usize,
}

/// One series of an answer, with at least one sample.
#[derive(Debug, Clone, PartialEq)]
pub struct SelectedSeries {
    pub labels: Labels,
    /// Milliseconds since the epoch, strictly rising. Series that have a sample at every tick share one list.
    pub stamps: Arc<[i64]>,
    /// A value for each stamp, stale markers included, see [`value::is_stale`].
    pub values: Vec<f64>,
}

/// The answer to a [`Query`], all of it from one tier.
#[derive(Debug, Clone, PartialEq)]
pub struct Selection {
    pub resolution: Resolution,
    /// If later than the start of the question: samples before this stamp have been dropped, and none of them is
    /// given.
    pub complete_from: Option<i64>,
    /// In the order of their labels.
    pub series: Vec<SelectedSeries>,
    /// Blocks that could not be decoded; their samples are missing.
    pub damaged_blocks: usize,
}

/// An answer that would be too large.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TooMuch {
    #[error("more than {0} series of the embedded history match; name more labels")]
    Series(usize),
    #[error("more than {0} samples of the embedded history match; name more labels or a shorter time range")]
    Samples(usize),
}

impl History {
    /// The samples of all series that match, from the finest tier that still has all of the time asked for, or else
    /// from the one that reaches back furthest.
    ///
    /// # Errors
    /// The answer would hold more series or samples than allowed.
    pub fn select(&self, query: &Query) -> Result<Selection, TooMuch> {
        let matched = self.index.select(query.matchers);
        let resolution = self.finest_covering(query, &matched);
        let tier = self.tier(resolution);
        let mut selection =
            Selection { resolution, complete_from: tier.complete_from(), series: Vec::new(), damaged_blocks: 0 };
        if matched.is_empty() {
            return Ok(selection);
        }
        let ticks = tier.ticks(query.start, query.end);
        let every_tick: Arc<[i64]> = tier.stamps(&ticks).collect();
        let mut decoder = Decoder::default();
        let mut stamps = Vec::with_capacity(every_tick.len());
        let mut room = query.most_samples;
        for (slot, labels) in matched {
            let Some(column) = self.column(resolution, slot, query.summary) else { continue };
            let mut values = Vec::with_capacity(every_tick.len());
            stamps.clear();
            selection.damaged_blocks += tier.read(column, &ticks, &mut decoder, |at, value| {
                stamps.push(at);
                values.push(value);
            });
            if resolution == Resolution::FiveMinutes {
                let last = stamps.last().copied().zip(values.last().copied());
                if let Some((at, value)) = self.since(slot, query.summary, last).filter(|(at, _)| *at <= query.end) {
                    stamps.push(at);
                    values.push(value);
                }
            }
            if values.is_empty() {
                continue;
            }
            if values.len() < every_tick.len() / 2 {
                // Jobs that lived for minutes of the day asked for are many.
                values.shrink_to_fit();
            }
            room = room.checked_sub(values.len()).ok_or(TooMuch::Samples(query.most_samples))?;
            if selection.series.len() == query.most_series {
                return Err(TooMuch::Series(query.most_series));
            }
            let stamps = if *stamps == *every_tick { Arc::clone(&every_tick) } else { stamps.as_slice().into() };
            selection.series.push(SelectedSeries { labels: labels.clone(), stamps, values });
        }
        Ok(selection)
    }

    /// The labels of all series that match and have samples, of any tier, between the two stamps.
    pub fn series_between(&self, matchers: &[Matcher], start: i64, end: i64) -> Vec<Labels> {
        const TIERS: [Resolution; 3] = [Resolution::EveryTick, Resolution::FifteenSeconds, Resolution::FiveMinutes];
        let ticks: [(Resolution, Range<TickNo>); 3] =
            TIERS.map(|resolution| (resolution, self.tier(resolution).ticks(start, end)));
        let has_samples = |slot: Slot| {
            ticks.iter().any(|(resolution, ticks)| {
                let column = self.column(*resolution, slot, Summary::Mean);
                column.is_some_and(|column| self.tier(*resolution).has_samples(column, ticks))
            })
        };
        let matched = self.index.select(matchers).into_iter();
        matched.filter(|(slot, _)| has_samples(*slot)).map(|(_, labels)| labels.clone()).collect()
    }

    fn finest_covering(&self, query: &Query, matched: &[(Slot, &Labels)]) -> Resolution {
        // With fewer than two samples in a window, most functions have no value.
        let fits = |step: i64| query.window.is_none_or(|window| window >= 2 * step);
        let mut choices = vec![Resolution::EveryTick];
        if fits(MEDIUM_STEP) {
            choices.push(Resolution::FifteenSeconds);
        }
        // Summaries stand for a series only where every series that was asked for has them: an answer must not lack some
        // of its series because of its age.
        if fits(BUCKET) && !matched.is_empty() && matched.iter().all(|(slot, _)| self.is_summarised(*slot)) {
            choices.push(Resolution::FiveMinutes);
        }
        let covering = choices.iter().find(|choice| self.tier(**choice).covers(query.start));
        let furthest = || choices.iter().min_by_key(|choice| self.tier(**choice).complete_from());
        covering.or_else(furthest).copied().unwrap_or(Resolution::EveryTick)
    }

    /// Whether the coarse tier has a series from its beginning. One that was not among those to be forecast at first has
    /// more in the tier before, until that has let go of it.
    fn is_summarised(&self, slot: Slot) -> bool {
        let Some(column) = self.coarse.column(slot, Summary::Mean) else { return false };
        let Some(known_from) = self.medium.first_sample(slot as usize) else { return true };
        let from = self.coarse.tier.first_sample(column).or_else(|| self.newest()).unwrap_or(known_from);
        from <= known_from.saturating_add(2 * BUCKET)
    }

    /// What has come since the `last` sample of the coarse tier, which else would end minutes ago: the bucket that is
    /// filling, as of the newest tick, or the marker that the series has ended.
    fn since(&self, slot: Slot, summary: Summary, last: Option<(i64, f64)>) -> Option<(i64, f64)> {
        // Before the first tick of this process nothing has come.
        let value = *self.incoming.get(slot as usize)?;
        if is_live(value) {
            let newest = self.newest().filter(|newest| last.is_none_or(|(at, _)| at < *newest))?;
            return Some((newest, self.coarse.so_far(slot, summary)?));
        }
        last.filter(|(_, value)| is_live(*value)).map(|(at, _)| (at + 1, STALE))
    }

    pub(super) fn tier(&self, resolution: Resolution) -> &Tier {
        match resolution {
            Resolution::EveryTick => &self.fine,
            Resolution::FifteenSeconds => &self.medium,
            Resolution::FiveMinutes => &self.coarse.tier,
        }
    }

    fn column(&self, resolution: Resolution, slot: Slot, summary: Summary) -> Option<usize> {
        match resolution {
            Resolution::EveryTick | Resolution::FifteenSeconds => Some(slot as usize),
            Resolution::FiveMinutes => self.coarse.column(slot, summary),
        }
    }
}
