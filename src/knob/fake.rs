//! A machine in memory, for tests of this program and of policies. It dies, refuses and is tampered with on command, and behaves as
//! Linux does where it matters: threads and children inherit, numbers are used again, affinity is cut to what is online, a frozen
//! group takes in the stopped.

mod machine;
mod state;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::rc::Rc;

pub use state::{FakePart, State, no_limit, part};

use super::attribute::Form;
use super::attribute::catalogue;
use super::shaping::Found;
use super::{Facts, IoPrio, Knob, KnobError, Policy, Reach, Reversible, Scope, Unit, Value, file_name};
use crate::claim::{Controller, IoPriority, KnobKind, Part, Setting, Target};
use crate::inventory::{Capability, CapabilityState};
use crate::kernel::process::Identity;

/// Unwinds out of whatever was going on: the power of `kill -9` in a test.
pub struct Crash;

/// The machine.
pub struct Fake {
    pub state: Rc<RefCell<State>>,
    knobs: BTreeMap<KnobKind, FakeKnob>,
}

struct FakeKnob {
    kind: KnobKind,
    state: Rc<RefCell<State>>,
}

impl Fake {
    pub fn new(state: &Rc<RefCell<State>>) -> Self {
        let knob = |&kind| (kind, FakeKnob { kind, state: Rc::clone(state) });
        Self { state: Rc::clone(state), knobs: KnobKind::ALL.iter().map(knob).collect() }
    }
}

impl FakeKnob {
    fn step(&self, of: &dyn std::fmt::Display, is_read: bool) -> Result<(), KnobError> {
        step(&self.state, of, is_read)
    }

    fn group_of_unit(state: &State, unit: &Unit) -> Option<String> {
        match unit {
            Unit::Group { path, inode } if state.groups.get(path).is_some_and(|group| group.inode == *inode) => {
                Some(path.clone())
            }
            _ => None,
        }
    }

    fn set(&self, state: &mut State, unit: &Unit, value: &Value) -> Option<()> {
        let online = state.online.clone();
        match value {
            Value::Handed(reach) => {
                let Unit::Controller { controller, .. } = unit else { return None };
                state.hand(*controller, *reach);
            }
            Value::Number(_)
            | Value::Word(_)
            | Value::Chosen { .. }
            | Value::Fan(_)
            | Value::Set(_)
            | Value::Lane(_)
            | Value::Keyed(_) => {
                return self.set_other(state, unit, value);
            }
            Value::Nice(nice) => state.thread(unit)?.nice = *nice,
            Value::Class(class) => state.thread(unit)?.class = *class,
            Value::IoPriority(priority) => state.thread(unit)?.io_priority = *priority,
            Value::OomScore(score) => state.processes.get_mut(&unit.process()?.pid)?.oom_score = *score,
            Value::Affinity(cpus) => state.thread(unit)?.cpus = cpus.intersection(&online).copied().collect(),
            Value::Group { path, .. } => state.processes.get_mut(&unit.process()?.pid)?.group.clone_from(path),
            Value::Halted(halted) => match Self::group_of_unit(state, unit) {
                Some(path) => state.groups.get_mut(&path)?.frozen = *halted,
                None => state.processes.get_mut(&unit.process()?.pid)?.stopped = *halted,
            },
        }
        Some(())
    }

