//! The snapshot on disk, so that a restart does not blind the policies: the one file of the history that does I/O.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::codec::{self, SnapshotFault};
use super::{History, HistoryConfig};

/// How often a snapshot is worth its writes: a kill loses at most what came after the last one.
pub const SNAPSHOT_INTERVAL: Duration = Duration::from_mins(10);

/// Where the snapshot lies. One process writes it, one snapshot at a time.
#[derive(Debug, Clone)]
pub struct SnapshotFile {
    path: PathBuf,
}

/// What became of the snapshot at a start.
#[derive(Debug)]
pub enum Loaded {
    /// The history goes on where the snapshot was taken.
    Restored,
    /// There is none: the first start, or the first one after the last was put aside.
    Absent,
    /// It cannot be used. It now lies at `aside`, for a look, in place of any that lay there before.
    PutAside { aside: PathBuf, fault: SnapshotFault },
    /// It could not be read, or not be put aside; the next snapshot replaces it.
    Unreadable { problem: io::Error },
}

impl SnapshotFile {
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes the history so that the file is at any moment the old snapshot or the new one, whole, even through a
    /// power cut. Returns its size in bytes. Takes as long as the disk takes; give it a clone, off the loop.
    ///
    /// # Errors
    /// The directory is not there or full or read-only; the old snapshot is as it was.
    pub fn save(&self, history: &History) -> io::Result<u64> {
        let unfinished = self.beside("unfinished");
        let saved = write_whole(&unfinished, history).and_then(|bytes| {
            fs::rename(&unfinished, &self.path)?;
            sync_directory(&self.path)?;
            Ok(bytes)
        });
        if saved.is_err() {
            // A full disk needs the room more than anybody needs half a snapshot; that it may fail too changes
            // nothing.
            let _ = fs::remove_file(&unfinished);
        }
        saved
    }

    /// Reads the snapshot. Whatever is wrong with it, there is a history afterwards: an empty one, and the reason.
    pub fn load(&self, config: HistoryConfig) -> (History, Loaded) {
        match self.read(&config) {
            Ok(Some(Ok(history))) => (history, Loaded::Restored),
            Ok(Some(Err(fault))) => (History::new(config), self.put_aside(fault)),
            Ok(None) => (History::new(config), Loaded::Absent),
            Err(problem) => (History::new(config), Loaded::Unreadable { problem }),
        }
    }

    /// What the snapshot holds, which stays as it is; `None` if there is none.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn read(&self, config: &HistoryConfig) -> io::Result<Option<Result<History, SnapshotFault>>> {
        let bytes = match fs::metadata(&self.path) {
            Ok(metadata) => metadata.len(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        if bytes > codec::largest(config.memory_limit.0) {
            return Ok(Some(Err(SnapshotFault::TooLarge { bytes })));
        }
        Ok(Some(codec::read(&fs::read(&self.path)?, config.clone())))
    }

    fn put_aside(&self, fault: SnapshotFault) -> Loaded {
        let aside = self.beside("damaged");
        match fs::rename(&self.path, &aside) {
            Ok(()) => Loaded::PutAside { aside, fault },
            Err(problem) => Loaded::Unreadable { problem },
        }
    }

    fn beside(&self, ending: &str) -> PathBuf {
        let mut name = self.path.as_os_str().to_owned();
        name.push(".");
        name.push(ending);
        name.into()
    }
}

fn write_whole(path: &Path, history: &History) -> io::Result<u64> {
    let file = OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(path)?;
    let mut out = BufWriter::with_capacity(1 << 20, file);
    codec::write(history, &mut out)?;
    out.flush()?;
    let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.sync_all()?;
    Ok(file.metadata()?.len())
}

/// A rename is on disk only when its directory is.
fn sync_directory(path: &Path) -> io::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(directory)?.sync_all()
}
