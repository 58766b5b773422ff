//! The things of one class of sysfs, looked for every so often: those that stay keep what is remembered of them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::clock::Moment;
use crate::kernel::attribute;

/// A module that is loaded, or a supply that is plugged in, is noticed within so long.
const PERIOD: Duration = Duration::from_secs(30);

/// All known things of a class, by the names of their entries.
#[derive(Debug)]
pub(super) struct Roster<T> {
    class: PathBuf,
    looked: Option<Duration>,
    known: Vec<(String, T)>,
}

impl<T> Roster<T> {
    pub(super) fn new(class: PathBuf) -> Self {
        Self { class, looked: None, known: Vec::new() }
    }

    /// Looks again if it is time. `meet` is given the name and the directory of what is new, and all that is known already; it
    /// says `None` to what is not of its kind or has gone again.
    pub(super) fn look(&mut self, now: Moment, meet: impl Fn(&str, &Path, &[(String, T)]) -> Option<T>) {
        if self.looked.is_some_and(|looked| now.since(looked) < PERIOD) {
            return;
        }
        self.looked = Some(now.boot);
        // Without the class there is nothing of it.
        let entries = attribute::entries(&self.class).unwrap_or_default();
        self.known.retain(|(name, _)| entries.contains(name));
        for entry in entries {
            if !self.known.iter().any(|(name, _)| *name == entry)
                && let Some(thing) = meet(&entry, &self.class.join(&entry), &self.known)
            {
                self.known.push((entry, thing));
            }
        }
    }

    pub(super) fn things(&mut self) -> impl Iterator<Item = &mut T> {
        self.known.iter_mut().map(|(_, thing)| thing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::fixture::{Fixture, at};

    #[test]
    fn what_stays_is_kept_and_what_comes_and_goes_is_noticed() {
        let fixture = Fixture::new();
        let mut roster = Roster::new(fixture.roots.sys("class/x"));
        let mut look = |second, meeting: u32| {
            let meet = |entry: &str, _: &Path, _: &[(String, u32)]| (entry != "driver").then_some(meeting);
            roster.look(at(Duration::from_secs(second)), meet);
            roster.things().map(|thing| *thing).collect::<Vec<u32>>()
        };
        assert!(look(0, 1).is_empty());
        fixture.file("sys/class/x/driver/y", "").file("sys/class/x/a/y", "").file("sys/class/x/b/y", "");
        assert!(look(29, 2).is_empty(), "not looked for yet");
        assert_eq!(look(30, 3), [3, 3]);
        fixture.remove("sys/class/x/a").file("sys/class/x/c/y", "");
        assert_eq!(look(60, 4), [3, 4]);
    }
}
