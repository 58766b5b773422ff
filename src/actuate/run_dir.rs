//! The run directory: who runs, whether it still does, and whose turn it is to write.
//!
//! - `lock`: held for life by the one instance; names it.
//! - `journal.lock`: held during each write section, by the main process or by who restores behind its back.
//! - `epoch`: counts restorations. A main process that was stopped meanwhile sees that what it believes is no longer so.
//! - `heartbeat`: changes as long as the main process's loop turns.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::kernel::KernelError;
use crate::kernel::process::Identity;

/// An opened run directory.
#[derive(Debug)]
pub struct RunDir {
    path: PathBuf,
    section: File,
    epoch: File,
    heartbeat: File,
}

/// The lock of the one instance, for as long as it lives.
#[derive(Debug)]
pub struct InstanceLock {
    _file: File,
}

/// The right to write knobs and journal, until dropped.
#[derive(Debug)]
pub struct Section {
    file: File,
}

/// Why the run directory could not be had.
#[derive(Debug, thiserror::Error)]
pub enum RunDirError {
    #[error("plotwarden already runs here{}: {} is locked; stop that one first, or give this one another run directory",
        holder.map(|holder| format!(" as process {}", holder.pid)).unwrap_or_default(), path.display())]
    Running { holder: Option<Identity>, path: PathBuf },
    #[error("{} belongs to user {owner} or may be written by others; it says what is restored as root, so remove it", path.display())]
    Untrusted { path: PathBuf, owner: u32 },
    #[error("{} is being written by another process since {} s; if plotwarden is stopped, end it with SIGKILL and try again",
        path.display(), waited.as_secs())]
    Busy { path: PathBuf, waited: Duration },
    #[error(transparent)]
    Kernel(#[from] KernelError),
}

impl RunDir {
    /// Opens the directory, and makes it, owned by us and closed to others, if it is not there.
    pub fn open(path: &Path) -> Result<Self, RunDirError> {
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
        made.map_err(|source| KernelError::io("make the run directory", path, source))?;
        let meta = fs::metadata(path).map_err(|source| KernelError::io("look at", path, source))?;
        let me = nix::unistd::geteuid().as_raw();
        if (meta.uid() != me && meta.uid() != 0) || meta.mode() & 0o022 != 0 {
            return Err(RunDirError::Untrusted { path: path.to_owned(), owner: meta.uid() });
        }
        let run = Self {
            section: open(path, "journal.lock")?,
            epoch: open(path, "epoch")?,
            heartbeat: open(path, "heartbeat")?,
            path: path.to_owned(),
        };
        // Gives both counters their room now: later they are overwritten in place, which works on a full file system.
        for (file, name) in [(&run.epoch, "epoch"), (&run.heartbeat, "heartbeat")] {
            let number = counter(file);
            set_counter(file, number).map_err(|source| KernelError::io("write", path.join(name), source))?;
        }
        Ok(run)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Takes the lock of the one instance, and writes our name into it.
    ///
    /// A child of an instance that has ended holds the lock until it becomes another program, hence the patience.
    pub fn lock(&self, me: Identity) -> Result<InstanceLock, RunDirError> {
        const ATTEMPTS: u32 = 50;
        let path = self.path.join("lock");
        let mut file = open(&self.path, "lock")?;
        let mut attempt = 0;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if attempt < ATTEMPTS => {
                    attempt += 1;
                    std::thread::sleep(Duration::from_millis(10));
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(RunDirError::Running { holder: read_holder(&mut file), path });
                }
                Err(TryLockError::Error(source)) => return Err(KernelError::io("lock", path, source).into()),
            }
        }
        let named =
            file.set_len(0).and_then(|()| file.write_all(format!("{} {}\n", me.pid, me.start_ticks).as_bytes()));
        // On a full file system the lock holds all the same, only without a name.
        let _ = named;
        Ok(InstanceLock { _file: file })
    }

    /// Who runs here, if anybody.
    pub fn holder(&self) -> Option<Identity> {
        let mut file = File::open(self.path.join("lock")).ok()?;
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => read_holder(&mut file),
            _ => None,
        }
    }

    /// Waits for the right to write, at most about `patience`.
    pub fn section(&self, patience: Duration) -> Result<Section, RunDirError> {
        const STEP: Duration = Duration::from_millis(10);
        let path = || self.path.join("journal.lock");
        let file = self.section.try_clone().map_err(|source| KernelError::io("open again", path(), source))?;
        let mut waited = Duration::ZERO;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Section { file }),
                Err(TryLockError::WouldBlock) if waited < patience => {
                    std::thread::sleep(STEP);
                    waited += STEP;
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(RunDirError::Busy { path: path(), waited });
                }
                Err(TryLockError::Error(source)) => {
                    return Err(KernelError::io("lock", path(), source).into());
                }
            }
        }
    }

    /// Number of restorations so far.
    pub fn epoch(&self) -> u64 {
        counter(&self.epoch)
    }

    /// Tells a main process that may still live that its writes no longer stand.
    pub fn raise_epoch(&self) -> Result<(), KernelError> {
        let next = counter(&self.epoch).wrapping_add(1);
        set_counter(&self.epoch, next).map_err(|source| KernelError::io("write", self.path.join("epoch"), source))
    }

    /// The last sign of life: time since boot in nanoseconds as its writer saw it. Only that it changes is relied upon.
    pub fn heartbeat(&self) -> u64 {
        counter(&self.heartbeat)
    }

    /// Twice at the same moment is twice alive.
    pub fn beat(&self, boot: Duration) -> Result<(), KernelError> {
        let beat = u64::try_from(boot.as_nanos()).unwrap_or(u64::MAX);
        let beat = if beat == self.heartbeat() { beat.wrapping_add(1) } else { beat };
        set_counter(&self.heartbeat, beat)
            .map_err(|source| KernelError::io("write", self.path.join("heartbeat"), source))
    }
}

