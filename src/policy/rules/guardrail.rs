//! The rules of kind `Guardrail`: bounds on what all other policies may do.

use std::time::Duration;

use crate::claim::{Bound, KnobKind, Setting, within};
use crate::policy::glob::NamePattern;

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Guardrail {
    /// Executables that are left alone, beside those that always are.
    pub protected: Vec<NamePattern>,
    /// If there are any, jobs of other users are left alone. Names, or numbers in decimal.
    pub users_allowed: Vec<String>,
    /// Of all jobs, 0 to 1.
    pub max_paused: Option<f64>,
    pub keep_running: Option<usize>,
    /// The longest that one job is paused in one go.
    pub max_pause: Option<Duration>,
    pub min_run: Option<Duration>,
    pub knobs: Vec<KnobBound>,
    /// Knobs that nobody may use.
    pub never: Vec<KnobKind>,
    pub allow_kill: bool,
}

/// Beyond this nobody may set a knob.
#[derive(Debug, Clone, PartialEq)]
pub struct KnobBound {
    pub kind: KnobKind,
    pub bound: Bound,
    pub setting: Setting,
    pub of: Vec<NamePattern>,
}

impl KnobBound {
    /// Whether nothing is against this value. `AtMost` and `AtLeast` are of the number, whichever of them is the stricter for the knob.
    pub fn permits(&self, setting: &Setting) -> bool {
        match self.bound {
            Bound::Exactly => *setting == self.setting,
            Bound::AtMost => lies_within(setting, &self.setting),
            Bound::AtLeast => lies_within(&self.setting, setting),
        }
    }
}

fn lies_within(low: &Setting, high: &Setting) -> bool {
    match (low, high) {
        // The bound of a disk's rates is written for all disks at once.
        (Setting::Keyed(_, low), Setting::Keyed(_, high)) => {
            let limits: Vec<_> = high.values().flatten().collect();
            low.values().all(|rates| limits.iter().all(|(key, most)| rates.get(*key).is_none_or(|rate| rate <= most)))
        }
        (low, high) => within(low, high),
    }
}