    /// Where a value lies that needs nothing but a place.
    fn other<'s>(&self, state: &'s mut State, unit: &Unit) -> Option<&'s mut Value> {
        let nothing = || Value::Number(0);
        match unit {
            Unit::Part { part, device } => {
                let found = state.parts.get_mut(&(self.kind, part.clone()))?;
                (found.device == *device).then_some(&mut found.value)
            }
            Unit::Group { .. } => {
                let path = Self::group_of_unit(state, unit)?;
                Some(state.groups.get_mut(&path)?.limits.entry(self.kind).or_insert_with(|| no_limit(self.kind)))
            }
            _ => Some(state.thread(unit)?.others.entry(self.kind).or_insert_with(nothing)),
        }
    }

    fn set_other(&self, state: &mut State, unit: &Unit, value: &Value) -> Option<()> {
        let rounded = self.rounded(state, value);
        *self.other(state, unit)? = rounded;
        Some(())
    }

    /// No kernel rounds what is a switch, or no limit at all.
    fn rounded(&self, state: &State, value: &Value) -> Value {
        match value {
            Value::Number(number) if self.kind != KnobKind::CpuIdle && *number != Setting::NO_LIMIT => {
                Value::Number(number - number % state.rounding)
            }
            value => value.clone(),
        }
    }

    fn has_file(&self, state: &State, unit: &Unit) -> Result<(), KnobError> {
        match Self::group_of_unit(state, unit).filter(|_| self.kind.is_of_group()) {
            Some(_) => state.has_limit(self.kind).map_err(|_| KnobError::Gone(unit.to_string())),
            None => Ok(()),
        }
    }

    fn get(&self, state: &mut State, unit: &Unit) -> Option<Value> {
        if let Some(process) = unit.process() {
            state.live(process)?;
        }
        Some(match self.kind {
            KnobKind::Nice => Value::Nice(state.thread(unit)?.nice),
            KnobKind::SchedClass => Value::Class(state.thread(unit)?.class),
            KnobKind::IoPriority => Value::IoPriority(state.thread(unit)?.io_priority),
            KnobKind::OomScore => Value::OomScore(state.live(unit.process()?)?.oom_score),
            KnobKind::Affinity => {
                let wish = state.thread(unit)?.cpus.clone();
                Value::Affinity(state.effective(unit.process()?.pid, &wish))
            }
            KnobKind::Controllers => {
                let Unit::Controller { controller, .. } = unit else { return None };
                Value::Handed(state.handed.get(controller)?.0)
            }
            KnobKind::Group => {
                let path = state.live(unit.process()?)?.group.clone();
                let inode = state.groups.get(&path).map_or(0, |group| group.inode);
                Value::Group { path, inode }
            }
            KnobKind::Pause => match unit {
                Unit::Group { .. } => Value::Halted(state.groups.get(&Self::group_of_unit(state, unit)?)?.frozen),
                _ => Value::Halted(state.live(unit.process()?)?.stopped),
            },
            _ => self.other(state, unit)?.clone(),
        })
    }
}

fn failed(unit: &Unit, errno: i32) -> KnobError {
    KnobError::from_io("write", unit, io::Error::from_raw_os_error(errno))
}

/// One operation: where things go wrong.
fn step(state: &RefCell<State>, of: &dyn std::fmt::Display, is_read: bool) -> Result<(), KnobError> {
    let (crash, errno) = {
        let mut state = state.borrow_mut();
        state.steps += 1;
        let step = state.steps;
        if let Some(pid) = state.births.remove(&step) {
            state.clone_thread(pid);
        }
        let mut errno = state.refuse.remove(&step);
        if let Some(errno) = errno.take_if(|_| is_read) {
            state.refuse.insert(step + 1, errno);
        }
        (state.crash_at == Some(step), errno)
    };
    if crash {
        std::panic::resume_unwind(Box::new(Crash));
    }
    match errno {
        Some(errno) => Err(KnobError::from_io("do something", of, io::Error::from_raw_os_error(errno))),
        None => Ok(()),
    }
}

impl Reversible for FakeKnob {
    fn kind(&self) -> KnobKind {
        self.kind
    }

    fn units(&self, scope: &Scope) -> Result<Vec<Unit>, KnobError> {
        let state = self.state.borrow();
        let live: Vec<Identity> = scope.processes.iter().copied().filter(|&it| state.live(it).is_some()).collect();
        let group = scope.group.as_ref().map(|(path, inode)| Unit::Group { path: path.clone(), inode: *inode });
        let inside = |pid: i32| {
            let path = scope.group.as_ref().map(|(path, _)| path);
            path.is_some_and(|path| state.processes.get(&pid).is_some_and(|process| process.group == *path))
        };
        Ok(match self.kind {
            KnobKind::Group => {
                let members = state.processes.iter().filter(|(pid, _)| inside(**pid));
                let members = members.map(|(&pid, process)| Identity { pid, start_ticks: process.started });
                let all: BTreeSet<Identity> = live.iter().copied().chain(members).collect();
                all.into_iter().map(Unit::of_process).collect()
            }
            KnobKind::OomScore => live.into_iter().map(Unit::of_process).collect(),
            KnobKind::Pause => {
                let outside = live.into_iter().filter(|process| !inside(process.pid)).map(Unit::of_process);
                group.into_iter().chain(outside).collect()
            }
            kind if kind.is_of_group() => {
                let none = || KnobError::Unusable("the job has no group of its own".to_owned());
                let group = group.ok_or_else(none)?;
                state.has_limit(kind).map_err(|errno| failed(&group, errno))?;
                vec![group]
            }
            KnobKind::Controllers => {
                let unit = |&controller| Unit::Controller { path: "/".to_owned(), inode: 1, controller };
                scope.controllers.iter().map(unit).collect()
            }
            kind if !kind.is_of_job() => {
                let found = scope.part.as_ref().and_then(|part| Some((part, state.parts.get(&(kind, part.clone()))?)));
                let unit =
                    |(part, found): (&Part, &FakePart)| Unit::Part { part: part.clone(), device: found.device.clone() };
                found.map(unit).into_iter().collect()
            }
            _ => {
                let of = |process: Identity| {
                    let threads = state.live(process).into_iter().flat_map(|found| &found.threads);
                    threads.map(|(&tid, thread)| Unit::of_thread(process, tid, thread.started)).collect::<Vec<_>>()
                };
                live.into_iter().flat_map(of).collect()
            }
        })
    }

