//! PromQL signals in virtual time: whoever turns the clock is also the one who waits, so nothing is asked on a thread.
//!
//! Otherwise all is as on a machine: a question is asked as often as it would be, of samples up to the tick before, and what was
//! answered stands and grows old.

use std::collections::BTreeMap;
use std::time::Duration;

use super::asker::take;
use super::embedded::answer;
use super::schedule::{Next, Schedule};
use super::trends::{Heard, Inquiry};
use crate::clock::Moment;
use crate::promql::{Engine, Storage};

/// The questions of a rehearsal, and what was answered so far.
#[derive(Debug, Default)]
pub struct Rehearsed {
    schedule: Schedule,
    heard: BTreeMap<Inquiry, Heard>,
}

impl Rehearsed {
    /// Asks what is due of `storage`, which plays both answerers. What nobody wants any more is forgotten.
    pub fn ask(&mut self, wanted: &BTreeMap<Inquiry, Duration>, storage: &dyn Storage, now: Moment) {
        self.heard.retain(|inquiry, _| wanted.contains_key(inquiry));
        self.schedule.follow(wanted);
        while let Next::Ask(inquiry) = self.schedule.next(now.boot) {
            let result = answer(Engine::default(), &inquiry, now.stamp(), storage, &|| None);
            let every = wanted.get(&inquiry).copied().unwrap_or_default().max(Duration::from_secs(1));
            self.schedule.asked(&inquiry, every, (now.boot, now.boot), false);
            let heard = take(self.heard.remove(&inquiry), &result, now.boot);
            self.heard.insert(inquiry, heard);
        }
    }

    /// All that has been answered to what is wanted.
    pub fn heard(&self) -> BTreeMap<Inquiry, Heard> {
        self.heard.clone()
    }
}
