//! Processes and threads as the knobs need them: identity, held by pidfd, and state.
//!
//! Source: `Documentation/filesystems/proc.rst`, `pidfd_open(2)`, `pidfd_send_signal(2)`.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::{KnobError, Unit};
use crate::kernel::process::{Identity, Stat};

/// procfs, as the knobs read it.
#[derive(Debug, Clone)]
pub struct Tasks {
    procfs: PathBuf,
    /// Threads by process, listed once for all knobs: each of them costs a file to open.
    listed: Arc<Mutex<BTreeMap<Identity, Vec<Unit>>>>,
}

impl Tasks {
    pub fn new(procfs: &Path) -> Self {
        Self { procfs: procfs.to_owned(), listed: Arc::default() }
    }

    /// Forgets which threads there were.
    pub fn look_again(&self) {
        self.listed.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    pub fn root(&self) -> &Path {
        &self.procfs
    }

    pub fn dir(&self, pid: i32) -> PathBuf {
        self.procfs.join(pid.to_string())
    }

    fn stat(path: &Path, of: &dyn std::fmt::Display) -> Result<Stat, KnobError> {
        let line = std::fs::read(path).map_err(|source| KnobError::from_io("read the state", of, source))?;
        Stat::parse(&line).map_err(|problem| KnobError::Unusable(format!("{}: {problem}", path.display())))
    }

    /// Whatever process has the number now.
    pub fn process(&self, pid: i32) -> Result<Stat, KnobError> {
        Self::stat(&self.dir(pid).join("stat"), &format!("process {pid}"))
    }

    /// This process and no later one with its number.
    pub fn verified(&self, process: Identity) -> Result<Stat, KnobError> {
        let stat = self.process(process.pid)?;
        if stat.identity.start_ticks == process.start_ticks && !stat.has_ended() {
            Ok(stat)
        } else {
            Err(KnobError::Gone(format!("process {}", process.pid)))
        }
    }

    pub fn thread(&self, process: Identity, tid: i32) -> Result<Stat, KnobError> {
        let path = self.dir(process.pid).join("task").join(tid.to_string()).join("stat");
        Self::stat(&path, &format!("thread {tid} of process {}", process.pid))
    }

    /// All live threads of a process, the leader first.
    pub fn threads(&self, process: Identity) -> Result<Vec<(Unit, Stat)>, KnobError> {
        self.verified(process)?;
        let path = self.dir(process.pid).join("task");
        let gone = |source| KnobError::from_io("list the threads", &format!("process {}", process.pid), source);
        let mut threads = Vec::new();
        for entry in std::fs::read_dir(&path).map_err(gone)? {
            let Some(tid) = entry.map_err(gone)?.file_name().to_str().and_then(|name| name.parse().ok()) else {
                continue;
            };
            match self.thread(process, tid) {
                Ok(stat) if stat.state.has_ended() => {}
                Ok(stat) => threads.push((Unit::of_thread(process, tid, stat.identity.start_ticks), stat)),
                Err(error) if error.is_gone() => {}
                Err(error) => return Err(error),
            }
        }
        if let Some(leader) = threads.iter().position(|(unit, _)| unit.is_leader()) {
            threads.swap(0, leader);
        }
        Ok(threads)
    }

    /// The thread units of the processes that still live, as of the last look.
    pub fn thread_units(&self, processes: &[Identity]) -> Result<Vec<Unit>, KnobError> {
        let mut listed = self.listed.lock().unwrap_or_else(PoisonError::into_inner);
        let mut units = Vec::new();
        for &process in processes {
            let of_process = match listed.entry(process) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(unknown) => match self.threads(process) {
                    Ok(threads) => unknown.insert(threads.into_iter().map(|(unit, _)| unit).collect()),
                    Err(error) if error.is_gone() => continue,
                    Err(error) => return Err(error),
                },
            };
            units.extend(of_process.iter().cloned());
        }
        Ok(units)
    }

    /// Opens an attribute of a process or a thread. Who it belongs to is checked once it is open: from then on the kernel keeps
    /// it with that one, and it fails when that one has ended.
    pub fn attribute(&self, unit: &Unit, name: &str, how: &OpenOptions) -> Result<File, KnobError> {
        let Some(process) = unit.process() else { return Err(KnobError::Unusable(format!("{unit} is no process"))) };
        let (number, thread) = match *unit {
            Unit::Thread { tid, thread_started, .. } => (tid, Some(thread_started)),
            _ => (process.pid, None),
        };
        let path = self.dir(number).join(name);
        let file = how.open(&path).map_err(|source| KnobError::from_io("open an attribute", unit, source))?;
        self.verified(process)?;
        match thread {
            Some(started) if self.thread(process, number)?.identity.start_ticks != started => {
                Err(KnobError::Gone(unit.to_string()))
            }
            _ => Ok(file),
        }
    }

