//! I/O priority of each thread: `ioprio_set(2)`. Only some schedulers of disks (BFQ, mq-deadline) heed it.

use super::linux::{capability_of, may_set_schedulers};
use super::task::Tasks;
use super::{Facts, IoPrio, Knob, KnobError, Reversible, Scope, Unit, Value};
use crate::claim::{IoPriority, KnobKind, Setting, Target};
use crate::inventory::Capability;

/// `IOPRIO_WHO_PROCESS` of `ioprio_set(2)`: a single thread.
const WHO_THREAD: i32 = 1;

#[derive(Debug)]
pub struct IoPriorityKnob {
    pub tasks: Tasks,
}

impl Reversible for IoPriorityKnob {
    fn kind(&self) -> KnobKind {
        KnobKind::IoPriority
    }

    fn units(&self, scope: &Scope) -> Result<Vec<Unit>, KnobError> {
        self.tasks.thread_units(&scope.processes)
    }

    /// The raw word: a thread that never had a priority answers class 0, "none", and gets it back as that.
    fn read(&self, unit: &Unit) -> Result<Value, KnobError> {
        Tasks::read_of_thread(unit, "read the I/O priority", |tid| {
            // SAFETY: ioprio_get takes two integers.
            let answer = unsafe { libc::syscall(libc::SYS_ioprio_get, WHO_THREAD, tid) };
            u16::try_from(answer)
                .map(|word| Value::IoPriority(IoPrio(word)))
                .map_err(|_| std::io::Error::last_os_error())
        })
    }

    fn write(&self, unit: &Unit, value: &Value) -> Result<(), KnobError> {
        let Value::IoPriority(IoPrio(word)) = *value else {
            return Err(KnobError::Unusable(format!("{value} is not an I/O priority")));
        };
        self.tasks.on_thread(unit, "set the I/O priority", |tid| {
            // SAFETY: ioprio_set takes three integers.
            let done = unsafe { libc::syscall(libc::SYS_ioprio_set, WHO_THREAD, tid, i32::from(word)) };
            if done == 0 { Ok(()) } else { Err(std::io::Error::last_os_error()) }
        })
    }

    fn is_inherited(&self) -> bool {
        true
    }
}

impl Knob for IoPriorityKnob {
    fn facts(&self) -> Facts {
        let facts = Facts::of_call("ioprio_set(2)", "best-effort/0 to best-effort/7, idle", "ioprio_set(2)");
        Facts { others: &["ionice"], ..facts }
    }

    fn probe(&self) -> Capability {
        capability_of("knob-io-priority", may_set_schedulers(&self.tasks))
    }

    fn normalise(&self, _target: &Target, setting: &Setting) -> Result<Value, KnobError> {
        match setting {
            Setting::IoPriority(IoPriority::BestEffort(level)) if *level > 7 => Err(KnobError::Unusable(format!(
                "best-effort/{level} is not an I/O priority: give a level from 0 to 7"
            ))),
            Setting::IoPriority(priority) => Ok(Value::IoPriority((*priority).into())),
            other => Err(KnobError::Unusable(format!("{other} is not an I/O priority"))),
        }
    }

    /// Real-time I/O was given by somebody who needed it.
    fn off_limits(&self, _unit: &Unit, current: &Value) -> Option<String> {
        match current {
            Value::IoPriority(priority) if priority.class() == IoPrio::REALTIME => {
                Some(format!("has I/O priority {current}"))
            }
            _ => None,
        }
    }
}
