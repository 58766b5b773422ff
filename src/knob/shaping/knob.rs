//! The queues of an interface as a knob: one for what leaves, one for what arrives.
//!
//! A change is many orders to the kernel. It is carried out as one: what fails half-way is taken back, and what was cut off
//! half-way is known as such when it is seen again, and removed.

use std::path::Path;

use super::plan::plan;
use super::usable::usable;
use super::{Door, Found};
use crate::claim::{KnobKind, Part, PartClass, Setting, Target};
use crate::inventory::Capability;
use crate::kernel::link::Link;
use crate::kernel::{KernelError, Roots};
use crate::knob::linux::capability_of;
use crate::knob::timely::Timely;
use crate::knob::{Facts, Knob, KnobError, Reversible, Scope, Unit, Value};
use crate::shaping::{Direction, Lane};

/// Shapes one direction of interfaces.
#[derive(Debug)]
pub struct ShapingKnob {
    pub direction: Direction,
    pub roots: Roots,
    pub timely: Timely,
}

impl ShapingKnob {
    /// Speaks to the kernel about `part`, but no longer than a knob may take: a driver that hangs holds up all of rtnetlink.
    fn speak<T: Send + 'static>(
        &self,
        part: &Part,
        doing: &'static str,
        say: impl FnOnce(&mut Door) -> Result<T, KnobError> + Send + 'static,
    ) -> Result<T, KnobError> {
        let roots = self.roots.clone();
        let work =
            move || Door::open(&roots).map_err(|error| of_kernel(doing, error)).and_then(|mut door| say(&mut door));
        self.timely.run(Path::new(&part.to_string()), doing, move || Ok(work()))?
    }
}

impl Reversible for ShapingKnob {
    fn kind(&self) -> KnobKind {
        match self.direction {
            Direction::Leaving => KnobKind::Shaping,
            Direction::Arriving => KnobKind::ArrivalShaping,
        }
    }

    fn units(&self, scope: &Scope) -> Result<Vec<Unit>, KnobError> {
        let Some(part) = &scope.part else { return Ok(Vec::new()) };
        let of = part.clone();
        let link = self.speak(part, "look for", move |door| interface(door, &of))?;
        let link = link.ok_or_else(|| KnobError::Unusable(format!("{part} is not there")))?;
        Ok(vec![Unit::Part { part: part.clone(), device: identity(&link) }])
    }

    fn read(&self, unit: &Unit) -> Result<Value, KnobError> {
        let (part, of, direction) = (part_of(unit)?, unit.clone(), self.direction);
        let found = self.speak(part, "read the queues", move |door| look(door, &of, direction))?;
        Ok(Value::Lane(found))
    }

    fn write(&self, unit: &Unit, value: &Value) -> Result<(), KnobError> {
        let wanted = match value {
            Value::Lane(Found::Ours(lane)) => Some(lane.clone()),
            Value::Lane(Found::Untouched) => None,
            _ => return Err(KnobError::Unusable(format!("{unit} cannot be made {value}"))),
        };
        let (part, of, direction) = (part_of(unit)?, unit.clone(), self.direction);
        self.speak(part, "set the queues", move |door| {
            let before = look(door, &of, direction)?;
            let done = make(door, &of, direction, wanted.as_ref());
            if done.is_err() {
                take_back(door, &of, direction, &before);
            }
            done
        })
    }

    /// What was cut off half-way is what was being written.
    fn rounds(&self, written: &Value, found: &Value) -> bool {
        written == found || matches!((written, found), (Value::Lane(Found::Ours(_)), Value::Lane(Found::Partial)))
    }

    fn finish(&self, _ours: &Value) -> Result<(), KnobError> {
        let direction = self.direction;
        let sweep = move |door: &mut Door| door.sweep(direction).map_err(|error| of_kernel("remove the rest", error));
        self.speak(&Part::new(PartClass::Interface, "rest"), "remove the rest", sweep)
    }

    fn is_inherited(&self) -> bool {
        false
    }
}

impl Knob for ShapingKnob {
    fn facts(&self) -> Facts {
        let place = match self.direction {
            Direction::Leaving => "rtnetlink: qdisc htb 5057: at the root; nftables: table plotwarden-*",
            Direction::Arriving => "rtnetlink: qdisc ingress, interface pw-in-* with qdisc htb 5057:",
        };
        Facts {
            place: place.to_owned(),
            unit: "bit/s",
            range: "8 kbit/s to the speed of the link, in up to 4080 classes".to_owned(),
            normalisation: "rates are rounded down to whole bytes per second",
            others: &["tc", "systemd-networkd", "NetworkManager", "kubelet", "wondershaper"],
            source: "tc-htb(8), nft(8)",
        }
    }

