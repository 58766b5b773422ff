//! `plotwarden policy check`: what is wrong with policies, what is doubtful, and what the good ones will do, in plain English.

use std::fmt;
use std::path::PathBuf;

use super::error::PolicyError;
use super::explain;
use super::load::{PolicySet, load};
use super::rules::Policy;
use super::vocabulary::Vocabulary;

/// What a check found.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckReport {
    /// Loaded only if nothing is wrong.
    pub loaded: Option<PolicySet>,
    pub errors: Vec<PolicyError>,
}

/// Checks the policies at `paths`, with everything that loading them would refuse.
pub fn check(paths: &[PathBuf], vocabulary: &Vocabulary) -> CheckReport {
    match load(paths, vocabulary) {
        Ok(set) => CheckReport { loaded: Some(set), errors: Vec::new() },
        Err(errors) => CheckReport { loaded: None, errors },
    }
}

impl CheckReport {
    /// 0: all good; 1: something is wrong with a policy; 2: a file cannot be read.
    pub fn exit_code(&self) -> u8 {
        if self.errors.iter().any(|error| error.unreadable) { 2 } else { u8::from(!self.errors.is_empty()) }
    }
}

impl fmt::Display for CheckReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for error in &self.errors {
            writeln!(f, "error: {error}")?;
        }
        let Some(set) = &self.loaded else {
            let count = self.errors.len();
            return writeln!(f, "{count} problem{}; nothing would be loaded", if count == 1 { "" } else { "s" });
        };
        for warning in &set.warnings {
            writeln!(f, "warning: {warning}")?;
        }
        for policy in &set.policies {
            write_policy(f, policy)?;
        }
        let count = set.policies.len();
        writeln!(f, "{count} {}, no problem", if count == 1 { "policy" } else { "policies" })
    }
}

fn write_policy(f: &mut fmt::Formatter<'_>, policy: &Policy) -> fmt::Result {
    let (path, line) = (policy.origin.path.display(), policy.origin.line);
    writeln!(f, "{} ({}, {path}:{line})", policy.name, policy.control.mode.name())?;
    for line in explain::summary(policy) {
        writeln!(f, "  {line}")?;
    }
    Ok(())
}
