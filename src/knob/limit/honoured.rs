//! Whether a limit would do anything here: its controller is in this tree, the kernel has the file, and somebody heeds it.

use std::fs;
use std::path::Path;

use super::catalogue::Limit;
use crate::claim::{Controller, KnobKind};
use crate::kernel::{Roots, attribute};
use crate::knob::cgroup::Tree;

/// The reason why not and what mends it.
pub fn honoured(roots: &Roots, tree: Option<&Tree>, limit: &Limit) -> Result<(), (String, String)> {
    let controller = limit.kind.controller();
    let (Some(tree), Some(controller)) = (tree, controller) else {
        return Err(("no cgroup2 mount".to_owned(), "mount -t cgroup2 none /sys/fs/cgroup/unified".to_owned()));
    };
    has_controller(tree.mount(), controller)?;
    if let Some(group) = with_controller(tree.mount(), controller)
        && !limit.files.iter().any(|file| group.join(file).exists())
    {
        return Err((format!("this kernel has no {}", limit.files.join(" and no ")), String::new()));
    }
    match limit.kind {
        KnobKind::IoWeight if !has_weights(roots, tree.mount()) => Err((
            "no disk heeds weights: none is scheduled by BFQ or watched by io.cost".to_owned(),
            "set the knob io-scheduler of a disk to bfq, or its io-cost".to_owned(),
        )),
        _ => Ok(()),
    }
}

/// Whether the tree has the controller at all: on a machine with version 1 groups, it may be there.
pub fn has_controller(mount: &Path, controller: Controller) -> Result<(), (String, String)> {
    let file = mount.join("cgroup.controllers");
    let name = controller.name();
    let listed = fs::read_to_string(&file).map_err(|error| (format!("{}: {error}", file.display()), String::new()))?;
    if listed.split_ascii_whitespace().any(|listed| listed == name) {
        return Ok(());
    }
    let there = if listed.trim().is_empty() { "none" } else { listed.trim() };
    let reason =
        format!("{} has no controller {name} (only {there}): version 1 has it, or the kernel not", mount.display());
    Err((reason, "boot with systemd.unified_cgroup_hierarchy=1 or cgroup_no_v1=all".to_owned()))
}

/// A group right below the root that has the controller, if there is one to look at. The root itself has no limits.
fn with_controller(mount: &Path, controller: Controller) -> Option<std::path::PathBuf> {
    let groups = fs::read_dir(mount).ok()?.filter_map(Result::ok).map(|entry| entry.path());
    groups.into_iter().find(|group| {
        let listed = fs::read_to_string(group.join("cgroup.controllers")).unwrap_or_default();
        listed.split_ascii_whitespace().any(|name| name == controller.name())
    })
}

fn has_weights(roots: &Roots, mount: &Path) -> bool {
    let by_cost = fs::read_to_string(mount.join("io.cost.qos")).is_ok_and(|qos| qos.contains("enable=1"));
    let disks = attribute::entries(&roots.sys("block")).unwrap_or_default();
    let by_bfq = |disk: &String| {
        attribute::chosen(&roots.sys(format!("block/{disk}/queue/scheduler"))).is_ok_and(|scheduler| scheduler == "bfq")
    };
    by_cost || disks.iter().any(by_bfq)
}
