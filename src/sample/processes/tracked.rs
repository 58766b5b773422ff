//! One process from sweep to sweep: what it had counted when it was last read, and what it has counted since.
//!
//! Most processes of a machine do nothing between two sweeps. One without a second thread that was not given a CPU meanwhile
//! cannot have counted anything, so that one look at `schedstat` is enough. Its memory may shrink all the same, when the kernel
//! takes pages back: that is read once in [`TURN`] sweeps.

use super::comm::Comm;
use crate::kernel::KernelError;
use crate::kernel::process::{IoCounters, KeptFiles, ProcessReader, RunState, Slices, StatLine};

/// What is costly or changes seldom is read of each process at every such sweep, of as many in each.
pub(super) const TURN: u32 = 12;
/// Files of a process that did nothing for so many sweeps are closed but for one.
const IDLE: u8 = 12;

/// A process, small: there may be thousands.
#[derive(Debug, Default)]
pub(super) struct Tracked {
    files: KeptFiles,
    slices: Option<Slices>,
    /// In clock ticks since boot; `None` before the first reading.
    pub start_ticks: Option<u64>,
    pub counted: Counted,
    pub levels: Levels,
    pub comm: Comm,
    pub uid: Option<u32>,
    /// Place in the list of groups; `None` until it is named, and again after it has become another program.
    pub group: Option<u16>,
    pub kernel_thread: bool,
    idle: u8,
    /// What it counted since the sweep before; `None` in the first sweep that sees it.
    pub since: Option<Counted>,
}

/// What only grows. `None` where it cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Counted {
    pub user_ticks: u64,
    pub system_ticks: u64,
    pub minor_faults: u64,
    pub major_faults: u64,
    pub slices: Option<u64>,
    /// Bytes from and to storage.
    pub io: Option<(u64, u64)>,
}

/// What rises and falls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Levels {
    pub state: RunState,
    pub threads: u64,
    pub virtual_bytes: u64,
    pub resident_pages: u64,
    /// Bytes as of the process's last turn.
    pub swapped: Option<u64>,
    pub open_files: Option<u64>,
    /// The most that it may open; `None` for no limit, and where that is unknown.
    pub open_files_limit: Option<u64>,
}

/// What a visit found.
#[derive(Debug)]
pub(super) enum Visit {
    Unchanged,
    /// With what the process counted since it was last read, all of it in the first reading.
    Read(Counted),
    /// Ended; or hidden from us.
    Gone,
    Failed(KernelError),
}

impl Default for Levels {
    fn default() -> Self {
        Self {
            state: RunState::Sleeping,
            threads: 0,
            virtual_bytes: 0,
            resident_pages: 0,
            swapped: None,
            open_files: None,
            open_files_limit: None,
        }
    }
}

impl Tracked {
    /// Reads what may have changed. `look` numbers the sweeps.
    pub fn visit(&mut self, pid: i32, reader: &mut ProcessReader, look: u32) -> Visit {
        let is_turn = is_turn_of(pid, look);
        // Before `stat`: what happens between the two is then seen the next time, not never.
        let slices = reader.slices(pid, &mut self.files).ok().flatten();
        if self.did_nothing(slices) {
            self.idle = self.idle.saturating_add(1);
            if self.idle == IDLE {
                reader.close_all_but_slices(&mut self.files);
            }
            if is_turn {
                self.read_memory(pid, reader);
            }
            self.since = Some(Counted { slices: Some(0), io: self.counted.io.map(|_| (0, 0)), ..Counted::default() });
            return Visit::Unchanged;
        }
        self.idle = 0;
        let read = match self.read(pid, reader, slices, is_turn) {
            Err(error) if !error.is_gone() || self.start_ticks.is_none() => Err(error),
            Ok(Some(counted)) => Ok(Some(counted)),
            // What has the number now, if anything has, is another process, of which none of our files is.
            Ok(None) | Err(_) => {
                reader.close(&mut self.files);
                *self = Self::default();
                self.read(pid, reader, None, is_turn)
            }
        };
        match read {
            Ok(Some(counted)) => Visit::Read(counted),
            Ok(None) => Visit::Gone,
            Err(error) if error.is_gone() || error.is_forbidden() => Visit::Gone,
            Err(error) => Visit::Failed(error),
        }
    }

    /// Another program now: its names are to be read again.
    pub fn forget_names(&mut self) {
        self.group = None;
    }

    pub fn close(&mut self, reader: &mut ProcessReader) {
        reader.close(&mut self.files);
    }

