//! Binary operators between two vectors: which elements belong together, and what the result is called.

use std::collections::HashMap;

use super::binary::{drops_name, element};
use super::error::EvalError;
use super::expression::Evaluator;
use super::grid::Grid;
use super::series::{Column, Series, merged};
use crate::promql::labels::{Labels, METRIC_NAME};
use crate::promql::syntax::{Binary, BinaryOp, Cardinality, Matching, Span};

impl Evaluator<'_> {
    pub fn vectors(
        &mut self,
        binary: &Binary,
        span: Span,
        grid: Grid,
        left: Vec<Series>,
        right: Vec<Series>,
    ) -> Result<Vec<Series>, EvalError> {
        self.budget.worked((left.len() + right.len()).saturating_mul(grid.count))?;
        let mut signatures = Signatures::new(&binary.matching);
        let left_signatures = signatures.of(&left);
        let right_signatures = signatures.of(&right);
        let left = Side { series: left, signatures: left_signatures };
        let right = Side { series: right, signatures: right_signatures };
        let groups = signatures.known.len();
        match binary.op {
            BinaryOp::And => Ok(filtered(left, &right, groups, grid, true)),
            BinaryOp::Unless => Ok(filtered(left, &right, groups, grid, false)),
            BinaryOp::Or => {
                let rest = filtered(right, &left, groups, grid, false);
                merged(left.series.into_iter().chain(rest).collect(), span)
            }
            _ => {
                let nameless = binary.returns_bool || drops_name(binary.op, self.engine.semantics);
                let (many, one) = match binary.matching.cardinality {
                    Cardinality::OneToMany => (right, left),
                    Cardinality::OneToOne | Cardinality::ManyToOne => (left, right),
                };
                let mut join = Join { binary, span, nameless, groups, many: &many, one: &one, results: Vec::new() };
                join.run(grid)?;
                join.results.retain(|result| !result.column.is_empty());
                Ok(join.results)
            }
        }
    }
}

/// Numbers for sets of label values that must agree.
struct Signatures<'a> {
    matching: &'a Matching,
    known: HashMap<Labels, usize>,
}

impl<'a> Signatures<'a> {
    fn new(matching: &'a Matching) -> Self {
        Self { matching, known: HashMap::new() }
    }

    fn of(&mut self, series: &[Series]) -> Vec<usize> {
        let labels = |name: &str| self.matching.labels.iter().any(|label| label == name);
        let mut numbers = Vec::with_capacity(series.len());
        for one in series {
            let signature = if self.matching.on {
                one.labels.filtered(labels)
            } else {
                one.labels.filtered(|name| name != METRIC_NAME && !labels(name))
            };
            let next = self.known.len();
            numbers.push(*self.known.entry(signature).or_insert(next));
        }
        numbers
    }
}

/// One operand, with the number of each element's signature.
struct Side {
    series: Vec<Series>,
    signatures: Vec<usize>,
}

impl Side {
    /// The elements that have a value at a step: place, signature, value.
    fn at(&self, step: usize) -> impl Iterator<Item = (usize, usize, f64)> {
        let elements = self.series.iter().zip(&self.signatures).enumerate();
        elements.filter_map(move |(place, (one, signature))| Some((place, *signature, one.column.get(step)?)))
    }
}

/// Keeps the elements of `side` whose signature, at the same step, is (or is not) among those of `other`.
fn filtered(mut side: Side, other: &Side, groups: usize, grid: Grid, wanted: bool) -> Vec<Series> {
    let mut present = vec![vec![false; grid.count]; groups];
    for (one, signature) in other.series.iter().zip(&other.signatures) {
        for (step, _) in one.column.present() {
            present[*signature][step] = true;
        }
    }
    for (one, signature) in side.series.iter_mut().zip(&side.signatures) {
        let present = &present[*signature];
        one.column.update(|step, value| (present[step] == wanted).then_some(value));
    }
    side.series.retain(|one| !one.column.is_empty());
    side.series
}

/// A join in which the elements of `one` have different signatures at every step.
struct Join<'a> {
    binary: &'a Binary,
    span: Span,
    nameless: bool,
    groups: usize,
    many: &'a Side,
    one: &'a Side,
    results: Vec<Series>,
}

impl Join<'_> {
    fn run(&mut self, grid: Grid) -> Result<(), EvalError> {
        let mut by_pair: HashMap<(usize, usize), usize> = HashMap::new();
        let mut by_labels: HashMap<Labels, usize> = HashMap::new();
        let mut partners: Vec<Option<(usize, f64)>> = vec![None; self.groups];
        let mut joined = vec![false; self.groups];
        for step in 0..grid.count {
            if self.many.at(step).next().is_none() {
                continue;
            }
            partners.fill(None);
            joined.fill(false);
            for (place, signature, value) in self.one.at(step) {
                if let Some((other, _)) = partners[signature].replace((place, value)) {
                    return Err(self.ambiguous(other, place));
                }
            }
            for (place, signature, value) in self.many.at(step) {
                let Some((partner, other)) = partners[signature] else { continue };
                let swapped = self.binary.matching.cardinality == Cardinality::OneToMany;
                let (left, right) = if swapped { (other, value) } else { (value, other) };
                let Some(value) = element(self.binary, left, right) else { continue };
                let one_to_one = self.binary.matching.cardinality == Cardinality::OneToOne;
                if one_to_one && std::mem::replace(&mut joined[signature], true) {
                    return Err(self.many_to_one(place));
                }
                let result = *by_pair.entry((place, partner)).or_insert_with(|| {
                    let labels = self.labels(&self.many.series[place].labels, &self.one.series[partner].labels);
                    *by_labels.entry(labels).or_insert_with_key(|labels| {
                        self.results.push(Series { labels: labels.clone(), column: Column::absent(grid.count) });
                        self.results.len() - 1
                    })
                });
                let column = &mut self.results[result].column;
                if column.get(step).is_some() {
                    return Err(self.duplicate(result));
                }
                column.set(step, value);
            }
        }
        Ok(())
    }

    /// The labels of a result: those of the "many" side, as far as the operator and the matching leave them.
    fn labels(&self, many: &Labels, one: &Labels) -> Labels {
        let matching = &self.binary.matching;
        let one_to_one = matching.cardinality == Cardinality::OneToOne;
        let mut labels = many.filtered(|name| {
            let matched = matching.labels.iter().any(|label| label == name);
            !(self.nameless && name == METRIC_NAME) && (!one_to_one || matched == matching.on)
        });
        for name in &matching.include {
            labels = labels.with(name, one.get(name));
        }
        labels
    }

    fn ambiguous(&self, first: usize, second: usize) -> EvalError {
        let side = if self.binary.matching.cardinality == Cardinality::OneToMany { "left" } else { "right" };
        let (first, second) = (&self.one.series[first].labels, &self.one.series[second].labels);
        let message = format!("on the {side} of `{}`, both {first} and {second} match the same elements", self.op());
        EvalError::data(self.span, message)
    }

    fn many_to_one(&self, place: usize) -> EvalError {
        let labels = &self.many.series[place].labels;
        let message = format!(
            "{labels} is the second element to match the same one; say so with `group_left` or `group_right` behind `{}`",
            self.op()
        );
        EvalError::data(self.span, message)
    }

    fn duplicate(&self, result: usize) -> EvalError {
        let labels = &self.results[result].labels;
        let message = format!("more than one pair of elements would give {labels}; match on more labels");
        EvalError::data(self.span, message)
    }

    fn op(&self) -> &'static str {
        self.binary.op.text()
    }
}
