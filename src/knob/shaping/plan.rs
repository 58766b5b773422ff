//! The way from what is there to what is wanted, in steps, at each of which traffic flows: packets are sent to a class only once
//! it is there, and a class goes only when nothing is sent to it any more.

use super::seen::{Found, Seen};
use super::{arrivals, blueprint, rules};
use crate::kernel::nftables::Table;
use crate::kernel::traffic::{Filter, Handle, HtbClass, Put, Qdisc};
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
    /// In the place of those that are there.
    SetRules(Table),
    DeleteRules,
    /// At the root of the `ifb`.
    AddFilter(Filter),
    DeleteFilters,
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
    let interface = seen.link.index;
    Ok(match (found, wanted) {
        (Found::Untouched | Found::Foreign(_), None) => Vec::new(),
        (Found::Foreign(reason), Some(_)) => return Err(reason.clone()),
        (Found::Ours(present), Some(lane)) if present == lane => Vec::new(),
        (Found::Ours(present), Some(lane)) => change(interface, device, present, lane),
        (Found::Untouched, Some(lane)) => build(interface, device, lane),
        (Found::Ours(_) | Found::Partial, None) => demolish(seen, device),
        (Found::Partial, Some(lane)) => [demolish(seen, device), build(interface, device, lane)].concat(),
    })
}

fn build(interface: u32, device: Device, lane: &Lane) -> Vec<Step> {
    let mut steps = Vec::new();
    if device == Device::Ifb {
        steps.push(Step::AddIfb);
    }
    steps.push(Step::AddRoot(device));
    for class in blueprint::classes(lane) {
        steps.extend(added(device, class));
    }
    steps.extend(classify(interface, device, lane));
    if device == Device::Ifb {
        steps.extend([Step::AddIngress, Step::Redirect]);
    }
    steps
}

/// What is there of it: first that by which packets come to it.
fn demolish(seen: &Seen, device: Device) -> Vec<Step> {
    let has = |is_it: &dyn Fn(&Qdisc) -> bool| seen.queues.qdiscs.iter().any(is_it);
    let mut steps = Vec::new();
    match device {
        Device::Interface => {
            steps.extend(seen.table.is_some().then_some(Step::DeleteRules));
            let has_root = has(&|qdisc| qdisc.handle == blueprint::ROOT);
            steps.extend(has_root.then_some(Step::DeleteRoot(device)));
        }
        Device::Ifb => {
            let has_ingress = has(&|qdisc| qdisc.parent == Handle::INGRESS);
            steps.extend(has_ingress.then_some(Step::DeleteIngress));
            steps.push(Step::DeleteIfb);
        }
    }
    steps
}

/// Guarantees that shrink make room before those that grow: at no time is more guaranteed than the link has. The rest is marked
/// as being under change first of all, and gets what it is due last.
fn change(interface: u32, device: Device, present: &Lane, wanted: &Lane) -> Vec<Step> {
    let (before, after) = (blueprint::classes(present), blueprint::classes(wanted));
    let old = |class: &HtbClass| before.iter().find(|old| old.handle == class.handle);
    let (rest, others): (Vec<HtbClass>, Vec<HtbClass>) = after.iter().partition(|class| blueprint::is_rest(class));
    let mut changed: Vec<&HtbClass> =
        others.iter().filter(|class| old(class).is_some_and(|old| old != *class)).collect();
    changed.sort_by_key(|class| old(class).is_some_and(|old| old.rate < class.rate));

    let put = |class: &HtbClass| Step::PutClass(device, *class, Put::Change);
    let mut steps = vec![put(&blueprint::under_change(present))];
    steps.extend(changed.into_iter().map(put));
    for class in others.iter().filter(|class| old(class).is_none()) {
        steps.extend(added(device, *class));
    }
    let (old_way, new_way) = (classify(interface, device, present), classify(interface, device, wanted));
    if old_way != new_way {
        let is_replaced = matches!(new_way[..], [Step::SetRules(_)]);
        let removed = match device {
            Device::Interface => Step::DeleteRules,
            Device::Ifb => Step::DeleteFilters,
        };
        steps.extend((!old_way.is_empty() && !is_replaced).then_some(removed));
        steps.extend(new_way);
    }
    let gone = before.iter().filter(|old| after.iter().all(|class| class.handle != old.handle));
    steps.extend(gone.map(|class| Step::DeleteClass(device, class.handle)));
    steps.extend(rest.iter().map(put));
    steps
}

fn added(device: Device, class: HtbClass) -> impl Iterator<Item = Step> {
    let leaf = blueprint::has_queue(class.handle).then_some(Step::AddLeaf(device, class.handle));
    [Step::PutClass(device, class, Put::New)].into_iter().chain(leaf)
}

/// By which packets come to their classes; nothing where there are none.
fn classify(interface: u32, device: Device, lane: &Lane) -> Vec<Step> {
    match device {
        Device::Ifb => arrivals::filters(lane).into_iter().map(Step::AddFilter).collect(),
        Device::Interface if lane.classes.is_empty() => Vec::new(),
        Device::Interface => vec![Step::SetRules(rules::table(interface, lane))],
    }
}
