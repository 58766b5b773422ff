//! Selectors: which series, and which of their samples, a step sees.

use std::sync::Arc;

use super::error::EvalError;
use super::expression::Evaluator;
use super::grid::Grid;
use super::series::{Column, Series};
use crate::promql::Millis;
use crate::promql::calc::seconds;
use crate::promql::engine::Semantics;
use crate::promql::labels::Labels;
use crate::promql::storage::{Selection, StorageError, StoredSeries, Summary, is_stale};
use crate::promql::syntax::{Anchor, Span, VectorSelector, When};

/// What an instant selector yields: the newest value, or the time it was taken at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pick {
    Value,
    Seconds,
}

/// Which samples before a step it looks at.
#[derive(Debug, Clone, Copy)]
enum Reach {
    /// The newest within the lookback.
    Newest,
    /// All within this length of time.
    Window(Millis, Summary),
}

/// The samples of several series, for functions that look at a range of them at every step.
#[derive(Debug)]
pub(super) struct RangeVector {
    pub span: Span,
    pub range: Millis,
    /// For every step, the right end of its window.
    pub references: Vec<Millis>,
    pub series: Vec<RangeSeries>,
}

#[derive(Debug)]
pub(super) struct RangeSeries {
    pub labels: Labels,
    pub stamps: Arc<[Millis]>,
    /// As many as stamps; no stale markers.
    pub values: Vec<f64>,
}

impl Evaluator<'_> {
    /// For every step, the moment that a selector is about.
    pub fn references(&self, when: When, grid: Grid) -> Vec<Millis> {
        let offset = when.offset.unwrap_or(0);
        let anchor = when.at.map(|anchor| match anchor {
            Anchor::Time(time) => time,
            Anchor::Start => self.start,
            Anchor::End => self.end,
        });
        grid.times().map(|step| anchor.unwrap_or(step).saturating_sub(offset)).collect()
    }

    /// The newest sample at each step that is not older than the lookback.
    pub fn instant(
        &mut self,
        selector: &VectorSelector,
        span: Span,
        grid: Grid,
        pick: Pick,
    ) -> Result<Vec<Series>, EvalError> {
        let references = self.references(selector.when, grid);
        let stored = self.fetch(selector, span, &references, Reach::Newest)?;
        self.budget.take(span, stored.len().saturating_mul(grid.count))?;
        self.reports.read(span, &stored, references.last().copied());
        let mut bounds = Bounds::new(&references, self.engine.lookback, self.engine.semantics);
        let mut series = Vec::with_capacity(stored.len());
        for one in stored {
            self.budget.worked(grid.count)?;
            let newest = bounds.of(&one.stamps).iter().map(|(from, to)| {
                let nth = to.checked_sub(1).filter(|nth| nth >= from)?;
                let value = one.values[nth];
                let picked = if pick == Pick::Value { value } else { seconds(one.stamps[nth]) };
                (!is_stale(value)).then_some(picked)
            });
            let column = Column::from_options(newest);
            if !column.is_empty() {
                series.push(Series { labels: one.labels, column });
            }
        }
        Ok(series)
    }

    pub fn range_selector(
        &mut self,
        selector: &VectorSelector,
        range: Millis,
        span: Span,
        grid: Grid,
        summary: Summary,
    ) -> Result<RangeVector, EvalError> {
        let references = self.references(selector.when, grid);
        let stored = self.fetch(selector, span, &references, Reach::Window(range, summary))?;
        self.reports.read(span, &stored, references.last().copied());
        let series = stored.into_iter().map(without_stale).filter(|series| !series.values.is_empty()).collect();
        Ok(RangeVector { span, range, references, series })
    }

    /// All samples that any step can see, read once.
    fn fetch(
        &mut self,
        selector: &VectorSelector,
        span: Span,
        references: &[Millis],
        reach: Reach,
    ) -> Result<Vec<StoredSeries>, EvalError> {
        let (Some(first), Some(last)) = (references.first(), references.last()) else { return Ok(Vec::new()) };
        self.budget.ask()?;
        let limits = self.budget.limits();
        let (length, window, summary) = match reach {
            Reach::Newest => (self.engine.lookback, None, Summary::Mean),
            Reach::Window(range, summary) => (range, Some(range), summary),
        };
        let selection = Selection {
            matchers: &selector.matchers,
            start: left_bound(*first, length, self.engine.semantics),
            end: *last,
            window,
            summary,
            series_limit: limits.series,
            sample_limit: self.budget.points_left(),
        };
        let stored = self.storage.select(&selection).map_err(|source| match source {
            StorageError::TooManySeries(_) => EvalError::TooMuch { span, what: "series", limit: limits.series },
            StorageError::TooManySamples(_) => {
                EvalError::TooMuch { span, what: "samples and points", limit: limits.points }
            }
            StorageError::Unreadable(_) => EvalError::Storage { span, source },
        })?;
        if stored.len() > limits.series {
            return Err(EvalError::TooMuch { span, what: "series", limit: limits.series });
        }
        self.budget.take(span, stored.iter().map(|series| series.values.len()).sum())?;
        Ok(stored)
    }
}

/// The first moment that belongs to a window which ends at `end` and is `length` long.
fn left_bound(end: Millis, length: Millis, semantics: Semantics) -> Millis {
    let open = Millis::from(semantics == Semantics::V3);
    end.saturating_sub(length).saturating_add(open)
}

fn without_stale(stored: StoredSeries) -> RangeSeries {
    let StoredSeries { labels, stamps, mut values, .. } = stored;
    if !values.iter().any(|value| is_stale(*value)) {
        return RangeSeries { labels, stamps, values };
    }
    let alive = stamps.iter().zip(&values).filter(|(_, value)| !is_stale(**value)).map(|(at, _)| *at).collect();
    values.retain(|value| !is_stale(*value));
    RangeSeries { labels, stamps: alive, values }
}

/// For every step, which samples its window holds: from, up to but not including. Found once for series with shared stamps.
pub(super) struct Bounds<'a> {
    references: &'a [Millis],
    length: Millis,
    semantics: Semantics,
    stamps: Option<Arc<[Millis]>>,
    found: Vec<(usize, usize)>,
}

impl<'a> Bounds<'a> {
    pub fn new(references: &'a [Millis], length: Millis, semantics: Semantics) -> Self {
        Self { references, length, semantics, stamps: None, found: Vec::new() }
    }

    pub fn of(&mut self, stamps: &Arc<[Millis]>) -> &[(usize, usize)] {
        if self.stamps.as_ref().is_none_or(|known| !Arc::ptr_eq(known, stamps)) {
            self.find(stamps);
            self.stamps = Some(Arc::clone(stamps));
        }
        &self.found
    }

    /// References ascend, so both ends only move to the right.
    fn find(&mut self, stamps: &[Millis]) {
        self.found.clear();
        let (mut from, mut to) = (0, 0);
        for reference in self.references {
            let left = left_bound(*reference, self.length, self.semantics);
            from += skipped(&stamps[from..], |at| at < left);
            to = to.max(from);
            to += skipped(&stamps[to..], |at| at <= *reference);
            self.found.push((from, to));
        }
    }
}

/// How many stamps at the beginning satisfy `passed`: the next few one by one, since steps are mostly close, then by halves.
fn skipped(stamps: &[Millis], passed: impl Fn(Millis) -> bool) -> usize {
    const NEAR: usize = 8;
    let near = stamps.iter().take(NEAR).take_while(|at| passed(**at)).count();
    if near < NEAR { near } else { near + stamps[near..].partition_point(|at| passed(*at)) }
}
