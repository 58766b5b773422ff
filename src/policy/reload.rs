//! Which policies stay in force when files are read again: the last good set, whatever becomes of the files.

use super::Policy;
use super::error::PolicyError;
use super::load::PolicySet;

/// What came of a reload.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// The new set is in force; the names of policies that came, went, or changed.
    Replaced { added: Vec<String>, removed: Vec<String>, changed: Vec<String> },
    /// The files say what is in force already.
    Same,
    /// The files are wrong; the last good set stays in force.
    Refused(Vec<PolicyError>),
}

/// The set in force.
#[derive(Debug, Clone)]
pub struct Reloader {
    in_force: PolicySet,
}

impl Reloader {
    pub fn new(in_force: PolicySet) -> Self {
        Self { in_force }
    }

    pub fn in_force(&self) -> &PolicySet {
        &self.in_force
    }

    /// Takes what was read of the files, whole or not at all.
    pub fn offer(&mut self, read: Result<PolicySet, Vec<PolicyError>>) -> Outcome {
        match read {
            Err(errors) => Outcome::Refused(errors),
            Ok(set) => {
                let outcome = difference(&self.in_force, &set);
                self.in_force = set;
                outcome
            }
        }
    }
}

fn difference(old: &PolicySet, new: &PolicySet) -> Outcome {
    // A warning that has gone changes nothing that is done.
    if old.policies == new.policies {
        return Outcome::Same;
    }
    let names = |of: &PolicySet, keep: &dyn Fn(&Policy) -> bool| -> Vec<String> {
        of.policies.iter().filter(|policy| keep(policy)).map(|policy| policy.name.clone()).collect()
    };
    let in_set = |set: &PolicySet, name: &str| set.policies.iter().any(|policy| policy.name == name);
    Outcome::Replaced {
        added: names(new, &|policy| !in_set(old, &policy.name)),
        removed: names(old, &|policy| !in_set(new, &policy.name)),
        changed: names(new, &|policy| old.policies.iter().any(|was| was.name == policy.name && was != policy)),
    }
}
