//! Reading: which tier answers a question, and the samples that it holds.

use std::ops::Range;
use std::sync::Arc;

use super::aggregate::Aggregate;
use super::block::{Decoder, TickNo};
use super::index::Slot;
use super::labels::Labels;
use super::matcher::{Matcher, Selector};
use super::stats::Resolution;
use super::tier::Tier;
use super::{History, value};

/// A question: series by their labels, samples by their time.
#[derive(Debug, Clone, Copy)]
pub struct Query<'a, S: ?Sized = [Matcher]> {
    pub selector: &'a S,
    /// First stamp that counts, milliseconds since the epoch.
    pub start: i64,
    /// Last stamp that counts.
    pub end: i64,
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
    pub fn select<S: Selector + ?Sized>(&self, query: &Query<S>) -> Result<Selection, TooMuch> {
        let matched = self.index.select(query.selector);
        let resolution = self.finest_covering(query.start, &matched);
        let tier = self.tier(resolution);
        let ticks = tier.ticks(query.start, query.end);
        let every_tick: Arc<[i64]> = tier.stamps(&ticks).collect();
        let mut selection =
            Selection { resolution, complete_from: tier.complete_from(), series: Vec::new(), damaged_blocks: 0 };
        let mut decoder = Decoder::default();
        let mut stamps = Vec::with_capacity(every_tick.len());
        let mut room = query.most_samples;
        for (slot, labels) in matched {
            let Some(column) = self.column(resolution, slot) else { continue };
            let mut values = Vec::with_capacity(every_tick.len());
            stamps.clear();
            selection.damaged_blocks += tier.read(column, &ticks, &mut decoder, |at, value| {
                stamps.push(at);
                values.push(value);
            });
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
            let stamps =
                if stamps.len() == every_tick.len() { Arc::clone(&every_tick) } else { stamps.as_slice().into() };
            selection.series.push(SelectedSeries { labels: labels.clone(), stamps, values });
        }
        Ok(selection)
    }

    /// The labels of all series that match and have samples, of any tier, between the two stamps.
    pub fn series_between<S: Selector + ?Sized>(&self, selector: &S, start: i64, end: i64) -> Vec<Labels> {
        const TIERS: [Resolution; 3] = [Resolution::EveryTick, Resolution::FifteenSeconds, Resolution::FiveMinutes];
        let ticks: [(Resolution, Range<TickNo>); 3] =
            TIERS.map(|resolution| (resolution, self.tier(resolution).ticks(start, end)));
        let has_samples = |slot: Slot| {
            ticks.iter().any(|(resolution, ticks)| {
                self.column(*resolution, slot).is_some_and(|column| self.tier(*resolution).has_samples(column, ticks))
            })
        };
        let matched = self.index.select(selector).into_iter();
        matched.filter(|(slot, _)| has_samples(*slot)).map(|(_, labels)| labels.clone()).collect()
    }

    /// Mean, least and greatest value over five minutes, for the matching series among those that are forecast.
    pub fn aggregates_between<S: Selector + ?Sized>(
        &self,
        selector: &S,
        start: i64,
        end: i64,
    ) -> Vec<(Labels, Vec<Aggregate>)> {
        let tier = &self.coarse.tier;
        let ticks = tier.ticks(start, end);
        let mut decoder = Decoder::default();
        let mut found = Vec::new();
        for (slot, labels) in self.index.select(selector) {
            let Some(columns) = self.coarse.columns(slot) else { continue };
            let [means, mins, maxs] = columns.map(|column| {
                let mut live = Vec::new();
                tier.read(column, &ticks, &mut decoder, |at, value| {
                    if value::is_live(value) {
                        live.push((at, value));
                    }
                });
                live
            });
            let bounds = mins.into_iter().zip(maxs);
            let rows = means.into_iter().zip(bounds);
            let rows = rows.filter(|((at, _), ((low, _), (high, _)))| at == low && at == high);
            let rows: Vec<Aggregate> =
                rows.map(|((at, mean), ((_, min), (_, max)))| Aggregate { at, mean, min, max }).collect();
            if !rows.is_empty() {
                found.push((labels.clone(), rows));
            }
        }
        found
    }

    /// Means of five minutes stand for a series only where every series that was asked for has them: an answer must
    /// not lack some of its series because of its age.
    fn finest_covering(&self, start: i64, matched: &[(Slot, &Labels)]) -> Resolution {
        let coarse = matched.iter().all(|(slot, _)| self.coarse.means(*slot).is_some());
        let choices: &[Resolution] = if coarse && !matched.is_empty() {
            &[Resolution::EveryTick, Resolution::FifteenSeconds, Resolution::FiveMinutes]
        } else {
            &[Resolution::EveryTick, Resolution::FifteenSeconds]
        };
        let covering = choices.iter().find(|choice| self.tier(**choice).covers(start));
        let furthest = || choices.iter().min_by_key(|choice| self.tier(**choice).complete_from());
        covering.or_else(furthest).copied().unwrap_or(Resolution::EveryTick)
    }

    pub(super) fn tier(&self, resolution: Resolution) -> &Tier {
        match resolution {
            Resolution::EveryTick => &self.fine,
            Resolution::FifteenSeconds => &self.medium,
            Resolution::FiveMinutes => &self.coarse.tier,
        }
    }

    fn column(&self, resolution: Resolution, slot: Slot) -> Option<usize> {
        match resolution {
            Resolution::EveryTick | Resolution::FifteenSeconds => Some(slot as usize),
            Resolution::FiveMinutes => self.coarse.means(slot),
        }
    }
}
