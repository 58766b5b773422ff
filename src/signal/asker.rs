//! Asks PromQL questions off the loop: a thread for each answerer, so that neither waits for the other and nobody for them.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::outcome::{Failure, Oracle, Outcome, Told};
use super::schedule::{Next, Schedule};
use super::trends::{Heard, Inquiry};
use crate::clock::Moment;

/// Where the threads get the time from.
pub type Clock = Arc<dyn Fn() -> Moment + Send + Sync>;

/// The threads that ask, seen from the loop.
pub struct Asker {
    desks: Vec<Arc<Desk>>,
}

/// How often each answerer was asked, what came of it, and how long that took in all. By its label value.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tally {
    pub queries: BTreeMap<(&'static str, Outcome), u64>,
    pub time: BTreeMap<&'static str, Duration>,
}

/// What the loop and one thread share. Held for no longer than it takes to copy.
struct Desk {
    name: &'static str,
    papers: Mutex<Papers>,
    news: Condvar,
}

#[derive(Default)]
struct Papers {
    wanted: BTreeMap<Inquiry, Duration>,
    heard: BTreeMap<Inquiry, Heard>,
    /// The last outcome of each inquiry, to speak only when it changes.
    outcomes: BTreeMap<Inquiry, Outcome>,
    tally: Tally,
    closed: bool,
}

impl Asker {
    /// Starts a thread for each of `oracles`.
    ///
    /// # Errors
    /// A thread cannot be started.
    pub fn start(oracles: Vec<Box<dyn Oracle>>, clock: &Clock) -> std::io::Result<Self> {
        let mut asker = Self { desks: Vec::new() };
        for oracle in oracles {
            let desk = Arc::new(Desk { name: oracle.name(), papers: Mutex::default(), news: Condvar::new() });
            asker.desks.push(Arc::clone(&desk));
            let clock = Arc::clone(clock);
            thread::Builder::new().name(format!("ask {}", desk.name)).spawn(move || desk.work(oracle, &clock))?;
        }
        Ok(asker)
    }

    /// Says what is to be asked from now on, with the time between two answers. What is left out is asked no more.
    pub fn want(&self, wanted: &BTreeMap<Inquiry, Duration>) {
        for desk in &self.desks {
            let mine: BTreeMap<Inquiry, Duration> = wanted
                .iter()
                .filter(|(inquiry, _)| inquiry.answerer.name() == desk.name)
                .map(|(inquiry, every)| (inquiry.clone(), *every))
                .collect();
            let mut papers = desk.papers();
            if papers.wanted != mine {
                papers.heard.retain(|inquiry, _| mine.contains_key(inquiry));
                papers.outcomes.retain(|inquiry, _| mine.contains_key(inquiry));
                papers.wanted = mine;
                desk.news.notify_one();
            }
        }
    }

    /// All that has been answered to what is wanted.
    pub fn heard(&self) -> BTreeMap<Inquiry, Heard> {
        self.desks.iter().flat_map(|desk| desk.papers().heard.clone()).collect()
    }

    pub fn tally(&self) -> Tally {
        let mut sum = Tally::default();
        for desk in &self.desks {
            let Tally { queries, time } = desk.papers().tally.clone();
            sum.queries.extend(queries);
            sum.time.extend(time);
        }
        sum
    }
}

/// The threads end once what they are waiting for has come; nobody waits for them.
impl Drop for Asker {
    fn drop(&mut self) {
        for desk in &self.desks {
            desk.papers().closed = true;
            desk.news.notify_one();
        }
    }
}

impl Desk {
    fn papers(&self) -> MutexGuard<'_, Papers> {
        // Every change is complete before the lock is let go, so a panic elsewhere leaves nothing half written.
        self.papers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self, mut oracle: Box<dyn Oracle>, clock: &Clock) {
        let mut schedule = Schedule::default();
        while let Some((inquiry, every)) = self.wait_for_work(&mut schedule, clock) {
            let asked = clock();
            let result = oracle.ask(&inquiry, asked);
            let ended = clock().boot;
            let failed = result.as_ref().is_err_and(|failure| failure.outcome.is_of_the_answerer());
            schedule.asked(&inquiry, every, (asked.boot, ended), failed);
            self.file(&inquiry, &result, (asked.boot, ended));
        }
    }

    /// The next question that is due; `None` at the end.
    fn wait_for_work(&self, schedule: &mut Schedule, clock: &Clock) -> Option<(Inquiry, Duration)> {
        let mut papers = self.papers();
        loop {
            if papers.closed {
                return None;
            }
            schedule.follow(&papers.wanted);
            match schedule.next(clock().boot) {
                Next::Ask(inquiry) => {
                    let every = papers.wanted.get(&inquiry).copied().unwrap_or_default();
                    return Some((inquiry, every));
                }
                Next::Wait(pause) => {
                    papers = self.news.wait_timeout(papers, pause).unwrap_or_else(PoisonError::into_inner).0;
                }
            }
        }
    }

    fn file(&self, inquiry: &Inquiry, result: &Result<Told, Failure>, (asked, ended): (Duration, Duration)) {
        let outcome = result.as_ref().map_or_else(|failure| failure.outcome, |_| Outcome::Answered);
        let mut papers = self.papers();
        *papers.tally.queries.entry((self.name, outcome)).or_default() += 1;
        *papers.tally.time.entry(self.name).or_default() += ended.saturating_sub(asked);
        if !papers.wanted.contains_key(inquiry) {
            return;
        }
        let before = papers.outcomes.insert(inquiry.clone(), outcome);
        let heard = take(papers.heard.remove(inquiry), result, asked);
        papers.heard.insert(inquiry.clone(), heard);
        drop(papers);
        if before != Some(outcome) {
            say(self.name, inquiry, result, before.is_some());
        }
    }
}

/// What is known after `result`. An answerer that fails takes nothing back: what it said stands, and grows old.
pub(super) fn take(before: Option<Heard>, result: &Result<Told, Failure>, asked: Duration) -> Heard {
    match result {
        Ok(told) => Heard { value: Ok(told.value), sampled: Some(asked.saturating_sub(told.age)), trouble: None },
        Err(failure) => {
            let trouble = Some(failure.reason.clone());
            match before.filter(|before| before.value.is_ok() && failure.outcome.is_of_the_answerer()) {
                Some(before) => Heard { trouble, ..before },
                None => Heard { value: Err(failure.reason.clone()), sampled: None, trouble },
            }
        }
    }
}

fn say(source: &'static str, inquiry: &Inquiry, result: &Result<Told, Failure>, before: bool) {
    let expression = inquiry.text.as_str();
    match result {
        Ok(_) if before => tracing::info!(source, expression, "a PromQL signal is answered again"),
        Ok(told) => tracing::info!(source, expression, value = told.value, "a PromQL signal is answered"),
        Err(failure) => {
            let (outcome, reason) = (failure.outcome.name(), failure.reason.as_str());
            tracing::warn!(source, expression, outcome, reason, "a PromQL signal has no new answer");
        }
    }
}

#[cfg(test)]
mod tests;
