//! Writes the last good policies down in the run directory, once that is ours.

use std::path::{Path, PathBuf};

use super::kept::Kept;
use crate::policy::Commit;

/// What is to be kept, and what is.
#[derive(Debug)]
pub struct Keeper {
    run: PathBuf,
    /// Only the one who has the lock of the run directory may.
    may_write: bool,
    unwritten: Option<Kept>,
    written: Option<Kept>,
    has_complained: bool,
}

impl Keeper {
    /// `written` is what is kept for the same paths already.
    pub fn new(run: &Path, written: Option<Kept>) -> Self {
        Self { run: run.to_owned(), may_write: false, unwritten: None, written, has_complained: false }
    }

    pub fn may_write(&mut self) {
        self.may_write = true;
    }

    pub fn keep(&mut self, kept: Kept) {
        let is_new = self.written.as_ref().is_none_or(|written| !written.says_the_same_as(&kept));
        self.unwritten = is_new.then_some(kept);
    }

    /// The same policies belong to other commits now.
    pub fn keep_commits(&mut self, commits: &[Commit]) {
        if let Some(latest) = self.unwritten.as_ref().or(self.written.as_ref()) {
            self.keep(latest.of_commits(commits));
        }
    }

    /// Writes what is not written yet; what fails is tried again at the next call.
    pub fn write(&mut self) {
        let Some(kept) = self.unwritten.take_if(|_| self.may_write) else { return };
        match kept.write(&self.run) {
            Ok(()) => (self.written, self.has_complained) = (Some(kept), false),
            Err(error) => {
                if !self.has_complained {
                    let path = Kept::path(&self.run);
                    tracing::warn!(%error, "cannot keep the policies in {}: a restart needs files that are good", path.display());
                }
                (self.unwritten, self.has_complained) = (Some(kept), true);
            }
        }
    }
}
