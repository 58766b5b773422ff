//! From text to a checked tree. Every node keeps its place in the text, so that an error can point with a caret.

mod ast;
mod check;
mod display;
mod duration;
mod error;
mod function;
mod lexer;
mod literal;
mod matcher;
mod operator;
mod parser;
mod pattern;
mod query;
mod selector;
mod token;

pub(super) use ast::{
    Aggregate, Anchor, Binary, Call, Cardinality, Expr, ExprKind, Grouping, Matching, Sign, Subquery, ValueType,
    VectorSelector, When,
};
pub use duration::parse_duration;
pub use error::{ParseError, Span};
pub(super) use function::Action;
pub(super) use literal::quote;
pub use matcher::{MatchOp, Matcher};
pub(super) use operator::{AggregateOp, BinaryOp};
pub(super) use pattern::anchored;
pub use query::{Intake, Query, Reading};
