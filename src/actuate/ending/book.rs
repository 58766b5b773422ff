//! The records of jobs that are being ended: one file each, durable before a signal is sent, gone when nothing is left to do.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::stage::Stage;
use crate::actuate::record::Subject;
use crate::kernel::{KernelError, durable};
use crate::knob::{Place, file_name};
use crate::plotter::{JobId, TempPattern};

/// Format of a record; another one is not understood.
const VERSION: u32 = 1;

/// One job that is being ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EndingRecord {
    pub version: u32,
    pub boot_id: String,
    pub job: JobId,
    pub plotter: Subject,
    /// Plotter and children, as far as they were seen; wrappers end by themselves.
    pub processes: Vec<Subject>,
    /// `None`: nothing was done yet.
    pub stage: Option<Stage>,
    /// Temp files to remove once it has ended; none where that is not permitted.
    pub temp: Vec<TempRecord>,
    /// Sweeps in a row that could not be made.
    pub failures: u32,
    pub policy: String,
    pub reason: String,
}

/// A directory with temp files of the job's plot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TempRecord {
    pub place: Place,
    pub glob: String,
    pub plot_id: String,
}

/// All of them, as they stand in the run directory.
#[derive(Debug)]
pub struct Book {
    dir: PathBuf,
    records: BTreeMap<JobId, EndingRecord>,
}

impl TempRecord {
    pub fn pattern(&self) -> Option<TempPattern> {
        TempPattern::of_plot(self.place.path.clone(), &self.glob, &self.plot_id)
    }
}

impl EndingRecord {
    pub fn new(boot_id: &str, job: JobId, plotter: Subject, policy: &str, reason: &str) -> Self {
        Self {
            version: VERSION,
            boot_id: boot_id.to_owned(),
            job,
            plotter,
            processes: vec![plotter],
            stage: None,
            temp: Vec::new(),
            failures: 0,
            policy: policy.to_owned(),
            reason: reason.to_owned(),
        }
    }
}

impl Book {
    /// Reads the records of this boot. What cannot be understood is removed: an ending that is still wanted begins anew, and at
    /// its first step.
    pub fn load(run: &Path, boot_id: &str) -> Self {
        let dir = run.join("endings");
        let mut records = BTreeMap::new();
        for path in fs::read_dir(&dir).into_iter().flatten().flatten().map(|entry| entry.path()) {
            let record = fs::read(&path).ok().and_then(|text| serde_json::from_slice::<EndingRecord>(&text).ok());
            match record.filter(|record| record.version == VERSION && record.boot_id == boot_id) {
                Some(record) => drop(records.insert(record.job.clone(), record)),
                // One that stays behind is read again, and found wanting again.
                None => drop(fs::remove_file(path)),
            }
        }
        Self { dir, records }
    }

    pub fn contains(&self, job: &JobId) -> bool {
        self.records.contains_key(job)
    }

    pub fn get(&self, job: &JobId) -> Option<&EndingRecord> {
        self.records.get(job)
    }

    pub fn jobs(&self) -> Vec<JobId> {
        self.records.keys().cloned().collect()
    }

    /// Makes the record durable, or leaves everything as it was.
    pub fn write(&mut self, record: EndingRecord) -> Result<(), KernelError> {
        let path = self.path(&record.job);
        let done = (|| {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.dir)?;
            durable::replace(&path, &serde_json::to_vec(&record)?)
        })();
        done.map_err(|source| KernelError::io("write the record of an ending", path, source))?;
        self.records.insert(record.job.clone(), record);
        Ok(())
    }

    pub fn close(&mut self, job: &JobId) -> Result<(), KernelError> {
        let path = self.path(job);
        match fs::remove_file(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                Err(KernelError::io("close the record of an ending", path, source))
            }
            _ => {
                self.records.remove(job);
                Ok(())
            }
        }
    }

    fn path(&self, job: &JobId) -> PathBuf {
        self.dir.join(format!("{}.json", file_name(job.as_str())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(job: &str) -> EndingRecord {
        let plotter = Subject { pid: 7, started: 70, exe_inode: Some(9) };
        EndingRecord::new("boot", job.into(), plotter, "calm", "deadline")
    }

    #[test]
    fn a_record_survives_a_restart_and_no_reboot() {
        let run = tempfile::tempdir().unwrap();
        let mut book = Book::load(run.path(), "boot");
        for job in ["madmax-7-70", "../../etc/passwd"] {
            book.write(record(job)).unwrap();
            assert_eq!(Book::load(run.path(), "boot").get(&job.into()), Some(&record(job)));
        }
        book.close(&"madmax-7-70".into()).unwrap();
        assert_eq!(Book::load(run.path(), "boot").jobs().len(), 1);
        assert!(Book::load(run.path(), "later").jobs().is_empty());
        assert!(Book::load(run.path(), "boot").jobs().is_empty(), "removed by the later boot");
    }

    #[test]
    fn what_cannot_be_understood_is_no_reason_to_kill() {
        let run = tempfile::tempdir().unwrap();
        fs::create_dir(run.path().join("endings")).unwrap();
        fs::write(run.path().join("endings/j.json"), "{\"stage\":\"kill\"").unwrap();
        fs::write(run.path().join("endings/k.tmp"), "").unwrap();
        assert!(Book::load(run.path(), "boot").jobs().is_empty());
        assert_eq!(fs::read_dir(run.path().join("endings")).unwrap().count(), 0);
    }
}
