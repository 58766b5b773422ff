//! Aggregations whose result has other elements at each step: `topk`, `bottomk`, `count_values`.

use std::collections::HashMap;

use super::aggregate::{group_labels, groups, parameter};
use super::error::EvalError;
use super::expression::Evaluator;
use super::grid::Grid;
use super::series::{Column, Series};
use crate::promql::answer::format_value;
use crate::promql::calc::rank::{Best, Order};
use crate::promql::calc::{count, whole};
use crate::promql::labels::{Labels, can_be_set};
use crate::promql::syntax::{Aggregate, AggregateOp, Grouping, Span};

impl Evaluator<'_> {
    /// The best `k` elements of each group, which keep their labels; best first where there is a single step.
    pub fn best(&mut self, aggregate: &Aggregate, span: Span, grid: Grid) -> Result<Vec<Series>, EvalError> {
        let argument = parameter(aggregate, span)?;
        let rooms = self.scalar(argument, grid)?.into_iter().map(|k| {
            let whole =
                whole(k).ok_or_else(|| EvalError::data(argument.span, format!("{k} is not a number of elements")))?;
            Ok(usize::try_from(whole).unwrap_or(0))
        });
        let rooms: Vec<usize> = rooms.collect::<Result<_, EvalError>>()?;
        let order = if aggregate.op == AggregateOp::TopK { Order::Descending } else { Order::Ascending };
        let series = self.vector(&aggregate.expr, grid)?;
        self.budget.take(span, series.len().saturating_mul(grid.count))?;
        let mut results: Vec<Series> = Vec::new();
        for group in groups(&series, &aggregate.grouping) {
            let mut places: HashMap<usize, usize> = HashMap::new();
            for (step, room) in rooms.iter().enumerate() {
                self.budget.worked(group.members.len().saturating_mul(2))?;
                let mut best = Best::new(*room, order);
                for member in &group.members {
                    if let Some(value) = series[*member].column.get(step) {
                        best.offer(value, *member);
                    }
                }
                for (value, member) in best.into_sorted() {
                    let place = *places.entry(member).or_insert_with(|| {
                        let labels = series[member].labels.clone();
                        results.push(Series { labels, column: Column::absent(grid.count) });
                        results.len() - 1
                    });
                    results[place].column.set(step, value);
                }
            }
        }
        Ok(results)
    }

    /// How often each value occurs; the value becomes a label.
    pub fn count_values(&mut self, aggregate: &Aggregate, span: Span, grid: Grid) -> Result<Vec<Series>, EvalError> {
        let argument = parameter(aggregate, span)?;
        let label = self.text(argument)?;
        if !can_be_set(&label, self.engine.semantics) {
            return Err(EvalError::data(argument.span, format!("`{label}` cannot name a label")));
        }
        let grouping = match &aggregate.grouping {
            Grouping::By(names) => Grouping::By(names.iter().cloned().chain([label.clone()]).collect()),
            without @ Grouping::Without(_) => without.clone(),
        };
        let mut places: HashMap<Labels, usize> = HashMap::new();
        let mut results: Vec<Series> = Vec::new();
        for one in self.vector(&aggregate.expr, grid)? {
            for (step, value) in one.column.present() {
                self.budget.worked(500)?;
                let labels = group_labels(&one.labels.with(&label, &format_value(value)), &grouping);
                let known = results.len();
                let place = *places.entry(labels).or_insert_with_key(|labels| {
                    results.push(Series { labels: labels.clone(), column: Column::absent(grid.count) });
                    results.len() - 1
                });
                if results.len() > known {
                    self.budget.take(span, grid.count)?;
                }
                let column = &mut results[place].column;
                let seen = column.get(step).unwrap_or(count(0));
                column.set(step, seen + 1.0);
            }
        }
        Ok(results)
    }
}
