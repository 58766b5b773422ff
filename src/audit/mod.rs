//! The audit file: one JSON line for every decision that changed something, whole enough to be judged a month later.
//!
//! It lives in the run directory, which is a tmpfs, and therefore never grows beyond two files of a fixed size.

mod chain;
mod entry;
mod upshot;

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use chain::Chain;
pub use chain::{Broken, verify};
pub use entry::{Entry, entries, farewell};
pub use upshot::Upshot;

/// A file is turned over at this size; one older file is kept beside it.
const LARGEST_FILE: u64 = 8 << 20;

/// Appends audit lines. A full run directory loses lines, which is counted and said, and never stops the program.
#[derive(Debug)]
pub struct AuditLog {
    path: PathBuf,
    file: Option<File>,
    size: u64,
    chain: Chain,
    lost: u64,
}

impl AuditLog {
    /// Opens `audit.jsonl` in the run directory at the first line that is written.
    pub fn new(run: &Path) -> Self {
        Self { path: run.join("audit.jsonl"), file: None, size: 0, chain: Chain::default(), lost: 0 }
    }

    /// Appends one entry. The whole line goes out in one write, so that a reader never sees half of one.
    ///
    /// # Errors
    /// The file could not be opened or written; the entry is lost and counted.
    pub fn append(&mut self, entry: &Entry) -> io::Result<()> {
        let written = self.try_append(entry);
        if written.is_err() {
            self.lost += 1;
            self.file = None;
        }
        written
    }

    /// Entries that could not be written since the start.
    pub fn lost(&self) -> u64 {
        self.lost
    }

    fn try_append(&mut self, entry: &Entry) -> io::Result<()> {
        let mut file = match self.file.take() {
            Some(file) => file,
            None => self.open()?,
        };
        let mut chain = self.chain.clone();
        let mut line = serde_json::to_vec(entry)?;
        chain.close(&mut line);
        line.push(b'\n');
        if self.size + line.len() as u64 > LARGEST_FILE {
            std::fs::rename(&self.path, self.path.with_extension("jsonl.1"))?;
            file = self.open()?;
        }
        if let Err(error) = file.write_all(&line) {
            // A file system that fills up takes half a line, to which the next one would be appended.
            let _ = file.set_len(self.size);
            return Err(error);
        }
        self.size += line.len() as u64;
        self.chain = chain;
        self.file = Some(file);
        Ok(())
    }

    /// Goes on at the end of the file; a new file goes on where the last one ended.
    fn open(&mut self) -> io::Result<File> {
        let file = OpenOptions::new().create(true).append(true).open(&self.path)?;
        self.size = file.metadata()?.len();
        if self.size > 0 {
            self.chain = Chain::at_end_of(&String::from_utf8_lossy(&std::fs::read(&self.path)?));
        }
        Ok(file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Moment;
    use std::time::{Duration, SystemTime};

    fn entry() -> Entry {
        let now = Moment { boot: Duration::from_secs(1), wall: SystemTime::UNIX_EPOCH };
        Entry::note(now, "a job ended while paused")
    }

    #[test]
    fn writes_one_whole_line_for_each_entry() {
        let run = tempfile::tempdir().unwrap();
        let mut log = AuditLog::new(run.path());
        log.append(&entry()).unwrap();
        log.append(&entry()).unwrap();
        let text = std::fs::read_to_string(run.path().join("audit.jsonl")).unwrap();
        assert_eq!(text.lines().count(), 2);
        for line in text.lines() {
            let value: serde_json::Value = serde_json::from_str(line).unwrap();
            assert_eq!(value["time"], "1970-01-01T00:00:00.000Z");
        }
    }

    #[test]
    fn the_chain_holds_across_a_restart() {
        let run = tempfile::tempdir().unwrap();
        for _ in 0..3 {
            let mut log = AuditLog::new(run.path());
            log.append(&entry()).unwrap();
            log.append(&entry()).unwrap();
        }
        let text = std::fs::read_to_string(run.path().join("audit.jsonl")).unwrap();
        assert_eq!(verify(&text), Ok(6));
        let (first, rest) = text.split_once('\n').unwrap();
        let forged = format!("{first}\n{}", rest.replacen("ended", "began", 1));
        assert_eq!(verify(&forged).unwrap_err().line, 2);
    }

    #[test]
    fn never_keeps_more_than_two_files_of_the_largest_size() {
        let run = tempfile::tempdir().unwrap();
        std::fs::write(run.path().join("audit.jsonl"), vec![b'x'; usize::try_from(LARGEST_FILE).unwrap()]).unwrap();
        let mut log = AuditLog::new(run.path());
        for _ in 0..3 {
            log.append(&entry()).unwrap();
        }
        assert_eq!(std::fs::read_dir(run.path()).unwrap().count(), 2);
        assert_eq!(std::fs::read_to_string(run.path().join("audit.jsonl")).unwrap().lines().count(), 3);
    }

    #[test]
    fn counts_what_it_could_not_write_and_goes_on() {
        let run = tempfile::tempdir().unwrap();
        let gone = run.path().join("gone");
        let mut log = AuditLog::new(&gone);
        assert!(log.append(&entry()).is_err());
        assert_eq!(log.lost(), 1);
        std::fs::create_dir(&gone).unwrap();
        log.append(&entry()).unwrap();
    }
}
