//! On which NUMA node each job runs: the one with the fewest, and there it stays, because memory does not move with it.

use std::collections::{BTreeMap, BTreeSet};

use super::Turn;
use crate::claim::{Bound, KnobKind, Setting};
use crate::plotter::JobId;
use crate::policy::{Action, Placement, PlacementMethod};
use crate::world::Layout;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Places {
    nodes: BTreeMap<JobId, u32>,
    said_that_there_is_one: bool,
}

impl Places {
    pub fn step(&mut self, turn: &Turn<'_>, changes: &mut Vec<String>) {
        let Some(placement) =
            turn.rules.placement.filter(|_| turn.rules.actions().any(|action| *action == Action::Place))
        else {
            self.nodes.clear();
            return;
        };
        let scene = &turn.asked.scene;
        let nodes = usable(turn.layout, placement);
        self.nodes.retain(|id, node| scene.job(id).is_some() && nodes.contains_key(node));
        if nodes.len() < 2 {
            if !std::mem::replace(&mut self.said_that_there_is_one, true) {
                changes
                    .push("nothing is placed: the machine has fewer than two NUMA nodes with enough CPUs".to_owned());
            }
            self.nodes.clear();
            return;
        }
        for view in &scene.jobs {
            let id = &view.job.id;
            if self.nodes.contains_key(id) {
                continue;
            }
            let jobs_on = |node: u32| self.nodes.values().filter(|placed| **placed == node).count();
            if let Some(node) = nodes.keys().copied().min_by_key(|node| (jobs_on(*node), *node)) {
                changes.push(format!("placed {id} on NUMA node {node}: {} plots are there", jobs_on(node)));
                self.nodes.insert(id.clone(), node);
            }
        }
    }

    /// What a job is to have for its place.
    pub fn settings(&self, id: &JobId, layout: &Layout, placement: Placement) -> Vec<(Setting, Bound)> {
        let Some(node) = self.nodes.get(id) else { return Vec::new() };
        let Some(cpus) = usable(layout, placement).remove(node) else { return Vec::new() };
        match placement.method {
            PlacementMethod::CpuSet => vec![
                (Setting::Set(KnobKind::CpuSet, cpus), Bound::AtMost),
                (Setting::Set(KnobKind::NodeSet, BTreeSet::from([*node])), Bound::AtMost),
            ],
            PlacementMethod::Affinity => vec![(Setting::Affinity(cpus), Bound::AtMost)],
        }
    }
}

/// The CPUs of each node that may take jobs, without those that are kept free.
fn usable(layout: &Layout, placement: Placement) -> BTreeMap<u32, BTreeSet<u32>> {
    let rest = |cpus: &BTreeSet<u32>| cpus.iter().copied().skip(placement.reserve).collect::<BTreeSet<u32>>();
    let nodes = layout.nodes.iter().map(|(node, cpus)| (*node, rest(cpus)));
    nodes.filter(|(_, cpus)| cpus.len() >= placement.min_cpus.max(1)).collect()
}
