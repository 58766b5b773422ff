//! The journal: one file per record, replaced whole and synced, removed when the knob is as it was before.
//!
//! It lies on a tmpfs, so that it survives our crash and dies with the boot, exactly as the knobs do. Closing a record is an
//! unlink, which works on a full file system.

use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use super::record::{BEGINNING, Record, VERSION, VERSION_WITHOUT_DEADLINE, until_ms_of};
use crate::claim::{KnobKind, Target};
use crate::kernel::{KernelError, durable, listing};
use crate::knob::file_name;

const RECORD: &str = "json";
const DAMAGED: &str = "damaged";

/// The directory of records.
#[derive(Debug, Clone)]
pub struct Journal {
    dir: PathBuf,
}

/// What the journal held.
#[derive(Debug, Default)]
pub struct Loaded {
    pub records: Vec<Record>,
    pub damaged: Vec<Damaged>,
}

/// A record that could not be understood and was put aside. What it spoke of is not restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damaged {
    pub path: PathBuf,
    pub problem: String,
}

impl fmt::Display for Damaged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} cannot be understood and was put aside: {}; look at it by hand",
            self.path.display(),
            self.problem
        )
    }
}

impl Damaged {
    /// The job that the record spoke of, as its file was named.
    pub fn job_name(&self) -> Option<&str> {
        self.path.file_stem()?.to_str()?.rsplit_once('.').map(|(job, _)| job)
    }
}

impl Journal {
    /// Opens the journal below the run directory, without making it.
    pub fn at(run: &Path) -> Self {
        Self { dir: run.join("journal") }
    }

    pub fn create(&self) -> Result<(), KernelError> {
        match fs::DirBuilder::new().mode(0o700).create(&self.dir) {
            Err(source) if source.kind() != io::ErrorKind::AlreadyExists => {
                Err(KernelError::io("make the journal", &self.dir, source))
            }
            _ => Ok(()),
        }
    }

    /// Makes the record durable: it is there, whole, before this returns, or the old one still is.
    pub fn write(&self, record: &Record) -> Result<(), KernelError> {
        let path = self.path(&record.target, record.knob);
        let done = serde_json::to_vec(record).map_err(io::Error::from).and_then(|text| durable::replace(&path, &text));
        done.map_err(|source| KernelError::io("write the journal record", path, source))
    }

    /// Removes the record of a knob that is as it was before.
    pub fn close(&self, target: &Target, knob: KnobKind) -> Result<(), KernelError> {
        let path = self.path(target, knob);
        match fs::remove_file(&path).and_then(|()| durable::sync_directory_of(&path)) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                Err(KernelError::io("close the journal record", path, source))
            }
            _ => Ok(()),
        }
    }

    /// Reads all records. Those of another boot are void and removed; leftovers of an interrupted write are removed; what cannot
    /// be understood is put aside. A journal that is not there is empty.
    pub fn load(&self, boot_id: &str) -> Result<Loaded, KernelError> {
        let mut loaded = Loaded::default();
        let entries = match fs::read_dir(&self.dir) {
            Err(source) if source.kind() == io::ErrorKind::NotFound => return Ok(loaded),
            entries => entries.map_err(|source| KernelError::io("list the journal", &self.dir, source))?,
        };
        let mut paths: Vec<PathBuf> = entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
        paths.sort_unstable();
        for path in paths {
            match path.extension().and_then(|extension| extension.to_str()) {
                Some(RECORD) => match self.read(&path) {
                    Ok(record) if record.boot_id == boot_id => loaded.records.push(record),
                    Ok(_) => discard(&path)?,
                    Err(problem) => loaded.damaged.push(put_aside(path, problem)),
                },
                Some(durable::UNFINISHED) => discard(&path)?,
                _ => {}
            }
        }
        Ok(loaded)
    }

    /// `true` if there is nothing to restore. One that cannot be read is not known to be empty. Does not allocate.
    pub fn is_empty(&self) -> bool {
        match listing::any(&self.dir, |entry| is_record(entry.name)) {
            Ok(any) => !any,
            Err(error) => error.kind() == io::ErrorKind::NotFound,
        }
    }

    /// Whether the deadline of any record has passed. One that cannot be told has not. Does not allocate.
    pub fn has_lapsed(&self, now_ms: u64) -> bool {
        let mut room = [0; BEGINNING];
        let has_lapsed = |entry: &listing::Entry<'_>| {
            is_record(entry.name)
                && entry.beginning(&mut room).ok().and_then(until_ms_of).is_some_and(|until_ms| until_ms <= now_ms)
        };
        listing::any(&self.dir, has_lapsed).unwrap_or(false)
    }

    fn read(&self, path: &Path) -> Result<Record, String> {
        let text = fs::read(path).map_err(|error| error.to_string())?;
        let mut record: Record = serde_json::from_slice(&text).map_err(|error| error.to_string())?;
        if record.version == VERSION_WITHOUT_DEADLINE {
            record.version = VERSION;
        }
        if record.version != VERSION {
            return Err(format!(
                "version {}, and only {VERSION_WITHOUT_DEADLINE} and {VERSION} are understood",
                record.version
            ));
        }
        if self.path(&record.target, record.knob) != *path {
            return Err("speaks of another knob than its name".to_owned());
        }
        Ok(record)
    }

    fn path(&self, target: &Target, knob: KnobKind) -> PathBuf {
        let name = match target {
            Target::Job(job) => file_name(job.as_str()),
            // No name of a job begins so.
            Target::Part(part) => format!("@{}", file_name(&part.to_string())),
        };
        self.dir.join(format!("{name}.{}.{RECORD}", knob.name()))
    }
}

