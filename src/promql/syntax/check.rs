//! Types: what may be joined with what, and what a function may be called with.

use super::ast::{Aggregate, Binary, Call, Cardinality, Expr, ExprKind, ValueType};
use super::error::ParseError;
use super::operator::AggregateOp;

/// Checks a whole tree.
pub(super) fn check(expr: &Expr) -> Result<(), ParseError> {
    match &expr.kind {
        ExprKind::Number(_) | ExprKind::Text(_) | ExprKind::Instant(_) | ExprKind::Range(..) => Ok(()),
        ExprKind::Paren(inner) => check(inner),
        ExprKind::Subquery(subquery) => {
            check(&subquery.expr)?;
            expect(&subquery.expr, ValueType::Instant, "a subquery")
        }
        ExprKind::Signed(_, inner) => {
            check(inner)?;
            expect_number(inner, "a sign")
        }
        ExprKind::Binary(binary) => check_binary(expr, binary),
        ExprKind::Aggregate(aggregate) => check_aggregate(aggregate),
        ExprKind::Call(call) => check_call(expr, call),
    }
}

fn wrong(expr: &Expr, message: String) -> Result<(), ParseError> {
    Err(ParseError::new(expr.span, message))
}

fn expect(expr: &Expr, expected: ValueType, what: &str) -> Result<(), ParseError> {
    let found = expr.value_type();
    if found == expected { Ok(()) } else { wrong(expr, format!("{what} takes {expected}, not {found}")) }
}

fn expect_number(expr: &Expr, what: &str) -> Result<(), ParseError> {
    let found = expr.value_type();
    match found {
        ValueType::Scalar | ValueType::Instant => Ok(()),
        _ => wrong(expr, format!("{what} takes scalar or instant vector, not {found}")),
    }
}

fn check_binary(expr: &Expr, binary: &Binary) -> Result<(), ParseError> {
    let op = binary.op.text();
    for side in [&binary.left, &binary.right] {
        check(side)?;
        expect_number(side, &format!("`{op}`"))?;
    }
    let matching = &binary.matching;
    let scalars = [&binary.left, &binary.right].iter().filter(|side| side.value_type() == ValueType::Scalar).count();
    if binary.returns_bool && !binary.op.is_comparison() {
        return wrong(expr, format!("`bool` goes with comparisons, not with `{op}`"));
    }
    if binary.op.is_comparison() && !binary.returns_bool && scalars == 2 {
        return wrong(expr, format!("two scalars are compared with `{op} bool`"));
    }
    if binary.op.is_set() && scalars > 0 {
        return wrong(expr, format!("`{op}` takes two instant vectors; make one of a scalar with `vector()`"));
    }
    if scalars > 0 && !matching.labels.is_empty() {
        return wrong(expr, "`on` and `ignoring` only go with two instant vectors".to_owned());
    }
    if binary.op.is_set() && matching.cardinality != Cardinality::OneToOne {
        return wrong(expr, format!("`{op}` joins many with many; it cannot have `group_left` or `group_right`"));
    }
    match matching.include.iter().find(|label| matching.on && matching.labels.contains(label)) {
        Some(label) => wrong(expr, format!("the label `{label}` is named in `on` and in the group modifier at once")),
        None => Ok(()),
    }
}

fn check_aggregate(aggregate: &Aggregate) -> Result<(), ParseError> {
    let what = format!("`{}`", aggregate.op.text());
    check(&aggregate.expr)?;
    expect(&aggregate.expr, ValueType::Instant, &what)?;
    let Some(parameter) = &aggregate.parameter else { return Ok(()) };
    check(parameter)?;
    let expected = if aggregate.op == AggregateOp::CountValues { ValueType::Text } else { ValueType::Scalar };
    expect(parameter, expected, &format!("the first argument of {what}"))
}

fn check_call(expr: &Expr, call: &Call) -> Result<(), ParseError> {
    let function = call.function;
    let given = call.args.len();
    let at_most = if function.repeats_last { usize::MAX } else { function.args.len() };
    if given < function.least || given > at_most {
        let expected = match (function.least, at_most) {
            (least, usize::MAX) => format!("at least {least}"),
            (least, most) if least == most => most.to_string(),
            (least, most) => format!("{least} to {most}"),
        };
        return wrong(expr, format!("`{}` takes {expected} argument(s), not {given}", function.name));
    }
    for (nth, arg) in call.args.iter().enumerate() {
        check(arg)?;
        let expected = function.args.get(nth).or(function.args.last());
        if let Some(expected) = expected {
            expect(arg, *expected, &format!("argument {} of `{}`", nth + 1, function.name))?;
        }
    }
    Ok(())
}
