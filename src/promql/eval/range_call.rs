//! Functions over ranges: one window per series and step.

use std::sync::Arc;

use super::call::{arg, missing};
use super::coverage::covered_share;
use super::error::EvalError;
use super::expression::Evaluator;
use super::grid::Grid;
use super::select::{Bounds, RangeSeries, RangeVector};
use super::series::{Column, Series, distinct};
use crate::promql::Millis;
use crate::promql::answer::Severity;
use crate::promql::calc::{Window, over_time, regression};
use crate::promql::labels::METRIC_NAME;
use crate::promql::syntax::{Call, Span, ValueType};

impl Evaluator<'_> {
    /// A function of the only range among the arguments.
    pub fn windows(
        &mut self,
        call: &Call,
        span: Span,
        grid: Grid,
        keep_name: bool,
        f: impl Fn(&Window<'_>, usize) -> Result<Option<f64>, String>,
    ) -> Result<Vec<Series>, EvalError> {
        let expr = call.args.iter().find(|arg| arg.value_type() == ValueType::Range).ok_or_else(|| missing(span))?;
        let range = self.range_vector(expr, grid, call.function.summary)?;
        self.over_windows(range, span, grid, keep_name, f)
    }

    pub fn counter(
        &mut self,
        call: &Call,
        span: Span,
        grid: Grid,
        f: fn(&Window<'_>) -> Option<f64>,
    ) -> Result<Vec<Series>, EvalError> {
        let range = self.range_vector(arg(call, 0, span)?, grid, call.function.summary)?;
        self.doubt_counter(&range.series, span);
        self.over_windows(range, span, grid, false, |window, _| Ok(f(window)))
    }

    pub fn quantile_over_time(&mut self, call: &Call, span: Span, grid: Grid) -> Result<Vec<Series>, EvalError> {
        let quantiles = self.scalar(arg(call, 0, span)?, grid)?;
        self.doubt_quantile(&quantiles, span);
        self.windows(call, span, grid, false, |window, step| Ok(over_time::quantile(window, quantiles[step])))
    }

    pub fn predict_linear(&mut self, call: &Call, span: Span, grid: Grid) -> Result<Vec<Series>, EvalError> {
        let ahead = self.scalar(arg(call, 1, span)?, grid)?;
        self.windows(call, span, grid, false, |window, step| Ok(regression::predict_linear(window, ahead[step])))
    }

    pub fn smooth(&mut self, call: &Call, span: Span, grid: Grid) -> Result<Vec<Series>, EvalError> {
        let level = self.scalar(arg(call, 1, span)?, grid)?;
        let trend = self.scalar(arg(call, 2, span)?, grid)?;
        self.windows(call, span, grid, false, |window, step| regression::smooth(window, level[step], trend[step]))
    }

    /// Applies `f` to every window that holds a sample; it gets the number of the step as well.
    pub fn over_windows(
        &mut self,
        range: RangeVector,
        span: Span,
        grid: Grid,
        keep_name: bool,
        f: impl Fn(&Window<'_>, usize) -> Result<Option<f64>, String>,
    ) -> Result<Vec<Series>, EvalError> {
        self.budget.take(span, range.series.len().saturating_mul(grid.count))?;
        self.cover(&range);
        let mut bounds = Bounds::new(&range.references, range.range, self.engine.semantics);
        let mut results = Vec::with_capacity(range.series.len());
        let one_metric = keep_name || of_one_metric(&range.series);
        for series in range.series {
            let drops = drops(&series.values);
            let mut column = Column::absent(grid.count);
            let windows = bounds.of(&series.stamps).iter().zip(&range.references).zip(grid.times());
            for (step, (((from, to), reference), now)) in windows.enumerate() {
                if from == to {
                    continue;
                }
                self.budget.worked(to - from)?;
                let window = Window {
                    stamps: &series.stamps[*from..*to],
                    values: &series.values[*from..*to],
                    drops: between(&drops, *from, *to),
                    drops_base: *from,
                    start: reference.saturating_sub(range.range),
                    end: *reference,
                    now,
                    semantics: self.engine.semantics,
                };
                let value = f(&window, step).map_err(|message| EvalError::data(span, message))?;
                if let Some(value) = value {
                    column.set(step, value);
                }
            }
            let labels = if keep_name { series.labels } else { series.labels.without_name() };
            results.push(Series { labels, column });
        }
        if one_metric {
            // Labels that differed beside the same name differ without it.
            results.retain(|series| !series.column.is_empty());
            return Ok(results);
        }
        distinct(results, span)
    }

    /// Reports how much of the last step's window the series cover.
    fn cover(&mut self, range: &RangeVector) {
        let Some(last) = range.references.last() else { return };
        let reference = [*last];
        let mut bounds = Bounds::new(&reference, range.range, self.engine.semantics);
        let mut known: Option<(&Arc<[Millis]>, f64)> = None;
        let shares = range.series.iter().map(|series| {
            if let Some((_, share)) = known.filter(|(stamps, _)| Arc::ptr_eq(stamps, &series.stamps)) {
                return share;
            }
            let (from, to) = bounds.of(&series.stamps).first().copied().unwrap_or_default();
            let share = covered_share(&series.stamps[from..to], last.saturating_sub(range.range), *last);
            known = Some((&series.stamps, share));
            share
        });
        self.reports.cover(range.span, shares);
    }

    /// Doubts that what is treated as a counter is one, by the names that counters have.
    fn doubt_counter(&mut self, series: &[RangeSeries], span: Span) {
        const ENDINGS: [&str; 4] = ["_total", "_sum", "_count", "_bucket"];
        let mut last = "";
        for series in series {
            let name = series.labels.get(METRIC_NAME);
            // Series of one metric mostly follow each other.
            if name != last && !name.is_empty() && !ENDINGS.iter().any(|ending| name.ends_with(ending)) {
                let message = format!("`{name}` may not be a counter: its name ends in none of {}", ENDINGS.join(", "));
                self.reports.note(Severity::Info, span, message);
            }
            last = name;
        }
    }
}

fn of_one_metric(series: &[RangeSeries]) -> bool {
    series.windows(2).all(|pair| pair[0].labels.get(METRIC_NAME) == pair[1].labels.get(METRIC_NAME))
}

/// Where a value is lower than the one before.
fn drops(values: &[f64]) -> Vec<usize> {
    values.windows(2).enumerate().filter(|(_, pair)| pair[1] < pair[0]).map(|(before, _)| before + 1).collect()
}

/// The drops between two samples of the window `from..to`.
fn between(drops: &[usize], from: usize, to: usize) -> &[usize] {
    let first = drops.partition_point(|drop| *drop <= from);
    let count = drops[first..].partition_point(|drop| *drop < to);
    &drops[first..first + count]
}
