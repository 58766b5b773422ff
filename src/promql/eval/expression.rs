//! The walk over the tree.

use super::budget::Budget;
use super::coverage::Reports;
use super::error::EvalError;
use super::grid::Grid;
use super::select::{Bounds, Pick};
use super::series::{Evaluated, Series, distinct};
use crate::promql::Millis;
use crate::promql::answer::{Point, Row};
use crate::promql::engine::Engine;
use crate::promql::storage::{Storage, Summary};
use crate::promql::syntax::{Expr, ExprKind, Sign, Span};

/// The evaluation of one query.
pub(super) struct Evaluator<'q> {
    pub engine: Engine,
    pub storage: &'q dyn Storage,
    /// What `@ start()` and `@ end()` mean.
    pub start: Millis,
    pub end: Millis,
    pub budget: Budget<'q>,
    pub reports: Reports,
}

impl Evaluator<'_> {
    pub fn eval(&mut self, expr: &Expr, grid: Grid) -> Result<Evaluated, EvalError> {
        let literal = matches!(expr.kind, ExprKind::Number(_) | ExprKind::Text(_));
        if grid.count > 1 && !literal && expr.is_step_invariant() {
            let once = self.eval(expr, Grid { count: 1, ..grid })?;
            if let Evaluated::Vector(series) = &once {
                self.budget.take(expr.span, series.len().saturating_mul(grid.count))?;
            }
            return Ok(once.repeated(grid.count));
        }
        match &expr.kind {
            ExprKind::Number(number) => {
                self.budget.take(expr.span, grid.count)?;
                Ok(Evaluated::Scalar(vec![*number; grid.count]))
            }
            ExprKind::Text(text) => Ok(Evaluated::Text(text.clone())),
            ExprKind::Instant(selector) => self.instant(selector, expr.span, grid, Pick::Value).map(Evaluated::Vector),
            ExprKind::Range(..) | ExprKind::Subquery(_) => Err(misplaced(expr)),
            ExprKind::Paren(inner) | ExprKind::Signed(Sign::Plus, inner) => self.eval(inner, grid),
            ExprKind::Signed(Sign::Minus, inner) => self.negative(inner, expr.span, grid),
            ExprKind::Binary(binary) => self.binary(binary, expr.span, grid),
            ExprKind::Aggregate(aggregate) => self.aggregate(aggregate, expr.span, grid).map(Evaluated::Vector),
            ExprKind::Call(call) => self.call(call, expr.span, grid),
        }
    }

    pub fn vector(&mut self, expr: &Expr, grid: Grid) -> Result<Vec<Series>, EvalError> {
        match self.eval(expr, grid)? {
            Evaluated::Vector(series) => Ok(series),
            Evaluated::Scalar(_) | Evaluated::Text(_) => Err(misplaced(expr)),
        }
    }

    /// A value for every step.
    pub fn scalar(&mut self, expr: &Expr, grid: Grid) -> Result<Vec<f64>, EvalError> {
        match self.eval(expr, grid)? {
            Evaluated::Scalar(values) => Ok(values),
            Evaluated::Vector(_) | Evaluated::Text(_) => Err(misplaced(expr)),
        }
    }

    fn negative(&mut self, inner: &Expr, span: Span, grid: Grid) -> Result<Evaluated, EvalError> {
        match self.eval(inner, grid)? {
            Evaluated::Scalar(values) => Ok(Evaluated::Scalar(values.into_iter().map(|value| -value).collect())),
            Evaluated::Vector(mut series) => {
                for one in &mut series {
                    one.labels = one.labels.without_name();
                    one.column.update(|_, value| Some(-value));
                }
                distinct(series, span).map(Evaluated::Vector)
            }
            Evaluated::Text(_) => Err(misplaced(inner)),
        }
    }

    /// The samples of a range selector or subquery themselves: what an instant query for `x[5m]` returns.
    pub fn raw_samples(&mut self, expr: &Expr, grid: Grid) -> Result<Vec<Row>, EvalError> {
        let range = self.range_vector(expr, grid, Summary::Mean)?;
        let mut bounds = Bounds::new(&range.references, range.range, self.engine.semantics);
        let rows = range.series.into_iter().map(|series| {
            let (from, to) = bounds.of(&series.stamps).first().copied().unwrap_or_default();
            let samples = series.stamps.iter().zip(&series.values).take(to).skip(from);
            Row { points: samples.map(|(at, value)| Point { at: *at, value: *value }).collect(), labels: series.labels }
        });
        Ok(rows.filter(|row| !row.points.is_empty()).collect())
    }
}

/// Types are checked when a query is parsed; this says where the check has a hole instead of guessing a value.
pub(super) fn misplaced(expr: &Expr) -> EvalError {
    EvalError::data(expr.span, format!("a {} cannot stand here", expr.value_type()))
}
