//! Whether two policies can be about the same plot or the same part of the machine.

use crate::policy::glob::{Glob, NamePattern};
use crate::policy::knobs::PolicyKnob;
use crate::policy::rules::{KnobAction, Selector};

/// Whether there can be something that both actions are about, which belong to policies with these selectors.
pub fn meet(a: (&Selector, &KnobAction), b: (&Selector, &KnobAction)) -> bool {
    if a.1.kind != b.1.kind {
        return false;
    }
    let is_of_job = PolicyKnob::of(a.1.kind).is_some_and(|knob| knob.of.is_none());
    if is_of_job { jobs_meet(a.0, b.0) } else { parts_meet(&a.1.of, &b.1.of) }
}

/// A plot with several temp directories may be in both of two that lie apart; who writes them apart means different plots.
fn jobs_meet(a: &Selector, b: &Selector) -> bool {
    let globs = |a: &[Glob], b: &[Glob]| share(a, b, Glob::meets);
    // A name and a number may be one user.
    let is_number = |owner: &str| owner.bytes().all(|byte| byte.is_ascii_digit());
    let same_user = |a: &String, b: &String| a == b || is_number(a) != is_number(b);
    share(&a.plotters, &b.plotters, String::eq)
        && share(&a.owners, &b.owners, same_user)
        && share(&a.sizes, &b.sizes, u8::eq)
        && globs(&a.temp_dirs, &b.temp_dirs)
        && globs(&a.final_dirs, &b.final_dirs)
}

pub fn parts_meet(a: &[NamePattern], b: &[NamePattern]) -> bool {
    share(a, b, NamePattern::meets)
}

/// An empty list is all there is.
fn share<T>(a: &[T], b: &[T], meets: impl Fn(&T, &T) -> bool) -> bool {
    a.is_empty() || b.is_empty() || a.iter().any(|a| b.iter().any(|b| meets(a, b)))
}
