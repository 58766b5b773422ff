//! What the processes of one group have counted up, and what they have now.

use std::sync::Arc;

use super::tracked::{Counted, Levels};
use super::{GroupSample, StateCounts};
use crate::kernel::clock;
use crate::units::{Bytes, float};

/// A group while it lasts, which is as long as the program.
#[derive(Debug)]
pub(super) struct Group {
    name: Arc<str>,
    counted: Counted,
    now: Now,
}

/// What its processes have at one sweep.
#[derive(Debug, Clone, Copy)]
struct Now {
    processes: u64,
    states: StateCounts,
    threads: u64,
    virtual_bytes: u64,
    resident_pages: u64,
    swapped: Option<u64>,
    open_files: Option<u64>,
    worst_open_files: Option<f64>,
    oldest_ticks: Option<u64>,
}

impl Group {
    pub fn new(name: &str) -> Self {
        let counted = Counted { slices: Some(0), io: Some((0, 0)), ..Counted::default() };
        Self { name: name.into(), counted, now: Now::none() }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// Enters what a process counted since it was last read. What is unknown of one is from then on unknown of the group.
    pub fn enter(&mut self, since: &Counted) {
        let sum = &mut self.counted;
        sum.user_ticks = sum.user_ticks.saturating_add(since.user_ticks);
        sum.system_ticks = sum.system_ticks.saturating_add(since.system_ticks);
        sum.minor_faults = sum.minor_faults.saturating_add(since.minor_faults);
        sum.major_faults = sum.major_faults.saturating_add(since.major_faults);
        sum.slices = sum.slices.zip(since.slices).map(|(sum, since)| sum.saturating_add(since));
        sum.io =
            sum.io.zip(since.io).map(|(sum, since)| (sum.0.saturating_add(since.0), sum.1.saturating_add(since.1)));
    }

    /// Begins a sweep.
    pub fn begin(&mut self) {
        self.now = Now::none();
    }

    /// Enters what a process has now.
    pub fn add(&mut self, levels: &Levels, start_ticks: Option<u64>) {
        let now = &mut self.now;
        now.processes += 1;
        now.states.count(levels.state);
        now.threads = now.threads.saturating_add(levels.threads);
        now.virtual_bytes = now.virtual_bytes.saturating_add(levels.virtual_bytes);
        now.resident_pages = now.resident_pages.saturating_add(levels.resident_pages);
        now.swapped = now.swapped.zip(levels.swapped).map(|(sum, more)| sum.saturating_add(more));
        now.open_files = now.open_files.zip(levels.open_files).map(|(sum, more)| sum.saturating_add(more));
        if let (Some(open), Some(limit)) = (levels.open_files, levels.open_files_limit.filter(|limit| *limit > 0)) {
            let ratio = float(open) / float(limit);
            now.worst_open_files = Some(now.worst_open_files.map_or(ratio, |worst| worst.max(ratio)));
        }
        now.oldest_ticks = now.oldest_ticks.into_iter().chain(start_ticks).min();
    }

    pub fn sample(&self) -> GroupSample {
        let Self { name, counted, now } = self;
        GroupSample {
            name: Arc::clone(name),
            processes: now.processes,
            states: now.states,
            threads: now.threads,
            cpu_user: clock::ticks(counted.user_ticks),
            cpu_system: clock::ticks(counted.system_ticks),
            resident: clock::pages(now.resident_pages),
            virtual_size: Bytes(now.virtual_bytes),
            swapped: now.swapped.map(Bytes),
            minor_faults: counted.minor_faults,
            major_faults: counted.major_faults,
            read: counted.io.map(|(read, _)| Bytes(read)),
            written: counted.io.map(|(_, written)| Bytes(written)),
            context_switches: counted.slices,
            open_files: now.open_files,
            worst_open_files: now.worst_open_files,
            oldest_start: now.oldest_ticks.map(clock::ticks),
        }
    }
}

impl Now {
    /// Of no process everything is known.
    fn none() -> Self {
        Self {
            processes: 0,
            states: StateCounts::default(),
            threads: 0,
            virtual_bytes: 0,
            resident_pages: 0,
            swapped: Some(0),
            open_files: Some(0),
            worst_open_files: None,
            oldest_ticks: None,
        }
    }
}
