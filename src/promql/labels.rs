//! The identity of a series: label names and values, sorted, cheap to clone and to share.

use std::fmt;
use std::sync::Arc;

use super::engine::Semantics;
use super::syntax::quote;

/// The label that carries the metric name.
pub const METRIC_NAME: &str = "__name__";

/// One name with its value; the value is never empty, since to Prometheus an empty label is an absent one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Label {
    pub name: Arc<str>,
    pub value: Arc<str>,
}

/// A set of labels, sorted by name. Ordered as Prometheus orders series.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Labels(Arc<[Label]>);

impl Default for Labels {
    fn default() -> Self {
        Self(Arc::new([]))
    }
}

impl Labels {
    /// The set of these pairs; of a name given twice the last value counts, and empty values are left out.
    pub fn from_pairs<N: Into<Arc<str>>, V: Into<Arc<str>>>(pairs: impl IntoIterator<Item = (N, V)>) -> Self {
        let mut labels: Vec<Label> =
            pairs.into_iter().map(|(name, value)| Label { name: name.into(), value: value.into() }).collect();
        labels.reverse();
        labels.sort_by(|a, b| a.name.cmp(&b.name));
        labels.dedup_by(|later, kept| later.name == kept.name);
        labels.retain(|label| !label.value.is_empty());
        Self(labels.into())
    }

    /// The value of a label; empty where the series does not have it.
    pub fn get(&self, name: &str) -> &str {
        self.0.iter().find(|label| &*label.name == name).map_or("", |label| &label.value)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Label> {
        self.0.iter()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Only the labels for which `keep` holds.
    pub(super) fn filtered(&self, keep: impl Fn(&str) -> bool) -> Self {
        if self.0.iter().all(|label| keep(&label.name)) {
            return self.clone();
        }
        Self(self.0.iter().filter(|label| keep(&label.name)).cloned().collect())
    }

    /// Without the metric name, as most functions return it.
    pub(super) fn without_name(&self) -> Self {
        self.filtered(|name| name != METRIC_NAME)
    }

    /// With one label set; an empty value removes it.
    #[must_use]
    pub fn with(&self, name: &str, value: &str) -> Self {
        let others = self.0.iter().filter(|label| &*label.name != name).cloned();
        let set = (!value.is_empty()).then(|| Label { name: name.into(), value: value.into() });
        let mut labels: Vec<Label> = others.chain(set).collect();
        labels.sort_by(|a, b| a.name.cmp(&b.name));
        Self(labels.into())
    }
}

/// As Prometheus writes a series: `up{job="node"}`.
impl fmt::Display for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.get(METRIC_NAME);
        write!(f, "{name}")?;
        let mut labels = self.0.iter().filter(|label| &*label.name != METRIC_NAME).peekable();
        if labels.peek().is_none() {
            return if name.is_empty() { write!(f, "{{}}") } else { Ok(()) };
        }
        write!(f, "{{")?;
        for (nth, label) in labels.enumerate() {
            let comma = if nth == 0 { "" } else { ", " };
            let name = if is_label_name(&label.name) { label.name.to_string() } else { quote(&label.name) };
            write!(f, "{comma}{name}={}", quote(&label.value))?;
        }
        write!(f, "}}")
    }
}

/// Whether a text can name a label: letters, digits and `_`, not beginning with a digit.
pub(super) fn is_label_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Whether a function may set a label of this name: in 3.x any text will do.
pub(super) fn can_be_set(name: &str, semantics: Semantics) -> bool {
    is_label_name(name) || (semantics == Semantics::V3 && !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_value_of_a_name_counts_and_empty_ones_are_absent() {
        let labels = Labels::from_pairs([("b", "1"), ("a", "x"), ("b", "2"), ("c", "")]);
        assert_eq!(labels.to_string(), r#"{a="x", b="2"}"#);
        assert_eq!(labels.get("c"), "");
    }

    #[test]
    fn writes_a_series_as_prometheus_does() {
        assert_eq!(Labels::default().to_string(), "{}");
        assert_eq!(Labels::from_pairs([(METRIC_NAME, "up")]).to_string(), "up");
        assert_eq!(Labels::from_pairs([(METRIC_NAME, "up"), ("p", "a\"b")]).to_string(), r#"up{p="a\"b"}"#);
    }

    #[test]
    fn setting_a_label_to_nothing_removes_it() {
        let labels = Labels::from_pairs([("a", "1")]);
        assert_eq!(labels.with("a", ""), Labels::default());
        assert_eq!(labels.with("A", "z").to_string(), r#"{A="z", a="1"}"#);
    }
}
