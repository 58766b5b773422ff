//! How soon after one look at what processes come and go the next one is worth its while.
//!
//! Where little happens, news are looked at after a fifth of a second, so that a plotter is seen as it starts. Where processes come
//! and go all the time that are none of ours, as beside a build or a busy script, each look would wake the loop for nothing: beside a
//! build that was two fifths of its CPU time (measured). There looks become rarer, up to one in each tick, and most of
//! those processes have ended before anybody has to look at them.

use std::time::Duration;

/// Between two looks, however many processes come and go.
const SHORTEST: Duration = Duration::from_millis(200);

/// The pause between two looks.
#[derive(Debug)]
pub struct Vigil {
    pause: Duration,
    longest: Duration,
}

impl Vigil {
    /// `longest` is the time between two ticks, which look in any case.
    pub fn new(longest: Duration) -> Self {
        Self { pause: SHORTEST, longest }
    }

    /// How long to wait behind a look before news are worth another one.
    pub fn pause(&self) -> Duration {
        self.pause
    }

    /// Whether news are to be waited for at all before the next tick.
    pub fn is_awake(&self) -> bool {
        self.pause < self.longest
    }

    /// A look has been taken: whether there were news, and whether they were about jobs.
    pub fn looked(&mut self, had_news: bool, about_jobs: bool) {
        self.pause = if had_news && !about_jobs { (self.pause * 2).min(self.longest) } else { SHORTEST };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TICK: Duration = Duration::from_secs(1);

    #[test]
    fn news_that_are_not_about_jobs_are_looked_at_ever_more_rarely_down_to_the_tick() {
        let mut vigil = Vigil::new(TICK);
        assert_eq!((vigil.pause(), vigil.is_awake()), (SHORTEST, true));
        for _ in 0..9 {
            let before = vigil.pause();
            vigil.looked(true, false);
            assert!(vigil.pause() > before || before == TICK);
        }
        assert_eq!((vigil.pause(), vigil.is_awake()), (TICK, false));
    }

    #[test]
    fn a_job_or_a_moment_of_quiet_brings_it_back_to_its_senses() {
        for (had_news, about_jobs) in [(true, true), (false, false)] {
            let mut vigil = Vigil { pause: TICK, longest: TICK };
            vigil.looked(had_news, about_jobs);
            assert_eq!((vigil.pause(), vigil.is_awake()), (SHORTEST, true));
        }
    }
}
