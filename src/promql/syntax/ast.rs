//! The tree of an expression.

use std::fmt;

use super::error::Span;
use super::function::Function;
use super::matcher::Matcher;
use super::operator::{AggregateOp, BinaryOp};
use crate::promql::Millis;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::promql) enum ValueType {
    Scalar,
    Text,
    Instant,
    Range,
}

impl fmt::Display for ValueType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scalar => "scalar",
            Self::Text => "string",
            Self::Instant => "instant vector",
            Self::Range => "range vector",
        })
    }
}

#[derive(Debug, Clone)]
pub(in crate::promql) struct Expr {
    pub span: Span,
    pub kind: ExprKind,
}

#[derive(Debug, Clone)]
pub(in crate::promql) enum ExprKind {
    Number(f64),
    Text(String),
    Instant(VectorSelector),
    Range(VectorSelector, Millis),
    Subquery(Box<Subquery>),
    Paren(Box<Expr>),
    Signed(Sign, Box<Expr>),
    Binary(Box<Binary>),
    Aggregate(Box<Aggregate>),
    Call(Call),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::promql) enum Sign {
    Plus,
    Minus,
}

#[derive(Debug, Clone)]
pub(in crate::promql) struct VectorSelector {
    /// The name before the braces, which is among the matchers too.
    pub name: Option<String>,
    pub matchers: Vec<Matcher>,
    pub when: When,
}

/// The moment a selector or subquery is about, relative to the moment of evaluation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::promql) struct When {
    pub offset: Option<Millis>,
    pub at: Option<Anchor>,
}

/// What follows `@`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::promql) enum Anchor {
    Time(Millis),
    Start,
    End,
}

#[derive(Debug, Clone)]
pub(in crate::promql) struct Subquery {
    pub expr: Expr,
    pub range: Millis,
    pub step: Option<Millis>,
    pub when: When,
}

#[derive(Debug, Clone)]
pub(in crate::promql) struct Binary {
    pub op: BinaryOp,
    pub left: Expr,
    pub right: Expr,
    pub returns_bool: bool,
    pub matching: Matching,
}

/// Which elements of two vectors belong together.
#[derive(Debug, Clone, Default)]
pub(in crate::promql) struct Matching {
    pub cardinality: Cardinality,
    /// `on(labels)` if set, `ignoring(labels)` if not; without either, `ignoring()`.
    pub on: bool,
    pub labels: Vec<String>,
    /// Labels that `group_left` or `group_right` takes over from the "one" side.
    pub include: Vec<String>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::promql) enum Cardinality {
    #[default]
    OneToOne,
    /// `group_left`
    ManyToOne,
    /// `group_right`
    OneToMany,
}

#[derive(Debug, Clone)]
pub(in crate::promql) struct Aggregate {
    pub op: AggregateOp,
    pub grouping: Grouping,
    pub parameter: Option<Expr>,
    pub expr: Expr,
}

#[derive(Debug, Clone)]
pub(in crate::promql) enum Grouping {
    By(Vec<String>),
    Without(Vec<String>),
}

#[derive(Debug, Clone)]
pub(in crate::promql) struct Call {
    pub function: &'static Function,
    pub args: Vec<Expr>,
}

impl Expr {
    pub fn value_type(&self) -> ValueType {
        match &self.kind {
            ExprKind::Number(_) => ValueType::Scalar,
            ExprKind::Text(_) => ValueType::Text,
            ExprKind::Instant(_) | ExprKind::Aggregate(_) => ValueType::Instant,
            ExprKind::Range(..) | ExprKind::Subquery(_) => ValueType::Range,
            ExprKind::Paren(inner) | ExprKind::Signed(_, inner) => inner.value_type(),
            ExprKind::Binary(binary) => {
                let scalar = [&binary.left, &binary.right].iter().all(|side| side.value_type() == ValueType::Scalar);
                if scalar { ValueType::Scalar } else { ValueType::Instant }
            }
            ExprKind::Call(call) => call.function.returns,
        }
    }

    /// The expressions that this one is made of, from left to right.
    pub fn children(&self) -> impl Iterator<Item = &Expr> {
        let (first, second, rest): (Option<&Expr>, Option<&Expr>, &[Expr]) = match &self.kind {
            ExprKind::Number(_) | ExprKind::Text(_) | ExprKind::Instant(_) | ExprKind::Range(..) => (None, None, &[]),
            ExprKind::Subquery(subquery) => (Some(&subquery.expr), None, &[]),
            ExprKind::Paren(inner) | ExprKind::Signed(_, inner) => (Some(inner), None, &[]),
            ExprKind::Binary(binary) => (Some(&binary.left), Some(&binary.right), &[]),
            ExprKind::Aggregate(aggregate) => (aggregate.parameter.as_ref(), Some(&aggregate.expr), &[]),
            ExprKind::Call(call) => (None, None, &call.args),
        };
        first.into_iter().chain(second).chain(rest)
    }

    /// The expression inside any number of parentheses.
    pub fn bare(&self) -> &Expr {
        match &self.kind {
            ExprKind::Paren(inner) => inner.bare(),
            _ => self,
        }
    }

    /// Whether the value is the same at every step, because all it selects is pinned with `@`.
    pub fn is_step_invariant(&self) -> bool {
        match &self.kind {
            ExprKind::Number(_) | ExprKind::Text(_) => true,
            ExprKind::Instant(selector) | ExprKind::Range(selector, _) => selector.when.at.is_some(),
            ExprKind::Subquery(subquery) => subquery.when.at.is_some(),
            ExprKind::Paren(inner) | ExprKind::Signed(_, inner) => inner.is_step_invariant(),
            ExprKind::Binary(binary) => binary.left.is_step_invariant() && binary.right.is_step_invariant(),
            ExprKind::Aggregate(aggregate) => {
                aggregate.expr.is_step_invariant() && aggregate.parameter.as_ref().is_none_or(Expr::is_step_invariant)
            }
            ExprKind::Call(call) => !call.function.depends_on_step() && call.args.iter().all(Expr::is_step_invariant),
        }
    }
}
