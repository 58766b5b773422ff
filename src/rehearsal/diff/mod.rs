//! What would be different with other policies: which came, went and changed, and which claims would have been others, had both sets
//! seen what the embedded history holds.

mod record;
mod replay;
mod report;

use std::collections::BTreeSet;

use crate::policy::{Policy, PolicySet};

pub use record::{CannotOpen, Record};
pub use replay::{Difference, Replay, replay};
pub use report::DiffReport;

/// What has become of the policies, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    pub came: Vec<String>,
    pub went: Vec<String>,
    /// They do something else.
    pub changed: Vec<String>,
    pub same: Vec<String>,
}

/// Compares two sets. A policy whose text differs in comments or tests only is the same.
pub fn compare(old: &PolicySet, new: &PolicySet) -> Changes {
    let names: BTreeSet<&String> = old.policies.iter().chain(&new.policies).map(|policy| &policy.name).collect();
    let mut changes = Changes::default();
    for name in names {
        let of = |set: &PolicySet| set.policies.iter().find(|policy| policy.name == *name).map(without_origin);
        let list = match (of(old), of(new)) {
            (None, _) => &mut changes.came,
            (_, None) => &mut changes.went,
            (Some(old), Some(new)) if old != new => &mut changes.changed,
            _ => &mut changes.same,
        };
        list.push(name.clone());
    }
    changes
}

fn without_origin(policy: &Policy) -> Policy {
    let mut policy = policy.clone();
    policy.origin.path = std::path::PathBuf::new();
    policy.origin.line = 0;
    policy.hash = 0;
    policy
}

#[cfg(test)]
mod tests;
