//! How fast one may act: a settling time after each action, a budget of actions, and a bound on going back and forth.

use std::collections::VecDeque;
use std::time::Duration;

use crate::policy::Behavior;

/// A hold doubles with each time, up to this factor.
const LARGEST_FACTOR: u32 = 8;

/// What a policy remembers of its own actions of one sort: its pauses and resumes, or its stages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pace {
    last: Option<Duration>,
    /// The last time something was resumed because pressure was low, until a pause answers it.
    relaxed: Option<Duration>,
    reversals: VecDeque<Duration>,
    /// Nothing is relaxed before this.
    held_until: Option<Duration>,
    holds: u32,
}

impl Pace {
    /// Whether the effect of the last action shows by now.
    pub fn settled(&self, behavior: &Behavior, now: Duration) -> bool {
        self.last.is_none_or(|last| now.saturating_sub(last) >= behavior.settle)
    }

    /// Whether something may be relaxed, as far as reversals go.
    pub fn may_relax(&self, now: Duration) -> bool {
        self.held_until.is_none_or(|until| now >= until)
    }

    /// An action that no law of pace applies to: the last job has ended, and another must run.
    pub fn note_action(&mut self, now: Duration) {
        self.last = Some(now);
    }

    /// A resume because pressure was low.
    pub fn note_relaxed(&mut self, now: Duration) {
        self.note_action(now);
        self.relaxed = Some(now);
    }

    /// A pause because pressure was high. Returns how long nothing is relaxed from now on, if this was one reversal too many.
    pub fn note_tightened(&mut self, behavior: &Behavior, now: Duration) -> Option<Duration> {
        self.note_action(now);
        let bound = &behavior.reversals;
        let recent = |at: &Duration| now.saturating_sub(*at) < bound.per;
        if !self.relaxed.take().is_some_and(|at| recent(&at)) {
            return None;
        }
        // After a long quiet time the next hold is a short one again.
        let quiet_since = self.reversals.back().copied().unwrap_or(now);
        if now.saturating_sub(quiet_since) > bound.per + bound.hold * LARGEST_FACTOR {
            self.holds = 0;
        }
        self.reversals.push_back(now);
        self.reversals.retain(recent);
        if self.reversals.len() <= usize::try_from(bound.max).unwrap_or(usize::MAX) {
            return None;
        }
        let factor = 2_u32.saturating_pow(self.holds).min(LARGEST_FACTOR);
        self.holds = self.holds.saturating_add(1);
        self.held_until = Some(now + bound.hold * factor);
        Some(bound.hold * factor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{Reversals, Steps};

    const MINUTE: Duration = Duration::from_mins(1);

    fn behavior() -> Behavior {
        Behavior {
            tick: Duration::from_secs(1),
            settle: Duration::from_secs(3),
            cooldown: Duration::ZERO,
            steps: Steps { tighten: 0.25, relax: 0.05 },
            pause_at_once: 0.5,
            max_actions_per_hour: 5,
            reversals: Reversals { max: 2, per: 15 * MINUTE, hold: 15 * MINUTE },
        }
    }

    #[test]
    fn waits_for_the_effect() {
        let mut pace = Pace::default();
        let at = Duration::from_secs;
        assert!(pace.settled(&behavior(), at(0)));
        pace.note_action(at(0));
        assert!(!pace.settled(&behavior(), at(2)));
        assert!(pace.settled(&behavior(), at(3)));
    }

    #[test]
    fn too_many_reversals_hold_for_longer_and_longer() {
        let mut pace = Pace::default();
        let mut now = Duration::ZERO;
        let mut holds = Vec::new();
        for _ in 0..16 {
            if pace.may_relax(now) {
                pace.note_relaxed(now);
                now += MINUTE;
                holds.extend(pace.note_tightened(&behavior(), now));
            }
            now += if pace.may_relax(now) { MINUTE } else { 10 * MINUTE };
        }
        assert_eq!(holds[0], 15 * MINUTE);
        assert!(holds.windows(2).all(|pair| pair[1] >= pair[0]), "{holds:?}");
        assert!(holds.iter().all(|hold| *hold <= 120 * MINUTE), "{holds:?}");
    }

    #[test]
    fn pausing_more_is_no_reversal() {
        let mut pace = Pace::default();
        for second in 0..10 {
            assert_eq!(pace.note_tightened(&behavior(), Duration::from_secs(second * 5)), None);
        }
    }
}
