//! The way from what is there to what is wanted, in steps, at each of which traffic flows: packets are sent to a class only once
//! it is there, and a class goes only when nothing is sent to it any more.

use super::seen::{Found, Seen};
use super::{arrivals, blueprint, rules};
use crate::kernel::nftables::Table;
use crate::kernel::traffic::{Filter, Handle, HtbClass, Put, Qdisc};
use crate::shaping::{Direction, Lane};

/// One order to the kernel. What arrives waits in the queues of the `ifb`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    AddIfb,
    DeleteIfb,
    AddRoot(Direction),
    /// With all below it.
    DeleteRoot(Direction),
    PutClass(Direction, HtbClass, Put),
    DeleteClass(Direction, Handle),
    AddLeaf(Direction, Handle),
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

/// The steps that make what is `seen` of a direction what is `wanted`, or else the kernel's own.
///
/// # Errors
/// Why the interface must be left as it is.
pub fn plan(seen: &Seen, direction: Direction, wanted: Option<&Lane>) -> Result<Vec<Step>, String> {
    let (interface, found) = (seen.link.index, seen.found(direction));
    let Some(lane) = wanted else {
        let is_ours = matches!(found, Found::Ours(_) | Found::Partial);
        return Ok(if is_ours { demolish(seen, direction) } else { Vec::new() });
    };
    suitable(seen)?;
    Ok(match found {
        Found::Foreign(reason) => return Err(reason),
        Found::Ours(present) if present == *lane => Vec::new(),
        Found::Ours(present) => change(interface, direction, &present, lane),
        Found::Partial => [demolish(seen, direction), build(interface, direction, lane)].concat(),
        Found::Untouched => match seen.is_lost_if_replaced().filter(|_| direction == Direction::Leaving) {
            Some(reason) => return Err(reason),
            None => build(interface, direction, lane),
        },
    })
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

fn build(interface: u32, direction: Direction, lane: &Lane) -> Vec<Step> {
    let mut steps = Vec::new();
    if direction == Direction::Arriving {
        steps.push(Step::AddIfb);
    }
    steps.push(Step::AddRoot(direction));
    for class in blueprint::classes(lane) {
        steps.extend(added(direction, class));
    }
    steps.extend(classify(interface, direction, lane));
    if direction == Direction::Arriving {
        steps.extend([Step::AddIngress, Step::Redirect]);
    }
    steps
}

/// What is there of it: first that by which packets come to it.
fn demolish(seen: &Seen, direction: Direction) -> Vec<Step> {
    let has = |is_it: &dyn Fn(&Qdisc) -> bool| seen.queues.qdiscs.iter().any(is_it);
    let mut steps = Vec::new();
    match direction {
        Direction::Leaving => {
            steps.extend(seen.table.is_some().then_some(Step::DeleteRules));
            let has_root = has(&|qdisc| qdisc.handle == blueprint::ROOT);
            steps.extend(has_root.then_some(Step::DeleteRoot(direction)));
        }
        Direction::Arriving => {
            let has_ingress = has(&|qdisc| qdisc.parent == Handle::INGRESS);
            steps.extend(has_ingress.then_some(Step::DeleteIngress));
            steps.push(Step::DeleteIfb);
        }
    }
    steps
}

/// Guarantees that shrink make room before those that grow: at no time is more guaranteed than the link has. The rest is marked
/// as being under change first of all, and gets what it is due last.
fn change(interface: u32, direction: Direction, present: &Lane, wanted: &Lane) -> Vec<Step> {
    let (before, after) = (blueprint::classes(present), blueprint::classes(wanted));
    let old = |class: &HtbClass| before.iter().find(|old| old.handle == class.handle);
    let (rest, others): (Vec<HtbClass>, Vec<HtbClass>) = after.iter().partition(|class| blueprint::is_rest(class));
    let changed = others.iter().filter(|class| old(class).is_some_and(|old| old != *class));
    let (growing, shrinking): (Vec<_>, Vec<_>) =
        changed.partition(|class| old(class).is_some_and(|old| old.rate < class.rate));

    let put = |class: &HtbClass| Step::PutClass(direction, *class, Put::Change);
    let mut steps = vec![put(&blueprint::under_change(present))];
    steps.extend(shrinking.into_iter().chain(growing).map(put));
    for class in others.iter().filter(|class| old(class).is_none()) {
        steps.extend(added(direction, *class));
    }
    let (old_way, new_way) = (classify(interface, direction, present), classify(interface, direction, wanted));
    if old_way != new_way {
        let is_replaced = matches!(new_way[..], [Step::SetRules(_)]);
        let removed = match direction {
            Direction::Leaving => Step::DeleteRules,
            Direction::Arriving => Step::DeleteFilters,
        };
        steps.extend((!old_way.is_empty() && !is_replaced).then_some(removed));
        steps.extend(new_way);
    }
    let gone = before.iter().filter(|old| after.iter().all(|class| class.handle != old.handle));
    steps.extend(gone.map(|class| Step::DeleteClass(direction, class.handle)));
    steps.extend(rest.iter().map(put));
    steps
}

fn added(direction: Direction, class: HtbClass) -> impl Iterator<Item = Step> {
    let leaf = blueprint::has_queue(class.handle).then_some(Step::AddLeaf(direction, class.handle));
    [Step::PutClass(direction, class, Put::New)].into_iter().chain(leaf)
}

/// By which packets come to their classes; nothing where there are none.
fn classify(interface: u32, direction: Direction, lane: &Lane) -> Vec<Step> {
    match direction {
        Direction::Arriving => arrivals::filters(lane).into_iter().map(Step::AddFilter).collect(),
        Direction::Leaving if lane.classes.is_empty() => Vec::new(),
        Direction::Leaving => vec![Step::SetRules(rules::table(interface, lane))],
    }
}
