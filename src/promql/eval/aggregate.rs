//! Aggregations that fold many elements into one: `sum`, `avg`, `min`, `max`, `count`, `group`, `stddev`, `stdvar`, `quantile`.

use std::collections::HashMap;

use super::error::EvalError;
use super::expression::Evaluator;
use super::grid::Grid;
use super::series::{Column, Series};
use crate::promql::calc::{Mean, Spread, Sum, count, quantile};
use crate::promql::engine::Semantics;
use crate::promql::labels::{Labels, METRIC_NAME};
use crate::promql::syntax::{Aggregate, AggregateOp, Expr, Grouping, Span};

/// Elements that are aggregated together.
pub(super) struct Group {
    pub labels: Labels,
    /// Their places in the input.
    pub members: Vec<usize>,
}

impl Evaluator<'_> {
    pub fn aggregate(&mut self, aggregate: &Aggregate, span: Span, grid: Grid) -> Result<Vec<Series>, EvalError> {
        match aggregate.op {
            AggregateOp::TopK | AggregateOp::BottomK => return self.best(aggregate, span, grid),
            AggregateOp::CountValues => return self.count_values(aggregate, span, grid),
            _ => {}
        }
        let quantiles = match &aggregate.parameter {
            Some(parameter) => self.scalar(parameter, grid)?,
            None => Vec::new(),
        };
        self.doubt_quantile(&quantiles, span);
        let series = self.vector(&aggregate.expr, grid)?;
        let groups = groups(&series, &aggregate.grouping);
        self.budget.take(span, groups.len().saturating_mul(grid.count))?;
        let mut results = Vec::with_capacity(groups.len());
        for group in groups {
            self.budget.worked(group.members.len().saturating_mul(grid.count))?;
            let columns: Vec<&Column> = group.members.iter().map(|member| &series[*member].column).collect();
            let column = if aggregate.op == AggregateOp::Quantile {
                quantile_of(&columns, &quantiles)
            } else {
                folded(&columns, aggregate.op, self.engine.semantics, grid.count)
            };
            results.push(Series { labels: group.labels, column });
        }
        Ok(results)
    }
}

/// The argument before the vector.
pub(super) fn parameter(aggregate: &Aggregate, span: Span) -> Result<&Expr, EvalError> {
    aggregate.parameter.as_ref().ok_or_else(|| EvalError::data(span, "an argument is missing"))
}

/// The labels of the group that an element belongs to.
pub(super) fn group_labels(labels: &Labels, grouping: &Grouping) -> Labels {
    match grouping {
        Grouping::By(names) => labels.filtered(|name| names.iter().any(|by| by == name)),
        Grouping::Without(names) => {
            labels.filtered(|name| name != METRIC_NAME && !names.iter().any(|without| without == name))
        }
    }
}

/// Groups in the order of their first members.
pub(super) fn groups(series: &[Series], grouping: &Grouping) -> Vec<Group> {
    let mut places: HashMap<Labels, usize> = HashMap::new();
    let mut groups: Vec<Group> = Vec::new();
    for (member, one) in series.iter().enumerate() {
        let place = *places.entry(group_labels(&one.labels, grouping)).or_insert_with_key(|labels| {
            groups.push(Group { labels: labels.clone(), members: Vec::new() });
            groups.len() - 1
        });
        groups[place].members.push(member);
    }
    groups
}

/// What an aggregation remembers of the elements seen so far.
#[derive(Debug, Clone, Copy)]
enum Fold {
    Sum(Sum),
    Mean(Mean),
    Count(usize),
    Least(f64),
    Most(f64),
    Group,
    Variance(Spread),
    Deviation(Spread),
}

impl Fold {
    fn new(op: AggregateOp, semantics: Semantics) -> Self {
        match op {
            AggregateOp::Sum => Self::Sum(Sum::of_aggregation(semantics)),
            AggregateOp::Avg => Self::Mean(Mean::of_aggregation(semantics)),
            AggregateOp::Min => Self::Least(f64::NAN),
            AggregateOp::Max => Self::Most(f64::NAN),
            AggregateOp::Stddev => Self::Deviation(Spread::of_aggregation(semantics)),
            AggregateOp::Stdvar => Self::Variance(Spread::of_aggregation(semantics)),
            AggregateOp::Count => Self::Count(0),
            AggregateOp::Group
            | AggregateOp::TopK
            | AggregateOp::BottomK
            | AggregateOp::CountValues
            | AggregateOp::Quantile => Self::Group,
        }
    }

    fn add(&mut self, value: f64) {
        match self {
            Self::Sum(sum) => sum.add(value),
            Self::Mean(mean) => mean.add(value),
            Self::Count(seen) => *seen += 1,
            Self::Least(least) if value < *least || least.is_nan() => *least = value,
            Self::Most(most) if value > *most || most.is_nan() => *most = value,
            Self::Least(_) | Self::Most(_) | Self::Group => {}
            Self::Variance(spread) | Self::Deviation(spread) => spread.add(value),
        }
    }

    fn value(self) -> f64 {
        match self {
            Self::Sum(sum) => sum.value(),
            Self::Mean(mean) => mean.value(),
            Self::Count(seen) => count(seen),
            Self::Least(value) | Self::Most(value) => value,
            Self::Group => 1.0,
            Self::Variance(spread) => spread.variance(),
            Self::Deviation(spread) => spread.variance().sqrt(),
        }
    }
}

fn folded(columns: &[&Column], op: AggregateOp, semantics: Semantics, steps: usize) -> Column {
    let mut folds: Vec<Option<Fold>> = vec![None; steps];
    for (step, value) in columns.iter().flat_map(|column| column.present()) {
        folds[step].get_or_insert_with(|| Fold::new(op, semantics)).add(value);
    }
    Column::from_options(folds.into_iter().map(|fold| fold.map(Fold::value)))
}

fn quantile_of(columns: &[&Column], quantiles: &[f64]) -> Column {
    let mut values = Vec::new();
    Column::from_options(quantiles.iter().enumerate().map(|(step, q)| {
        values.clear();
        values.extend(columns.iter().filter_map(|column| column.get(step)));
        (!values.is_empty()).then(|| quantile(*q, &mut values))
    }))
}
