//! The two ways to ask: at one moment, and at a row of moments.

use super::budget::{Budget, Stop};
use super::coverage::Reports;
use super::error::EvalError;
use super::expression::Evaluator;
use super::grid::Grid;
use super::series::{Evaluated, Series};
use crate::promql::answer::{Answer, Matrix, Point, Row, Value, VectorSample};
use crate::promql::engine::Engine;
use crate::promql::labels::Labels;
use crate::promql::storage::Storage;
use crate::promql::syntax::{Query, ValueType};
use crate::promql::{FARTHEST, Millis};

impl Engine {
    /// The value of a query at one moment, in milliseconds since the Unix epoch.
    ///
    /// # Errors
    /// The data do not allow the expression, a limit is passed, or the storage fails.
    pub fn instant(
        &self,
        query: &Query,
        at: Millis,
        storage: &dyn Storage,
        halt: Stop<'_>,
    ) -> Result<Answer, EvalError> {
        let grid = Grid::instant(checked_time(at)?);
        let mut evaluator = self.evaluator(at, at, storage, halt);
        let value = if query.expr.value_type() == ValueType::Range {
            Value::Matrix(sorted(evaluator.raw_samples(&query.expr, grid)?))
        } else {
            match evaluator.eval(&query.expr, grid)? {
                Evaluated::Scalar(values) => {
                    Value::Scalar(Point { at, value: values.first().copied().unwrap_or(f64::NAN) })
                }
                Evaluated::Text(text) => Value::Text(text),
                Evaluated::Vector(series) => {
                    Value::Vector(series.into_iter().filter_map(|one| sample(one, at)).collect())
                }
            }
        };
        Ok(evaluator.answer(value))
    }

    /// The values of a query at `start` and every `step` milliseconds after it, up to `end`.
    ///
    /// # Errors
    /// As for [`Engine::instant`]; also if the steps are too many or the query is neither a scalar nor an instant vector.
    pub fn range(
        &self,
        query: &Query,
        (start, end, step): (Millis, Millis, Millis),
        storage: &dyn Storage,
        halt: Stop<'_>,
    ) -> Result<Answer, EvalError> {
        let grid = self.checked_grid(start, end, step)?;
        let found = query.expr.value_type();
        if !matches!(found, ValueType::Scalar | ValueType::Instant) {
            return Err(EvalError::Type { span: query.expr.span, found: found.to_string() });
        }
        let mut evaluator = self.evaluator(start, end, storage, halt);
        let rows = match evaluator.eval(&query.expr, grid)? {
            Evaluated::Text(_) => Vec::new(),
            Evaluated::Scalar(values) => {
                let points = grid.times().zip(values).map(|(at, value)| Point { at, value }).collect();
                vec![Row { labels: Labels::default(), points }]
            }
            Evaluated::Vector(series) => series.into_iter().map(|one| row(one, grid)).collect(),
        };
        Ok(evaluator.answer(Value::Matrix(sorted(rows))))
    }

    fn checked_grid(&self, start: Millis, end: Millis, step: Millis) -> Result<Grid, EvalError> {
        if step <= 0 {
            return Err(EvalError::Steps(format!("the step must be greater than 0 and is {step} ms")));
        }
        if end < start {
            return Err(EvalError::Steps(format!("the end ({end} ms) lies before the start ({start} ms)")));
        }
        let grid = Grid::between(checked_time(start)?, checked_time(end)?, step);
        let limit = self.limits.steps;
        if grid.count > limit {
            let message = format!("the range has {} steps; the limit is {limit}: use a larger step", grid.count);
            return Err(EvalError::Steps(message));
        }
        Ok(grid)
    }

    fn evaluator<'q>(&self, start: Millis, end: Millis, storage: &'q dyn Storage, halt: Stop<'q>) -> Evaluator<'q> {
        Evaluator {
            engine: *self,
            storage,
            start,
            end,
            budget: Budget::new(self.limits, halt),
            reports: Reports::default(),
        }
    }
}

impl Evaluator<'_> {
    fn answer(self, value: Value) -> Answer {
        Answer { value, annotations: self.reports.annotations, selectors: self.reports.selectors }
    }
}

fn checked_time(time: Millis) -> Result<Millis, EvalError> {
    if (-FARTHEST..=FARTHEST).contains(&time) {
        return Ok(time);
    }
    Err(EvalError::Steps(format!("the time {time} ms is out of range; times are counted from 1970")))
}

fn sample(series: Series, at: Millis) -> Option<VectorSample> {
    let value = series.column.get(0)?;
    Some(VectorSample { labels: series.labels, point: Point { at, value } })
}

fn row(series: Series, grid: Grid) -> Row {
    let points =
        grid.times().zip(series.column.iter()).filter_map(|(at, value)| value.map(|value| Point { at, value }));
    Row { points: points.collect(), labels: series.labels }
}

fn sorted(mut rows: Vec<Row>) -> Matrix {
    rows.sort_by(|a, b| a.labels.cmp(&b.labels));
    rows
}
