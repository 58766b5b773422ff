//! Keeps the embedded history. The loop appends each snapshot itself where nobody reads the history: what a tick has just made
//! lies in the cache, and no other thread has to be woken. Else it hands the snapshot to a thread and turns on: whoever reads
//! for long, and a disk that takes its time over a file, never hold up a tick.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime};

use crate::clock::Moment;
use crate::history::file::{Loaded, SNAPSHOT_INTERVAL, SnapshotFile};
use crate::history::{History, HistoryConfig, HistoryFull, SharedHistory};
use crate::kernel::clock;
use crate::metrics::{HistoryState, Recorder, Snapshot};

/// Ticks that may wait while the history is being read.
const WAITING: usize = 16;
/// A loop that is silent for longer samples nothing: `up` is 0, as a server would have it that is no longer answered.
const SILENCE: Duration = Duration::from_secs(10);
/// The last file may take this long. By then all that was changed on the machine has long been put back.
const LAST_SAVE: Duration = Duration::from_secs(10);

/// The loop's end.
pub struct HistoryFeed {
    ticks: SyncSender<Arc<Snapshot>>,
    appender: Arc<Mutex<Appender>>,
    /// Ticks that the thread has not appended yet; those that come meanwhile have to wait behind them.
    waiting: Arc<AtomicUsize>,
    state: Arc<Mutex<Option<HistoryState>>>,
    lost: bool,
}

/// Tells when the history has been saved for the last time, which begins when the feed is dropped.
pub struct HistoryEnd(Receiver<()>);

/// Starts the thread. The history of the last run is read first, while ticks wait.
///
/// # Errors
/// There is no room for another thread.
pub fn start(
    history: SharedHistory,
    config: HistoryConfig,
    file: Option<PathBuf>,
) -> std::io::Result<(HistoryFeed, HistoryEnd)> {
    let (ticks, receiver) = sync_channel(WAITING);
    let (done, end) = sync_channel(1);
    let state = Arc::new(Mutex::new(None));
    let appender = Appender::new(history, file.map(SnapshotFile::new), Arc::clone(&state));
    let appender = Arc::new(Mutex::new(appender));
    // The first that is waited for is what the last run has left.
    let waiting = Arc::new(AtomicUsize::new(1));
    let backlog = Backlog { ticks: receiver, appender: Arc::clone(&appender), waiting: Arc::clone(&waiting) };
    thread::Builder::new().name("history".to_owned()).spawn(move || {
        backlog.appender().load(config);
        backlog.waiting.fetch_sub(1, Ordering::Release);
        backlog.follow();
        backlog.appender().save_last();
        // Nobody may be waiting for it any more.
        let _ = done.send(());
    })?;
    Ok((HistoryFeed { ticks, appender, waiting, state, lost: false }, HistoryEnd(end)))
}

impl HistoryFeed {
    /// Appends a tick, or hands it over; never waits.
    pub fn append(&mut self, snapshot: Arc<Snapshot>) {
        if self.append_at_once(&snapshot) {
            self.lost = false;
            return;
        }
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let Err(problem) = self.ticks.try_send(snapshot) else { return };
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        if !self.lost {
            self.lost = true;
            tracing::error!(%problem, "ticks are missing from the history, which does not keep up");
        }
    }

    /// `false` if earlier ticks wait, or somebody reads.
    fn append_at_once(&self, snapshot: &Snapshot) -> bool {
        self.waiting.load(Ordering::Acquire) == 0
            && self.appender.try_lock().is_ok_and(|mut appender| appender.append_unless_read(snapshot))
    }

