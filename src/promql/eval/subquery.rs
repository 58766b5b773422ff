//! Subqueries: an instant vector evaluated on its own grid, then seen as samples.

use std::sync::Arc;

use super::error::EvalError;
use super::expression::{Evaluator, misplaced};
use super::grid::Grid;
use super::select::{RangeSeries, RangeVector};
use super::series::Series;
use crate::promql::Millis;
use crate::promql::engine::Semantics;
use crate::promql::storage::Summary;
use crate::promql::syntax::{Expr, ExprKind, Span, Subquery};

impl Evaluator<'_> {
    pub fn range_vector(&mut self, expr: &Expr, grid: Grid, summary: Summary) -> Result<RangeVector, EvalError> {
        match &expr.bare().kind {
            ExprKind::Range(selector, range) => self.range_selector(selector, *range, expr.span, grid, summary),
            ExprKind::Subquery(subquery) => self.subquery(subquery, expr.span, grid),
            _ => Err(misplaced(expr)),
        }
    }

    fn subquery(&mut self, subquery: &Subquery, span: Span, grid: Grid) -> Result<RangeVector, EvalError> {
        let references = self.references(subquery.when, grid);
        let range = subquery.range;
        let empty = RangeVector { span, range, references: references.clone(), series: Vec::new() };
        let (Some(first), Some(last)) = (references.first(), references.last()) else { return Ok(empty) };
        let step = subquery.step.unwrap_or(self.engine.default_step).max(1);
        let start = aligned_after(first.saturating_sub(range), step, self.engine.semantics);
        let inner = Grid::between(start, *last, step);
        if inner.count == 0 {
            return Ok(empty);
        }
        self.budget.take(span, inner.count)?;
        let series = self.vector(&subquery.expr, inner)?;
        self.reports.evaluated(span, &series, inner, (last.saturating_sub(range), *last));
        let stamps: Arc<[Millis]> = inner.times().collect();
        let series = series.into_iter().map(|one| as_samples(one, &stamps)).collect();
        Ok(RangeVector { series, ..empty })
    }
}

/// The first multiple of `step` that a window beginning at `bound` can see: steps of a subquery do not move with the query.
fn aligned_after(bound: Millis, step: Millis, semantics: Semantics) -> Millis {
    let below = bound.div_euclid(step).saturating_mul(step);
    if below == bound && semantics == Semantics::V2 { bound } else { below.saturating_add(step) }
}

fn as_samples(series: Series, stamps: &Arc<[Millis]>) -> RangeSeries {
    let Series { labels, column } = series;
    match column.into_full() {
        Ok(values) => RangeSeries { labels, stamps: Arc::clone(stamps), values },
        Err(column) => {
            let (stamps, values): (Vec<Millis>, Vec<f64>) =
                column.present().map(|(step, value)| (stamps[step], value)).unzip();
            RangeSeries { labels, stamps: stamps.into(), values }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_multiples_of_the_step_on_both_sides_of_zero() {
        for (bound, v2, v3) in [(0, 0, 10), (1, 10, 10), (10, 10, 20), (-1, 0, 0), (-10, -10, 0), (-11, -10, -10)] {
            assert_eq!(aligned_after(bound, 10, Semantics::V2), v2, "{bound}");
            assert_eq!(aligned_after(bound, 10, Semantics::V3), v3, "{bound}");
        }
    }
}
