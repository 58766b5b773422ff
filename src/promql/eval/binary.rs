//! Binary operators: what they do to two values, to scalars, and to a vector and a scalar.

use super::error::EvalError;
use super::expression::{Evaluator, misplaced};
use super::grid::Grid;
use super::series::{Evaluated, Series, merged};
use crate::promql::engine::Semantics;
use crate::promql::syntax::{Binary, BinaryOp, Span};

impl Evaluator<'_> {
    pub fn binary(&mut self, binary: &Binary, span: Span, grid: Grid) -> Result<Evaluated, EvalError> {
        let left = self.eval(&binary.left, grid)?;
        let right = self.eval(&binary.right, grid)?;
        match (left, right) {
            (Evaluated::Scalar(left), Evaluated::Scalar(right)) => {
                let values = left.into_iter().zip(right).map(|(left, right)| scalars(binary.op, left, right));
                Ok(Evaluated::Scalar(values.collect()))
            }
            (Evaluated::Vector(series), Evaluated::Scalar(scalar)) => {
                self.with_scalar(binary, span, series, &scalar, false).map(Evaluated::Vector)
            }
            (Evaluated::Scalar(scalar), Evaluated::Vector(series)) => {
                self.with_scalar(binary, span, series, &scalar, true).map(Evaluated::Vector)
            }
            (Evaluated::Vector(left), Evaluated::Vector(right)) => {
                self.budget.take(span, left.len().max(right.len()).saturating_mul(grid.count))?;
                self.vectors(binary, span, grid, left, right).map(Evaluated::Vector)
            }
            (Evaluated::Text(_), _) => Err(misplaced(&binary.left)),
            (_, Evaluated::Text(_)) => Err(misplaced(&binary.right)),
        }
    }

    fn with_scalar(
        &mut self,
        binary: &Binary,
        span: Span,
        mut series: Vec<Series>,
        scalar: &[f64],
        scalar_is_left: bool,
    ) -> Result<Vec<Series>, EvalError> {
        let nameless = binary.returns_bool || drops_name(binary.op, self.engine.semantics);
        for one in &mut series {
            self.budget.worked(scalar.len())?;
            if nameless {
                one.labels = one.labels.without_name();
            }
            one.column.update(|step, value| {
                let (left, right) = if scalar_is_left { (scalar[step], value) } else { (value, scalar[step]) };
                let kept = element(binary, left, right)?;
                // A comparison that filters keeps the value of the element, on whichever side it stands.
                Some(if binary.op.is_comparison() && !binary.returns_bool { value } else { kept })
            });
        }
        merged(series, span)
    }
}

/// What becomes of two matching elements; `None` drops them.
pub(super) fn element(binary: &Binary, left: f64, right: f64) -> Option<f64> {
    if !binary.op.is_comparison() {
        return Some(arithmetic(binary.op, left, right));
    }
    let holds = holds(binary.op, left, right);
    if binary.returns_bool { Some(f64::from(holds)) } else { holds.then_some(left) }
}

fn scalars(op: BinaryOp, left: f64, right: f64) -> f64 {
    if op.is_comparison() { f64::from(holds(op, left, right)) } else { arithmetic(op, left, right) }
}

fn arithmetic(op: BinaryOp, left: f64, right: f64) -> f64 {
    match op {
        BinaryOp::Add => left + right,
        BinaryOp::Subtract => left - right,
        BinaryOp::Multiply => left * right,
        BinaryOp::Divide => left / right,
        BinaryOp::Modulo => left % right,
        BinaryOp::Power => left.powf(right),
        BinaryOp::Atan2 => left.atan2(right),
        BinaryOp::Or
        | BinaryOp::And
        | BinaryOp::Unless
        | BinaryOp::Equal
        | BinaryOp::NotEqual
        | BinaryOp::Less
        | BinaryOp::LessOrEqual
        | BinaryOp::Greater
        | BinaryOp::GreaterOrEqual => f64::NAN,
    }
}

#[allow(clippy::float_cmp, reason = "`==` of PromQL is exact")]
fn holds(op: BinaryOp, left: f64, right: f64) -> bool {
    match op {
        BinaryOp::Equal => left == right,
        BinaryOp::NotEqual => left != right,
        BinaryOp::Less => left < right,
        BinaryOp::LessOrEqual => left <= right,
        BinaryOp::Greater => left > right,
        BinaryOp::GreaterOrEqual => left >= right,
        _ => false,
    }
}

/// Whether the result is no longer a sample of the metric.
pub(super) fn drops_name(op: BinaryOp, semantics: Semantics) -> bool {
    match op {
        // An oversight of 2.x that its own tests hold.
        BinaryOp::Atan2 => semantics == Semantics::V3,
        _ => !op.is_comparison() && !op.is_set(),
    }
}
