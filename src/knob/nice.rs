//! Niceness of each thread: setpriority(2) with a thread id, which on Linux is per thread.

use super::linux::{capability_of, may_set_schedulers};
use super::task::Tasks;
use super::{Facts, Knob, KnobError, Reversible, Scope, Unit, Value};
use crate::claim::{KnobKind, Setting, Target};
use crate::inventory::Capability;

#[derive(Debug)]
pub struct Nice {
    pub tasks: Tasks,
}

impl Reversible for Nice {
    fn kind(&self) -> KnobKind {
        KnobKind::Nice
    }

    fn units(&self, scope: &Scope) -> Result<Vec<Unit>, KnobError> {
        self.tasks.thread_units(&scope.processes)
    }

    fn read(&self, unit: &Unit) -> Result<Value, KnobError> {
        Tasks::read_of_thread(unit, "read the niceness", |tid| {
            // SAFETY: getpriority takes two integers. The raw call answers 20 - nice, so that -1 is an error and nothing else.
            let answer = unsafe { libc::syscall(libc::SYS_getpriority, libc::PRIO_PROCESS, tid) };
            match i8::try_from(20 - answer) {
                Ok(nice) if answer >= 0 => Ok(Value::Nice(nice)),
                _ => Err(std::io::Error::last_os_error()),
            }
        })
    }

    fn write(&self, unit: &Unit, value: &Value) -> Result<(), KnobError> {
        let Value::Nice(nice) = *value else { return Err(KnobError::Unusable(format!("{value} is not a niceness"))) };
        self.tasks.on_thread(unit, "set the niceness", |tid| {
            // SAFETY: setpriority takes three integers.
            let done = unsafe { libc::syscall(libc::SYS_setpriority, libc::PRIO_PROCESS, tid, i32::from(nice)) };
            if done == 0 { Ok(()) } else { Err(std::io::Error::last_os_error()) }
        })
    }

    fn is_inherited(&self) -> bool {
        true
    }
}

impl Knob for Nice {
    fn facts(&self) -> Facts {
        Facts { others: &["renice"], ..Facts::of_call("setpriority(2)", "-20 to 19", "setpriority(2)") }
    }

    /// Anybody may raise the niceness of an own thread, but only `CAP_SYS_NICE` brings it down again.
    fn probe(&self) -> Capability {
        capability_of("knob-nice", may_set_schedulers(&self.tasks))
    }

    fn normalise(&self, _target: &Target, setting: &Setting) -> Result<Value, KnobError> {
        match setting {
            Setting::Nice(nice) if (-20..=19).contains(nice) => Ok(Value::Nice(*nice)),
            other => Err(KnobError::Unusable(format!("{other} is not a niceness: give -20 to 19"))),
        }
    }
}
