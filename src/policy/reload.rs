//! Decides when policies are read again, and which stay in force: the last good set, whatever becomes of the files.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use super::error::PolicyError;
use super::load::PolicySet;
use super::source;

/// What the files look like from outside: cheap to take each second, different whenever one is edited, added or removed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fingerprint {
    files: Vec<(PathBuf, Option<FileMark>)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct FileMark {
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Fingerprint {
    /// Looks at the files without opening them.
    pub fn take(paths: &[PathBuf]) -> Self {
        // A path that cannot be listed is a state of the files too: it differs from when it could.
        let files = source::policy_files(paths).unwrap_or_default();
        let mark = |path: &PathBuf| {
            fs::metadata(path).ok().map(|metadata| FileMark {
                inode: metadata.ino(),
                size: metadata.size(),
                modified: (metadata.mtime(), metadata.mtime_nsec()),
                changed: (metadata.ctime(), metadata.ctime_nsec()),
            })
        };
        Self { files: files.into_iter().map(|path| (path.clone(), mark(&path))).collect() }
    }
}

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

/// The set in force, and what was last seen of its files.
#[derive(Debug, Clone)]
pub struct Reloader {
    in_force: PolicySet,
    loaded: Fingerprint,
    /// Seen once and not loaded yet: an editor may still be writing.
    settling: Option<Fingerprint>,
}

impl Reloader {
    /// `loaded` was taken before `in_force` was read, so that a change in between is noticed.
    pub fn new(in_force: PolicySet, loaded: Fingerprint) -> Self {
        Self { in_force, loaded, settling: None }
    }

    pub fn in_force(&self) -> &PolicySet {
        &self.in_force
    }

    /// `true` if the files are to be read now: they differ from what was read last, and lay still since the last look.
    pub fn should_read(&mut self, seen: &Fingerprint) -> bool {
        if *seen == self.loaded {
            self.settling = None;
            return false;
        }
        let lies_still = self.settling.as_ref() == Some(seen);
        self.settling = Some(seen.clone());
        lies_still
    }

    /// Takes what was read of the files that looked like `seen`, after [`Self::should_read`] or on the operator's demand.
    pub fn offer(&mut self, read: Result<PolicySet, Vec<PolicyError>>, seen: Fingerprint) -> Outcome {
        self.loaded = seen;
        self.settling = None;
        match read {
            Err(errors) => Outcome::Refused(errors),
            Ok(set) if set == self.in_force => Outcome::Same,
            Ok(set) => {
                let outcome = difference(&self.in_force, &set);
                self.in_force = set;
                outcome
            }
        }
    }
}

fn difference(old: &PolicySet, new: &PolicySet) -> Outcome {
    let names = |of: &PolicySet, keep: &dyn Fn(&super::Policy) -> bool| -> Vec<String> {
        of.policies.iter().filter(|policy| keep(policy)).map(|policy| policy.name.clone()).collect()
    };
    let in_set = |set: &PolicySet, name: &str| set.policies.iter().any(|policy| policy.name == name);
    Outcome::Replaced {
        added: names(new, &|policy| !in_set(old, &policy.name)),
        removed: names(old, &|policy| !in_set(new, &policy.name)),
        changed: names(new, &|policy| old.policies.iter().any(|was| was.name == policy.name && was != policy)),
    }
}
