//! Label matchers: the four comparisons by which a selector picks series.

use regex::{Regex, RegexBuilder};

use super::labels::{Labels, NAME};

/// What picks series: a list of [`Matcher`]s, or what another room has in their place.
pub trait Selector {
    /// The metric that it demands, if it demands one: most selectors do, and need to look at no other series.
    fn metric(&self) -> Option<&str>;

    fn matches(&self, labels: &Labels) -> bool;
}

impl Selector for [Matcher] {
    fn metric(&self) -> Option<&str> {
        self.iter()
            .find(|matcher| matches!(matcher.test, Test::Equal) && matcher.name == NAME)
            .map(|m| m.value.as_str())
    }

    fn matches(&self, labels: &Labels) -> bool {
        self.iter().all(|matcher| matcher.matches(labels))
    }
}

/// How a matcher compares. Expressions are anchored at both ends, as in Prometheus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MatchOp {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `=~`
    Regex,
    /// `!~`
    NotRegex,
}

/// One condition on one label. A series without the label is judged as if its value were empty.
#[derive(Debug, Clone)]
pub struct Matcher {
    name: String,
    value: String,
    test: Test,
}

#[derive(Debug, Clone)]
enum Test {
    Equal,
    NotEqual,
    Regex(Regex),
    NotRegex(Regex),
}

/// A matcher whose regular expression cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("label `{label}`: the regular expression `{expression}` cannot be used: {source}")]
pub struct BadMatcher {
    pub label: String,
    pub expression: String,
    pub source: regex::Error,
}

impl Matcher {
    /// A compiled expression may not need more memory than this: it comes from a policy or from the network.
    const LARGEST_REGEX: usize = 1 << 20;

    /// # Errors
    /// The regular expression is malformed, or too large when compiled.
    pub fn new(name: &str, op: MatchOp, value: &str) -> Result<Self, BadMatcher> {
        let compile = || {
            RegexBuilder::new(&format!("^(?:{value})$"))
                .size_limit(Self::LARGEST_REGEX)
                .build()
                .map_err(|source| BadMatcher { label: name.to_owned(), expression: value.to_owned(), source })
        };
        let test = match op {
            MatchOp::Equal => Test::Equal,
            MatchOp::NotEqual => Test::NotEqual,
            MatchOp::Regex => Test::Regex(compile()?),
            MatchOp::NotRegex => Test::NotRegex(compile()?),
        };
        Ok(Self { name: name.to_owned(), value: value.to_owned(), test })
    }

    /// `name="value"`.
    pub fn equal(name: &str, value: &str) -> Self {
        Self { name: name.to_owned(), value: value.to_owned(), test: Test::Equal }
    }

    /// All series of one metric.
    pub fn metric(name: &str) -> Self {
        Self::equal(NAME, name)
    }

    pub fn matches(&self, labels: &Labels) -> bool {
        let found = labels.get(&self.name).unwrap_or_default();
        match &self.test {
            Test::Equal => found == self.value,
            Test::NotEqual => found != self.value,
            Test::Regex(regex) => regex.is_match(found),
            Test::NotRegex(regex) => !regex.is_match(found),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::labels::Interner;

    #[test]
    fn comparisons_are_those_of_prometheus() {
        use MatchOp::{Equal, NotEqual, NotRegex, Regex};
        let labels = Interner::default().labels([(NAME, "up"), ("device", "nvme0n1")]);
        for (name, op, value, expected) in [
            (NAME, Equal, "up", true),
            ("device", Equal, "nvme0", false),
            ("device", NotEqual, "nvme0", true),
            ("device", Regex, "nvme0", false),
            ("device", Regex, "nvme.*", true),
            ("device", Regex, "sda|nvme0n1", true),
            ("device", NotRegex, "nvme.*", false),
            ("device", NotRegex, "n1", true),
            ("missing", Equal, "", true),
            ("missing", NotEqual, "", false),
            ("missing", Regex, ".*", true),
            ("missing", Regex, ".+", false),
            ("missing", NotRegex, ".+", true),
        ] {
            let matcher = Matcher::new(name, op, value).unwrap();
            assert_eq!(matcher.matches(&labels), expected, "{name} {op:?} {value:?}");
        }
    }

    #[test]
    fn a_bad_expression_is_named() {
        let error = Matcher::new("job", MatchOp::Regex, "(").unwrap_err().to_string();
        assert!(error.starts_with("label `job`: the regular expression `(` cannot be used"), "{error}");
        assert!(Matcher::new("job", MatchOp::Regex, "(a{1000}){1000}").is_err(), "an expression that eats memory");
    }
}
