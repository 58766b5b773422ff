//! `plotwarden policy check`: what is wrong with policies, what is doubtful, and what the good ones will do, in plain English.

use std::fmt;
use std::io::Read;
use std::path::PathBuf;

use super::error::PolicyError;
use super::explain;
use super::load::{PolicySet, judge, shipped};
use super::rules::Policy;
use super::vocabulary::Vocabulary;

/// What a check found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CheckReport {
    /// Those that could be read; loaded only if nothing is wrong.
    pub set: PolicySet,
    pub errors: Vec<PolicyError>,
    /// What is doubtful counts as wrong.
    pub strict: bool,
}

/// Checks the policies at `paths`, with everything that loading them would refuse; the path `-` is what `stdin` holds.
pub fn check(paths: &[PathBuf], stdin: &mut dyn Read, vocabulary: &Vocabulary) -> CheckReport {
    let files: Vec<PathBuf> = paths.iter().filter(|path| path.as_os_str() != "-").cloned().collect();
    let piped = (files.len() < paths.len()).then_some(stdin);
    let (set, errors) = judge(&files, piped, vocabulary);
    CheckReport { set, errors, strict: false }
}

/// Checks the shipped policies.
pub fn check_shipped(vocabulary: &Vocabulary) -> CheckReport {
    match shipped(vocabulary) {
        Ok(set) => CheckReport { set, ..CheckReport::default() },
        Err(errors) => CheckReport { errors, ..CheckReport::default() },
    }
}

impl CheckReport {
    /// 0: all good; 1: something is wrong with a policy; 2: a file cannot be read.
    pub fn exit_code(&self) -> u8 {
        let wrong = !self.errors.is_empty() || self.strict && !self.set.warnings.is_empty();
        if self.errors.iter().any(|error| error.unreadable) { 2 } else { u8::from(wrong) }
    }

    /// The last line: how it ended.
    pub fn summary(&self) -> String {
        let (errors, warnings) = (self.errors.len(), self.set.warnings.len());
        if errors > 0 {
            return format!("{errors} problem{}; nothing would be loaded", plural(errors));
        }
        let policies = match self.set.policies.len() {
            1 => "1 policy".to_owned(),
            count => format!("{count} policies"),
        };
        match warnings {
            0 => format!("{policies}, no problem"),
            _ if self.strict => format!("{policies}, {warnings} warning{} where none may be", plural(warnings)),
            _ => format!("{policies}, no problem, {warnings} warning{}", plural(warnings)),
        }
    }
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

impl fmt::Display for CheckReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for error in &self.errors {
            writeln!(f, "error: {error}")?;
        }
        for warning in &self.set.warnings {
            writeln!(f, "warning: {warning}")?;
        }
        if self.errors.is_empty() {
            for policy in &self.set.policies {
                write_policy(f, policy)?;
            }
        }
        writeln!(f, "{}", self.summary())
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
