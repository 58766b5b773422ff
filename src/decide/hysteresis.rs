//! When a stage begins and ends: only after its condition has held for a while, and with a gap between the two conditions.

use std::time::Duration;

use crate::policy::OnMissing;

/// What a gate is told in one tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// Whether the condition holds, and whether it is well clear of holding.
    Seen {
        reached: bool,
        cleared: bool,
    },
    Missing(OnMissing),
}

/// How long a condition must hold, and how long it must be clear.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holds {
    pub hold: Duration,
    pub clear_hold: Duration,
}

impl Told {
    /// Of a severity, with where a stage begins and where it ends.
    pub fn severity(severity: f64, cut_off: f64, clear_below: f64) -> Self {
        Self::Seen { reached: severity >= cut_off, cleared: severity < clear_below }
    }
}

/// One stage's memory of how long its trigger, or its clear, has held.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Gate {
    reached_since: Option<Duration>,
    cleared_since: Option<Duration>,
    on: bool,
}

impl Gate {
    /// Whether the stage is in force.
    pub fn on(&self) -> bool {
        self.on
    }

    /// Whether the trigger has held for long enough, up to now.
    pub fn reached(&self, holds: Holds, now: Duration) -> bool {
        self.reached_since.is_some_and(|since| now.saturating_sub(since) >= holds.hold)
    }

    /// Whether the clear has held for long enough, up to now.
    pub fn cleared(&self, holds: Holds, now: Duration) -> bool {
        self.cleared_since.is_some_and(|since| now.saturating_sub(since) >= holds.clear_hold)
    }

    /// Takes one tick; `true` if the stage began or ended with it.
    pub fn step(&mut self, holds: Holds, told: Told, now: Duration) -> bool {
        let was_on = self.on;
        match told {
            Told::Seen { reached, cleared } => self.see(holds, reached, cleared, now),
            Told::Missing(OnMissing::Release) => self.see(holds, false, true, now),
            // Time in which nothing was known is no time in which the condition held.
            Told::Missing(_) => self.forget(),
        }
        self.on != was_on
    }

    fn see(&mut self, holds: Holds, reached: bool, cleared: bool, now: Duration) {
        self.reached_since = reached.then(|| self.reached_since.unwrap_or(now));
        self.cleared_since = cleared.then(|| self.cleared_since.unwrap_or(now));
        if self.reached(holds, now) {
            self.on = true;
        } else if self.cleared(holds, now) {
            self.on = false;
        }
    }

    /// Begins to count anew: after an action what was measured before it proves nothing.
    pub fn forget(&mut self) {
        self.reached_since = None;
        self.cleared_since = None;
    }

    /// Puts the stage in force without its trigger, where a missing signal demands it.
    pub fn force(&mut self) -> bool {
        !std::mem::replace(&mut self.on, true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOLDS: Holds = Holds { hold: Duration::from_secs(2), clear_hold: Duration::from_secs(3) };

    /// Reached from 0.8, cleared below 0.2.
    fn seen(severity: f64) -> Told {
        Told::severity(severity, 0.8, 0.2)
    }

    /// One tick a second; what the gate said after each.
    fn run(told: &[Told]) -> String {
        let mut gate = Gate::default();
        let seconds = (0..).map(Duration::from_secs);
        let on = told.iter().zip(seconds).map(|(told, now)| {
            gate.step(HOLDS, *told, now);
            if gate.on() { '#' } else { '.' }
        });
        on.collect()
    }

    #[test]
    fn begins_and_ends_only_after_a_while() {
        let told: Vec<Told> = [0.9, 0.9, 0.9, 0.5, 0.1, 0.1, 0.1, 0.1, 0.9, 0.1].map(seen).to_vec();
        assert_eq!(run(&told), "..#####...");
    }

    #[test]
    fn noise_between_trigger_and_clear_changes_nothing() {
        let told: Vec<Told> = [0.9, 0.79, 0.9, 0.79, 0.9, 0.9, 0.9, 0.21, 0.1, 0.21, 0.1, 0.1].map(seen).to_vec();
        assert_eq!(run(&told), "......######");
    }

    #[test]
    fn a_missing_signal_neither_begins_nor_ends_a_stage() {
        let hold = Told::Missing(OnMissing::Hold);
        assert_eq!(run(&[seen(0.9), seen(0.9), hold, hold, hold, seen(0.9)]), "......");
        let on = [seen(0.9); 3];
        let told = [&on[..], &[seen(0.1), seen(0.1), hold, seen(0.1), hold, hold]].concat();
        assert_eq!(run(&told), "..#######");
        let released = [&on[..], &[Told::Missing(OnMissing::Release); 4]].concat();
        assert_eq!(run(&released), "..####.");
    }
}
