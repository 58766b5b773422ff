//! A query that has been parsed and checked.

use std::fmt;

use super::ast::{Expr, ExprKind, VectorSelector, When};
use super::check::check;
use super::error::{ParseError, Span};
use super::matcher::Matcher;
use super::parser;
use crate::promql::Millis;
use crate::promql::engine::Engine;

/// A parsed and checked query; written back, it is in canonical form.
#[derive(Debug, Clone)]
pub struct Query {
    pub(in crate::promql) expr: Expr,
}

/// One selector of a query, for those who want to know what it reads before it is asked.
#[derive(Debug, Clone, Copy)]
pub struct Reading<'q> {
    pub span: Span,
    /// The metric name, if the selector gives one before its braces.
    pub metric: Option<&'q str>,
    /// All conditions, that on the metric name included.
    pub matchers: &'q [Matcher],
    /// The range of a range selector.
    pub range: Option<Millis>,
}

impl Engine {
    /// # Errors
    /// The text is too long or too deep, is not PromQL, joins types that do not fit, or names what is not supported.
    pub fn parse(&self, text: &str) -> Result<Query, ParseError> {
        let expr = parser::parse(text, self)?;
        check(&expr)?;
        Ok(Query { expr })
    }
}

impl Query {
    /// The conditions of a query that is nothing but one instant selector of the present.
    pub fn selector(&self) -> Option<&[Matcher]> {
        match &self.expr.kind {
            ExprKind::Instant(selector) if selector.when == When::default() => Some(&selector.matchers),
            _ => None,
        }
    }

    /// All selectors, from left to right.
    pub fn readings(&self) -> Vec<Reading<'_>> {
        let mut found = Vec::new();
        collect(&self.expr, &mut found);
        found
    }
}

fn collect<'q>(expr: &'q Expr, found: &mut Vec<Reading<'q>>) {
    let reading = |selector: &'q VectorSelector, range| Reading {
        span: expr.span,
        metric: selector.name.as_deref(),
        matchers: &selector.matchers,
        range,
    };
    match &expr.kind {
        ExprKind::Number(_) | ExprKind::Text(_) => {}
        ExprKind::Instant(selector) => found.push(reading(selector, None)),
        ExprKind::Range(selector, range) => found.push(reading(selector, Some(*range))),
        ExprKind::Subquery(subquery) => collect(&subquery.expr, found),
        ExprKind::Paren(inner) | ExprKind::Signed(_, inner) => collect(inner, found),
        ExprKind::Binary(binary) => {
            collect(&binary.left, found);
            collect(&binary.right, found);
        }
        ExprKind::Aggregate(aggregate) => {
            if let Some(parameter) = &aggregate.parameter {
                collect(parameter, found);
            }
            collect(&aggregate.expr, found);
        }
        ExprKind::Call(call) => call.args.iter().for_each(|arg| collect(arg, found)),
    }
}

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.expr.fmt(f)
    }
}
