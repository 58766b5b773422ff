//! What the machine in memory holds.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::setting;
use crate::claim::{Controller, Deed, KnobKind, Part, Setting};
use crate::kernel::process::Identity;
use crate::knob::attribute::catalogue;
use crate::knob::shaping::Found;
use crate::knob::{IoPrio, Measured, Policy, Reach, Scope, Unit, Value};

/// The values of one thread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Values {
    pub nice: i8,
    pub class: Policy,
    pub io_priority: IoPrio,
    /// Where it wishes to run; a set of the group may leave less of it.
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
    pub user: u32,
    /// Why it may not be paused.
    pub entangled: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FakeGroup {
    pub inode: u64,
    pub frozen: bool,
    /// Somebody has set limits that its members must not escape from.
    pub limited: bool,
    /// What was never set is as the kernel has it.
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
    /// How far each controller is handed down, and how far it would be without us.
    pub handed: BTreeMap<Controller, (Reach, Reach)>,
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
    /// What operations are judged by, by the name of the deed.
    pub measured: BTreeMap<&'static str, Measured>,
    /// Operations that were carried out.
    pub performed: Vec<(Deed, Scope)>,
    /// Signals that were sent, by number of the process.
    pub signals: Vec<(i32, i32)>,
    /// Signals that nobody dies of.
    pub deaf: BTreeSet<i32>,
    /// Temp files.
    pub files: BTreeSet<PathBuf>,
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
        let root = FakeGroup { inode: 1, frozen: false, limited: false, limits: BTreeMap::new() };
        let is_of_part = |kind: &&KnobKind| !kind.is_of_job() && **kind != KnobKind::Controllers;
        let not_of_jobs = KnobKind::ALL.iter().filter(is_of_part);
        Self {
            processes: BTreeMap::new(),
            groups: [("/".to_owned(), root)].into(),
            parts: not_of_jobs.map(|&kind| ((kind, part(kind)), FakePart::of(kind))).collect(),
            handed: Controller::ALL
                .iter()
                .map(|&controller| (controller, (reach(controller), reach(controller))))
                .collect(),
            online: (0..4).collect(),
            boot_id: "boot".to_owned(),
            writes: 0,
            rounding: 1,
            steps: 0,
            crash_at: None,
            refuse: BTreeMap::new(),
            refuse_writes: BTreeMap::new(),
            births: BTreeMap::new(),
            measured: BTreeMap::new(),
            performed: Vec::new(),
            signals: Vec::new(),
            deaf: BTreeSet::new(),
            files: BTreeSet::new(),
            ticks: 100,
            inodes: 10,
            next_tid: 1000,
        }
    }
}

impl FakePart {
    /// As it is before anybody touches it.
    pub fn of(kind: KnobKind) -> Self {
        let value = match setting(kind, 0) {
            Setting::Word(..) => Value::Word("as it was".to_owned()),
            Setting::Lane(..) => Value::Lane(Found::Untouched),
            Setting::Set(..) => Value::Set((0..4).collect()),
            _ => Value::Number(7),
        };
        Self { device: "serial 1".to_owned(), native: value.clone(), value }
    }
}

/// As it is before us: somebody else needs the memory controller.
fn reach(controller: Controller) -> Reach {
    if controller == Controller::Memory { Reach::OurGroup } else { Reach::Nowhere }
}

/// A limit of a group that nobody has touched.
pub fn no_limit(kind: KnobKind) -> Value {
    match kind {
        KnobKind::CpuWeight => Value::Number(100),
        KnobKind::CpuIdle | KnobKind::MemoryLow => Value::Number(0),
        KnobKind::CpuSet | KnobKind::NodeSet => Value::Set(BTreeSet::new()),
        KnobKind::IoWeight | KnobKind::IoMax | KnobKind::IoLatency => Value::Keyed(BTreeMap::new()),
        _ => Value::Number(Setting::NO_LIMIT),
    }
}

/// The one part that has the knob.
pub fn part(kind: KnobKind) -> Part {
    catalogue::of(kind).next().map_or_else(Part::machine, |attribute| Part::new(attribute.class, "0"))
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
            user: 1000,
            entangled: None,
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

    pub fn group(&mut self, path: &str, limited: bool) -> u64 {
        self.inodes += 1;
        let inode = self.inodes;
        let limits = BTreeMap::new();
        self.groups.insert(path.to_owned(), FakeGroup { inode, frozen: false, limited, limits });
        inode
    }

    /// The set of CPUs of the group that a process is in.
    fn cpus_of_group(&self, pid: i32) -> Option<&BTreeSet<u32>> {
        let group = self.groups.get(&self.processes.get(&pid)?.group)?;
        match group.limits.get(&KnobKind::CpuSet)? {
            Value::Set(cpus) if !cpus.is_empty() => Some(cpus),
            _ => None,
        }
    }

    /// Where a thread that wishes for these CPUs may run.
    pub fn effective(&self, pid: i32, wish: &BTreeSet<u32>) -> BTreeSet<u32> {
        let Some(cpus) = self.cpus_of_group(pid) else { return wish.clone() };
        let shared: BTreeSet<u32> = cpus.intersection(wish).copied().collect();
        if shared.is_empty() { cpus.clone() } else { shared }
    }

    /// Hands a controller down or takes it back; limits of a controller that is taken from the jobs are gone.
    pub fn hand(&mut self, controller: Controller, to: Reach) {
        if let Some((reach, _)) = self.handed.get_mut(&controller) {
            *reach = to;
        }
        if to != Reach::Jobs {
            for group in self.groups.values_mut() {
                group.limits.retain(|kind, _| kind.controller() != Some(controller));
            }
        }
    }

    /// A limit of a group: errors as the kernel does if its controller is not there, or if it makes no sense beside another.
    pub fn set_limit(&mut self, path: &str, kind: KnobKind, value: &Value) -> Result<(), i32> {
        self.has_limit(kind)?;
        let limits = &mut self.groups.get_mut(path).ok_or(libc::ENODEV)?.limits;
        let is_idle = limits.get(&KnobKind::CpuIdle) == Some(&Value::Number(1));
        match (kind, value) {
            (KnobKind::CpuWeight, _) if is_idle => return Err(libc::EINVAL),
            (KnobKind::CpuIdle, Value::Number(idle)) if is_idle != (*idle == 1) => {
                limits.insert(KnobKind::CpuWeight, Value::Number(if is_idle { 100 } else { 0 }));
            }
            _ => {}
        }
        limits.insert(kind, value.clone());
        Ok(())
    }

    /// Whether groups of jobs have a file for the limit.
    pub fn has_limit(&self, kind: KnobKind) -> Result<(), i32> {
        let reach = kind.controller().and_then(|controller| self.handed.get(&controller));
        if reach.is_some_and(|(reach, _)| *reach == Reach::Jobs) { Ok(()) } else { Err(libc::EOPNOTSUPP) }
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
