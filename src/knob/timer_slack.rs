//! How much later than asked for a thread may be woken, so that the kernel can wake several at once: `/proc/TID/timerslack_ns`,
//! which new threads and children inherit.
//!
//! The attribute exists for every thread, though only those of leaders are listed. A child also takes what it inherits for its
//! default, to which `prctl(PR_SET_TIMERSLACK, 0)` goes back; nobody can read that one, and it stays.

use std::fs::File;
use std::io::{Read, Write};

use super::linux::{capability_of, may_set_schedulers};
use super::task::Tasks;
use super::{Facts, Knob, KnobError, Reversible, Scope, Unit, Value};
use crate::claim::{KnobKind, Setting, Target};
use crate::inventory::Capability;

const ATTRIBUTE: &str = "timerslack_ns";
/// A second: whoever is woken later than that is stopped rather than thrifty.
const MOST: u64 = 1_000_000_000;

#[derive(Debug)]
pub struct TimerSlack {
    pub tasks: Tasks,
}

impl Reversible for TimerSlack {
    fn kind(&self) -> KnobKind {
        KnobKind::TimerSlack
    }

    fn units(&self, scope: &Scope) -> Result<Vec<Unit>, KnobError> {
        self.tasks.thread_units(&scope.processes)
    }

    fn read(&self, unit: &Unit) -> Result<Value, KnobError> {
        let mut text = String::new();
        let mut file = self.tasks.attribute(unit, ATTRIBUTE, File::options().read(true))?;
        file.read_to_string(&mut text).map_err(|source| KnobError::from_io("read the timer slack", unit, source))?;
        let slack = text.trim().parse();
        slack.map(Value::Number).map_err(|_| KnobError::Unusable(format!("{unit}: {text:?} is not a timer slack")))
    }

    fn write(&self, unit: &Unit, value: &Value) -> Result<(), KnobError> {
        let Value::Number(slack) = *value else {
            return Err(KnobError::Unusable(format!("{value} is not a timer slack")));
        };
        let mut file = self.tasks.attribute(unit, ATTRIBUTE, File::options().write(true))?;
        let written = file.write_all(slack.to_string().as_bytes());
        written.map_err(|source| KnobError::from_io("set the timer slack", unit, source))
    }

    fn is_inherited(&self) -> bool {
        true
    }
}

impl Knob for TimerSlack {
    fn facts(&self) -> Facts {
        let facts = Facts::of_call("/proc/*/timerslack_ns", "1 to 1000000000", "Documentation/filesystems/proc.rst");
        Facts { unit: "ns", ..facts }
    }

    /// Another's slack is read and set with `CAP_SYS_NICE` only.
    fn probe(&self) -> Capability {
        capability_of(KnobKind::TimerSlack.surface(), may_set_schedulers(&self.tasks))
    }

    /// 0 is no value: it asks for the default of the thread, which cannot be read.
    fn normalise(&self, _target: &Target, setting: &Setting) -> Result<Value, KnobError> {
        match setting {
            Setting::Number(KnobKind::TimerSlack, slack) if (1..=MOST).contains(slack) => Ok(Value::Number(*slack)),
            other => Err(KnobError::Unusable(format!("{other} is not a timer slack: give 1 to {MOST} nanoseconds"))),
        }
    }

    fn off_limits(&self, _unit: &Unit, current: &Value) -> Option<String> {
        (*current == Value::Number(0)).then(|| "is scheduled in real time, where there is no slack".to_owned())
    }
}
