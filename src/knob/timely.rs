//! Runs what may hang in the kernel, such as a write to an attribute of a device that does not answer, and stops waiting in time.
//!
//! The thread that hangs is left to itself: nothing can call it back. Until it returns, nothing else is asked of the same file.

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
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
    worker: Mutex<Option<Worker>>,
    /// Files that a thread is still busy with.
    busy: Mutex<Vec<PathBuf>>,
}

/// The thread that works now. It ends with this, or when it comes back.
#[derive(Debug)]
struct Worker(Arc<Inbox>);

/// What a thread is to do, in order. The channels of the library would be forty times as much code, which the guard holds in memory.
#[derive(Default)]
struct Inbox {
    tasks: Mutex<Tasks>,
    news: Condvar,
}

#[derive(Default)]
struct Tasks {
    waiting: VecDeque<Task>,
    is_closed: bool,
}

/// Whether a task is done, for who waits for it.
#[derive(Default)]
struct Done {
    is_done: Mutex<bool>,
    news: Condvar,
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
        {
            let mut busy = lock(&self.shared.busy);
            if busy.iter().any(|of| of == path) {
                return Err(late(path));
            }
            busy.push(path.to_owned());
        }
        let done = Arc::new(Done::default());
        let (shared, of, end) = (Arc::clone(&self.shared), path.to_owned(), Arc::clone(&done));
        let task = move || {
            act();
            lock(&shared.busy).retain(|busy| *busy != of);
            end.tell();
        };
        if let Err(source) = self.hand_over(Box::new(task)) {
            lock(&self.shared.busy).retain(|busy| busy != path);
            return Err(KnobError::from_io(doing, &path.display(), source));
        }
        if done.comes_within(PATIENCE) {
            return Ok(());
        }
        // It hangs: the next one gets a thread of its own.
        *lock(&self.shared.worker) = None;
        Err(late(path))
    }

    fn hand_over(&self, task: Task) -> io::Result<()> {
        let mut worker = lock(&self.shared.worker);
        let inbox = match &*worker {
            Some(worker) => &worker.0,
            None => &worker.insert(Worker::start(self.stack)?).0,
        };
        lock(&inbox.tasks).waiting.push_back(task);
        inbox.news.notify_one();
        Ok(())
    }
}

impl Worker {
    fn start(stack: usize) -> io::Result<Self> {
        let inbox = Arc::new(Inbox::default());
        let tasks = Arc::clone(&inbox);
        let work = move || std::iter::from_fn(|| tasks.next()).for_each(|task| task());
        std::thread::Builder::new().name("knob".to_owned()).stack_size(stack).spawn(work)?;
        Ok(Self(inbox))
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        lock(&self.0.tasks).is_closed = true;
        self.0.news.notify_one();
    }
}

impl Inbox {
    /// Waits for the next task; `None` if none will come.
    fn next(&self) -> Option<Task> {
        let mut tasks = lock(&self.tasks);
        loop {
            match tasks.waiting.pop_front() {
                None if !tasks.is_closed => tasks = self.news.wait(tasks).unwrap_or_else(PoisonError::into_inner),
                next => return next,
            }
        }
    }
}

impl std::fmt::Debug for Inbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inbox").field("waiting", &lock(&self.tasks).waiting.len()).finish_non_exhaustive()
    }
}

impl Done {
    fn tell(&self) {
        *lock(&self.is_done) = true;
        self.news.notify_one();
    }

    fn comes_within(&self, patience: Duration) -> bool {
        let waited = self.news.wait_timeout_while(lock(&self.is_done), patience, |is_done| !*is_done);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

fn late(path: &Path) -> KnobError {
    KnobError::Late { of: path.display().to_string(), patience: PATIENCE }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::sync_channel;

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
