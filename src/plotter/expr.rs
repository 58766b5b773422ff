//! Arithmetic in profiles: what a plotter needs depends on k, threads and mode, and a profile must be able to say how.
//!
//! Numbers are `f64`. There are no loops, no definitions and no side effects; depth and length are bounded, so that a
//! profile from anywhere can be evaluated in every tick.

mod parse;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

/// Longest expression, in bytes.
const LONGEST: usize = 1024;
/// Deepest nesting of parentheses, conditions and signs.
const DEEPEST: usize = 32;

/// What a name stands for.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Number(f64),
    Text(Arc<str>),
}

/// The kind of a value, known when a profile is loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Number,
    Text,
}

/// Values by name. A name without a value is a fact that is not known.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Variables(BTreeMap<Arc<str>, Value>);

/// A parsed expression.
#[derive(Debug, Clone, PartialEq)]
pub struct Expr {
    root: Node,
}

/// Why a text is not an expression, or does not fit the names it may use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem} (at byte {at} of the expression)")]
pub struct ExprError {
    /// Byte offset into the expression.
    pub at: usize,
    pub problem: String,
}

#[derive(Debug, Clone, PartialEq)]
struct Node {
    at: usize,
    what: What,
}

#[derive(Debug, Clone, PartialEq)]
enum What {
    Literal(Value),
    Name(Arc<str>),
    Unary(Sign, Box<Node>),
    Binary(Operator, Box<Node>, Box<Node>),
    Choice(Box<[Node; 3]>),
    Lookup(Vec<(Value, Node)>, Box<Node>),
    Call(Function, Vec<Node>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sign {
    Minus,
    Not,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Power,
    ShiftLeft,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    And,
    Or,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Function {
    Min,
    Max,
    Ceil,
    Floor,
}

impl Variables {
    pub fn set_number(&mut self, name: &str, value: f64) {
        self.0.insert(name.into(), Value::Number(value));
    }

    pub fn set_text(&mut self, name: &str, value: &str) {
        self.0.insert(name.into(), Value::Text(value.into()));
    }

    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    pub fn number(&self, name: &str) -> Option<f64> {
        match self.0.get(name)? {
            Value::Number(number) => Some(*number),
            Value::Text(_) => None,
        }
    }
}

impl Expr {
    /// # Errors
    /// The text is not an expression, or is too long or too deep; the error says at which byte.
    pub fn parse(text: &str) -> Result<Self, ExprError> {
        Ok(Self { root: parse::expression(text)? })
    }

    /// Checks names and kinds before the expression is ever used. `kind_of` knows the names that may be used.
    ///
    /// # Errors
    /// A name is unknown, or a text stands where a number must.
    pub fn check(&self, kind_of: &dyn Fn(&str) -> Option<Kind>) -> Result<Kind, ExprError> {
        check(&self.root, kind_of)
    }

    /// The value, or `None` if a name that it depends on has no value, a lookup finds nothing, or the result is not finite.
    pub fn number(&self, variables: &Variables) -> Option<f64> {
        number(&self.root, variables).filter(|number| number.is_finite())
    }
}

impl ExprError {
    fn new(at: usize, problem: impl Into<String>) -> Self {
        Self { at, problem: problem.into() }
    }
}

fn check(node: &Node, kind_of: &dyn Fn(&str) -> Option<Kind>) -> Result<Kind, ExprError> {
    let must_be_number = |node: &Node| match check(node, kind_of)? {
        Kind::Number => Ok(Kind::Number),
        Kind::Text => Err(ExprError::new(node.at, "a text stands where a number is needed")),
    };
    let must_agree = |at: usize, one: Kind, other: Kind| {
        if one == other { Ok(one) } else { Err(ExprError::new(at, "a text and a number cannot be compared or mixed")) }
    };
    match &node.what {
        What::Literal(value) => Ok(value.kind()),
        What::Name(name) => {
            kind_of(name).ok_or_else(|| ExprError::new(node.at, format!("the name `{name}` is not known here")))
        }
        What::Unary(_, inner) => must_be_number(inner),
        What::Binary(Operator::Equal | Operator::NotEqual, left, right) => {
            must_agree(node.at, check(left, kind_of)?, check(right, kind_of)?)?;
            Ok(Kind::Number)
        }
        What::Binary(_, left, right) => {
            must_be_number(left)?;
            must_be_number(right)
        }
        What::Choice(parts) => {
            let [condition, yes, no] = parts.as_ref();
            must_be_number(condition)?;
            must_agree(node.at, check(yes, kind_of)?, check(no, kind_of)?)
        }
        What::Lookup(entries, key) => {
            let kind = check(key, kind_of)?;
            for (entry, value) in entries {
                must_agree(key.at, kind, entry.kind())?;
                must_be_number(value)?;
            }
            Ok(Kind::Number)
        }
        What::Call(_, arguments) => {
            arguments.iter().try_for_each(|argument| must_be_number(argument).map(|_| ()))?;
            Ok(Kind::Number)
        }
    }
}

fn number(node: &Node, variables: &Variables) -> Option<f64> {
    match value(node, variables)? {
        Value::Number(number) => Some(number),
        Value::Text(_) => None,
    }
}

fn value(node: &Node, variables: &Variables) -> Option<Value> {
    let result = match &node.what {
        What::Literal(value) => return Some(value.clone()),
        What::Name(name) => return variables.get(name).cloned(),
        What::Choice(parts) => {
            let [condition, yes, no] = parts.as_ref();
            return value(if truth(number(condition, variables)?) { yes } else { no }, variables);
        }
        What::Unary(Sign::Minus, inner) => -number(inner, variables)?,
        What::Unary(Sign::Not, inner) => as_number(!truth(number(inner, variables)?)),
        What::Binary(operator, left, right) => binary(*operator, left, right, variables)?,
        What::Lookup(entries, key) => {
            let key = value(key, variables)?;
            number(&entries.iter().find(|(entry, _)| *entry == key)?.1, variables)?
        }
        What::Call(function, arguments) => call(*function, arguments, variables)?,
    };
    Some(Value::Number(result))
}

fn binary(operator: Operator, left: &Node, right: &Node, variables: &Variables) -> Option<f64> {
    match operator {
        Operator::Equal => return Some(as_number(value(left, variables)? == value(right, variables)?)),
        Operator::NotEqual => return Some(as_number(value(left, variables)? != value(right, variables)?)),
        Operator::And if !truth(number(left, variables)?) => return Some(0.0),
        Operator::Or if truth(number(left, variables)?) => return Some(1.0),
        _ => {}
    }
    let (left, right) = (number(left, variables)?, number(right, variables)?);
    Some(match operator {
        Operator::Add => left + right,
        Operator::Subtract => left - right,
        Operator::Multiply => left * right,
        Operator::Divide => left / right,
        Operator::Power => left.powf(right),
        Operator::ShiftLeft => left * right.exp2(),
        Operator::Less => as_number(left < right),
        Operator::LessOrEqual => as_number(left <= right),
        Operator::Greater => as_number(left > right),
        Operator::GreaterOrEqual => as_number(left >= right),
        Operator::And | Operator::Or | Operator::Equal | Operator::NotEqual => as_number(truth(right)),
    })
}

fn call(function: Function, arguments: &[Node], variables: &Variables) -> Option<f64> {
    let values: Vec<f64> = arguments.iter().map(|argument| number(argument, variables)).collect::<Option<_>>()?;
    match function {
        Function::Min => values.into_iter().reduce(f64::min),
        Function::Max => values.into_iter().reduce(f64::max),
        Function::Ceil => values.first().map(|value| value.ceil()),
        Function::Floor => values.first().map(|value| value.floor()),
    }
}

fn truth(number: f64) -> bool {
    number != 0.0
}

fn as_number(truth: bool) -> f64 {
    if truth { 1.0 } else { 0.0 }
}

impl Value {
    fn kind(&self) -> Kind {
        match self {
            Self::Number(_) => Kind::Number,
            Self::Text(_) => Kind::Text,
        }
    }
}
