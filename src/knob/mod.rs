//! Each controllable thing: how to find its units, read them, write them, and what they look like afterwards.
//!
//! Knobs are thin over system calls and decide nothing; only `actuate` calls `write`. They stand behind the trait `Machine`,
//! so that the actuator can be tested on a machine in memory that dies, refuses and is tampered with on command. What puts back
//! needs less of them, and sees less: `ReversibleMachine`, of `Reversible` things.

mod affinity;
mod aside;
mod attribute;
mod bus;
mod cgroup;
mod controllers;
mod disk;
mod disk_power;
mod entangled;
mod error;
pub mod fake;
mod fan;
mod gpu;
mod group;
mod group_memory;
mod home;
mod io_cost;
mod io_priority;
mod left_behind;
mod limit;
mod linux;
mod listing;
mod nice;
mod oom_score;
mod operation;
mod pause;
mod pinned;
mod proof;
mod reference;
mod sched_class;
mod scope;
pub mod shaping;
mod task;
mod temp_files;
mod timely;
mod timer_slack;
mod unit;
mod value;

#[cfg(test)]
pub use attribute::fixture::{Catalogued, catalogued};
pub use cgroup::{GroupDir, Tree, file_name};
pub use error::KnobError;
pub use group_memory::GroupMemory;
pub use home::GroupUse;
pub use linux::{Linux, LinuxToRestore};
pub use listing::{Described, Listed, ListedPart, describe, list};
pub use operation::Measured;
pub use proof::{Proof, kinds as proven_kinds};
pub use reference::markdown;
pub use task::Held;
pub use temp_files::{Place, Swept};
pub use unit::Unit;
pub use value::{IoPrio, Lines, Policy, Reach, Value, cpu_list};

use std::collections::BTreeSet;

use crate::claim::{Controller, Deed, KnobKind, Part, PartClass, Setting, Target};
use crate::inventory::Capability;
use crate::kernel::process::Identity;
use crate::plotter::TempPattern;

/// Which units of a job are asked for.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    pub processes: Vec<Identity>,
    /// The job's own group, where it has one: path and inode.
    pub group: Option<(String, u64)>,
    /// The part of the machine, for knobs that belong to one.
    pub part: Option<Part>,
    /// The controllers that are wanted, for the knob that hands them down.
    pub controllers: BTreeSet<Controller>,
}

/// What a knob is on any machine, for the table of knobs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The attribute, with `*` for the part, or the system call.
    pub place: String,
    /// Unit of a number as the kernel holds it; empty for what is no number.
    pub unit: &'static str,
    pub range: String,
    /// What the kernel makes of a value.
    pub normalisation: &'static str,
    /// Who else is known to write it. What they write is left alone.
    pub others: &'static [&'static str],
    /// The document that describes it.
    pub source: &'static str,
}

impl Facts {
    /// Of a knob that is kept as written and that nobody else writes by itself.
    pub fn of_call(place: &str, range: &str, source: &'static str) -> Self {
        let normalisation = "kept as written";
        Self { place: place.to_owned(), unit: "", range: range.to_owned(), normalisation, others: &[], source }
    }
}

/// What it takes to put one controllable thing back: a restoration sees no more of it, and the guard is built of nothing else.
pub trait Reversible {
    fn kind(&self) -> KnobKind;

    /// The units as they are now, leaders before the threads of their process. Processes that ended are left out.
    fn units(&self, scope: &Scope) -> Result<Vec<Unit>, KnobError>;

    fn read(&self, unit: &Unit) -> Result<Value, KnobError>;

    /// Writes after having made sure, under a held pidfd or directory, that the unit is still the one that was meant.
    fn write(&self, unit: &Unit, value: &Value) -> Result<(), KnobError>;

    /// Whether the kernel may show `found` after `written` was written.
    fn rounds(&self, written: &Value, found: &Value) -> bool {
        written == found
    }

    /// Whether `found` is still what we know to be ours, where not all of a value may be there any more.
    fn is_same(&self, known: &Value, found: &Value) -> bool {
        known == found
    }

    /// Whether `ours` may stand though the kernel shows `found`: it shows what is in force, and somebody or something else holds
    /// that tighter for a while.
    fn is_veiled(&self, _unit: &Unit, _ours: &Value, _found: &Value) -> bool {
        false
    }

    /// Whether new threads and children start with the value of the one that made them.
    fn is_inherited(&self) -> bool;

    /// Where to put a unit whose original place is lost.
    fn next_best(&self, _original: &Value) -> Option<Value> {
        None
    }

    /// Removes what `Knob::prepare` made, once no unit has the value any more.
    fn finish(&self, _ours: &Value) -> Result<(), KnobError> {
        Ok(())
    }
}

