//! This machine with something done before each of its operations: counting, dying, hanging.

use std::path::Path;
use std::rc::Rc;

use plotwarden::claim::{Deed, KnobKind, Setting, Target};
use plotwarden::inventory::Capability;
use plotwarden::kernel::process::Identity;
use plotwarden::knob::{
    Facts, Glance, Knob, KnobError, Linux, Machine, Measured, Place, Portrait, Reversible, ReversibleMachine, Scope,
    Swept, Unit, Value,
};
use plotwarden::plotter::TempPattern;

/// What happens around an operation of a knob.
pub trait Mishap {
    fn before(&self, _kind: KnobKind) {}
    fn after_write(&self, _kind: KnobKind) {}
}

pub struct Mishappy {
    linux: Rc<Linux>,
    knobs: Vec<MishappyKnob>,
}

struct MishappyKnob {
    linux: Rc<Linux>,
    kind: KnobKind,
    mishap: Rc<dyn Mishap>,
}

impl Mishappy {
    pub fn new(linux: Linux, mishap: &Rc<dyn Mishap>) -> Self {
        let linux = Rc::new(linux);
        let knob = |&kind| MishappyKnob { linux: Rc::clone(&linux), kind, mishap: Rc::clone(mishap) };
        Self { knobs: KnobKind::ALL.iter().map(knob).collect(), linux }
    }
}

impl MishappyKnob {
    fn real(&self) -> &dyn Knob {
        self.mishap.before(self.kind);
        self.linux.knob(self.kind)
    }
}

impl Reversible for MishappyKnob {
    fn kind(&self) -> KnobKind {
        self.kind
    }

    fn units(&self, scope: &Scope) -> Result<Vec<Unit>, KnobError> {
        self.real().units(scope)
    }

    fn read(&self, unit: &Unit) -> Result<Value, KnobError> {
        self.real().read(unit)
    }

    fn write(&self, unit: &Unit, value: &Value) -> Result<(), KnobError> {
        let done = self.real().write(unit, value);
        self.mishap.after_write(self.kind);
        done
    }

    fn rounds(&self, written: &Value, found: &Value) -> bool {
        self.linux.knob(self.kind).rounds(written, found)
    }

    fn is_inherited(&self) -> bool {
        self.linux.knob(self.kind).is_inherited()
    }

    fn next_best(&self, original: &Value) -> Option<Value> {
        self.linux.knob(self.kind).next_best(original)
    }

    fn finish(&self, ours: &Value) -> Result<(), KnobError> {
        self.real().finish(ours)
    }
}

impl Knob for MishappyKnob {
    fn facts(&self) -> Facts {
        self.linux.knob(self.kind).facts()
    }

    fn probe(&self) -> Capability {
        self.linux.knob(self.kind).probe()
    }

    fn normalise(&self, target: &Target, setting: &Setting) -> Result<Value, KnobError> {
        self.linux.knob(self.kind).normalise(target, setting)
    }

    fn prepare(&self, value: Value) -> Result<Value, KnobError> {
        self.real().prepare(value)
    }

    fn off_limits(&self, unit: &Unit, current: &Value) -> Option<String> {
        self.linux.knob(self.kind).off_limits(unit, current)
    }

    fn is_exclusive(&self) -> bool {
        self.linux.knob(self.kind).is_exclusive()
    }
}

impl ReversibleMachine for Mishappy {
    fn reversible(&self, kind: KnobKind) -> &dyn Reversible {
        self.knobs.iter().find(|knob| knob.kind == kind).unwrap()
    }
    fn look_again(&self) {
        self.linux.look_again();
    }
    fn boot_id(&self) -> Result<String, KnobError> {
        self.linux.boot_id()
    }
    fn identity(&self, pid: i32) -> Option<Identity> {
        self.linux.identity(pid)
    }
    fn is_alive(&self, process: Identity) -> bool {
        self.linux.is_alive(process)
    }
    fn parent(&self, process: Identity) -> Option<Identity> {
        self.linux.parent(process)
    }
    fn children(&self, process: Identity) -> Vec<Identity> {
        self.linux.children(process)
    }
    fn own_groups(&self) -> Vec<(String, u64)> {
        self.linux.own_groups()
    }
    fn dissolve(&self, group: &(String, u64)) -> Result<(), KnobError> {
        self.linux.dissolve(group)
    }
}

impl Machine for Mishappy {
    fn knob(&self, kind: KnobKind) -> &dyn Knob {
        self.knobs.iter().find(|knob| knob.kind == kind).unwrap()
    }
    fn portrait(&self, process: Identity) -> Result<Portrait, KnobError> {
        self.linux.portrait(process)
    }
    fn entangled(&self, processes: &[Identity]) -> Result<Option<String>, KnobError> {
        self.linux.entangled(processes)
    }
    fn glance(&self, process: Identity) -> Option<Glance> {
        self.linux.glance(process)
    }
    fn lineage(&self) -> Vec<Identity> {
        self.linux.lineage()
    }
    fn measure(&self, deed: &Deed, scope: &Scope) -> Result<Measured, KnobError> {
        self.linux.measure(deed, scope)
    }
    fn perform(&self, deed: &Deed, scope: &Scope) -> Result<(), KnobError> {
        self.linux.perform(deed, scope)
    }
    fn signal(&self, process: Identity, signal: i32) -> Result<(), KnobError> {
        self.linux.signal(process, signal)
    }
    fn pin(&self, directory: &Path) -> Result<Place, KnobError> {
        self.linux.pin(directory)
    }
    fn sweep(&self, place: &Place, pattern: &TempPattern) -> Result<Swept, KnobError> {
        self.linux.sweep(place, pattern)
    }
}
