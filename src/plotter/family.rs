//! Families: a plotter, the wrappers above it and everything below them are one job.
//!
//! A shell or a queue manager that merely started the plotter is not part of it, or it would be paused with it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::profiles::Profiles;
use super::recognise::{Plotter, Role};
use crate::kernel::process::Identity;

/// No process tree is deeper; a parent link that was read while it changed may close a circle.
const DEEPEST: usize = 64;

/// What is kept of every process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Member {
    pub identity: Identity,
    pub parent: i32,
    pub role: Role,
}

/// One job's processes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Family {
    pub plotter: Identity,
    pub role: Plotter,
    /// In the order of their pids.
    pub processes: Vec<Identity>,
}

/// Oldest plotter first.
pub(super) fn families(profiles: &Profiles, members: &HashMap<i32, Member>) -> Vec<Family> {
    let mut groups: BTreeMap<(i32, usize), Vec<(&Member, Plotter)>> = BTreeMap::new();
    for member in members.values() {
        if let Some(role) = member.role.plotter {
            groups.entry((root(members, member, role.profile), role.profile)).or_default().push((member, role));
        }
    }
    let children = if groups.is_empty() { HashMap::new() } else { children(members) };
    let mut families = Vec::new();
    for ((root, profile), candidates) in groups {
        let leaf_only = profiles.at(profile).is_some_and(|profile| profile.leaf_only);
        let Some((plotter, role)) = choose(members, candidates, leaf_only) else { continue };
        let processes = below(members, &children, root);
        families.push(Family { plotter: plotter.identity, role, processes });
    }
    families.sort_by_key(|family| (family.plotter.start_ticks, family.plotter.pid));
    families
}

/// The topmost ancestor that wraps the plotter or fits the same profile; the plotter itself if there is none.
fn root(members: &HashMap<i32, Member>, plotter: &Member, profile: usize) -> i32 {
    let belongs =
        |role: &Role| role.wraps.contains(&profile) || role.plotter.is_some_and(|role| role.profile == profile);
    ancestors(members, plotter)
        .filter(|ancestor| belongs(&ancestor.role))
        .last()
        .map_or(plotter.identity.pid, |root| root.identity.pid)
}

fn ancestors<'a>(members: &'a HashMap<i32, Member>, of: &Member) -> impl Iterator<Item = &'a Member> {
    let first = members.get(&of.parent);
    std::iter::successors(first, |member| members.get(&member.parent)).take(DEEPEST)
}

/// Of the processes of one job that fit the profile, the one that plots: the oldest that no other stands above, or below.
fn choose<'a>(
    members: &HashMap<i32, Member>,
    candidates: Vec<(&'a Member, Plotter)>,
    leaf_only: bool,
) -> Option<(&'a Member, Plotter)> {
    let pids: BTreeSet<i32> = candidates.iter().map(|(member, _)| member.identity.pid).collect();
    let mut above = BTreeSet::new();
    let mut has_above = BTreeSet::new();
    for (member, _) in &candidates {
        for ancestor in ancestors(members, member).filter(|ancestor| pids.contains(&ancestor.identity.pid)) {
            above.insert(ancestor.identity.pid);
            has_above.insert(member.identity.pid);
        }
    }
    let excluded = if leaf_only { above } else { has_above };
    candidates
        .into_iter()
        .filter(|(member, _)| !excluded.contains(&member.identity.pid))
        .min_by_key(|(member, _)| (member.identity.start_ticks, member.identity.pid))
}

fn children(members: &HashMap<i32, Member>) -> HashMap<i32, Vec<i32>> {
    let mut children: HashMap<i32, Vec<i32>> = HashMap::new();
    for member in members.values() {
        children.entry(member.parent).or_default().push(member.identity.pid);
    }
    children
}

fn below(members: &HashMap<i32, Member>, children: &HashMap<i32, Vec<i32>>, root: i32) -> Vec<Identity> {
    let mut found = BTreeSet::new();
    let mut waiting = vec![root];
    while let Some(pid) = waiting.pop() {
        if found.insert(pid) {
            waiting.extend(children.get(&pid).into_iter().flatten());
        }
    }
    found.iter().filter_map(|pid| members.get(pid)).map(|member| member.identity).collect()
}
