//! The last good policies, kept in the run directory beside the journal: when the program starts again while the files are
//! broken, what it holds is decided by the policies by which it was taken, and not dropped because an editor slipped.
//!
//! They die with the boot, as the journal does: what a machine does after a boot is what its files say.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::kernel::durable;
use crate::policy::{Commit, FolderMark, SourceFile, Sources};

/// Of the file's form; one that another release wrote in another form is left alone.
const VERSION: u32 = 1;
/// Sources are limited to 16 MiB, which JSON may write twice as long, and more where it has to escape.
const LARGEST: u64 = 64 << 20;

/// A set of policies as it was read, and from where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    version: u32,
    /// As the operator gave them, made absolute: a set of other paths is not what he asks for.
    paths: Vec<PathBuf>,
    /// Since 1970, in seconds.
    read_at: u64,
    pub folders: Vec<FolderMark>,
    pub commits: Vec<Commit>,
    files: Vec<SourceFile>,
}

impl Kept {
    pub fn new(
        paths: &[PathBuf],
        files: Vec<SourceFile>,
        folders: Vec<FolderMark>,
        commits: Vec<Commit>,
        read_at: SystemTime,
    ) -> Self {
        let read_at = read_at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        Self { version: VERSION, paths: absolute(paths), read_at, folders, commits, files }
    }

    /// What is kept in the run directory for these paths.
    ///
    /// # Errors
    /// There is a file, and it cannot be read or is damaged.
    pub fn read(run: &Path, paths: &[PathBuf]) -> Result<Option<Self>, String> {
        let path = Self::path(run);
        let told = |problem: &dyn std::fmt::Display| format!("{}: {problem}", path.display());
        let text = match File::open(&path) {
            Ok(file) => {
                let mut text = String::new();
                file.take(LARGEST).read_to_string(&mut text).map_err(|error| told(&error))?;
                text
            }
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(told(&error)),
        };
        let kept: Self = serde_json::from_str(&text).map_err(|error| told(&error))?;
        Ok(Some(kept).filter(|kept| kept.version == VERSION && kept.paths == absolute(paths)))
    }

    /// Takes the place of what was kept before.
    pub fn write(&self, run: &Path) -> io::Result<()> {
        durable::replace(&Self::path(run), &serde_json::to_vec(self)?)
    }

    pub fn path(run: &Path) -> PathBuf {
        run.join("policies.json")
    }

    pub fn read_at(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(self.read_at)
    }

    /// The files, to be loaded as if they had been read now.
    pub fn sources(&self) -> Sources {
        Sources { files: self.files.clone(), doubts: Vec::new() }
    }

    /// The same policies, which belong to other commits by now.
    #[must_use]
    pub fn of_commits(&self, commits: &[Commit]) -> Self {
        Self { commits: commits.to_owned(), ..self.clone() }
    }

    /// The same texts from the same commit: nothing that would have to be written again.
    pub fn says_the_same_as(&self, other: &Self) -> bool {
        Self { read_at: other.read_at, ..self.clone() } == *other
    }
}

/// Where the program is started from is not part of what was asked.
fn absolute(paths: &[PathBuf]) -> Vec<PathBuf> {
    paths.iter().map(|path| std::path::absolute(path).unwrap_or_else(|_| path.clone())).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn kept(paths: &[PathBuf]) -> Kept {
        let files = vec![SourceFile { path: "/p/a.yaml".into(), text: "kind: \"x\"\n".into() }];
        let commits = vec![Commit { path: "/p".into(), id: "0".repeat(40) }];
        Kept::new(paths, files, Vec::new(), commits, UNIX_EPOCH + Duration::from_secs(1_700))
    }

    #[test]
    fn what_is_kept_is_read_again_for_the_same_paths_only() {
        let run = tempfile::tempdir().unwrap();
        let paths = [PathBuf::from("/p")];
        assert_eq!(Kept::read(run.path(), &paths), Ok(None));
        kept(&paths).write(run.path()).unwrap();
        let read = Kept::read(run.path(), &paths).unwrap().unwrap();
        assert_eq!(read, kept(&paths));
        assert_eq!(read.sources().files[0].text, "kind: \"x\"\n");
        assert_eq!(read.read_at(), UNIX_EPOCH + Duration::from_secs(1_700));
        assert_eq!(Kept::read(run.path(), &[PathBuf::from("/other")]), Ok(None));
        assert_eq!(Kept::read(run.path(), &[]), Ok(None));
    }

    #[test]
    fn relative_paths_are_those_of_the_folder_they_were_given_in() {
        let here = std::env::current_dir().unwrap();
        assert_eq!(kept(&["policies".into()]).paths, [here.join("policies")]);
    }

    #[test]
    fn what_is_damaged_is_said_and_what_is_of_another_form_is_not_used() {
        let run = tempfile::tempdir().unwrap();
        let paths = [PathBuf::from("/p")];
        fs::write(Kept::path(run.path()), "{\"version\": 1").unwrap();
        assert!(Kept::read(run.path(), &paths).unwrap_err().contains("policies.json: "));
        Kept { version: 2, ..kept(&paths) }.write(run.path()).unwrap();
        assert_eq!(Kept::read(run.path(), &paths), Ok(None));
    }

    #[test]
    fn the_time_alone_makes_no_difference() {
        let paths = [PathBuf::from("/p")];
        assert!(Kept { read_at: 5, ..kept(&paths) }.says_the_same_as(&kept(&paths)));
        assert!(!Kept { commits: Vec::new(), ..kept(&paths) }.says_the_same_as(&kept(&paths)));
    }
}