impl Drop for Section {
    fn drop(&mut self) {
        // Nothing can be done about a failed unlock; the lock goes with the process at the latest.
        let _ = self.file.unlock();
    }
}

fn open(dir: &Path, name: &str) -> Result<File, KernelError> {
    let path = dir.join(name);
    let opened = File::options().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
    opened.map_err(|source| KernelError::io("open", path, source))
}

/// An unwritten counter stands at 0.
fn counter(file: &File) -> u64 {
    let mut bytes = [0; 8];
    match file.read_exact_at(&mut bytes, 0) {
        Ok(()) => u64::from_le_bytes(bytes),
        Err(_) => 0,
    }
}

fn set_counter(file: &File, number: u64) -> io::Result<()> {
    file.write_all_at(&number.to_le_bytes(), 0)
}

fn read_holder(file: &mut File) -> Option<Identity> {
    let mut text = String::new();
    file.read_to_string(&mut text).ok()?;
    let (pid, started) = text.trim().split_once(' ')?;
    Some(Identity { pid: pid.parse().ok()?, start_ticks: started.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ME: Identity = Identity { pid: 12, start_ticks: 34 };

    #[test]
    fn the_second_instance_learns_who_the_first_is() {
        let dir = tempfile::tempdir().unwrap();
        let run = RunDir::open(&dir.path().join("run")).unwrap();
        assert_eq!(run.holder(), None);
        let lock = run.lock(ME).unwrap();
        let error = RunDir::open(&dir.path().join("run")).unwrap().lock(ME).unwrap_err();
        assert!(matches!(error, RunDirError::Running { holder: Some(ME), .. }), "{error}");
        assert!(error.to_string().contains("process 12"));
        assert_eq!(run.holder(), Some(ME));
        drop(lock);
        assert!(run.lock(ME).is_ok());
    }

    #[test]
    fn a_directory_that_others_may_write_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o777)).unwrap();
        assert!(matches!(RunDir::open(dir.path()), Err(RunDirError::Untrusted { .. })));
    }

    #[test]
    fn one_writes_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let (one, two) = (RunDir::open(dir.path()).unwrap(), RunDir::open(dir.path()).unwrap());
        let section = one.section(Duration::ZERO).unwrap();
        assert!(matches!(two.section(Duration::from_millis(30)), Err(RunDirError::Busy { .. })));
        drop(section);
        assert!(two.section(Duration::ZERO).is_ok());
    }

    #[test]
    fn epoch_and_heartbeat_are_seen_by_others_and_survive_reopening() {
        let dir = tempfile::tempdir().unwrap();
        let (one, two) = (RunDir::open(dir.path()).unwrap(), RunDir::open(dir.path()).unwrap());
        assert_eq!(two.epoch(), 0);
        one.raise_epoch().unwrap();
        one.beat(Duration::from_nanos(77)).unwrap();
        assert_eq!((two.epoch(), two.heartbeat()), (1, 77));
        assert_eq!(RunDir::open(dir.path()).unwrap().epoch(), 1);
    }
}
