//! One row of the comparison: a family of `node_exporter`'s, ours, and how far apart they may be.

use std::collections::BTreeMap;

use crate::exposition::{Exposition, Series};

/// Which family is which, and when the two agree.
#[derive(Clone, Copy)]
pub struct Row {
    pub theirs: &'static str,
    pub ours: &'static str,
    /// Their label, and ours with the same value.
    labels: &'static [(&'static str, &'static str)],
    /// Labels that only ours has, or that mean the same under other words.
    with: &'static [(&'static str, &'static str)],
    /// Ours for one of theirs.
    scale: f64,
    /// Share of theirs by which ours may lie outside of theirs before and after.
    share: f64,
    /// By how much it may, whatever its size.
    slack: f64,
    /// All series of theirs together are one of ours.
    is_total: bool,
    /// Read every so often, not each tick.
    is_paced: bool,
    place: Place,
    /// Not those of theirs that are 1 in this family: what they measure is no measurement.
    unless: Option<&'static str>,
    /// Why we may have fewer series.
    fewer: Option<&'static str>,
}

/// Which of ours is one of theirs.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    /// The only one that has the labels.
    Only,
    /// One of those that have the labels.
    OneOfSeveral,
    /// The same, but on chips of the same driver: chips have other names there.
    OnChip,
}

/// Scrapes of theirs around one of ours.
pub struct Scrapes {
    /// Over a time as long as the longest between two readings of ours; the last one is more than a tick before ours.
    pub before: Vec<Exposition>,
    pub ours: Exposition,
    pub after: Exposition,
}

/// How many series were compared, and what was wrong.
#[derive(Default)]
pub struct Comparison {
    pub compared: usize,
    pub faults: Vec<String>,
}

/// A counter: ours lies between theirs before and after.
pub const fn counter(theirs: &'static str, ours: &'static str) -> Row {
    gauge(theirs, ours, 1e-12)
}

/// A gauge: the same, but that others move it meanwhile, by a share of its value.
pub const fn gauge(theirs: &'static str, ours: &'static str, share: f64) -> Row {
    let none: &'static [(&'static str, &'static str)] = &[];
    Row {
        theirs,
        ours,
        labels: none,
        with: none,
        scale: 1.0,
        share,
        slack: 0.0,
        is_total: false,
        is_paced: false,
        place: Place::Only,
        unless: None,
        fewer: None,
    }
}

/// A number, or facts in labels, that do not change while we look.
pub const fn same(theirs: &'static str, ours: &'static str) -> Row {
    gauge(theirs, ours, 1e-9)
}

impl Row {
    pub const fn by(self, labels: &'static [(&'static str, &'static str)]) -> Self {
        Self { labels, ..self }
    }

    pub const fn with(self, with: &'static [(&'static str, &'static str)]) -> Self {
        Self { with, ..self }
    }

    pub const fn times(self, scale: f64) -> Self {
        Self { scale, ..self }
    }

    /// Whatever the size of the value: for small numbers, and for what is rounded.
    pub const fn give_or_take(self, slack: f64) -> Self {
        Self { slack, ..self }
    }

    pub const fn total(self) -> Self {
        Self { is_total: true, ..self }
    }

    pub const fn paced(self) -> Self {
        Self { is_paced: true, ..self }
    }

    pub const fn one_of_several(self) -> Self {
        Self { place: Place::OneOfSeveral, ..self }
    }

    pub const fn of_chip(self) -> Self {
        Self { place: Place::OnChip, ..self }
    }

    pub const fn unless(self, family: &'static str) -> Self {
        Self { unless: Some(family), ..self }
    }

    pub const fn fewer(self, why: &'static str) -> Self {
        Self { fewer: Some(why), ..self }
    }

    pub fn compare(&self, scrapes: &Scrapes) -> Comparison {
        let mut comparison = Comparison::default();
        for theirs in self.theirs(&scrapes.after) {
            let expected = self.expected(&theirs);
            let mut ours = scrapes.ours.find(self.ours, &expected);
            if self.place == Place::OnChip {
                let driver = driver(&scrapes.after, &theirs);
                ours.retain(|series| series.label("chip").strip_prefix(&driver).is_some_and(|id| id.starts_with('-')));
            }
            if ours.is_empty() && self.fewer.is_some() {
                continue;
            }
            if ours.len() == 1 || self.place != Place::Only && !ours.is_empty() {
                let fault = self.fault(scrapes, &theirs, &ours);
                comparison.compared += 1;
                comparison.faults.extend(fault);
            } else {
                let count = ours.len();
                comparison.faults.push(format!("{}: {count} series {}{expected:?}", self.theirs, self.ours));
            }
        }
        comparison
    }