    /// Figures of the last tick that was appended.
    pub fn state(&self) -> Option<HistoryState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl HistoryEnd {
    /// Waits until the last file is written, but not for ever.
    pub fn wait(&self) {
        if self.0.recv_timeout(LAST_SAVE) == Err(RecvTimeoutError::Timeout) {
            tracing::error!("the history could not be saved within {LAST_SAVE:?}; the file before it stays");
        }
    }
}

/// The thread's end.
struct Backlog {
    ticks: Receiver<Arc<Snapshot>>,
    appender: Arc<Mutex<Appender>>,
    waiting: Arc<AtomicUsize>,
}

impl Backlog {
    fn appender(&self) -> MutexGuard<'_, Appender> {
        // The next tick puts in order what a panic left in disorder.
        self.appender.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Appends what the loop could not, sees to the file, and notices when the loop is silent, until it has ended.
    fn follow(&self) {
        let mut pause = SILENCE;
        loop {
            let received = self.ticks.recv_timeout(pause);
            let mut appender = self.appender();
            match received {
                Ok(snapshot) => {
                    appender.append(&snapshot);
                    self.waiting.fetch_sub(1, Ordering::Release);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            let now = clock::now();
            pause = appender.until_silence(now);
            appender.save_if_due(now);
        }
    }
}

/// Writes ticks into the history, and the history into its file.
struct Appender {
    history: SharedHistory,
    recorder: Recorder,
    file: Option<SnapshotFile>,
    state: Arc<Mutex<Option<HistoryState>>>,
    /// When the file was last written, and who writes it now.
    saved_at: Arc<Mutex<Option<SystemTime>>>,
    saving: Option<JoinHandle<()>>,
    /// Time since boot.
    save_due: Option<Duration>,
    appended: bool,
    /// When the last tick was appended, or its absence, as time since boot.
    heard: Duration,
    /// What has been said already.
    refused: Option<HistoryFull>,
    set_back: bool,
}

impl Appender {
    fn new(history: SharedHistory, file: Option<SnapshotFile>, state: Arc<Mutex<Option<HistoryState>>>) -> Self {
        Self {
            history,
            recorder: Recorder::default(),
            file,
            state,
            saved_at: Arc::default(),
            saving: None,
            save_due: None,
            appended: false,
            heard: clock::now().boot,
            refused: None,
            set_back: false,
        }
    }

    fn load(&mut self, config: HistoryConfig) {
        let Some(file) = &self.file else { return };
        if let Some(folder) = file.path().parent()
            && let Err(error) = std::fs::create_dir_all(folder)
        {
            let file = file.path().display();
            tracing::warn!(%error, %file, "the history cannot be kept over a restart; --history.file chooses another place");
            self.file = None;
            return;
        }
        let (history, loaded) = file.load(config);
        let file = file.path().display();
        match loaded {
            Loaded::Restored => tracing::info!(%file, series = history.stats().series, "history restored"),
            Loaded::Absent => tracing::info!(%file, "no history of an earlier run"),
            Loaded::PutAside { aside, fault } => {
                let aside = aside.display();
                tracing::error!(%file, %fault, %aside, "the history was damaged; it was put aside, and a new one begins");
            }
            Loaded::Unreadable { problem } => {
                tracing::error!(%file, %problem, "the history cannot be read; a new one begins and will replace it");
            }
        }
        *self.history.write().unwrap_or_else(PoisonError::into_inner) = history;
    }

    fn append(&mut self, snapshot: &Snapshot) {
        let history = Arc::clone(&self.history);
        self.append_to(&mut history.write().unwrap_or_else(PoisonError::into_inner), snapshot);
    }

    /// `false`, and nothing is done, if somebody reads the history.
    fn append_unless_read(&mut self, snapshot: &Snapshot) -> bool {
        let history = Arc::clone(&self.history);
        let mut history = match history.try_write() {
            Ok(history) => history,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return false,
        };
        self.append_to(&mut history, snapshot);
        true
    }

    fn append_to(&mut self, history: &mut History, snapshot: &Snapshot) {
        let began = clock::now();
        self.heard = began.boot;
        let recorded = self.recorder.record(snapshot.world.now.stamp(), snapshot, history);
        let stats = history.stats();
        let append = clock::now().since(began.boot);
        let saved_at = *self.saved_at.lock().unwrap_or_else(PoisonError::into_inner);
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = Some(HistoryState { stats, append, saved_at });
        match recorded {
            Ok(recorded) => {
                (self.appended, self.set_back) = (true, false);
                if let Some(full) = recorded.refused.filter(|_| self.refused.is_none()) {
                    tracing::error!("{full} (--history.memory-limit)");
                }
                self.refused = recorded.refused;
            }
            Err(refused) => {
                if !self.set_back {
                    tracing::warn!("{refused}");
                }
                self.set_back = true;
            }
        }
    }

    /// How much longer the loop may be silent. If it has been too long, that is appended.
    fn until_silence(&mut self, now: Moment) -> Duration {
        if now.since(self.heard) >= SILENCE {
            self.heard = now.boot;
            self.append_down(now);
        }
        SILENCE.saturating_sub(now.since(self.heard))
    }

    fn append_down(&mut self, now: Moment) {
        // The tick that the loop is stuck in will come with an older time; that is no clock set back.
        self.set_back = true;
        // One that was is told by the next tick.
        let _ = self.history.write().unwrap_or_else(PoisonError::into_inner).append_down(now.stamp());
    }

    /// Each ten minutes, on a thread of its own: a disk that plotters are using may be slow.
    fn save_if_due(&mut self, now: Moment) {
        let due = *self.save_due.get_or_insert(now.boot + SNAPSHOT_INTERVAL);
        if now.boot < due || self.saving.as_ref().is_some_and(|saving| !saving.is_finished()) {
            return;
        }
        self.save_due = Some(now.boot + SNAPSHOT_INTERVAL);
        let Some(file) = self.file.clone() else { return };
        let (history, saved_at) = (self.copy(), Arc::clone(&self.saved_at));
        let spawned = thread::Builder::new()
            .name("history-file".to_owned())
            .spawn(move || save(&file, &history, now.wall, &saved_at));
        match spawned {
            Ok(saving) => self.saving = Some(saving),
            Err(error) => tracing::error!(%error, "the history is not saved"),
        }
    }

    /// What came since the last file, in a file.
    fn save_last(&mut self) {
        if let Some(saving) = self.saving.take()
            && saving.join().is_err()
        {
            tracing::error!("saving the history ended by itself, which it never should");
        }
        if let Some(file) = self.file.as_ref().filter(|_| self.appended) {
            save(file, &self.copy(), clock::now().wall, &self.saved_at);
        }
    }

    fn copy(&self) -> History {
        self.history.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn save(file: &SnapshotFile, history: &History, at: SystemTime, saved_at: &Mutex<Option<SystemTime>>) {
    let path = file.path().display();
    match file.save(history) {
        Ok(bytes) => {
            tracing::debug!(file = %path, bytes, "history saved");
            *saved_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(at);
        }
        Err(error) => {
            tracing::error!(file = %path, %error, "the history cannot be saved; --history.file chooses another place");
        }
    }
}

#[cfg(test)]
mod tests;