    fn did_nothing(&self, slices: Option<Slices>) -> bool {
        slices.is_some() && slices == self.slices && self.levels.threads == 1 && self.group.is_some()
    }

    /// `None` if the number is another process's now.
    fn read(
        &mut self,
        pid: i32,
        reader: &mut ProcessReader,
        slices: Option<Slices>,
        is_turn: bool,
    ) -> Result<Option<Counted>, KernelError> {
        let line = reader.stat(pid, &mut self.files)?;
        let start = line.identity.start_ticks;
        if self.start_ticks.is_some_and(|known| known != start) {
            return Ok(None);
        }
        let is_new = self.start_ticks.replace(start).is_none();
        let comm = Comm::new(line.comm, line.kernel_thread);
        if comm != self.comm {
            (self.comm, self.group) = (comm, None);
        }
        self.kernel_thread = line.kernel_thread;
        let now = Counted::of(&line, slices);
        self.levels.enter(&line);
        let now = Counted { io: self.read_io(pid, reader), ..now };
        self.slices = slices;
        if !self.kernel_thread && !self.levels.state.has_ended() {
            self.read_levels(pid, reader, is_turn || is_new || self.group.is_none());
        }
        if is_new && self.levels.threads <= 1 {
            // Most do nothing for as long as they live, and the kernel spends memory on each file that is kept.
            reader.close_all_but_slices(&mut self.files);
        }
        let since = now.less(&self.counted);
        self.counted = now;
        self.since = (!is_new).then_some(since);
        Ok(Some(since))
    }

    /// The kernel may refuse the counters of a process that has ended: the last ones stay.
    fn read_io(&mut self, pid: i32, reader: &mut ProcessReader) -> Option<(u64, u64)> {
        match reader.io(pid, &mut self.files) {
            Ok(IoCounters { read_bytes, write_bytes, .. }) => Some((read_bytes, write_bytes)),
            Err(_) if self.levels.state.has_ended() => self.counted.io,
            Err(_) => None,
        }
    }

    fn read_levels(&mut self, pid: i32, reader: &mut ProcessReader, costly: bool) {
        if costly || reader.counts_open_files() {
            self.levels.open_files = reader.open_files(pid, &mut self.files).ok();
        }
        if costly {
            self.levels.open_files_limit = reader.open_files_limit(pid).ok().flatten();
            self.read_memory(pid, reader);
        }
    }

    fn read_memory(&mut self, pid: i32, reader: &mut ProcessReader) {
        if self.kernel_thread {
            return;
        }
        let Ok(memory) = reader.memory(pid) else { return };
        self.uid = memory.uid.or(self.uid);
        self.levels.swapped = memory.swapped;
        if let Some(resident) = memory.resident {
            self.levels.resident_pages = resident / crate::kernel::clock::pages(1).0;
        }
    }
}

impl Counted {
    fn of(line: &StatLine<'_>, slices: Option<Slices>) -> Self {
        Self {
            user_ticks: line.user_ticks,
            system_ticks: line.system_ticks,
            minor_faults: line.minor_faults,
            major_faults: line.major_faults,
            slices: slices.map(|slices| slices.count),
            io: None,
        }
    }

    fn less(&self, before: &Self) -> Self {
        let io = |(read, written): (u64, u64)| {
            let (read_before, written_before) = before.io.unwrap_or_default();
            (read.saturating_sub(read_before), written.saturating_sub(written_before))
        };
        Self {
            user_ticks: self.user_ticks.saturating_sub(before.user_ticks),
            system_ticks: self.system_ticks.saturating_sub(before.system_ticks),
            minor_faults: self.minor_faults.saturating_sub(before.minor_faults),
            major_faults: self.major_faults.saturating_sub(before.major_faults),
            slices: self.slices.map(|slices| slices.saturating_sub(before.slices.unwrap_or(0))),
            io: self.io.map(io),
        }
    }
}

impl Levels {
    fn enter(&mut self, line: &StatLine<'_>) {
        self.state = line.state;
        self.threads = line.threads;
        self.virtual_bytes = line.virtual_bytes;
        self.resident_pages = line.resident_pages;
        if line.kernel_thread || line.state.has_ended() {
            // Neither has memory or files of its own.
            (self.swapped, self.open_files, self.open_files_limit) = (Some(0), Some(0), None);
        }
    }
}

/// Spreads the turns evenly over the sweeps.
fn is_turn_of(pid: i32, look: u32) -> bool {
    pid.unsigned_abs() % TURN == look % TURN
}