    /// Their series, or the one that all together make.
    fn theirs(&self, scrape: &Exposition) -> Vec<Series> {
        let is_broken = |series: &Series| {
            self.unless.is_some_and(|family| scrape.find(family, &series.labels).iter().any(|fault| fault.value > 0.0))
        };
        let all = scrape.find(self.theirs, &BTreeMap::new()).into_iter();
        let all: Vec<Series> = all.filter(|series| !is_broken(series)).cloned().collect();
        if !self.is_total || all.is_empty() {
            return all;
        }
        vec![Series { labels: BTreeMap::new(), value: all.iter().map(|series| series.value).sum() }]
    }

    /// The labels of our series for one of theirs.
    fn expected(&self, theirs: &Series) -> BTreeMap<String, String> {
        let same = self.labels.iter().map(|(their, our)| ((*our).to_owned(), theirs.label(their).to_owned()));
        same.chain(owned(self.with)).collect()
    }

    fn fault(&self, scrapes: &Scrapes, theirs: &Series, ours: &[&Series]) -> Option<String> {
        let first = if self.is_paced { 0 } else { scrapes.before.len() - 1 };
        let before = scrapes.before[first..].iter().flat_map(|scrape| self.theirs(scrape));
        let earlier = before.filter(|series| series.labels == theirs.labels);
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for series in earlier.chain([theirs.clone()]) {
            low = low.min(series.value * self.scale);
            high = high.max(series.value * self.scale);
        }
        let slack = self.share * high.abs() + self.slack;
        let agrees = ours.iter().any(|series| (low - slack..=high + slack).contains(&series.value));
        (!agrees).then(|| {
            let labels = &theirs.labels;
            let values: Vec<f64> = ours.iter().map(|series| series.value).collect();
            format!("{}{labels:?} is {low} to {high}, {} is {values:?}", self.theirs, self.ours)
        })
    }
}

/// Of the chip that the series is about.
fn driver(theirs: &Exposition, series: &Series) -> String {
    let chip = owned(&[("chip", series.label("chip"))]);
    let names = theirs.find("node_hwmon_chip_names", &chip);
    names.first().map_or_else(String::new, |name| name.label("chip_name").to_owned())
}

fn owned(labels: &[(&str, &str)]) -> BTreeMap<String, String> {
    labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(row: Row, theirs: [&str; 2], ours: &str) -> (usize, Vec<String>) {
        let [before, after] = theirs;
        let scrapes = Scrapes {
            before: vec![Exposition::parse(before)],
            ours: Exposition::parse(ours),
            after: Exposition::parse(after),
        };
        let Comparison { compared, faults } = row.compare(&scrapes);
        (compared, faults)
    }

    #[test]
    fn a_counter_lies_between_before_and_after() {
        let row = counter("t", "o").by(&[("device", "disk")]);
        let theirs = ["t{device=\"a\"} 5\n", "t{device=\"a\"} 8\n"];
        assert_eq!(faults(row, theirs, "o{disk=\"a\"} 6\n"), (1, vec![]));
        for wrong in [
            "o{disk=\"a\"} 4\n",
            "o{disk=\"a\"} 9\n",
            "o{disk=\"b\"} 6\n",
            "",
            "o{disk=\"a\"} 6\no{disk=\"a\",x=\"1\"} 0\n",
        ] {
            assert_eq!(faults(row, theirs, wrong).1.len(), 1, "{wrong}");
        }
    }

    #[test]
    fn a_gauge_may_be_off_by_its_share_and_a_constant_may_not() {
        let theirs = ["t 100\n", "t 110\n"];
        assert_eq!(faults(gauge("t", "o", 0.05), theirs, "o 95\n").1.len(), 0);
        assert_eq!(faults(gauge("t", "o", 0.05), theirs, "o 90\n").1.len(), 1);
        assert_eq!(faults(same("t", "o").times(512.0), ["t 2\n"; 2], "o 1024\n").1.len(), 0);
        assert_eq!(faults(same("t", "o"), ["t 2\n"; 2], "o 2.01\n").1.len(), 1);
    }

    #[test]
    fn a_series_that_is_missing_needs_a_reason() {
        let theirs = ["t{x=\"1\"} 2\n"; 2];
        assert_eq!(faults(same("t", "o").by(&[("x", "x")]), theirs, "").1.len(), 1);
        assert_eq!(faults(same("t", "o").by(&[("x", "x")]).fewer("a reason"), theirs, ""), (0, vec![]));
    }

    #[test]
    fn of_several_one_has_to_agree() {
        let row = same("t", "o").one_of_several().unless("broken");
        assert_eq!(faults(row, ["t{x=\"1\"} 2\n"; 2], "o{y=\"1\"} 3\no{y=\"2\"} 2\n").1.len(), 0);
        assert_eq!(faults(row, ["t{x=\"1\"} 2\n"; 2], "o{y=\"1\"} 3\no{y=\"2\"} 4\n").1.len(), 1);
        assert_eq!(faults(row, ["t{x=\"1\"} 2\nbroken{x=\"1\"} 1\n"; 2], "o 5\n"), (0, vec![]));
    }
}
