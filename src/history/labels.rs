//! Label sets, with every string stored once, and the target labels that a Prometheus server would add to a scraped
//! series.

use std::collections::HashSet;
use std::sync::Arc;

use crate::promql::Matcher;

/// The label that holds the name of the metric.
pub const NAME: &str = "__name__";

/// The labels of one series, sorted by name, the metric name among them as `__name__`. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Labels(Arc<[(Arc<str>, Arc<str>)]>);

impl Labels {
    /// The value of the label, if the series has it.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.shared(name).map(|value| &**value)
    }

    /// Whether every matcher picks the series. A label that it lacks counts as empty.
    pub fn match_all(&self, matchers: &[Matcher]) -> bool {
        matchers.iter().all(|matcher| matcher.matches(self.get(&matcher.name).unwrap_or_default()))
    }

    /// Names and values in the order of the names.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }

    /// Like [`Self::iter`], with the strings that all series share, for readers that keep labels without copying them.
    pub fn iter_shared(&self) -> impl ExactSizeIterator<Item = &(Arc<str>, Arc<str>)> {
        self.0.iter()
    }

    pub(super) fn shared(&self, name: &str) -> Option<&Arc<str>> {
        let place = self.0.binary_search_by(|(candidate, _)| (**candidate).cmp(name)).ok()?;
        self.0.get(place).map(|(_, value)| value)
    }

    /// Bytes of the label list itself, without the shared strings.
    pub(super) fn bytes(&self) -> usize {
        size_of_val(&*self.0) + 2 * size_of::<usize>()
    }
}

/// Keeps one copy of each string that is a label name or value.
#[derive(Debug, Clone, Default)]
pub(super) struct Interner {
    strings: HashSet<Arc<str>>,
    bytes: usize,
    /// How many strings there were after the last sweep; twice as many call for the next one.
    swept: usize,
}

impl Interner {
    /// Sweeping a handful of strings is not worth the walk.
    const FEW: usize = 1024;

    /// Builds a label set. Labels without a value are left out, as Prometheus does; of two equal names the last one
    /// counts.
    pub fn labels<'a>(&mut self, pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Labels {
        let mut list: Vec<(Arc<str>, Arc<str>)> = Vec::new();
        for (name, value) in pairs {
            let place = list.binary_search_by(|(candidate, _)| (**candidate).cmp(name));
            match (place, value.is_empty()) {
                (Ok(place), true) => drop(list.remove(place)),
                (Ok(place), false) => list[place].1 = self.string(value),
                (Err(_), true) => {}
                (Err(place), false) => list.insert(place, (self.string(name), self.string(value))),
            }
        }
        Labels(list.into())
    }

    /// Forgets strings that no label set uses any more, now and then: job names come and go for as long as the machine
    /// plots.
    pub fn sweep(&mut self) {
        if self.strings.len() < 2 * self.swept + Self::FEW {
            return;
        }
        self.strings.retain(|string| Arc::strong_count(string) > 1);
        self.bytes = self.strings.iter().map(|string| Self::cost(string)).sum();
        self.swept = self.strings.len();
    }

    pub fn bytes(&self) -> usize {
        self.bytes
    }

    fn string(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.strings.get(text) {
            return Arc::clone(known);
        }
        let new: Arc<str> = text.into();
        self.bytes += Self::cost(&new);
        self.strings.insert(Arc::clone(&new));
        new
    }

    /// The text, its two reference counts, and its place in a hash set that is at least half full.
    fn cost(text: &str) -> usize {
        text.len() + 2 * size_of::<usize>() + 2 * size_of::<Arc<str>>()
    }
}

/// Who the samples come from: what a scrape configuration would say about us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    pub job: String,
    pub instance: String,
}

impl Target {
    /// Adds `job` and `instance` as a server does: a label of the same name that the metric brought along becomes
    /// `exported_<name>`, once more for as long as that is taken too (`honor_labels: false`).
    pub(super) fn label(&self, interner: &mut Interner, metric: &str, labels: &[(&str, &str)]) -> Labels {
        let ours = [("job", self.job.as_str()), ("instance", self.instance.as_str())];
        let ours: Vec<(&str, &str)> = ours.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        let is_ours = |name: &str| ours.iter().any(|(own, _)| *own == name);
        let (moved, kept): (Vec<_>, Vec<_>) =
            labels.iter().copied().filter(|(_, value)| !value.is_empty()).partition(|(name, _)| is_ours(name));
        let mut taken: HashSet<String> = kept.iter().map(|(name, _)| (*name).to_owned()).collect();
        let exported: Vec<(String, &str)> = moved
            .into_iter()
            .map(|(name, value)| {
                let mut renamed = format!("exported_{name}");
                while !taken.insert(renamed.clone()) {
                    renamed.insert_str(0, "exported_");
                }
                (renamed, value)
            })
            .collect();
        let exported = exported.iter().map(|(name, value)| (name.as_str(), *value));
        interner.labels(kept.iter().copied().chain(exported).chain(ours).chain([(NAME, metric)]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target() -> Target {
        Target { job: "plotwarden".into(), instance: "farm1:9123".into() }
    }

    fn labelled(labels: &[(&str, &str)]) -> Vec<(String, String)> {
        let labels = target().label(&mut Interner::default(), "up", labels);
        labels.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn labels_are_what_a_server_would_store() {
        let common = [("__name__", "up"), ("instance", "farm1:9123"), ("job", "plotwarden")];
        assert_eq!(labelled(&[]), pairs(&common));
        assert_eq!(labelled(&[("device", "")]), pairs(&common), "an empty label is no label");
        assert_eq!(
            labelled(&[("job", "7c2f"), ("a", "b")]),
            pairs(&[common[0], ("a", "b"), ("exported_job", "7c2f"), common[1], common[2]])
        );
        assert_eq!(
            labelled(&[("job", "x"), ("exported_job", "y")]),
            pairs(&[common[0], ("exported_exported_job", "x"), ("exported_job", "y"), common[1], common[2]])
        );
    }

    #[test]
    fn a_target_without_a_label_leaves_that_of_the_metric() {
        let nobody = Target { job: String::new(), instance: "farm1:9123".into() };
        let labels = nobody.label(&mut Interner::default(), "up", &[("job", "7c2f"), ("instance", "x")]);
        let pairs: Vec<_> = labels.iter().collect();
        let instance = [("exported_instance", "x"), ("instance", "farm1:9123"), ("job", "7c2f")];
        assert_eq!(pairs, [&[("__name__", "up")], &instance[..]].concat());
    }

    #[test]
    fn equal_labels_are_equal_in_any_order() {
        let mut interner = Interner::default();
        let one = interner.labels([("b", "2"), ("a", "1")]);
        let other = interner.labels([("a", "0"), ("b", "2"), ("a", "1")]);
        assert_eq!(one, other);
        assert_eq!(one.get("a"), Some("1"));
        assert_eq!(one.get("c"), None);
    }

    #[test]
    fn strings_that_nobody_uses_are_forgotten() {
        let mut interner = Interner::default();
        let kept = interner.labels([("kept", "yes")]);
        for job in 0..2 * Interner::FEW {
            interner.labels([("job", job.to_string().as_str())]);
        }
        let before = interner.bytes();
        interner.sweep();
        assert_eq!(interner.strings.len(), kept.iter().len() * 2);
        assert!(interner.bytes() < before / 100);
    }
}
