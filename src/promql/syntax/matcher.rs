//! A condition on one label of a series.

use std::fmt;
use std::sync::Arc;

use regex::Regex;

use super::literal::quote;
use super::pattern::anchored;
use crate::promql::engine::Semantics;
use crate::promql::labels::{METRIC_NAME, is_label_name};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MatchOp {
    Equal,
    NotEqual,
    Regex,
    NotRegex,
}

/// `name="value"`, `!=`, `=~`, `!~`. Patterns match the whole value.
#[derive(Debug, Clone)]
pub struct Matcher {
    pub name: Arc<str>,
    pub op: MatchOp,
    pub value: Arc<str>,
    pattern: Option<Regex>,
}

impl Matcher {
    /// # Errors
    /// `value` is used as a pattern and is none; the text says why.
    pub fn new(name: &str, op: MatchOp, value: &str, semantics: Semantics) -> Result<Self, String> {
        let pattern = match op {
            MatchOp::Equal | MatchOp::NotEqual => None,
            MatchOp::Regex | MatchOp::NotRegex => Some(anchored(value, semantics)?),
        };
        Ok(Self { name: name.into(), op, value: value.into(), pattern })
    }

    /// `name="value"`.
    pub fn equal(name: &str, value: &str) -> Self {
        Self { name: name.into(), op: MatchOp::Equal, value: value.into(), pattern: None }
    }

    /// All series of one metric.
    pub fn metric(name: &str) -> Self {
        Self::equal(METRIC_NAME, name)
    }

    /// The metric that the matcher demands, if it demands one.
    pub fn demanded_metric(&self) -> Option<&str> {
        (self.op == MatchOp::Equal && *self.name == *METRIC_NAME).then_some(&*self.value)
    }

    /// Whether a series with this value, empty if it has none, is selected.
    pub fn matches(&self, value: &str) -> bool {
        let same = self.pattern.as_ref().map_or_else(|| *self.value == *value, |pattern| pattern.is_match(value));
        same != matches!(self.op, MatchOp::NotEqual | MatchOp::NotRegex)
    }
}

impl PartialEq for Matcher {
    fn eq(&self, other: &Self) -> bool {
        (&self.name, self.op, &self.value) == (&other.name, other.op, &other.value)
    }
}

impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let op = match self.op {
            MatchOp::Equal => "=",
            MatchOp::NotEqual => "!=",
            MatchOp::Regex => "=~",
            MatchOp::NotRegex => "!~",
        };
        let name = if is_label_name(&self.name) { self.name.to_string() } else { quote(&self.name) };
        write!(f, "{name}{op}{}", quote(&self.value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_the_whole_value() {
        let matcher = |op, value| Matcher::new("a", op, value, Semantics::V2).unwrap();
        assert!(matcher(MatchOp::Regex, "b|c.*").matches("cd"));
        assert!(!matcher(MatchOp::Regex, "b|c").matches("cd"));
        assert!(matcher(MatchOp::NotRegex, "b|c").matches("cd"));
        assert!(matcher(MatchOp::NotEqual, "b").matches(""));
        assert!(Matcher::new("a", MatchOp::Regex, "(", Semantics::V2).is_err());
        assert!(Matcher::new("a", MatchOp::Regex, "(a{1000}){1000}", Semantics::V2).is_err(), "it would eat memory");
    }

    #[test]
    fn the_metric_is_demanded_by_equality_only() {
        assert_eq!(Matcher::metric("up").demanded_metric(), Some("up"));
        assert_eq!(Matcher::equal("a", "up").demanded_metric(), None);
        assert_eq!(Matcher::new(METRIC_NAME, MatchOp::Regex, "up", Semantics::V2).unwrap().demanded_metric(), None);
    }

    #[test]
    fn the_dot_matches_a_line_break_in_3_only() {
        for (semantics, expected) in [(Semantics::V2, false), (Semantics::V3, true)] {
            assert_eq!(Matcher::new("a", MatchOp::Regex, "a.b", semantics).unwrap().matches("a\nb"), expected);
        }
    }
}
