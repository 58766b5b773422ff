//! `absent` and `absent_over_time`: the element that says there is none.

use std::collections::HashMap;
use std::sync::Arc;

use super::call::arg;
use super::error::EvalError;
use super::expression::Evaluator;
use super::grid::Grid;
use super::series::{Column, Series};
use crate::promql::labels::{Labels, METRIC_NAME};
use crate::promql::syntax::{Call, Expr, ExprKind, MatchOp, Span};

impl Evaluator<'_> {
    pub fn absent(&mut self, call: &Call, span: Span, grid: Grid) -> Result<Vec<Series>, EvalError> {
        let expr = arg(call, 0, span)?;
        let found = self.vector(expr, grid)?;
        Ok(absence(&found, expr, grid))
    }

    pub fn absent_over_time(&mut self, call: &Call, span: Span, grid: Grid) -> Result<Vec<Series>, EvalError> {
        let expr = arg(call, 0, span)?;
        let range = self.range_vector(expr, grid, call.function.summary)?;
        // Names are kept: series that differ in nothing else are not in each other's way here.
        let found = self.over_windows(range, span, grid, true, |_, _| Ok(Some(1.0)))?;
        Ok(absence(&found, expr, grid))
    }
}

/// One element, 1, at the steps where nothing was found. Its labels are those that the selector asks for by `=`.
fn absence(found: &[Series], expr: &Expr, grid: Grid) -> Vec<Series> {
    let mut absent = vec![true; grid.count];
    for (step, _) in found.iter().flat_map(|one| one.column.present()) {
        absent[step] = false;
    }
    let column = Column::from_options(absent.into_iter().map(|absent| absent.then_some(1.0)));
    if column.is_empty() { Vec::new() } else { vec![Series { labels: labels_asked_for(expr), column }] }
}

fn labels_asked_for(expr: &Expr) -> Labels {
    let matchers = match &expr.bare().kind {
        ExprKind::Instant(selector) | ExprKind::Range(selector, _) => selector.matchers.as_slice(),
        _ => &[],
    };
    // A label asked for more than once has no single value; it is left out.
    let mut values: HashMap<&Arc<str>, Option<&Arc<str>>> = HashMap::new();
    for matcher in matchers.iter().filter(|matcher| &*matcher.name != METRIC_NAME) {
        let value = (matcher.op == MatchOp::Equal && !values.contains_key(&matcher.name)).then_some(&matcher.value);
        values.insert(&matcher.name, value);
    }
    let asked = values.into_iter().filter_map(|(name, value)| Some((Arc::clone(name), Arc::clone(value?))));
    Labels::from_pairs(asked)
}