    /// Reads something of a thread that was just listed. If it ended since and its number went to a stranger, what is read leads
    /// to no write, since writes check.
    pub fn read_of_thread<T>(
        unit: &Unit,
        doing: &'static str,
        read: impl FnOnce(i32) -> io::Result<T>,
    ) -> Result<T, KnobError> {
        let Unit::Thread { tid, .. } = *unit else {
            return Err(KnobError::Unusable(format!("{unit} is not a thread")));
        };
        read(tid).map_err(|source| KnobError::from_io(doing, unit, source))
    }

    /// Runs `act` on a thread id. Process and thread are checked right before, the process under a pidfd that is asked again
    /// afterwards. The system calls on threads take numbers only, so what remains is a thread that ends between the check and
    /// the call, and the kernel going through all its numbers within these microseconds.
    pub fn on_thread<T>(
        &self,
        unit: &Unit,
        doing: &'static str,
        act: impl FnOnce(i32) -> io::Result<T>,
    ) -> Result<T, KnobError> {
        let Unit::Thread { tid, thread_started, .. } = *unit else {
            return Err(KnobError::Unusable(format!("{unit} is not a thread")));
        };
        let Some(process) = unit.process() else { return Err(KnobError::Gone(unit.to_string())) };
        let held = Held::open(self, process)?;
        if self.thread(process, tid)?.identity.start_ticks != thread_started {
            return Err(KnobError::Gone(unit.to_string()));
        }
        let done = act(tid).map_err(|source| KnobError::from_io(doing, unit, source))?;
        if held.has_ended() { Err(KnobError::Gone(unit.to_string())) } else { Ok(done) }
    }
}

/// A process held by pidfd: signals reach it and no later one with its number.
#[derive(Debug)]
pub struct Held {
    fd: OwnedFd,
    process: Identity,
}

impl Held {
    /// Holds the process; `Gone` if the number belongs to another one by now.
    pub fn open(tasks: &Tasks, process: Identity) -> Result<Self, KnobError> {
        // SAFETY: pidfd_open takes two integers and touches no memory of ours.
        let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, process.pid, 0) };
        let fd = i32::try_from(fd).unwrap_or(-1);
        if fd < 0 {
            return Err(KnobError::from_io("hold", &Unit::of_process(process), io::Error::last_os_error()));
        }
        // SAFETY: the kernel has just given us this descriptor, and nobody else knows it.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        tasks.verified(process)?;
        Ok(Self { fd, process })
    }

    /// Holds a process of the procfs at `procfs`.
    pub fn of(procfs: &Path, process: Identity) -> Result<Self, KnobError> {
        Self::open(&Tasks::new(procfs), process)
    }

    pub fn signal(&self, signal: i32) -> Result<(), KnobError> {
        // SAFETY: the descriptor is ours and open; a null siginfo is documented as "as kill(2) does it".
        let done = unsafe {
            libc::syscall(
                libc::SYS_pidfd_send_signal,
                self.fd.as_raw_fd(),
                signal,
                std::ptr::null::<libc::siginfo_t>(),
                0,
            )
        };
        if done == 0 {
            return Ok(());
        }
        Err(KnobError::from_io("send a signal to", &Unit::of_process(self.process), io::Error::last_os_error()))
    }

    /// The process has ended, reaped or not.
    pub fn has_ended(&self) -> bool {
        let mut watched = [nix::poll::PollFd::new(self.fd.as_fd(), nix::poll::PollFlags::POLLIN)];
        matches!(nix::poll::poll(&mut watched, nix::poll::PollTimeout::ZERO), Ok(ready) if ready > 0)
    }
}

impl AsFd for Held {
    /// Readable once the process has ended.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_of_another_process_is_not_held() {
        let tasks = Tasks::new(Path::new("/proc"));
        let pid = i32::try_from(std::process::id()).unwrap();
        let me = tasks.process(pid).unwrap().identity;
        assert!(!Held::open(&tasks, me).unwrap().has_ended());
        let other = Identity { start_ticks: me.start_ticks + 1, ..me };
        assert!(Held::open(&tasks, other).unwrap_err().is_gone());
    }

    #[test]
    fn the_leader_comes_first() {
        let tasks = Tasks::new(Path::new("/proc"));
        let pid = i32::try_from(std::process::id()).unwrap();
        let me = tasks.process(pid).unwrap().identity;
        std::thread::scope(|scope| {
            let (go, wait) = std::sync::mpsc::channel::<()>();
            scope.spawn(move || wait.recv());
            let units = tasks.thread_units(&[me]).unwrap();
            assert!(units.len() >= 2 && units[0].is_leader() && !units[1].is_leader());
            drop(go);
        });
    }
}
