//! What the machine in memory holds.

use std::collections::{BTreeMap, BTreeSet};

use super::setting;
use crate::claim::{KnobKind, Part, Setting};
use crate::kernel::process::Identity;
use crate::knob::attribute::catalogue::attribute;
use crate::knob::shaping::Found;
use crate::knob::{IoPrio, Policy, Unit, Value};

/// The values of one thread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Values {
    pub nice: i8,
    pub class: Policy,
    pub io_priority: IoPrio,
    pub cpus: BTreeSet<u32>,
    /// Knobs that are no different from one another here.
    pub others: BTreeMap<KnobKind, Value>,
}

/// A thread, and what it would be without us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FakeThread {
    pub started: u64,
    pub values: Values,
    pub native: Values,
}

/// A process, and what it would be without us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FakeProcess {
    pub started: u64,
    pub parent: i32,
    pub comm: String,
    pub exe_inode: u64,
    pub threads: BTreeMap<i32, FakeThread>,
    pub stopped: bool,
    pub native_stopped: bool,
    pub group: String,
    pub native_group: String,
    pub oom_score: i16,
    pub native_oom_score: i16,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FakeGroup {
    pub inode: u64,
    pub frozen: bool,
    pub controllers: bool,
    /// Limits; what was never set is at zero.
    pub limits: BTreeMap<KnobKind, Value>,
}

/// A knob of a part of the machine, and what it would be without us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FakePart {
    pub device: String,
    pub value: Value,
    pub native: Value,
}

/// All there is.
#[derive(Debug, Clone)]
pub struct State {
    pub processes: BTreeMap<i32, FakeProcess>,
    pub groups: BTreeMap<String, FakeGroup>,
    pub parts: BTreeMap<(KnobKind, Part), FakePart>,
    pub online: BTreeSet<u32>,
    pub boot_id: String,
    pub writes: usize,
    /// Numbers are kept in steps of this.
    pub rounding: u64,
    /// Operations so far, reads included.
    pub steps: usize,
    /// The process dies before this operation.
    pub crash_at: Option<usize>,
    /// Operations that fail, and how. Reads of what exists do not fail on Linux; their turn goes to the next operation.
    pub refuse: BTreeMap<usize, i32>,
    /// Every write of this knob fails so.
    pub refuse_writes: BTreeMap<KnobKind, i32>,
    /// Operations before which the leader of a process makes a thread.
    pub births: BTreeMap<usize, i32>,
    ticks: u64,
    inodes: u64,
    next_tid: i32,
}

impl Default for Values {
    fn default() -> Self {
        Self {
            nice: 0,
            class: Policy::Other,
            io_priority: IoPrio(0),
            cpus: (0..4).collect(),
            others: [(KnobKind::TimerSlack, Value::Number(7))].into(),
        }
    }
}

impl Default for State {
    fn default() -> Self {
        let root = FakeGroup { inode: 1, frozen: false, controllers: true, limits: BTreeMap::new() };
        let not_of_jobs = KnobKind::ALL.iter().filter(|kind| !kind.is_of_job());
        Self {
            processes: BTreeMap::new(),
            groups: [("/".to_owned(), root)].into(),
            parts: not_of_jobs.map(|&kind| ((kind, part(kind)), FakePart::of(kind))).collect(),
            online: (0..4).collect(),
            boot_id: "boot".to_owned(),
            writes: 0,
            rounding: 1,
            steps: 0,
            crash_at: None,
            refuse: BTreeMap::new(),
            refuse_writes: BTreeMap::new(),
            births: BTreeMap::new(),
            ticks: 100,
            inodes: 10,
            next_tid: 1000,
        }
    }
}

impl FakePart {
    fn of(kind: KnobKind) -> Self {
        let value = match setting(kind, 0) {
            Setting::Word(..) | Setting::Controllers => Value::Word("as it was".to_owned()),
            Setting::Lane(..) => Value::Lane(Found::Untouched),
            Setting::Set(..) => Value::Set((0..4).collect()),
            _ => Value::Number(7),
        };
        Self { device: "serial 1".to_owned(), native: value.clone(), value }
    }
}

/// The one part that has the knob.
pub fn part(kind: KnobKind) -> Part {
    attribute(kind).map_or_else(Part::machine, |attribute| Part::new(attribute.class, "0"))
}

impl State {
    pub fn spawn(&mut self, pid: i32, parent: i32) -> Identity {
        self.ticks += 1;
        let (mut values, mut native, mut group, mut native_group) =
            (Values::default(), Values::default(), "/".to_owned(), "/".to_owned());
        let (mut oom_score, mut native_oom_score) = (0, 0);
        if let Some(parent) = self.processes.get(&parent) {
            (group, native_group) = (parent.group.clone(), parent.native_group.clone());
            (oom_score, native_oom_score) = (parent.oom_score, parent.native_oom_score);
            if let Some(leader) = parent.threads.values().next() {
                (values, native) = (leader.values.clone(), leader.native.clone());
            }
        }
        let leader = FakeThread { started: self.ticks, values, native };
        let process = FakeProcess {
            started: self.ticks,
            parent,
            comm: "chia_plot".to_owned(),
            exe_inode: 77,
            threads: [(pid, leader)].into(),
            stopped: false,
            native_stopped: false,
            group,
            native_group,
            oom_score,
            native_oom_score,
        };
        self.processes.insert(pid, process);
        Identity { pid, start_ticks: self.ticks }
    }

    /// The leader makes a thread, which inherits everything.
    pub fn clone_thread(&mut self, pid: i32) {
        self.ticks += 1;
        self.next_tid += 1;
        let (tid, ticks) = (self.next_tid, self.ticks);
        if let Some(process) = self.processes.get_mut(&pid)
            && let Some(leader) = process.threads.get(&pid).cloned()
        {
            process.threads.insert(tid, FakeThread { started: ticks, ..leader });
        }
    }

    pub fn group(&mut self, path: &str, controllers: bool) -> u64 {
        self.inodes += 1;
        let inode = self.inodes;
        let limits = BTreeMap::new();
        self.groups.insert(path.to_owned(), FakeGroup { inode, frozen: false, controllers, limits });
        inode
    }

    pub fn live(&self, process: Identity) -> Option<&FakeProcess> {
        self.processes.get(&process.pid).filter(|found| found.started == process.start_ticks)
    }

    pub fn thread(&mut self, unit: &Unit) -> Option<&mut Values> {
        let Unit::Thread { pid, started, tid, thread_started } = *unit else { return None };
        let process = self.processes.get_mut(&pid).filter(|found| found.started == started)?;
        let thread = process.threads.get_mut(&tid).filter(|found| found.started == thread_started)?;
        Some(&mut thread.values)
    }
}
