//! The way from what is there to what is wanted, in steps, at each of which traffic flows: packets are sent to a class only once
//! it is there, and a class goes only when nothing is sent to it any more.

use super::blueprint;
use super::rules::Way;
use super::seen::{Found, Seen};
use crate::kernel::nftables::Table;
use crate::kernel::traffic::{Handle, HtbClass, Put};
use crate::shaping::{Lane, Shaping};

/// The device whose queues a step is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Device {
    Interface,
    /// Its number is known once it is made.
    Ifb,
}

/// One order to the kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    AddIfb,
    DeleteIfb,
    AddRoot(Device),
    /// With all below it.
    DeleteRoot(Device),
    PutClass(Device, HtbClass, Put),
    DeleteClass(Device, Handle),
    AddLeaf(Device, Handle),
    SetRules(Table),
    DeleteRules(Way),
    AddIngress,
    Redirect,
    DeleteIngress,
}

/// The steps that make what is `seen` what is `wanted`.
///
/// # Errors
/// Why the interface must be left as it is.
pub fn plan(seen: &Seen, wanted: &Shaping) -> Result<Vec<Step>, String> {
    let (out, into) = (seen.found_out(), seen.found_in());
    if !wanted.is_empty() {
        suitable(seen)?;
    }
    if wanted.out.is_some() && out == Found::Untouched {
        seen.is_lost_if_replaced().map_or(Ok(()), Err)?;
    }
    let mut steps = direction(seen, Device::Interface, &out, wanted.out.as_ref())?;
    steps.extend(direction(seen, Device::Ifb, &into, wanted.into.as_ref())?);
    Ok(steps)
}

/// Whether the interface can be given a queue, and get its own one back.
fn suitable(seen: &Seen) -> Result<(), String> {
    let link = &seen.link;
    if link.is_loopback {
        return Err("packets that never leave the machine need no queue".to_owned());
    }
    if link.is_ifb() {
        return Err("it is there to queue what arrives at another interface".to_owned());
    }
    if !link.is_up {
        return Err("it is down, and shows its own queue only when it is up".to_owned());
    }
    if link.transmit_queue == 0 {
        return Err("its txqueuelen is 0, which the kernel would change with the queue and not change back".to_owned());
    }
    Ok(())
}

fn direction(seen: &Seen, device: Device, found: &Found, wanted: Option<&Lane>) -> Result<Vec<Step>, String> {
    let way = match device {
        Device::Interface => seen.out_way(),
        Device::Ifb => seen.into_way(),
    };
    Ok(match (found, wanted) {
        (Found::Untouched, None) => Vec::new(),
        (Found::Foreign(_), None) => Vec::new(),
        (Found::Foreign(reason), Some(_)) => return Err(reason.clone()),
        (Found::Ours(present), Some(lane)) if present == lane => Vec::new(),
        (Found::Ours(present), Some(lane)) => change(device, &way, present, lane),
        (Found::Untouched, Some(lane)) => build(device, &way, lane),
        (Found::Ours(_) | Found::Partial, None) => demolish(seen, device, way),
        (Found::Partial, Some(lane)) => {
            let mut steps = demolish(seen, device, way.clone());
            steps.extend(build(device, &way, lane));
            steps
        }
    })
}

fn build(device: Device, way: &Way, lane: &Lane) -> Vec<Step> {
    let mut steps = Vec::new();
    if device == Device::Ifb {
        steps.push(Step::AddIfb);
    }
    steps.push(Step::AddRoot(device));
    for class in blueprint::classes(lane) {
        steps.extend(added(device, class));
    }
    steps.extend(rules(way, lane));
    if device == Device::Ifb {
        steps.extend([Step::AddIngress, Step::Redirect]);
    }
    steps
}

/// What is there of it: the rules first, so that no packet is sent to a class that is gone.
fn demolish(seen: &Seen, device: Device, way: Way) -> Vec<Step> {
    let (table, queues) = match device {
        Device::Interface => (&seen.out_table, Some(&seen.queues)),
        Device::Ifb => (&seen.in_table, seen.ifb.as_ref().map(|ifb| &ifb.queues)),
    };
    let has = |parent: Handle| seen.queues.qdiscs.iter().any(|qdisc| qdisc.parent == parent);
    let mut steps = Vec::new();
    if device == Device::Ifb && has(Handle::INGRESS) && seen.ifb.is_some() {
        steps.push(Step::DeleteIngress);
    }
    steps.extend(table.is_some().then_some(Step::DeleteRules(way)));
    match device {
        Device::Interface => {
            let has_root = queues.is_some_and(|queues| queues.qdiscs.iter().any(|qdisc| qdisc.handle == blueprint::ROOT));
            steps.extend(has_root.then_some(Step::DeleteRoot(device)));
        }
        Device::Ifb => steps.extend(queues.is_some().then_some(Step::DeleteIfb)),
    }
    steps
}

/// Guarantees that shrink make room before those that grow: at no time is more guaranteed than the link has.
fn change(device: Device, way: &Way, present: &Lane, wanted: &Lane) -> Vec<Step> {
    let (before, after) = (blueprint::classes(present), blueprint::classes(wanted));
    let old = |class: &HtbClass| before.iter().find(|old| old.handle == class.handle);
    let mut changed: Vec<&HtbClass> = after.iter().filter(|class| old(class).is_some_and(|old| old != *class)).collect();
    changed.sort_by_key(|class| old(class).is_some_and(|old| old.rate < class.rate));
    let mut steps: Vec<Step> =
        changed.into_iter().map(|class| Step::PutClass(device, *class, Put::Change)).collect();
    for class in after.iter().filter(|class| old(class).is_none()) {
        steps.extend(added(device, *class));
    }
    if way.table(present) != way.table(wanted) {
        match rules(way, wanted) {
            Some(set) => steps.push(set),
            None => steps.push(Step::DeleteRules(way.clone())),
        }
    }
    let gone = before.iter().filter(|old| after.iter().all(|class| class.handle != old.handle));
    steps.extend(gone.map(|class| Step::DeleteClass(device, class.handle)));
    steps
}

fn added(device: Device, class: HtbClass) -> impl Iterator<Item = Step> {
    let leaf = blueprint::has_queue(class.handle).then_some(Step::AddLeaf(device, class.handle));
    [Step::PutClass(device, class, Put::New)].into_iter().chain(leaf)
}

/// A lane without classes needs no rules.
fn rules(way: &Way, lane: &Lane) -> Option<Step> {
    (!lane.classes.is_empty()).then(|| Step::SetRules(way.table(lane)))
}
