//! A query that has been parsed and checked.

use std::fmt;

use super::ast::{Expr, ExprKind, Subquery, ValueType, VectorSelector, When};
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

/// One place where a query takes samples: an outermost selector or subquery, which can be asked by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Intake {
    pub span: Span,
    /// `None` for an instant selector.
    pub range: Option<Millis>,
    /// The step of a subquery, 0 if it names none; `None` for a selector.
    pub step: Option<Millis>,
    /// How long before the moment of evaluation the samples end; `None` where `@` fixes the moment.
    pub offset: Option<Millis>,
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

    /// Where samples come in, from left to right. What a subquery selects comes in through the subquery.
    pub fn intakes(&self) -> Vec<Intake> {
        let mut found = Vec::new();
        take_in(&self.expr, &mut found);
        found
    }

    /// How far back before the moment of evaluation samples may lie that count, the time aside for which an instant selector holds on
    /// to the last one.
    pub fn reach(&self) -> Millis {
        reach(&self.expr)
    }

    /// The range selector or subquery at `span`, written with another range; `None` if there is none.
    pub fn with_range(&self, span: Span, range: Millis) -> Option<String> {
        let mut at = &self.expr;
        while at.span != span || !matches!(at.kind, ExprKind::Range(..) | ExprKind::Subquery(_)) {
            at = at.children().find(|child| child.span.start <= span.start && span.end <= child.span.end)?;
        }
        let mut other = at.clone();
        match &mut other.kind {
            ExprKind::Range(_, length) => *length = range,
            ExprKind::Subquery(subquery) => subquery.range = range,
            _ => return None,
        }
        Some(other.to_string())
    }

    /// Whether the result is a scalar or an instant vector, rather than a text or a range vector.
    pub fn gives_values(&self) -> bool {
        matches!(self.expr.value_type(), ValueType::Scalar | ValueType::Instant)
    }

    /// The whole text.
    pub fn span(&self) -> Span {
        self.expr.span
    }
}

fn take_in(expr: &Expr, found: &mut Vec<Intake>) {
    let intake = |range, step, when: When| {
        let offset = if when.at.is_some() { None } else { Some(when.offset.unwrap_or(0)) };
        Intake { span: expr.span, range, step, offset }
    };
    match &expr.kind {
        ExprKind::Instant(selector) => found.push(intake(None, None, selector.when)),
        ExprKind::Range(selector, range) => found.push(intake(Some(*range), None, selector.when)),
        ExprKind::Subquery(subquery) => {
            let Subquery { range, step, when, .. } = **subquery;
            found.push(intake(Some(range), Some(step.unwrap_or(0)), when));
        }
        _ => expr.children().for_each(|child| take_in(child, found)),
    }
}

fn reach(expr: &Expr) -> Millis {
    let own = |range: Millis, when: When| range.saturating_add(when.offset.unwrap_or(0).max(0));
    let inner = || expr.children().map(reach).max().unwrap_or(0);
    match &expr.kind {
        ExprKind::Instant(selector) => own(0, selector.when),
        ExprKind::Range(selector, range) => own(*range, selector.when),
        ExprKind::Subquery(subquery) => own(subquery.range, subquery.when).saturating_add(inner()),
        _ => inner(),
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
        ExprKind::Instant(selector) => found.push(reading(selector, None)),
        ExprKind::Range(selector, range) => found.push(reading(selector, Some(*range))),
        _ => expr.children().for_each(|child| collect(child, found)),
    }
}

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.expr.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_reaches_back_as_far_as_its_farthest_sample() {
        for (text, minutes) in [
            ("up", 0),
            ("1 + 2", 0),
            ("rate(x[5m])", 5),
            ("rate(x[5m] offset 1h)", 65),
            ("up offset 10m", 10),
            ("up offset -10m", 0),
            ("rate(x[5m]) / max_over_time(y[30m])", 30),
            ("max_over_time(rate(x[5m])[1h:1m])", 65),
            ("max_over_time(rate(x[5m] offset 3m)[1h:1m] offset 2m)", 70),
        ] {
            let query = Engine::default().parse(text).unwrap();
            assert_eq!(query.reach(), minutes * 60_000, "{text}");
        }
    }
}
