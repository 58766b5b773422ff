//! The rules of kind `Guardrail`: bounds on what all other policies may do.

use std::collections::BTreeMap;
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
    pub changes: Changes,
    pub knobs: Vec<KnobBound>,
    /// Knobs that nobody may use.
    pub never: Vec<KnobKind>,
    pub allow_kill: bool,
}

/// How fast knobs may change, whoever wants it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Changes {
    /// Between two changes of one knob.
    pub cooldown: Option<Duration>,
    /// So many changes of all knobs together at once.
    pub burst: Option<u32>,
    /// And then one more each time that so much has passed.
    pub every: Option<Duration>,
    pub largest: BTreeMap<KnobKind, LargestStep>,
}

/// The largest step of a number, each way, as a share of the present value above 0, but at least one unit; `None` goes all the
/// way at once.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct LargestStep {
    pub decrease: Option<f64>,
    pub increase: Option<f64>,
}

impl LargestStep {
    /// The smaller of both, each way.
    #[must_use]
    pub fn stricter(self, other: Self) -> Self {
        let smaller = |one: Option<f64>, other: Option<f64>| match (one, other) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        Self { decrease: smaller(self.decrease, other.decrease), increase: smaller(self.increase, other.increase) }
    }
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