    fn probe(&self) -> Capability {
        capability_of(self.kind().surface(), usable(&self.roots, self.direction))
    }

    fn parts(&self) -> Vec<Part> {
        let links = Door::open(&self.roots).and_then(|mut door| door.links()).unwrap_or_default();
        let own = links.into_iter().filter(|link| !link.is_loopback && !link.is_ifb());
        own.map(|link| Part::new(PartClass::Interface, link.name.to_string())).collect()
    }

    fn normalise(&self, target: &Target, setting: &Setting) -> Result<Value, KnobError> {
        match (target, setting) {
            (Target::Part(part), Setting::Lane(kind, lane))
                if part.class == PartClass::Interface && *kind == self.kind() =>
            {
                let lane = lane.normalised(self.direction);
                lane.map(|lane| Value::Lane(Found::Ours(lane))).map_err(|error| KnobError::Unusable(error.to_string()))
            }
            _ => Err(KnobError::Unusable(format!("{target} cannot have {setting} as {}", self.kind().name()))),
        }
    }

    fn off_limits(&self, _unit: &Unit, current: &Value) -> Option<String> {
        match current {
            Value::Lane(Found::Untouched) => None,
            Value::Lane(Found::Foreign(reason)) => Some(format!("keeps its queues: {reason}")),
            // Not on record, so that nobody could say what was there before.
            _ => Some("has queues of an earlier run of which no record is left: remove them by tc(8)".to_owned()),
        }
    }
}

/// Takes the steps, and makes sure that they led there.
fn make(door: &mut Door, unit: &Unit, direction: Direction, wanted: Option<&Lane>) -> Result<(), KnobError> {
    let link = verified(door, unit)?;
    let seen = door.look(link).map_err(|error| of_kernel("read the queues", error))?;
    let steps = plan(&seen, direction, wanted).map_err(|reason| KnobError::Unusable(format!("{unit}: {reason}")))?;
    for step in &steps {
        door.take(&seen.link, step).map_err(|error| of_kernel("set the queues", error))?;
    }
    match (look(door, unit, direction)?, wanted) {
        (Found::Ours(lane), Some(wanted)) if lane == *wanted => Ok(()),
        (Found::Untouched | Found::Foreign(_), None) => Ok(()),
        (found, _) => Err(KnobError::Unusable(format!("{unit}: the kernel took all orders and shows {found}"))),
    }
}

/// Back to what was there, or else to what the kernel has by itself: what stays half-done would be nobody's.
fn take_back(door: &mut Door, unit: &Unit, direction: Direction, before: &Found) {
    let before = if let Found::Ours(lane) = before { Some(lane) } else { None };
    if make(door, unit, direction, before).is_err() && before.is_some() {
        // The error of the change is the one that is told; what is left is seen at the next look.
        let _ = make(door, unit, direction, None);
    }
}

fn look(door: &mut Door, unit: &Unit, direction: Direction) -> Result<Found, KnobError> {
    let link = verified(door, unit)?;
    door.look(link).map(|seen| seen.found(direction)).map_err(|error| of_kernel("read the queues", error))
}

/// The interface of a unit, if it is still the one that was meant.
fn verified(door: &mut Door, unit: &Unit) -> Result<Link, KnobError> {
    let Unit::Part { part, device } = unit else {
        return Err(KnobError::Unusable(format!("{unit} is no interface")));
    };
    let links = door.links().map_err(|error| of_kernel("look for the interface", error))?;
    // By whatever name it goes now.
    links.into_iter().find(|link| identity(link) == *device).ok_or_else(|| KnobError::Gone(part.to_string()))
}

fn interface(door: &mut Door, part: &Part) -> Result<Option<Link>, KnobError> {
    let name = part.name.parse().map_err(|error| KnobError::Unusable(format!("{part}: {error}")))?;
    door.link(name).map_err(|error| of_kernel("look for the interface", error))
}

/// The number is not used again before two thousand million others were; the address is the one that the card was built with.
fn identity(link: &Link) -> String {
    format!("{} {} {}", link.index, link.kind.as_deref().unwrap_or("card"), link.permanent_address)
}

fn part_of(unit: &Unit) -> Result<&Part, KnobError> {
    match unit {
        Unit::Part { part, .. } => Ok(part),
        _ => Err(KnobError::Unusable(format!("{unit} is no interface"))),
    }
}

fn of_kernel(doing: &'static str, error: KernelError) -> KnobError {
    match error {
        KernelError::Io { path, source, .. } if source.raw_os_error() == Some(libc::ENODEV) => {
            KnobError::Gone(path.display().to_string())
        }
        KernelError::Io { path, source, .. } => KnobError::Refused { doing, of: path.display().to_string(), source },
        other => KnobError::Unusable(other.to_string()),
    }
}
