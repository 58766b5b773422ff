//! What came of a decision, in one word: what counts of it, and what one looks for first in a month of audit lines.

use serde::Serialize;

use super::entry::{Claims, Write};
use crate::claim::KnobKind;

/// Knobs that only serve others: a job has a group of its own as soon as a policy looks at it.
const GROUND: [&str; 2] = [KnobKind::Group.name(), KnobKind::Controllers.name()];

/// What came of a decision. Of several, the one that somebody should look at first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Upshot {
    /// Something was not written: it failed, is protected, or somebody else had changed it meanwhile.
    Failed,
    /// Something was written, and not only a group made for it.
    Applied,
    /// Nothing was written, and something lost to another policy, a guardrail or a law.
    Denied,
    /// Nothing was written, because the policy only rehearses.
    Rehearsed,
    /// Nothing had to be written.
    Unchanged,
}

impl Upshot {
    /// As a label and in the audit file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Applied => "applied",
            Self::Denied => "denied",
            Self::Rehearsed => "rehearsed",
            Self::Unchanged => "unchanged",
        }
    }

    pub(super) fn of(claims: &Claims, writes: &[Write]) -> Self {
        let any = |outcomes: &[&str]| writes.iter().any(|write| outcomes.contains(&write.outcome));
        let is_done = |write: &Write| write.outcome == "done" && !GROUND.contains(&write.knob);
        if any(&["failed", "foreign", "protected"]) {
            Self::Failed
        } else if writes.iter().any(is_done) {
            Self::Applied
        } else if !claims.lost.is_empty() {
            Self::Denied
        } else if !claims.dry_run.is_empty() || any(&["skipped"]) {
            Self::Rehearsed
        } else {
            Self::Unchanged
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::entry::ClaimLine;

    fn write(outcome: &'static str) -> Write {
        Write {
            knob: "nice",
            target: "p1".to_owned(),
            action: "apply",
            outcome,
            detail: None,
            from: None,
            to: None,
            read_back: None,
            reason: String::new(),
        }
    }

    fn claim() -> ClaimLine {
        let text = String::new;
        ClaimLine { knob: "nice", target: text(), value: text(), reason: "", lost_to: None, because: None }
    }

    #[test]
    fn what_somebody_should_look_at_comes_first() {
        let lost = Claims { lost: vec![claim()], ..Claims::default() };
        let rehearsed = Claims { dry_run: vec![claim()], ..Claims::default() };
        let of = |claims: &Claims, outcomes: &[&'static str]| {
            Upshot::of(claims, &outcomes.iter().map(|outcome| write(outcome)).collect::<Vec<_>>())
        };
        assert_eq!(of(&lost, &["done", "failed"]), Upshot::Failed);
        assert_eq!(of(&lost, &["foreign"]), Upshot::Failed);
        assert_eq!(of(&lost, &["gone", "done"]), Upshot::Applied);
        assert_eq!(of(&lost, &["gone"]), Upshot::Denied);
        assert_eq!(of(&rehearsed, &[]), Upshot::Rehearsed);
        assert_eq!(of(&Claims::default(), &["skipped"]), Upshot::Rehearsed);
        assert_eq!(of(&Claims::default(), &[]), Upshot::Unchanged);
        let group = Write { knob: KnobKind::Group.name(), ..write("done") };
        assert_eq!(Upshot::of(&lost, &[group]), Upshot::Denied);
        // A job that has ended needs nothing any more.
        assert_eq!(of(&Claims::default(), &["gone"]), Upshot::Unchanged);
    }
}
