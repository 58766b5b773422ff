//! Intermediate results: what every node of the tree evaluates to, for all steps at once.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::error::EvalError;
use crate::promql::labels::Labels;
use crate::promql::storage::{STALE, is_stale};
use crate::promql::syntax::Span;

/// The value of an expression at every step of the grid it was evaluated on.
#[derive(Debug, Clone)]
pub(super) enum Evaluated {
    Scalar(Vec<f64>),
    Text(String),
    Vector(Vec<Series>),
}

impl Evaluated {
    /// What was found at one step, at each of `count` steps.
    pub fn repeated(self, count: usize) -> Self {
        match self {
            Self::Scalar(values) => Self::Scalar(values.repeat(count)),
            Self::Text(text) => Self::Text(text),
            Self::Vector(series) => Self::Vector(
                series.into_iter().map(|one| Series { column: Column(one.column.0.repeat(count)), ..one }).collect(),
            ),
        }
    }
}

/// One element of an instant vector.
#[derive(Debug, Clone)]
pub(super) struct Series {
    pub labels: Labels,
    pub column: Column,
}

/// The values of one series, step by step; it need not have one at every step.
///
/// Absence is kept as the stale marker, which no series carries as a value: 8 bytes a step.
#[derive(Debug, Clone)]
pub(super) struct Column(Vec<f64>);

impl Column {
    pub fn absent(count: usize) -> Self {
        Self(vec![STALE; count])
    }

    pub fn full(values: Vec<f64>) -> Self {
        Self(values)
    }

    pub fn from_options(values: impl Iterator<Item = Option<f64>>) -> Self {
        Self(values.map(|value| value.unwrap_or(STALE)).collect())
    }

    pub fn get(&self, step: usize) -> Option<f64> {
        self.0.get(step).copied().filter(|value| !is_stale(*value))
    }

    pub fn set(&mut self, step: usize, value: f64) {
        self.0[step] = value;
    }

    pub fn iter(&self) -> impl Iterator<Item = Option<f64>> {
        self.0.iter().map(|value| (!is_stale(*value)).then_some(*value))
    }

    /// The steps that have a value, with it.
    pub fn present(&self) -> impl Iterator<Item = (usize, f64)> {
        self.0.iter().copied().enumerate().filter(|(_, value)| !is_stale(*value))
    }

    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|value| is_stale(*value))
    }

    /// The values, if there is one at every step.
    pub fn into_full(self) -> Result<Vec<f64>, Self> {
        if self.0.iter().any(|value| is_stale(*value)) { Err(self) } else { Ok(self.0) }
    }

    /// Replaces each value by what `f` makes of step and value.
    pub fn update(&mut self, mut f: impl FnMut(usize, f64) -> Option<f64>) {
        for (step, value) in self.0.iter_mut().enumerate() {
            if !is_stale(*value) {
                *value = f(step, *value).unwrap_or(STALE);
            }
        }
    }

    /// Takes over the values of `other`; gives the first step at which both have one.
    fn merge(&mut self, other: &Self) -> Result<(), usize> {
        for (step, value) in other.present() {
            if self.get(step).is_some() {
                return Err(step);
            }
            self.0[step] = value;
        }
        Ok(())
    }
}

fn same_labels(span: Span, labels: &Labels) -> EvalError {
    let message = format!("the result would have more than one element with the labels {labels}");
    EvalError::data(span, message)
}

/// Joins series that have become the same by losing a label, and leaves out those without values. Two values at one step are
/// an error.
pub(super) fn merged(series: Vec<Series>, span: Span) -> Result<Vec<Series>, EvalError> {
    let mut places: HashMap<Labels, usize> = HashMap::with_capacity(series.len());
    let mut merged: Vec<Series> = Vec::with_capacity(series.len());
    for one in series {
        if one.column.is_empty() {
            continue;
        }
        match places.entry(one.labels.clone()) {
            Entry::Vacant(place) => {
                place.insert(merged.len());
                merged.push(one);
            }
            Entry::Occupied(place) => {
                merged[*place.get()].column.merge(&one.column).map_err(|_| same_labels(span, &one.labels))?;
            }
        }
    }
    Ok(merged)
}

/// As [`merged`], but series with the same labels are an error even if they never meet: so Prometheus treats the results of
/// functions over ranges.
pub(super) fn distinct(mut series: Vec<Series>, span: Span) -> Result<Vec<Series>, EvalError> {
    series.retain(|one| !one.column.is_empty());
    let mut seen = std::collections::HashSet::with_capacity(series.len());
    match series.iter().find(|one| !seen.insert(&one.labels)) {
        Some(twice) => Err(same_labels(span, &twice.labels)),
        None => Ok(series),
    }
}