/// One controllable thing.
pub trait Knob: Reversible {
    fn facts(&self) -> Facts;

    /// Whether the knob can be used here, which includes that it can be put back.
    fn probe(&self) -> Capability;

    /// The class of the parts that have it, of a knob that is none of jobs.
    fn class(&self) -> PartClass {
        PartClass::Machine
    }

    /// What becomes of our value when somebody else writes another one.
    fn on_foreign_write(&self) -> &'static str {
        "left alone and reported"
    }

    /// The parts of the machine that have it; none for a knob of jobs.
    fn parts(&self) -> Vec<Part> {
        Vec::new()
    }

    /// The value that the units of `target` have once `setting` is in force. Errors if the setting is out of range.
    fn normalise(&self, target: &Target, setting: &Setting) -> Result<Value, KnobError>;

    /// Makes what has to exist before the first write, and returns the value with what is known only now.
    fn prepare(&self, value: Value) -> Result<Value, KnobError> {
        Ok(value)
    }

    /// Why a unit with this value must be left alone, if so: it could not be put back, or it is not ours to judge.
    fn off_limits(&self, _unit: &Unit, _current: &Value) -> Option<String> {
        None
    }

    /// The value with what else is lost once it is replaced, for its return.
    fn remember(&self, _unit: &Unit, found: Value) -> Value {
        found
    }

    /// Whether a unit that has the wanted value before we came was set so by somebody who will want it back.
    fn is_exclusive(&self) -> bool {
        false
    }
}

/// What the actuator must know of a process before it touches it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Portrait {
    pub comm: String,
    /// `None` where it may not be read, and for kernel threads.
    pub exe: Option<std::path::PathBuf>,
    pub exe_inode: Option<u64>,
    pub argv: Vec<String>,
    pub kernel_thread: bool,
    /// Real and effective user; `None` where that cannot be read.
    pub users: Option<(u32, u32)>,
}

/// What shows at one glance whether a process may have changed: cheap enough for each tick.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glance {
    pub comm: String,
    pub threads: u64,
}

/// The machine as a restoration sees it.
pub trait ReversibleMachine {
    fn reversible(&self, kind: KnobKind) -> &dyn Reversible;

    /// Units are listed once and remembered until this is called: at the start of each tick and of each pass of a release.
    fn look_again(&self) {}

    /// What a record must carry to be valid: `/proc/sys/kernel/random/boot_id`.
    fn boot_id(&self) -> Result<String, KnobError>;

    /// Whatever process has the number now.
    fn identity(&self, pid: i32) -> Option<Identity>;

    /// `false` if the process has ended, be it reaped or not.
    fn is_alive(&self, process: Identity) -> bool;

    /// The live process that made this one, or that took it in since; `None` if this one has ended.
    fn parent(&self, process: Identity) -> Option<Identity>;

    /// The children that the process has now; none where the kernel does not list them.
    fn children(&self, process: Identity) -> Vec<Identity>;

    /// Groups below ours, by job: path and inode.
    fn own_groups(&self) -> Vec<(String, u64)>;

    /// Thaws a group of ours that no record speaks of, sends its processes to the root group and removes it.
    fn dissolve(&self, group: &(String, u64)) -> Result<(), KnobError>;
}

/// The machine as the actuator sees it.
pub trait Machine: ReversibleMachine {
    fn knob(&self, kind: KnobKind) -> &dyn Knob;

    /// Errors with `Gone` if the process has ended or its number belongs to another one.
    fn portrait(&self, process: Identity) -> Result<Portrait, KnobError>;

    /// Why these processes may not be paused now: others wait for what they hold or send. Errors if that cannot be told.
    fn entangled(&self, processes: &[Identity]) -> Result<Option<String>, KnobError>;

    /// `None` if the process has ended.
    fn glance(&self, process: Identity) -> Option<Glance>;

    /// Ourselves and all our ancestors.
    fn lineage(&self) -> Vec<Identity>;

    /// What an operation on this is judged by.
    fn measure(&self, deed: &Deed, scope: &Scope) -> Result<Measured, KnobError>;

    /// Does what cannot be undone. `Late` means that it is still being done.
    fn perform(&self, deed: &Deed, scope: &Scope) -> Result<(), KnobError>;

    /// Sends a signal to this process and to no later one with its number.
    fn signal(&self, process: Identity, signal: i32) -> Result<(), KnobError>;

    /// Remembers a directory, so that another one under its name is not mistaken for it.
    fn pin(&self, directory: &std::path::Path) -> Result<Place, KnobError>;

    /// Removes temp files of one plot that nobody uses any more, some at a time.
    fn sweep(&self, place: &Place, pattern: &TempPattern) -> Result<Swept, KnobError>;
}
