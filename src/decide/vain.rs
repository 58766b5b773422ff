//! No further try where three in a row changed nothing: whoever pulls at the wrong knob stops pulling, and says so.

/// After so many tries in a row without an effect, no further one is made.
pub const MOST_TRIES: u32 = 3;
/// A pause helps if it takes away this share of what is wrong. Pressure swings by some percents of itself; half of the plots paused take
/// away far more, where plots are the cause. Three pauses of half of them make one of eight, so nobody stops too early.
const LEAST_HELP: f64 = 0.05;
/// The alert that something is being done, again and again, for nothing.
pub const NO_EFFECT: &str = "ActionHasNoEffect";
/// All alerts that a policy itself can raise.
pub const ALERTS: &[&str] = &[NO_EFFECT];

/// The pauses of one policy, and whether they help.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Tries {
    /// How bad it was at the last one, until that is judged.
    before: Option<f64>,
    /// Tries in a row that did not help.
    vain: u32,
}

impl Tries {
    pub fn are_vain(&self) -> bool {
        self.vain >= MOST_TRIES
    }

    /// A try, and how bad it was then; a try of which that is not known is never judged.
    pub fn note(&mut self, before: Option<f64>) {
        self.before = before;
    }

    /// Something else has changed what is measured, so the last try cannot be judged any more.
    pub fn interrupt(&mut self) {
        self.before = None;
    }

    /// Judges the last try by how bad it is now, once; `true` if this makes it one too many.
    pub fn judge(&mut self, now: Option<f64>) -> bool {
        let Some(now) = now else { return false };
        let Some(before) = self.before.take() else { return false };
        let has_helped = before - now >= LEAST_HELP * before.abs();
        self.vain = if has_helped { 0 } else { self.vain.saturating_add(1) };
        self.vain == MOST_TRIES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether tries are vain after each of these, one try at each.
    fn run(badness: &[Option<f64>]) -> Vec<bool> {
        let mut tries = Tries::default();
        let judged = badness.iter().map(|now| {
            tries.judge(*now);
            tries.note(*now);
            tries.are_vain()
        });
        judged.collect()
    }

    #[test]
    fn three_in_a_row_without_help_are_enough_and_one_that_helps_begins_the_count_anew() {
        assert_eq!(run(&[Some(1.0); 4]), [false, false, false, true]);
        assert_eq!(
            run(&[1.0, 1.0, 1.0, 0.9, 0.9, 0.9, 0.9].map(Some)),
            [false, false, false, false, false, false, true]
        );
        assert_eq!(run(&[1.0, 0.96, 0.96, 0.96].map(Some)), [false, false, false, true], "four percent are noise");
        assert_eq!(run(&[-1.0, -0.9, -0.8, -0.7].map(Some)), [false, false, false, true], "below the level counts too");
    }

    #[test]
    fn what_is_not_known_is_no_proof() {
        assert_eq!(run(&[None; 6]), [false; 6]);
        assert_eq!(run(&[Some(1.0), None, Some(1.0), None, Some(1.0), None]), [false; 6]);
        let mut tries = Tries::default();
        for _ in 0..6 {
            tries.note(Some(1.0));
            tries.interrupt();
            assert!(!tries.judge(Some(1.0)) && !tries.are_vain());
        }
    }
}
