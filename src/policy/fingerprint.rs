//! What policy files look like from outside: cheap to take, and different whenever one is edited, added, removed or exchanged.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::source;

/// The files that a list of paths names, as they look now.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fingerprint {
    files: Vec<(PathBuf, Option<FileMark>)>,
    folders: Vec<FolderMark>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct FileMark {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

/// Which folder stands at a path: another one may be mounted, linked or renamed there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FolderMark {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl Fingerprint {
    /// Looks at the files without opening them.
    pub fn take(paths: &[PathBuf]) -> Self {
        // A path that cannot be listed is a state of the files too: it differs from when it could.
        let files = source::policy_files(paths).unwrap_or_default();
        let mark = |path: PathBuf| {
            let mark = fs::metadata(&path).ok().map(|metadata| FileMark {
                device: metadata.dev(),
                inode: metadata.ino(),
                size: metadata.size(),
                modified: (metadata.mtime(), metadata.mtime_nsec()),
                changed: (metadata.ctime(), metadata.ctime_nsec()),
            });
            (path, mark)
        };
        let folders = paths.iter().filter_map(|path| {
            let metadata = fs::metadata(path).ok().filter(Metadata::is_dir)?;
            Some(FolderMark { path: path.clone(), device: metadata.dev(), inode: metadata.ino() })
        });
        Self { files: files.into_iter().map(mark).collect(), folders: folders.collect() }
    }

    /// The files, whether they can be read or not.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.files.iter().map(|(path, _)| path.as_path())
    }

    pub fn folders(&self) -> &[FolderMark] {
        &self.folders
    }

    /// A file of `before` is no longer there.
    pub fn lacks_any_of(&self, before: &Self) -> bool {
        before.files.iter().any(|(path, _)| self.files.iter().all(|(here, _)| here != path))
    }

    /// All folders are there and hold no policy, and one of them is not the folder that held some when they were `before`: a
    /// file system that was unmounted and a checkout that is not filled yet look like this. Whoever removes policies on purpose
    /// takes them out of the folder.
    pub fn is_emptied_by_exchange(&self, before: &[FolderMark]) -> bool {
        self.files.is_empty() && self.folders.iter().any(|folder| !before.contains(folder))
    }
}
