//! What to do about one unit, from its record and from what is found: the one place that tells ours from theirs. Pure.

use super::record::{Record, UnitRecord, UnitState};
use crate::knob::{Knob, Unit, Value};

/// What is to be done about a unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// As it should be, or as it was decided to be left.
    Leave,
    /// As it should be, and not known to be so yet.
    Confirm,
    /// Ours already; write the wanted value.
    Write,
    /// Becomes ours with this original. `in_force`: it has the wanted value, so nothing is written.
    Claim { original: Value, in_force: bool },
    /// Not ours from now on.
    Yield(Why),
}

/// Why a unit is left alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// Somebody else changed it.
    Foreign,
    /// As `Foreign`, and said before of the unit that it inherited from.
    ForeignAgain,
    /// It goes further than is wanted by itself.
    FarEnough,
    OffLimits(String),
}

/// The knob as it stood before this pass.
pub struct Judge<'a> {
    pub knob: &'a dyn Knob,
    /// `None` if nothing of this knob is ours yet.
    pub record: Option<&'a Record>,
    pub wanted: &'a Value,
    /// Whether the wanted value is the one of the record.
    pub unchanged: bool,
    /// Original of the nearest ancestor that is ours, for a process that appeared after us.
    pub inherited_original: &'a dyn Fn(&Unit) -> Option<Value>,
    /// Whether a value goes as far as is wanted, or further, without our doing.
    pub is_enough: &'a dyn Fn(&Value) -> bool,
}

impl Judge<'_> {
    pub fn judge(&self, unit: &Unit, found: &Value) -> Verdict {
        match self.known(unit) {
            Some(known) if known.state == UnitState::Yielded && self.unchanged => Verdict::Leave,
            Some(known) if known.state == UnitState::Yielded => self.first_sight(unit, found),
            Some(known) => self.known_unit(known, found),
            None if !self.is_of_known_process(unit) => self.first_sight(unit, found),
            None if matches!(unit, Unit::Thread { .. }) => self.late_thread(unit, found),
            // It was inside the group that we froze, and somebody took it out.
            None => Verdict::Yield(Why::Foreign),
        }
    }

    fn known(&self, unit: &Unit) -> Option<&UnitRecord> {
        let record = self.record?;
        record.position(unit).map(|at| &record.units[at])
    }

    fn known_unit(&self, known: &UnitRecord, found: &Value) -> Verdict {
        let ours = known.is_ours(self.knob, found);
        let as_before = *found == known.original;
        match (self.unchanged, known.state) {
            (true, UnitState::Confirmed) if ours => Verdict::Leave,
            (true, UnitState::Confirmed) => Verdict::Yield(Why::Foreign),
            _ if found == self.wanted => Verdict::Confirm,
            _ if ours || as_before => Verdict::Write,
            (true, _) => Verdict::Yield(Why::Foreign),
            // What somebody set against our last value is what our next one replaces, and what comes back after it.
            (false, _) => self.claim(found.clone(), found),
        }
    }

    fn is_of_known_process(&self, unit: &Unit) -> bool {
        self.record.is_some_and(|record| unit.process().is_some_and(|process| record.knows(process)))
    }

    /// A thread that appeared in a process that we have touched before.
    fn late_thread(&self, unit: &Unit, found: &Value) -> Verdict {
        let (Some(record), Some(process)) = (self.record, unit.process()) else { return Verdict::Leave };
        if let Some(why) = self.knob.off_limits(unit, found) {
            return Verdict::Yield(Why::OffLimits(why));
        }
        let siblings = || record.units.iter().filter(|known| known.unit.process() == Some(process));
        let original = record.original_for(process);
        if let Some(original) = original.filter(|_| record.may_have_given(self.knob, found)) {
            // Inherited from us.
            return self.claim(original.clone(), found);
        }
        if siblings().any(|known| known.state != UnitState::Yielded && known.original == *found) {
            // Made by a thread before that one was ours.
            return self.claim(found.clone(), found);
        }
        let said = siblings().any(|known| known.state == UnitState::Yielded && known.ours.contains(found));
        Verdict::Yield(if said { Why::ForeignAgain } else { Why::Foreign })
    }

    /// A process, group, or thread that is not ours yet.
    fn first_sight(&self, unit: &Unit, found: &Value) -> Verdict {
        let may_be_inherited = self.record.is_some_and(|record| record.may_have_given(self.knob, found));
        if let Some(original) = may_be_inherited.then(|| (self.inherited_original)(unit)).flatten() {
            return self.claim(original, found);
        }
        if let Some(why) = self.knob.off_limits(unit, found) {
            return Verdict::Yield(Why::OffLimits(why));
        }
        if self.knob.is_exclusive() && found == self.wanted {
            return Verdict::Yield(Why::Foreign);
        }
        // A plot that its owner started at nice 19 must not be made faster by a wish for at least nice 5.
        if found != self.wanted && (self.is_enough)(found) {
            return Verdict::Yield(Why::FarEnough);
        }
        self.claim(found.clone(), found)
    }

    /// A unit that has the value of ours already, as wanted or as the kernel rounds it, need not be written.
    fn claim(&self, original: Value, found: &Value) -> Verdict {
        let is_in_force = |known: &UnitRecord| known.state == UnitState::Confirmed && known.ours.contains(found);
        let as_ours = self.unchanged && self.record.is_some_and(|record| record.units.iter().any(is_in_force));
        Verdict::Claim { original, in_force: found == self.wanted || as_ours }
    }
}
