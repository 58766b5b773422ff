//! Runs what may hang in the kernel, such as a write to an attribute of a device that does not answer, and stops waiting in time.
//!
//! The thread that hangs is left to itself: nothing can call it back. Until it returns, nothing else is asked of the same file.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::KnobError;

/// How long a write may take before the loop goes on without it. Devices that must wake up first take up to a second.
const PATIENCE: Duration = Duration::from_secs(2);

type Task = Box<dyn FnOnce() + Send>;

/// A thread for what may hang, made again when it does.
#[derive(Debug, Clone)]
pub struct Timely {
    shared: Arc<Shared>,
    /// Bytes of the thread's stack.
    stack: usize,
}

impl Default for Timely {
    /// Enough for a system call.
    fn default() -> Self {
        Self::with_stack(64 * 1024)
    }
}

#[derive(Debug, Default)]
struct Shared {
    worker: Mutex<Option<SyncSender<Task>>>,
    /// Files that a thread is still busy with.
    busy: Mutex<BTreeSet<PathBuf>>,
}

impl Timely {
    pub fn with_stack(stack: usize) -> Self {
        Self { shared: Arc::default(), stack }
    }

    /// Runs `act` on a file. `Late` if it takes too long, or if an earlier one has not come back yet.
    pub fn run<T: Send + 'static>(
        &self,
        path: &Path,
        doing: &'static str,
        act: impl FnOnce() -> io::Result<T> + Send + 'static,
    ) -> Result<T, KnobError> {
        let done = Arc::new(Mutex::new(None));
        let answer = Arc::clone(&done);
        self.carry_out(path, doing, Box::new(move || *lock(&answer) = Some(act())))?;
        let done = lock(&done).take();
        done.ok_or_else(|| late(path))?.map_err(|source| KnobError::from_io(doing, &path.display(), source))
    }

    /// As `run`, for all answers alike: what is written here once is small in the guard, which holds all of its code.
    fn carry_out(&self, path: &Path, doing: &'static str, act: Task) -> Result<(), KnobError> {
        if !lock(&self.shared.busy).insert(path.to_owned()) {
            return Err(late(path));
        }
        let (end, ended) = sync_channel(1);
        let (shared, of) = (Arc::clone(&self.shared), path.to_owned());
        let task = move || {
            act();
            lock(&shared.busy).remove(&of);
            // Whoever asked may have gone on without us.
            let _ = end.send(());
        };
        if let Err(source) = self.hand_over(Box::new(task)) {
            lock(&self.shared.busy).remove(path);
            return Err(KnobError::from_io(doing, &path.display(), source));
        }
        ended.recv_timeout(PATIENCE).map_err(|error| {
            if error == RecvTimeoutError::Timeout {
                // It hangs: the next one gets a thread of its own.
                *lock(&self.shared.worker) = None;
            }
            late(path)
        })
    }

    fn hand_over(&self, task: Task) -> io::Result<()> {
        let mut worker = lock(&self.shared.worker);
        let sender = match worker.take() {
            Some(sender) => sender,
            None => start(self.stack)?,
        };
        // A thread that has ended does not take it; it ends only with its sender.
        sender.send(task).map_err(|_| io::Error::other("the thread that writes has ended"))?;
        *worker = Some(sender);
        Ok(())
    }
}

fn late(path: &Path) -> KnobError {
    KnobError::Late { of: path.display().to_string(), patience: PATIENCE }
}

fn start(stack: usize) -> io::Result<SyncSender<Task>> {
    let (sender, tasks): (_, Receiver<Task>) = sync_channel(1);
    let work = move || tasks.into_iter().for_each(|task| task());
    std::thread::Builder::new().name("knob".to_owned()).stack_size(stack).spawn(work)?;
    Ok(sender)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_hangs_is_left_and_the_next_file_is_served() {
        let timely = Timely::default();
        let (go, wait) = sync_channel::<()>(0);
        let hung = timely.run(Path::new("/hung"), "write", move || wait.recv().map_err(io::Error::other));
        assert!(matches!(hung, Err(KnobError::Late { .. })), "{hung:?}");
        assert_eq!(timely.run(Path::new("/fine"), "write", || Ok(7)).unwrap(), 7);
        let again = timely.run(Path::new("/hung"), "write", || Ok(()));
        assert!(matches!(again, Err(KnobError::Late { .. })), "asked again while it hangs: {again:?}");
        go.send(()).unwrap();
        let returned = std::iter::repeat_with(|| {
            std::thread::sleep(Duration::from_millis(10));
            timely.run(Path::new("/hung"), "write", || Ok(())).is_ok()
        });
        assert!(returned.take(500).any(|free| free), "never free again");
    }

    #[test]
    fn errors_keep_their_number() {
        let refused = Timely::default()
            .run(Path::new("/x"), "write", || Err::<(), _>(io::Error::from_raw_os_error(libc::ENODEV)));
        assert!(refused.unwrap_err().is_gone());
    }
}