    fn read(&self, unit: &Unit) -> Result<Value, KnobError> {
        self.step(unit, true)?;
        let mut state = self.state.borrow_mut();
        self.has_file(&state, unit)?;
        self.get(&mut state, unit).ok_or_else(|| KnobError::Gone(unit.to_string()))
    }

    fn write(&self, unit: &Unit, value: &Value) -> Result<(), KnobError> {
        self.step(unit, false)?;
        let mut state = self.state.borrow_mut();
        if let Some(&errno) = state.refuse_writes.get(&self.kind) {
            return Err(KnobError::from_io("write", unit, io::Error::from_raw_os_error(errno)));
        }
        self.has_file(&state, unit)?;
        if self.get(&mut state, unit).is_none() {
            return Err(KnobError::Gone(unit.to_string()));
        }
        if let Value::Group { path, inode } = value
            && state.groups.get(path).is_none_or(|group| group.inode != *inode)
        {
            return Err(KnobError::PlaceLost(path.clone()));
        }
        state.writes += 1;
        if let Some(path) = Self::group_of_unit(&state, unit).filter(|_| self.kind.is_of_group()) {
            let rounded = self.rounded(&state, value);
            return state.set_limit(&path, self.kind, &rounded).map_err(|errno| failed(unit, errno));
        }
        self.set(&mut state, unit, value).ok_or_else(|| KnobError::Gone(unit.to_string()))
    }

    fn rounds(&self, written: &Value, found: &Value) -> bool {
        match (written, found) {
            (Value::Affinity(written), Value::Affinity(found)) => !found.is_empty() && found.is_subset(written),
            (Value::Group { path, inode }, Value::Group { path: found, inode: now }) => {
                path == found && (inode == now || *inode == 0)
            }
            (Value::Number(_), Value::Number(_)) => *found == self.rounded(&self.state.borrow(), written),
            _ => written == found,
        }
    }

    fn is_inherited(&self) -> bool {
        self.kind.is_of_job() && !self.kind.is_of_group() && self.kind != KnobKind::Pause
    }

    fn next_best(&self, original: &Value) -> Option<Value> {
        let root = Value::Group { path: "/".to_owned(), inode: 1 };
        matches!(original, Value::Group { .. }).then_some(root)
    }

    fn finish(&self, ours: &Value) -> Result<(), KnobError> {
        let Value::Group { path, inode } = ours else { return Ok(()) };
        self.step(path, false)?;
        let mut state = self.state.borrow_mut();
        if state.processes.values().any(|process| process.group == *path) {
            return Err(KnobError::from_io("remove", path, io::Error::from_raw_os_error(libc::EBUSY)));
        }
        if state.groups.get(path).is_some_and(|group| group.inode == *inode || *inode == 0) {
            state.groups.remove(path);
        }
        Ok(())
    }
}

impl Knob for FakeKnob {
    fn facts(&self) -> Facts {
        Facts::of_call("memory of the test", "any", "")
    }

    fn probe(&self) -> Capability {
        Capability { surface: "fake", state: CapabilityState::Usable, reason: String::new(), mend: String::new() }
    }

