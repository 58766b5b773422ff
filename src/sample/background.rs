//! A reading that may block for as long as a dead file server likes: it runs on a thread of its own, the last answer
//! stays in use with its age, and no second thread is started behind one that hangs.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};
use std::thread;
use std::time::Duration;

use crate::clock::Moment;

/// So many readings may hang at once before no more are begun: each hanging thread is one that cannot be ended.
const MOST_AT_ONCE: usize = 64;
/// Readings walk directories and parse small files.
const STACK: usize = 256 << 10;

/// Counts the readings that run now, over all that share it.
#[derive(Debug, Clone, Default)]
pub(super) struct Crew(Arc<()>);

/// A repeated reading in the background.
#[derive(Debug)]
pub(super) struct Background<T> {
    period: Duration,
    crew: Crew,
    running: Option<Running<T>>,
    answer: Option<Answer<T>>,
}

#[derive(Debug)]
struct Running<T> {
    answers: Receiver<T>,
    since: Duration,
}

/// What a reading said, and when it was begun, as time since boot.
#[derive(Debug)]
pub(super) struct Answer<T> {
    pub value: T,
    pub begun: Duration,
}

impl Crew {
    fn at_work(&self) -> usize {
        // Threads hold weak handles, everybody else strong ones.
        Arc::weak_count(&self.0)
    }
}

impl<T: Send + 'static> Background<T> {
    /// A reading that is repeated `period` after its last beginning.
    pub(super) fn new(period: Duration, crew: &Crew) -> Self {
        Self { period, crew: crew.clone(), running: None, answer: None }
    }

    /// Takes the answer if there is one, and begins the next reading if it is time; never waits.
    pub(super) fn poll<W: FnOnce() -> T + Send + 'static>(&mut self, now: Moment, prepare: impl FnOnce() -> W) {
        if let Some(running) = &self.running {
            match running.answers.try_recv() {
                Ok(value) => self.answer = Some(Answer { value, begun: running.since }),
                Err(TryRecvError::Empty) => return,
                // The reading has panicked, which must not end the readings for good.
                Err(TryRecvError::Disconnected) => {}
            }
            self.running = None;
        }
        let due = self.answer.as_ref().is_none_or(|answer| now.since(answer.begun) >= self.period);
        if due && self.crew.at_work() < MOST_AT_ONCE {
            self.running = self.begin(now, prepare());
        }
    }

    /// The last answer.
    pub(super) fn answer(&self) -> Option<&Answer<T>> {
        self.answer.as_ref()
    }

    /// Drops the last answer, which no longer says anything.
    pub(super) fn forget(&mut self) {
        self.answer = None;
    }

    /// For how long a reading has been running that should have been done long ago.
    pub(super) fn late(&self, now: Moment) -> Option<Duration> {
        self.running_for(now).filter(|running| *running > self.period * 2)
    }

    /// For how long the reading has been running that is under way, if one is.
    pub(super) fn running_for(&self, now: Moment) -> Option<Duration> {
        self.running.as_ref().map(|running| now.since(running.since))
    }

    fn begin(&self, now: Moment, work: impl FnOnce() -> T + Send + 'static) -> Option<Running<T>> {
        let (sender, answers) = sync_channel(1);
        let at_work = Arc::downgrade(&self.crew.0);
        let thread = move || {
            // Nobody listens any more if the job has ended meanwhile.
            let _ = sender.send(work());
            drop(at_work);
        };
        let started = thread::Builder::new().name("reading".to_owned()).stack_size(STACK).spawn(thread);
        // Without a thread there is no answer this time; its age says so.
        started.is_ok().then_some(Running { answers, since: now.boot })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Sender, channel};
    use std::time::Instant;

    use super::*;
    use crate::kernel::fixture::at;

    const PERIOD: Duration = Duration::from_secs(5);

    fn second(number: u64) -> Moment {
        at(Duration::from_secs(number))
    }

    /// A reading that answers what it is sent.
    fn blocking() -> (Sender<u32>, impl FnOnce() -> u32 + Send + 'static) {
        let (sender, receiver) = channel();
        (sender, move || receiver.recv().unwrap())
    }

    /// Polls until the reading that runs has answered.
    fn take(background: &mut Background<u32>, now: Moment) -> u32 {
        let start = Instant::now();
        while background.running.is_some() {
            background.poll(now, || || panic!("begun too early"));
            assert!(start.elapsed() < Duration::from_secs(10), "no answer");
            thread::sleep(Duration::from_millis(1));
        }
        background.answer().unwrap().value
    }

    #[test]
    fn is_repeated_when_it_is_time() {
        let mut background = Background::new(PERIOD, &Crew::default());
        background.poll(second(10), || || 1);
        assert_eq!(take(&mut background, second(11)), 1);
        assert_eq!(background.answer().unwrap().begun, Duration::from_secs(10));
        background.poll(second(14), || || panic!("too early"));
        background.poll(second(15), || || 2);
        assert_eq!(take(&mut background, second(16)), 2);
    }

    #[test]
    fn one_that_hangs_keeps_the_last_answer_and_is_said_to_be_late() {
        let mut background = Background::new(PERIOD, &Crew::default());
        background.poll(second(0), || || 1);
        take(&mut background, second(1));
        let (answer, work) = blocking();
        background.poll(second(5), || work);
        assert_eq!(background.late(second(15)), None);
        background.poll(second(16), || || panic!("a second one behind it"));
        assert_eq!(background.late(second(16)), Some(Duration::from_secs(11)));
        assert_eq!(background.answer().map(|answer| answer.value), Some(1));
        answer.send(2).unwrap();
        assert_eq!(take(&mut background, second(9)), 2);
        assert_eq!(background.late(second(17)), None);
    }

    #[test]
    fn one_that_panics_is_tried_again() {
        let mut background = Background::new(PERIOD, &Crew::default());
        let (sender, work) = blocking();
        drop(sender);
        background.poll(second(0), || work);
        while background.answer().is_none() {
            background.poll(second(1), || || 7);
        }
        assert_eq!(background.answer().unwrap().value, 7);
    }

    #[test]
    fn no_more_are_begun_than_may_hang() {
        let crew = Crew::default();
        let mut answers = Vec::new();
        let mut all: Vec<Background<u32>> = (0..=MOST_AT_ONCE).map(|_| Background::new(PERIOD, &crew)).collect();
        for background in &mut all {
            let (answer, work) = blocking();
            answers.push(answer);
            background.poll(second(0), || work);
        }
        assert_eq!(all.iter().filter(|background| background.running.is_some()).count(), MOST_AT_ONCE);
    }
}
