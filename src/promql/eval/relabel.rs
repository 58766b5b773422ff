//! Functions that change labels.

use super::call::arg;
use super::error::EvalError;
use super::expression::Evaluator;
use super::grid::Grid;
use super::series::{Series, merged};
use crate::promql::labels::can_be_set;
use crate::promql::syntax::{Call, Expr, Span, anchored};

/// Nested calls can double a value each: without a bound, a short query would fill the memory.
const LONGEST_VALUE: usize = 4096;

impl Evaluator<'_> {
    pub fn label_replace(&mut self, call: &Call, span: Span, grid: Grid) -> Result<Vec<Series>, EvalError> {
        let target = self.label_name(arg(call, 1, span)?)?;
        let replacement = self.text(arg(call, 2, span)?)?;
        let source = self.text(arg(call, 3, span)?)?;
        let pattern_arg = arg(call, 4, span)?;
        let pattern = anchored(&self.text(pattern_arg)?, self.engine.semantics)
            .map_err(|fault| EvalError::data(pattern_arg.span, format!("the pattern cannot be used: {fault}")))?;
        let mut series = self.vector(arg(call, 0, span)?, grid)?;
        for one in &mut series {
            self.budget.worked(1_000)?;
            if let Some(captures) = pattern.captures(one.labels.get(&source)) {
                let mut value = String::new();
                captures.expand(&replacement, &mut value);
                one.labels = one.labels.with(&target, bounded(&value, span)?);
            }
        }
        merged(series, span)
    }

    pub fn label_join(&mut self, call: &Call, span: Span, grid: Grid) -> Result<Vec<Series>, EvalError> {
        let target = self.label_name(arg(call, 1, span)?)?;
        let separator = self.text(arg(call, 2, span)?)?;
        let sources: Vec<String> =
            call.args.iter().skip(3).map(|source| self.label_name(source)).collect::<Result<_, _>>()?;
        let mut series = self.vector(arg(call, 0, span)?, grid)?;
        for one in &mut series {
            let values: Vec<&str> = sources.iter().map(|source| one.labels.get(source)).collect();
            one.labels = one.labels.with(&target, bounded(&values.join(&separator), span)?);
        }
        merged(series, span)
    }

    fn label_name(&mut self, expr: &Expr) -> Result<String, EvalError> {
        let name = self.text(expr)?;
        if can_be_set(&name, self.engine.semantics) {
            Ok(name)
        } else {
            Err(EvalError::data(expr.span, format!("`{name}` cannot name a label")))
        }
    }
}

fn bounded(value: &str, span: Span) -> Result<&str, EvalError> {
    if value.len() > LONGEST_VALUE {
        return Err(EvalError::data(span, format!("a label would become longer than {LONGEST_VALUE} bytes")));
    }
    Ok(value)
}
