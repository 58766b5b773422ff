//! Scheduling class of each thread: other, batch or idle (sched(7)). Real-time, deadline and unknown classes are left alone.

use super::linux::{capability_of, may_set_schedulers};
use super::task::Tasks;
use super::{Facts, Knob, KnobError, Policy, Reversible, Scope, Unit, Value};
use crate::claim::{KnobKind, Setting, Target};
use crate::inventory::Capability;

/// Bit in the policy number: children do not inherit. It belongs to the thread and is kept as it is.
const RESET_ON_FORK: i32 = 0x4000_0000;

#[derive(Debug)]
pub struct Class {
    pub tasks: Tasks,
}

/// Policy number and reset-on-fork bit.
fn scheduler(tid: i32) -> std::io::Result<i32> {
    // SAFETY: sched_getscheduler takes an integer.
    let answer = unsafe { libc::sched_getscheduler(tid) };
    if answer >= 0 { Ok(answer) } else { Err(std::io::Error::last_os_error()) }
}

impl Reversible for Class {
    fn kind(&self) -> KnobKind {
        KnobKind::SchedClass
    }

    fn units(&self, scope: &Scope) -> Result<Vec<Unit>, KnobError> {
        self.tasks.thread_units(&scope.processes)
    }

    fn read(&self, unit: &Unit) -> Result<Value, KnobError> {
        Tasks::read_of_thread(unit, "read the scheduling class", |tid| {
            Ok(Value::Class(Policy::from_number(scheduler(tid)? & !RESET_ON_FORK)))
        })
    }

    fn write(&self, unit: &Unit, value: &Value) -> Result<(), KnobError> {
        let Value::Class(policy) = value else {
            return Err(KnobError::Unusable(format!("{value} is not a scheduling class")));
        };
        self.tasks.on_thread(unit, "set the scheduling class", |tid| {
            let number = policy.number() | (scheduler(tid)? & RESET_ON_FORK);
            let parameter = libc::sched_param { sched_priority: 0 };
            // SAFETY: the parameter lives through the call and is only read.
            let done = unsafe { libc::sched_setscheduler(tid, number, &raw const parameter) };
            if done == 0 { Ok(()) } else { Err(std::io::Error::last_os_error()) }
        })
    }

    fn is_inherited(&self) -> bool {
        true
    }
}

impl Knob for Class {
    fn facts(&self) -> Facts {
        let facts = Facts::of_call("sched_setattr(2)", "other, batch, idle", "sched(7)");
        Facts { others: &["chrt"], ..facts }
    }

    /// Leaving the idle class again takes `CAP_SYS_NICE` or a generous `RLIMIT_NICE`.
    fn probe(&self) -> Capability {
        capability_of("knob-sched-class", may_set_schedulers(&self.tasks))
    }

    fn normalise(&self, _target: &Target, setting: &Setting) -> Result<Value, KnobError> {
        match setting {
            Setting::SchedClass(class) => Ok(Value::Class((*class).into())),
            other => Err(KnobError::Unusable(format!("{other} is not a scheduling class"))),
        }
    }

    fn off_limits(&self, _unit: &Unit, current: &Value) -> Option<String> {
        match current {
            Value::Class(Policy::Other | Policy::Batch | Policy::Idle) => None,
            other => Some(format!("is scheduled as {other}")),
        }
    }
}
