//! When a stage begins and ends: only after its condition has held for a while, and with a gap between the two conditions.

use std::time::Duration;

use crate::policy::{OnMissing, Stage};

/// What a gate is told in one tick.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Told {
    Severity(f64),
    Missing(OnMissing),
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
    pub fn reached(&self, stage: &Stage, now: Duration) -> bool {
        self.reached_since.is_some_and(|since| now.saturating_sub(since) >= stage.hold)
    }

    /// Whether the clear has held for long enough, up to now.
    pub fn cleared(&self, stage: &Stage, now: Duration) -> bool {
        self.cleared_since.is_some_and(|since| now.saturating_sub(since) >= stage.clear_hold)
    }

    /// Takes one tick; `true` if the stage began or ended with it.
    pub fn step(&mut self, stage: &Stage, cut_off: f64, told: Told, now: Duration) -> bool {
        let was_on = self.on;
        match told {
            Told::Severity(severity) => self.see(stage, cut_off, severity, now),
            Told::Missing(OnMissing::Release) => self.see(stage, cut_off, 0.0, now),
            // Time in which nothing was known is no time in which the condition held.
            Told::Missing(_) => self.forget(),
        }
        self.on != was_on
    }

    fn see(&mut self, stage: &Stage, cut_off: f64, severity: f64, now: Duration) {
        self.reached_since = (severity >= cut_off).then(|| self.reached_since.unwrap_or(now));
        self.cleared_since = (severity < stage.clear_below).then(|| self.cleared_since.unwrap_or(now));
        if self.reached(stage, now) {
            self.on = true;
        } else if self.cleared(stage, now) {
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
    use crate::policy::Band;
    use crate::pressure::Resource;

    fn stage() -> Stage {
        Stage {
            resource: Resource::Io,
            band: Band::Critical,
            measures: vec![],
            hold: Duration::from_secs(2),
            clear_below: 0.2,
            clear_hold: Duration::from_secs(3),
        }
    }

    /// One tick a second; what the gate said after each.
    fn run(told: &[Told]) -> String {
        let mut gate = Gate::default();
        let seconds = (0..).map(Duration::from_secs);
        let on = told.iter().zip(seconds).map(|(told, now)| {
            gate.step(&stage(), 0.8, *told, now);
            if gate.on() { '#' } else { '.' }
        });
        on.collect()
    }

    #[test]
    fn begins_and_ends_only_after_a_while() {
        let told: Vec<Told> = [0.9, 0.9, 0.9, 0.5, 0.1, 0.1, 0.1, 0.1, 0.9, 0.1].map(Told::Severity).to_vec();
        assert_eq!(run(&told), "..#####...");
    }

    #[test]
    fn noise_between_trigger_and_clear_changes_nothing() {
        let told: Vec<Told> =
            [0.9, 0.79, 0.9, 0.79, 0.9, 0.9, 0.9, 0.21, 0.1, 0.21, 0.1, 0.1].map(Told::Severity).to_vec();
        assert_eq!(run(&told), "......######");
    }

    #[test]
    fn a_missing_signal_neither_begins_nor_ends_a_stage() {
        use Told::{Missing, Severity};
        let hold = Missing(OnMissing::Hold);
        assert_eq!(run(&[Severity(0.9), Severity(0.9), hold, hold, hold, Severity(0.9)]), "......");
        let on = [Severity(0.9); 3];
        let told = [&on[..], &[Severity(0.1), Severity(0.1), hold, Severity(0.1), hold, hold]].concat();
        assert_eq!(run(&told), "..#######");
        let released = [&on[..], &[Missing(OnMissing::Release); 4]].concat();
        assert_eq!(run(&released), "..####.");
    }
}
