//! Pause bookkeeping: how long each job was paused by us, and why. Kept beside the journal, so that running time and progress
//! stay right across a restart.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::record::{Record, Subject};
use crate::kernel::process::Identity;
use crate::world::PauseView;

/// Finished pauses by job and reason, in milliseconds.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Book {
    boot_id: String,
    jobs: BTreeMap<String, Entry>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    plotter: Subject,
    by_reason_ms: BTreeMap<String, u64>,
    /// Time since boot up to which pauses are entered, so that none is counted twice after a crash in between.
    counted_until_ms: u64,
}

/// The book of pauses of the jobs of this boot.
#[derive(Debug)]
pub struct Pauses {
    path: PathBuf,
    book: Book,
}

impl Pauses {
    /// Reads the book below the run directory; one of another boot, or none that can be understood, starts anew.
    pub fn load(run: &Path, boot_id: &str) -> Self {
        let path = run.join("pauses");
        let read = fs::read(&path).ok().and_then(|text| serde_json::from_slice::<Book>(&text).ok());
        let book = read.filter(|book| book.boot_id == boot_id);
        Self { path, book: book.unwrap_or_else(|| Book { boot_id: boot_id.to_owned(), ..Book::default() }) }
    }

    /// Enters a pause that has just ended. Losing the file loses statistics only, hence no error.
    pub fn ended(&mut self, record: &Record, now_ms: u64) {
        let Some(plotter) = record.plotter else { return };
        let entry = self.book.jobs.entry(record.target.to_string()).or_insert_with(|| Entry {
            plotter,
            by_reason_ms: BTreeMap::new(),
            counted_until_ms: 0,
        });
        let from = record.since_ms.max(entry.counted_until_ms);
        *entry.by_reason_ms.entry(record.reason.clone()).or_default() += now_ms.saturating_sub(from);
        entry.counted_until_ms = now_ms;
        self.save();
    }

    /// Drops jobs whose plotter has ended.
    pub fn keep(&mut self, is_alive: impl Fn(Identity) -> bool) {
        let before = self.book.jobs.len();
        self.book.jobs.retain(|_, entry| is_alive(entry.plotter.into()));
        if self.book.jobs.len() != before {
            self.save();
        }
    }

    /// `open` is the record of the pause that lasts, if one does.
    pub fn view(&self, job: &str, open: Option<&Record>, now: Duration) -> PauseView {
        let entry = self.book.jobs.get(job);
        let mut total: BTreeMap<String, Duration> = entry
            .map(|entry| {
                entry.by_reason_ms.iter().map(|(reason, &ms)| (reason.clone(), Duration::from_millis(ms))).collect()
            })
            .unwrap_or_default();
        let since = open.map(|record| {
            let counted = entry.map_or(0, |entry| entry.counted_until_ms);
            let since = Duration::from_millis(record.since_ms.max(counted));
            *total.entry(record.reason.clone()).or_default() += now.saturating_sub(since);
            (since, record.reason.clone())
        });
        PauseView { since, total }
    }

    fn save(&self) {
        let temporary = self.path.with_extension("tmp");
        let done = serde_json::to_vec(&self.book).map_err(std::io::Error::from).and_then(|text| {
            fs::File::create(&temporary)?.write_all(&text)?;
            fs::rename(&temporary, &self.path)
        });
        if done.is_err() {
            // A full file system: the room is better left to the journal.
            let _ = fs::remove_file(&temporary);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::record::VERSION;
    use super::*;
    use crate::claim::{KnobKind, Target};
    use crate::knob::Value;

    fn pause(since_ms: u64, reason: &str) -> Record {
        Record {
            version: VERSION,
            until_ms: 0,
            boot_id: "boot".to_owned(),
            knob: KnobKind::Pause,
            target: Target::Job("j".into()),
            plotter: Some(Subject { pid: 1, started: 1, exe_inode: None }),
            processes: Vec::new(),
            units: Vec::new(),
            wanted: Value::Halted(true),
            past: Vec::new(),
            holders: Vec::new(),
            reason: reason.to_owned(),
            since_ms,
            written_at: 0,
        }
    }

    fn seconds(view: &PauseView, reason: &str) -> u64 {
        view.total.get(reason).map_or(0, Duration::as_secs)
    }

    #[test]
    fn pauses_add_up_by_reason_across_restarts() {
        let dir = tempfile::tempdir().unwrap();
        let mut pauses = Pauses::load(dir.path(), "boot");
        pauses.ended(&pause(1_000, "io-pressure"), 6_000);
        let pauses = Pauses::load(dir.path(), "boot");
        let view = pauses.view("j", Some(&pause(10_000, "deferred-start")), Duration::from_secs(13));
        assert_eq!((seconds(&view, "io-pressure"), seconds(&view, "deferred-start")), (5, 3));
        assert_eq!(view.since, Some((Duration::from_secs(10), "deferred-start".to_owned())));
        assert!(Pauses::load(dir.path(), "later boot").view("j", None, Duration::ZERO).total.is_empty());
    }

    #[test]
    fn a_pause_is_not_counted_twice_when_the_crash_came_before_its_record_was_closed() {
        let dir = tempfile::tempdir().unwrap();
        let mut pauses = Pauses::load(dir.path(), "boot");
        pauses.ended(&pause(1_000, "io-pressure"), 6_000);
        pauses.ended(&pause(1_000, "io-pressure"), 8_000);
        assert_eq!(seconds(&pauses.view("j", None, Duration::from_secs(9)), "io-pressure"), 7);
        pauses.keep(|_| false);
        assert!(Pauses::load(dir.path(), "boot").view("j", None, Duration::ZERO).total.is_empty());
    }
}
