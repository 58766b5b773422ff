//! A source that may be slow: a sensor behind a mainboard's controller takes a hundred milliseconds, a disk in error recovery
//! minutes. It is read on a thread of its own until it has shown that it is quick, and for good once it has been slow.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::clock::Moment;
use crate::kernel::clock::timed;
use crate::sample::background::{Background, Crew};

/// Between two readings: nothing here gets much warmer or emptier in between.
const PERIOD: Duration = Duration::from_secs(5);
/// A tick gives a source no more time than this.
const QUICK: Duration = Duration::from_millis(5);
/// A sample says something for so long if no newer one comes.
pub(super) const HOLDS: Duration = Duration::from_secs(30);

/// Something that is read every few seconds.
pub(super) trait Source: Send + 'static {
    type Sample: Send + Sync;

    /// `None` if it cannot or should not be asked now, so that its last sample stays.
    fn read(&mut self, now: Moment) -> Option<Self::Sample>;

    /// Whether it may be read in a tick, if it is quick.
    fn may_be_in_tick(&self) -> bool {
        true
    }

    /// For how long a sample says something if no newer one comes.
    fn holds(&self) -> Duration {
        HOLDS
    }
}

/// A source, how it is read, and what it said last.
#[derive(Debug)]
pub(super) struct Wary<S: Source> {
    name: String,
    source: Arc<Mutex<S>>,
    pace: Pace,
    holds: Duration,
    background: Background<Reading<S::Sample>>,
    /// When the last reading was begun.
    asked: Option<Duration>,
    last: Option<(Duration, Arc<S::Sample>)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pace {
    /// Nobody knows yet how long it takes.
    Untried,
    /// Read in the tick.
    Quick,
    /// Read on a thread.
    Slow,
}

#[derive(Debug)]
struct Reading<T> {
    sample: Option<Arc<T>>,
    took: Duration,
}

impl Pace {
    fn after(self, took: Duration) -> Self {
        if self == Self::Slow || took > QUICK { Self::Slow } else { Self::Quick }
    }
}

impl<S: Source> Wary<S> {
    pub(super) fn new(name: String, source: S, crew: &Crew) -> Self {
        Self {
            name,
            pace: if source.may_be_in_tick() { Pace::Untried } else { Pace::Slow },
            holds: source.holds(),
            source: Arc::new(Mutex::new(source)),
            background: Background::new(PERIOD, crew),
            asked: None,
            last: None,
        }
    }

    /// What identifies it, for people.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Reads it if it is time, and tells its last sample if that still says something. Waits only for what has been quick.
    pub(super) fn poll(&mut self, now: Moment) -> Option<Arc<S::Sample>> {
        if self.pace == Pace::Quick {
            if self.asked.is_none_or(|asked| now.since(asked) >= PERIOD) {
                self.take(now.boot, &read(&self.source, now));
            }
        } else {
            let source = &self.source;
            self.background.poll(now, || {
                let source = Arc::clone(source);
                move || read(&source, now)
            });
            if let Some((begun, reading)) = self.news() {
                self.take(begun, &reading);
            }
        }
        let fresh = self.last.as_ref().filter(|(at, _)| now.since(*at) <= self.holds);
        fresh.map(|(_, sample)| Arc::clone(sample))
    }

    /// For how long it has not answered though it should have.
    pub(super) fn late(&self, now: Moment) -> Option<Duration> {
        self.background.late(now)
    }

    /// The answer of the thread, unless it has been taken already.
    fn news(&self) -> Option<(Duration, Reading<S::Sample>)> {
        let answer = self.background.answer()?;
        let is_new = self.asked.is_none_or(|asked| answer.begun > asked);
        is_new.then(|| (answer.begun, answer.value.clone()))
    }

    fn take(&mut self, begun: Duration, reading: &Reading<S::Sample>) {
        self.asked = Some(begun);
        self.pace = self.pace.after(reading.took);
        if let Some(sample) = &reading.sample {
            self.last = Some((begun, Arc::clone(sample)));
        }
    }
}

impl<T> Clone for Reading<T> {
    fn clone(&self) -> Self {
        Self { sample: self.sample.clone(), took: self.took }
    }
}

/// Nobody else reads while this does: a thread is the only one, and a tick reads only where there is no thread.
fn read<S: Source>(source: &Mutex<S>, now: Moment) -> Reading<S::Sample> {
    let mut source = source.lock().unwrap_or_else(PoisonError::into_inner);
    let (sample, took) = timed(|| source.read(now));
    Reading { sample: sample.map(Arc::new), took }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::thread;
    use std::time::Instant;

    use super::*;
    use crate::kernel::fixture::at;

    /// Says the name of the thread that it was read on, when it is sent so; takes as long as it is told.
    struct Told(Receiver<Option<Duration>>);

    impl Source for Told {
        type Sample = Option<String>;

        fn read(&mut self, _: Moment) -> Option<Self::Sample> {
            thread::sleep(self.0.recv().unwrap()?);
            Some(thread::current().name().map(str::to_owned))
        }
    }

    fn second(number: u64) -> Moment {
        at(Duration::from_secs(number))
    }

    fn told() -> (Sender<Option<Duration>>, Wary<Told>) {
        let (sender, receiver) = channel();
        (sender, Wary::new("told".to_owned(), Told(receiver), &Crew::default()))
    }

    /// Waits for a thread's answer; the name of the thread.
    fn wait(wary: &mut Wary<Told>, number: u64, asked: u64) -> Option<String> {
        let start = Instant::now();
        loop {
            let sample = wary.poll(second(number));
            if wary.asked == Some(Duration::from_secs(asked)) {
                return sample.and_then(|sample| (*sample).clone());
            }
            assert!(start.elapsed() < Duration::from_secs(10), "no answer");
            thread::sleep(Duration::from_millis(1));
        }
    }

    #[test]
    fn is_read_in_the_tick_once_it_has_been_quick_and_never_again_once_it_was_slow() {
        let (say, mut wary) = told();
        say.send(Some(Duration::ZERO)).unwrap();
        assert_eq!(wait(&mut wary, 0, 0).as_deref(), Some("reading"), "nobody knew how long it takes");
        say.send(Some(QUICK * 2)).unwrap();
        let here = thread::current().name().map(str::to_owned);
        assert_eq!(*wary.poll(second(5)).unwrap(), here);
        for number in [10, 15] {
            say.send(Some(Duration::ZERO)).unwrap();
            wary.poll(second(number));
            assert_eq!(wait(&mut wary, number, number).as_deref(), Some("reading"), "it has been slow once");
        }
    }

    #[test]
    fn one_that_hangs_keeps_its_last_sample_for_a_while_and_is_late() {
        let (say, mut wary) = told();
        say.send(Some(QUICK * 2)).unwrap();
        wait(&mut wary, 0, 0);
        assert!(wary.poll(second(5)).is_some());
        assert_eq!(wary.late(second(14)), None);
        assert!(wary.poll(second(30)).is_some());
        assert!(wary.poll(second(31)).is_none(), "an old sample is none");
        assert_eq!(wary.late(second(31)), Some(Duration::from_secs(26)));
        say.send(Some(Duration::ZERO)).unwrap();
    }

    #[test]
    fn one_that_should_not_be_asked_keeps_its_last_sample() {
        let (say, mut wary) = told();
        say.send(Some(Duration::ZERO)).unwrap();
        wait(&mut wary, 0, 0);
        say.send(None).unwrap();
        assert!(wary.poll(second(5)).is_some());
        say.send(None).unwrap();
        assert!(wary.poll(second(31)).is_none());
    }
}
