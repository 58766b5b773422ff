//! What goes with a chosen word and is forgotten when another one takes its place: the length of the queue and the tunables of
//! an I/O scheduler, those of a governor.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::attribute::{names, write_attribute};
use crate::kernel::attribute;

/// Attributes by their path from the folder of the word's own, with what they said. No part of the value: to compare values is
/// to compare their words.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Aside(BTreeMap<String, String>);

impl PartialEq for Aside {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Aside {}

impl PartialOrd for Aside {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Aside {
    fn cmp(&self, _: &Self) -> Ordering {
        Ordering::Equal
    }
}

impl Aside {
    /// All that goes with `word` now. `path` is where the word stands.
    pub fn of(path: &Path, ties: &[&str], word: &str) -> Self {
        let mut aside = Self::default();
        for tie in ties {
            let tie = tie.replace("{}", word);
            let place = path.with_file_name(&tie);
            if place.is_dir() {
                for name in names(&place) {
                    aside.take(path, format!("{tie}/{name}"));
                }
            } else {
                aside.take(path, tie);
            }
        }
        aside
    }

    /// What there is whatever the word is, and what a change of word resets.
    pub fn carried(path: &Path, ties: &[&str]) -> Self {
        let mut aside = Self::default();
        for tie in ties.iter().filter(|tie| !tie.contains("{}") && path.with_file_name(tie).is_file()) {
            aside.take(path, (*tie).to_owned());
        }
        aside
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn take(&mut self, path: &Path, name: String) {
        // `<unsupported>` is what cpufreq shows where there is nothing.
        if let Ok(text) = attribute::text(&path.with_file_name(&name))
            && !text.starts_with('<')
        {
            self.0.insert(name, text);
        }
    }

    /// Writes what is not as it was; the first error after having tried all. What lies in folders comes last: the tunables of a
    /// scheduler may depend on the length of its queue.
    pub fn put(&self, path: &Path) -> io::Result<()> {
        let mut done = Ok(());
        let (files, inside): (Vec<_>, Vec<_>) = self.0.iter().partition(|(name, _)| !name.contains('/'));
        for (name, text) in files.into_iter().chain(inside) {
            let place = path.with_file_name(name);
            let is_as_it_was = attribute::text(&place).is_ok_and(|now| now == *text);
            if !is_as_it_was && let Err(error) = write_attribute(&place, text) {
                done = done.and(Err(io::Error::other(format!("{} cannot be set to {text}: {error}", place.display()))));
            }
        }
        done
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_goes_with_a_word_is_kept_and_put_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("scheduler");
        let at = |name: &str| dir.path().join(name);
        fs::create_dir(at("iosched")).unwrap();
        for (name, text) in [("nr_requests", "256"), ("iosched/fifo_batch", "8"), ("setspeed", "<unsupported>")] {
            fs::write(at(name), format!("{text}\n")).unwrap();
        }
        let ties = ["nr_requests", "iosched", "setspeed", "{}/tunable"];
        let aside = Aside::of(&path, &ties, "mq-deadline");
        assert_eq!(aside.0.keys().collect::<Vec<_>>(), ["iosched/fifo_batch", "nr_requests"]);
        assert_eq!(Aside::carried(&path, &ties).0.keys().collect::<Vec<_>>(), ["nr_requests"]);
        for name in ["nr_requests", "iosched/fifo_batch"] {
            fs::write(at(name), "16\n").unwrap();
        }
        aside.put(&path).unwrap();
        assert_eq!(fs::read_to_string(at("nr_requests")).unwrap(), "256");
        assert_eq!(fs::read_to_string(at("iosched/fifo_batch")).unwrap(), "8");
        fs::remove_file(at("iosched/fifo_batch")).unwrap();
        assert!(aside.put(&path).unwrap_err().to_string().contains("fifo_batch"));
    }
}
