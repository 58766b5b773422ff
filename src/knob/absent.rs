//! A knob that this build does not serve: it can be neither read nor written, and says so.

use super::linux::capability_of;
use super::{Facts, Knob, KnobError, Scope, Unit, Value};
use crate::claim::{KnobKind, Setting, Target};
use crate::inventory::Capability;

#[derive(Debug)]
pub struct Absent(pub KnobKind);

impl Absent {
    fn error(&self) -> KnobError {
        KnobError::Unusable(format!("{} is not served", self.0.name()))
    }
}

impl Knob for Absent {
    fn kind(&self) -> KnobKind {
        self.0
    }

    fn facts(&self) -> Facts {
        Facts::of_call("not served", "none", "")
    }

    fn probe(&self) -> Capability {
        capability_of(self.0.surface(), Err((self.error().to_string(), String::new())))
    }

    fn normalise(&self, _target: &Target, _setting: &Setting) -> Result<Value, KnobError> {
        Err(self.error())
    }

    fn units(&self, _scope: &Scope) -> Result<Vec<Unit>, KnobError> {
        Err(self.error())
    }

    fn read(&self, _unit: &Unit) -> Result<Value, KnobError> {
        Err(self.error())
    }

    fn write(&self, _unit: &Unit, _value: &Value) -> Result<(), KnobError> {
        Err(self.error())
    }

    fn is_inherited(&self) -> bool {
        false
    }
}