    fn normalise(&self, target: &Target, setting: &Setting) -> Result<Value, KnobError> {
        Ok(match setting {
            Setting::Controllers(_) => Value::Handed(Reach::Jobs),
            Setting::Keyed(_, keyed) => {
                let text = |numbers: &BTreeMap<String, u64>| {
                    numbers.iter().map(|(key, number)| (key.clone(), number.to_string())).collect()
                };
                Value::Keyed(keyed.iter().map(|(of, numbers)| (of.clone(), text(numbers))).collect())
            }
            Setting::Group => {
                Value::Group { path: format!("/plotwarden/{}", file_name(&target.to_string())), inode: 0 }
            }
            Setting::Number(_, number) => Value::Number(*number),
            Setting::Word(_, word) => Value::Word(word.clone()),
            Setting::Set(_, numbers) => Value::Set(numbers.clone()),
            Setting::Lane(_, lane) => Value::Lane(Found::Ours(lane.clone())),
            Setting::Nice(nice) => Value::Nice(*nice),
            Setting::SchedClass(class) => Value::Class((*class).into()),
            Setting::IoPriority(priority) => Value::IoPriority((*priority).into()),
            Setting::Affinity(cpus) => Value::Affinity(cpus.clone()),
            Setting::Paused => Value::Halted(true),
            Setting::OomScore(score) => Value::OomScore(*score),
        })
    }

    fn prepare(&self, value: Value) -> Result<Value, KnobError> {
        let Value::Group { path, .. } = value else { return Ok(value) };
        self.step(&path, false)?;
        let mut state = self.state.borrow_mut();
        let known = state.groups.get(&path).map(|group| group.inode);
        let inode = known.unwrap_or_else(|| state.group(&path, false));
        Ok(Value::Group { path, inode })
    }

    fn off_limits(&self, _unit: &Unit, current: &Value) -> Option<String> {
        match current {
            Value::Class(Policy::Fifo) => Some("is scheduled as fifo".to_owned()),
            Value::IoPriority(priority) if priority.class() == IoPrio::REALTIME => Some("has real-time I/O".to_owned()),
            Value::Group { path, .. } if path != "/" => {
                let limits = self.state.borrow().groups.get(path).is_none_or(|group| group.limited);
                (limits || path.starts_with("/plotwarden/")).then(|| format!("is in {path}"))
            }
            _ => None,
        }
    }

    fn is_exclusive(&self) -> bool {
        self.kind == KnobKind::Pause
    }
}

/// A setting of each kind, one of three values where there is a choice.
pub fn setting(kind: KnobKind, choice: usize) -> Setting {
    match kind {
        KnobKind::Group => Setting::Group,
        KnobKind::Nice => Setting::Nice([5, 10, 15][choice % 3]),
        KnobKind::SchedClass => {
            Setting::SchedClass([crate::claim::SchedClass::Batch, crate::claim::SchedClass::Idle][choice % 2])
        }
        KnobKind::IoPriority => Setting::IoPriority([IoPriority::Idle, IoPriority::BestEffort(7)][choice % 2]),
        KnobKind::Affinity => {
            Setting::Affinity([vec![0], vec![1, 2], vec![2, 3, 9]][choice % 3].iter().copied().collect())
        }
        KnobKind::Pause => Setting::Paused,
        KnobKind::OomScore => Setting::OomScore([300, 600, 1000][choice % 3]),
        KnobKind::Shaping | KnobKind::ArrivalShaping => {
            let link = crate::units::BitsPerSecond([10_000_000, 20_000_000, 30_000_000][choice % 3]);
            Setting::Lane(kind, crate::shaping::Lane { link, classes: Vec::new() })
        }
        KnobKind::Controllers => Setting::Controllers(BTreeSet::from([Controller::Cpu])),
        KnobKind::CpuIdle => Setting::Number(kind, [1, 0, 1][choice % 3]),
        KnobKind::CpuSet | KnobKind::NodeSet => {
            Setting::Set(kind, [vec![0], vec![1, 2], vec![0, 1]][choice % 3].iter().copied().collect())
        }
        KnobKind::IoMax | KnobKind::IoLatency | KnobKind::IoCost => {
            let rate = ("rbps".to_owned(), [10, 20, 30][choice % 3]);
            Setting::Keyed(kind, BTreeMap::from([("sda".to_owned(), BTreeMap::from([rate]))]))
        }
        kind => match catalogue::of(kind).next().map(|attribute| attribute.form) {
            Some(Form::Word(_)) => Setting::Word(kind, ["one", "two", "three"][choice % 3].to_owned()),
            Some(Form::Set) => {
                Setting::Set(kind, [vec![0], vec![1, 2], vec![0, 1, 2]][choice % 3].iter().copied().collect())
            }
            _ => Setting::Number(kind, [10, 20, 30][choice % 3]),
        },
    }
}