fn is_record(name: &[u8]) -> bool {
    name.strip_suffix(RECORD.as_bytes()).is_some_and(|rest| rest.ends_with(b"."))
}

fn discard(path: &Path) -> Result<(), KernelError> {
    fs::remove_file(path).map_err(|source| KernelError::io("remove the void record", path, source))
}

fn put_aside(path: PathBuf, problem: String) -> Damaged {
    let aside = path.with_extension(DAMAGED);
    match fs::rename(&path, &aside) {
        Ok(()) => Damaged { path: aside, problem },
        Err(error) => Damaged { path, problem: format!("{problem}; and cannot be put aside: {error}") },
    }
}

#[cfg(test)]
mod tests {
    use super::super::record::{Subject, UnitRecord, UnitState};
    use super::*;
    use crate::knob::{Unit, Value};

    fn record(job: &str) -> Record {
        let unit = Unit::Thread { pid: 7, started: 70, tid: 8, thread_started: 80 };
        Record {
            version: VERSION,
            until_ms: 1_000,
            boot_id: "boot".to_owned(),
            knob: KnobKind::Nice,
            target: Target::Job(job.into()),
            plotter: Some(Subject { pid: 7, started: 70, exe_inode: Some(9) }),
            processes: vec![Subject { pid: 7, started: 70, exe_inode: None }],
            units: vec![UnitRecord {
                unit,
                original: Value::Nice(0),
                ours: vec![Value::Nice(10)],
                state: UnitState::Pending,
            }],
            wanted: Value::Nice(10),
            past: Vec::new(),
            holders: vec!["calm".to_owned()],
            reason: "io-pressure".to_owned(),
            since_ms: 5,
            written_at: 6,
        }
    }

    fn journal() -> (tempfile::TempDir, Journal) {
        let dir = tempfile::tempdir().unwrap();
        let journal = Journal::at(dir.path());
        journal.create().unwrap();
        (dir, journal)
    }

    #[test]
    fn a_record_comes_back_as_it_was_written() {
        let (_dir, journal) = journal();
        for job in ["madmax-7-70", "../../etc/passwd", "a b/c"] {
            journal.write(&record(job)).unwrap();
            assert_eq!(journal.load("boot").unwrap().records, [record(job)]);
            journal.close(&Target::Job(job.into()), KnobKind::Nice).unwrap();
            assert!(journal.is_empty());
        }
    }

    #[test]
    fn records_of_another_boot_are_void() {
        let (_dir, journal) = journal();
        journal.write(&record("j")).unwrap();
        assert!(journal.load("later").unwrap().records.is_empty());
        assert!(journal.is_empty());
    }

    #[test]
    fn what_cannot_be_understood_is_put_aside_and_the_rest_is_kept() {
        let (dir, journal) = journal();
        journal.write(&record("good")).unwrap();
        let version = serde_json::to_string(&Record { version: 99, ..record("new") }).unwrap();
        for (name, text) in
            [("cut.nice.json", "{\"version\":1,"), ("new.nice.json", version.as_str()), ("empty.nice.json", "")]
        {
            fs::write(dir.path().join("journal").join(name), text).unwrap();
        }
        fs::copy(dir.path().join("journal/good.nice.json"), dir.path().join("journal/other.nice.json")).unwrap();
        fs::write(dir.path().join("journal/half.nice.tmp"), "{").unwrap();
        let loaded = journal.load("boot").unwrap();
        assert_eq!(loaded.records, [record("good")]);
        assert_eq!(loaded.damaged.len(), 4);
        assert!(loaded.damaged.iter().all(|damaged| damaged.path.exists()));
        assert!(journal.load("boot").unwrap().damaged.is_empty(), "reported once");
        assert!(!dir.path().join("journal/half.nice.tmp").exists());
    }

    #[test]
    fn a_journal_that_is_not_there_is_empty() {
        let dir = tempfile::tempdir().unwrap();
        let journal = Journal::at(dir.path());
        assert!(journal.is_empty() && journal.load("boot").unwrap().records.is_empty());
        assert!(!journal.has_lapsed(u64::MAX));
    }

    #[test]
    fn one_deadline_that_has_passed_is_seen_among_many() {
        let (_dir, journal) = journal();
        for job in 0..200 {
            journal.write(&Record { until_ms: u64::MAX, ..record(&format!("plot-{job}")) }).unwrap();
        }
        assert!(!journal.has_lapsed(1_000_000));
        journal.write(&record("forgotten")).unwrap();
        assert!(!journal.has_lapsed(999) && journal.has_lapsed(1_000));
    }

    /// Read from the first bytes, it is what the whole record says.
    #[test]
    fn every_deadline_is_found_where_the_watch_looks_for_it() {
        for until_ms in [0, 7, 86_400_000, u64::MAX] {
            let text = serde_json::to_vec(&Record { until_ms, ..record("j") }).unwrap();
            assert_eq!(until_ms_of(&text[..BEGINNING]), Some(until_ms));
        }
    }

    #[test]
    fn a_record_without_a_deadline_is_read_and_has_one_from_then_on() {
        let (dir, journal) = journal();
        let mut text = serde_json::to_value(record("j")).unwrap();
        text["version"] = VERSION_WITHOUT_DEADLINE.into();
        text.as_object_mut().unwrap().shift_remove("until_ms");
        fs::write(dir.path().join("journal/j.nice.json"), text.to_string()).unwrap();
        assert!(!journal.has_lapsed(u64::MAX), "whoever runs still is one that knows of no deadlines");
        let read = journal.load("boot").unwrap().records;
        assert_eq!(read, [Record { until_ms: 0, ..record("j") }]);
        journal.write(&read[0]).unwrap();
        assert!(journal.has_lapsed(1));
    }
}
