//! A cgroup v2 of the job's own, which gives it pressure of its own and a freezer.
//!
//! A group may carry limits. A process is therefore only taken from a group that has no controller, or from the root.

use super::cgroup::{BASE_GROUP, Tree};
use super::linux::{GroupUse, capability_of};
use super::task::{Held, Tasks};
use super::{Facts, Knob, KnobError, Scope, Unit, Value};
use crate::claim::{KnobKind, Setting, Target};
use crate::inventory::Capability;
use crate::kernel::process::Identity;

#[derive(Debug)]
pub struct Group {
    pub tasks: Tasks,
    /// `None` where there is no cgroup2 mount.
    pub tree: Option<Tree>,
    pub allowed: GroupUse,
}

impl Group {
    fn tree(&self) -> Result<&Tree, KnobError> {
        self.tree.as_ref().ok_or_else(|| KnobError::Unusable("no cgroup2 mount".to_owned()))
    }

    /// The group that a process is in, as its path below the mount.
    pub fn path_of(tasks: &Tasks, process: Identity) -> Result<String, KnobError> {
        let unit = Unit::of_process(process);
        let of_io = |source| KnobError::from_io("read the group", &unit, source);
        tasks.verified(process)?;
        let text = std::fs::read(tasks.dir(process.pid).join("cgroup")).map_err(of_io)?;
        let text = String::from_utf8_lossy(&text);
        let path = text.lines().find_map(|line| line.strip_prefix("0::"));
        path.map(str::to_owned).ok_or_else(|| KnobError::Unusable(format!("{unit} has no cgroup v2")))
    }

    /// Members of a group, each with its start time.
    fn members(&self, path: &str, inode: u64) -> Vec<Identity> {
        let Ok(tree) = self.tree() else { return Vec::new() };
        let pids = tree.open(path, inode).and_then(|group| group.members()).unwrap_or_default();
        let identity = |pid| Some(self.tasks.process(pid).ok()?.identity);
        pids.into_iter().filter_map(identity).collect()
    }
}

impl Knob for Group {
    fn kind(&self) -> KnobKind {
        KnobKind::Group
    }

    fn facts(&self) -> Facts {
        let facts = Facts::of_call("cgroup.procs", "own group", "Documentation/admin-guide/cgroup-v2.rst");
        Facts { others: &["systemd", "a container runtime"], ..facts }
    }

    fn probe(&self) -> Capability {
        let usable = match (&self.tree, self.allowed) {
            (None, _) => {
                Err(("no cgroup2 mount".to_owned(), "mount -t cgroup2 none /sys/fs/cgroup/unified".to_owned()))
            }
            (Some(_), GroupUse::OwnedBySystemd) => {
                Err(("systemd owns the tree; jobs are paused by signal".to_owned(), String::new()))
            }
            (Some(tree), GroupUse::Free) => {
                nix::unistd::access(&tree.mount().join("cgroup.procs"), nix::unistd::AccessFlags::W_OK).map_err(
                    |errno| (format!("{} is not writable: {errno}", tree.mount().display()), "run as root".to_owned()),
                )
            }
        };
        capability_of("knob-group", usable)
    }

    fn normalise(&self, target: &Target, _setting: &Setting) -> Result<Value, KnobError> {
        Ok(Value::Group { path: Tree::path_of(&target.to_string()), inode: 0 })
    }

    fn prepare(&self, value: Value) -> Result<Value, KnobError> {
        let Value::Group { path, .. } = value else { return Ok(value) };
        let inode = self.tree()?.make(&path).map_err(|source| KnobError::from_io("make", &path, source))?;
        Ok(Value::Group { path, inode })
    }

    fn units(&self, scope: &Scope) -> Result<Vec<Unit>, KnobError> {
        let mut processes = scope.processes.clone();
        if let Some((path, inode)) = &scope.group {
            processes.extend(self.members(path, *inode));
        }
        processes.sort_unstable();
        processes.dedup();
        processes.retain(|&process| self.tasks.verified(process).is_ok());
        Ok(processes.into_iter().map(Unit::of_process).collect())
    }

    fn read(&self, unit: &Unit) -> Result<Value, KnobError> {
        let process = unit.process().ok_or_else(|| KnobError::Unusable(format!("{unit} is not a process")))?;
        let path = Self::path_of(&self.tasks, process)?;
        // A group that is removed while a process leaves it, or that lies outside of our namespace, has no inode for us.
        let inode = self.tree()?.inode(&path).unwrap_or(0);
        Ok(Value::Group { path, inode })
    }

    fn write(&self, unit: &Unit, value: &Value) -> Result<(), KnobError> {
        let (Some(process), Value::Group { path, inode }) = (unit.process(), value) else {
            return Err(KnobError::Unusable(format!("{unit} cannot be moved to {value}")));
        };
        let group = match self.tree()?.open(path, *inode) {
            Ok(group) => group,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(KnobError::PlaceLost(path.clone()));
            }
            Err(source) => return Err(KnobError::from_io("open", path, source)),
        };
        let held = Held::open(&self.tasks, process)?;
        let moved = group.write("cgroup.procs", &process.pid.to_string());
        if held.has_ended() {
            return Err(KnobError::Gone(unit.to_string()));
        }
        moved.map_err(|source| KnobError::from_io("change the group", unit, source))
    }

    fn off_limits(&self, _unit: &Unit, current: &Value) -> Option<String> {
        let Value::Group { path, inode } = current else { return None };
        if path == "/" {
            return None;
        }
        if path.strip_prefix('/').is_some_and(|path| path == BASE_GROUP || path.starts_with(&format!("{BASE_GROUP}/")))
        {
            return Some(format!("is in {path}, a group of ours that is not this job's"));
        }
        let Some(group) = self.tree.as_ref().and_then(|tree| tree.open(path, *inode).ok()) else {
            return Some(format!("is in {path}, which cannot be opened to put it back"));
        };
        if group.read("cgroup.type").is_ok_and(|kind| kind.trim() != "domain") {
            return Some(format!("is in {path}, a threaded group"));
        }
        match group.read("cgroup.controllers") {
            Ok(controllers) if controllers.trim().is_empty() => None,
            Ok(controllers) => {
                Some(format!("is in {path}, whose limits it would leave behind ({})", controllers.trim()))
            }
            Err(error) => Some(format!("is in {path}, whose limits are unknown: {error}")),
        }
    }

    /// Between journal and creation the inode of our group is not known yet.
    fn rounds(&self, written: &Value, found: &Value) -> bool {
        match (written, found) {
            (Value::Group { path, inode }, Value::Group { path: found, inode: now }) => {
                path == found && (inode == now || *inode == 0)
            }
            _ => false,
        }
    }

    fn is_inherited(&self) -> bool {
        true
    }

    /// The nearest ancestor that still exists; at last the root, which takes everybody and limits nobody.
    fn next_best(&self, original: &Value) -> Option<Value> {
        let Value::Group { path, .. } = original else { return None };
        let tree = self.tree.as_ref()?;
        let mut path = path.as_str();
        while let Some((parent, _)) = path.rsplit_once('/') {
            if parent.is_empty() {
                break;
            }
            if let Ok(inode) = tree.inode(parent) {
                return Some(Value::Group { path: parent.to_owned(), inode });
            }
            path = parent;
        }
        Some(Value::Group { path: "/".to_owned(), inode: tree.inode("/").ok()? })
    }

    fn finish(&self, ours: &Value) -> Result<(), KnobError> {
        let Value::Group { path, inode } = ours else { return Ok(()) };
        self.tree()?.remove(path, *inode).map_err(|source| KnobError::from_io("remove", path, source))
    }
}
