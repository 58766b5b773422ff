//! Sweeps on a thread of its own, so that no tick waits for one; what the last sweep found is there when it is done.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread;
use std::time::Duration;

use super::groups::ProcessGroups;
use super::table::Table;
use super::{ProcessesSample, SampleProblem};
use crate::clock::Moment;
use crate::kernel::Roots;
use crate::units::Bytes;

/// A sweep calls few functions within each other.
const STACK: usize = 256 << 10;

/// What a sweep has to know beforehand.
#[derive(Debug, Clone, Default)]
pub struct News {
    /// New since the sweep before, or another program than before. A process that has ended meanwhile need not be named anywhere.
    pub appeared: Vec<i32>,
    /// Processes of jobs, which are not named among those that use most; sorted.
    pub jobs: Vec<i32>,
    /// Of the machine.
    pub memory_total: Option<Bytes>,
}

/// Sweeps all processes every so often.
#[derive(Debug)]
pub struct Sweeper {
    interval: Duration,
    requests: Sender<(News, Moment)>,
    answers: Receiver<ProcessesSample>,
    /// When the sweep that runs was begun, as time since boot.
    running: Option<Duration>,
    /// When the last sweep was begun.
    begun: Option<Duration>,
    last: Option<Arc<ProcessesSample>>,
}

impl Sweeper {
    /// `users` are names by number; `room` is the number of files that may be kept open; `clock` tells how long a sweep took.
    ///
    /// # Errors
    /// No thread can be started, or procfs cannot be opened.
    pub fn start(
        roots: &Roots,
        groups: ProcessGroups,
        users: BTreeMap<u32, String>,
        (interval, room): (Duration, usize),
        clock: fn() -> Moment,
    ) -> io::Result<Self> {
        let mut table = Table::new(roots, groups, users, room).map_err(io::Error::other)?;
        let (requests, incoming) = channel::<(News, Moment)>();
        let (outgoing, answers) = channel();
        thread::Builder::new().name("sweep".to_owned()).stack_size(STACK).spawn(move || {
            for (news, now) in incoming {
                let mut sample = table.sweep(&news, now);
                sample.took = clock().since(now.boot);
                if outgoing.send(sample).is_err() {
                    return;
                }
            }
        })?;
        Ok(Self { interval, requests, answers, running: None, begun: None, last: None })
    }

    /// Takes what a sweep has found, and begins the next one if it is time; never waits. `news` is asked only then.
    pub fn poll(&mut self, now: Moment, news: impl FnOnce() -> News) -> Option<Arc<ProcessesSample>> {
        if self.running.is_some() {
            match self.answers.try_recv() {
                Ok(sample) => (self.running, self.last) = (None, Some(Arc::new(sample))),
                // The last sample stays; its age tells that it is old.
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => {}
            }
        }
        let is_due = self.begun.is_none_or(|begun| now.since(begun) >= self.interval);
        if self.running.is_none() && is_due && self.requests.send((news(), now)).is_ok() {
            (self.running, self.begun) = (Some(now.boot), Some(now.boot));
        }
        self.last.clone()
    }

    /// What is wrong with the sweeps, if anything is.
    pub fn problems(&self, now: Moment) -> Vec<SampleProblem> {
        let late = self.running.map(|since| now.since(since)).filter(|running| *running > self.interval * 2);
        let late = late.map(|running| SampleProblem {
            part: "processes",
            reason: format!("a sweep over all processes has not come to its end for {} s", running.as_secs()),
        });
        self.last.iter().flat_map(|last| last.problems.clone()).chain(late).collect()
    }
}
