//! A cgroup v2 of the job's own, which gives it pressure of its own, a freezer, and limits.
//!
//! A process is only taken from where it leaves no limit behind, no container, and no unit of systemd that would end without it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::cgroup::{Tree, is_ours};
use super::home::{GroupUse, scope_of};
use super::left_behind::left_behind;
use super::linux::capability_of;
use super::pinned;
use super::scope;
use super::task::{Held, Tasks};
use super::{Facts, Knob, KnobError, Reversible, Scope, Unit, Value};
use crate::claim::{Controller, KnobKind, Setting, Target};
use crate::inventory::Capability;
use crate::kernel::cgroup::CgroupMode;
use crate::kernel::process::Identity;

#[derive(Debug)]
pub struct Group {
    pub tasks: Tasks,
    /// `None` where there is no cgroup2 mount.
    pub tree: Option<Tree>,
    pub home: GroupUse,
    /// systemd moves a process in the version 1 groups along with it, from where nobody would put it back.
    pub mode: CgroupMode,
    /// Of which job units were asked for last: whose leave is judged, and who may be the first in a scope.
    pub asked: Arc<Mutex<Vec<Identity>>>,
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

    /// Starts the scope around a process of the job that may be moved, and moves it on to the group below.
    fn make_in_scope(&self, bus: &std::path::Path, path: &str) -> Result<u64, KnobError> {
        let of_io = |source| KnobError::from_io("make", &path, source);
        let (unit, scope) = scope_of(path).ok_or_else(|| KnobError::Unusable(format!("{path} is in no scope")))?;
        let tree = self.tree()?;
        if tree.inode(scope).is_ok() {
            return tree.make(path).map_err(of_io);
        }
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let first = asked.into_iter().map(Unit::of_process).find_map(|unit| {
            let before = self.read(&unit).ok().filter(|before| self.off_limits(&unit, before).is_none())?;
            Some((unit.process()?, before))
        });
        let (first, before) = first.ok_or_else(|| KnobError::Unusable("no process may be moved".to_owned()))?;
        let held = Held::open(&self.tasks, first)?;
        scope::start(bus, unit, first.pid)
            .map_err(|source| KnobError::Unusable(format!("systemd makes no {unit}: {source}")))?;
        let made = self.wait_in(first, scope).and_then(|()| self.settle_below(scope, path));
        if made.is_err() && !held.has_ended() {
            // Nobody has recorded yet that it was moved at all.
            self.write(&Unit::of_process(first), &before)?;
        }
        made
    }

    /// Waits until systemd has moved the process.
    fn wait_in(&self, process: Identity, scope: &str) -> Result<(), KnobError> {
        const PATIENCE: Duration = Duration::from_secs(2);
        let began = Instant::now();
        while Self::path_of(&self.tasks, process)? != scope {
            if began.elapsed() > PATIENCE {
                return Err(KnobError::Late { of: scope.to_owned(), patience: PATIENCE });
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        Ok(())
    }

    /// Makes the group below the scope, and hands down what systemd has given us. The scope must be empty for that.
    fn settle_below(&self, scope: &str, path: &str) -> Result<u64, KnobError> {
        const ROUNDS: usize = 8;
        let of_io = |source| KnobError::from_io("make", &path, source);
        let tree = self.tree()?;
        let inode = tree.make(path).map_err(of_io)?;
        let above = tree.inode(scope).and_then(|inode| tree.open(scope, inode)).map_err(of_io)?;
        let below = tree.open(path, inode).map_err(of_io)?;
        // A process may make children while it is moved.
        for _ in 0..ROUNDS {
            for pid in above.members().map_err(of_io)? {
                match below.write("cgroup.procs", &pid.to_string()) {
                    Err(error) if error.raw_os_error() != Some(libc::ESRCH) => return Err(of_io(error)),
                    _ => {}
                }
            }
        }
        for controller in Controller::ALL {
            let is_given = above.lists("cgroup.controllers", controller).map_err(of_io)?;
            let is_safe = || controller != Controller::CpuSet || self.pinned_in(path, inode).is_none();
            if is_given && is_safe() {
                above.hand_down(controller, true).map_err(of_io)?;
            }
        }
        Ok(inode)
    }

    fn pinned_in(&self, path: &str, inode: u64) -> Option<String> {
        pinned::first_of(&self.tasks, &self.members(path, inode))
    }

    /// Whether nobody but the job lives in the group.
    fn is_alone_in(&self, path: &str, inode: u64) -> bool {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        self.members(path, inode).iter().all(|member| asked.contains(member))
    }

    /// Whether the process has another view of the tree than we have.
    fn is_in_container(&self, unit: &Unit) -> bool {
        let namespace = |pid| std::fs::read_link(self.tasks.dir(pid).join("ns/cgroup")).ok();
        let ours = namespace(i32::try_from(std::process::id()).unwrap_or(0));
        let theirs = unit.process().and_then(|process| namespace(process.pid));
        ours.zip(theirs).is_some_and(|(ours, theirs)| ours != theirs)
    }

    /// Members of a group, each with its start time.
    fn members(&self, path: &str, inode: u64) -> Vec<Identity> {
        let Ok(tree) = self.tree() else { return Vec::new() };
        let pids = tree.open(path, inode).and_then(|group| group.members()).unwrap_or_default();
        let identity = |pid| Some(self.tasks.process(pid).ok()?.identity);
        pids.into_iter().filter_map(identity).collect()
    }
}

impl Reversible for Group {
    fn kind(&self) -> KnobKind {
        KnobKind::Group
    }

    fn units(&self, scope: &Scope) -> Result<Vec<Unit>, KnobError> {
        let mut processes = scope.processes.clone();
        if let Some((path, inode)) = &scope.group {
            processes.extend(self.members(path, *inode));
        }
        processes.sort_unstable();
        processes.dedup();
        processes.retain(|&process| self.tasks.verified(process).is_ok());
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&processes);
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
        if group.lists("cgroup.controllers", Controller::CpuSet).unwrap_or(false)
            && let Some(why) = pinned::first_of(&self.tasks, &[process])
        {
            return Err(KnobError::Unusable(why));
        }
        let moved = group.write("cgroup.procs", &process.pid.to_string());
        if held.has_ended() {
            return Err(KnobError::Gone(unit.to_string()));
        }
        moved.map_err(|source| match source.raw_os_error() {
            // It hands controllers down by now, or is a threaded one: it takes no processes any more.
            Some(libc::EBUSY | libc::EOPNOTSUPP) => KnobError::PlaceLost(path.clone()),
            _ => KnobError::from_io("change the group", unit, source),
        })
    }

    /// Between journal and creation the inode of our group is not known yet; on its way there a process is in the scope above.
    fn rounds(&self, written: &Value, found: &Value) -> bool {
        match (written, found) {
            (Value::Group { path, inode }, Value::Group { path: found, inode: now }) => {
                path == found && (inode == now || *inode == 0)
                    || scope_of(path).is_some_and(|(_, scope)| scope == found)
            }
            _ => false,
        }
    }

    fn is_inherited(&self) -> bool {
        true
    }

    /// The nearest ancestor that still exists and takes processes; at last the root, which takes everybody and limits nobody.
    fn next_best(&self, original: &Value) -> Option<Value> {
        let Value::Group { path, .. } = original else { return None };
        let tree = self.tree.as_ref()?;
        let mut path = path.as_str();
        while let Some((parent, _)) = path.rsplit_once('/') {
            if parent.is_empty() {
                break;
            }
            let takes = |inode| {
                let handed = tree.open(parent, inode).and_then(|group| group.read("cgroup.subtree_control"));
                handed.is_ok_and(|handed| handed.trim().is_empty())
            };
            if let Ok(inode) = tree.inode(parent)
                && takes(inode)
            {
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

impl Knob for Group {
    fn facts(&self) -> Facts {
        let facts = Facts::of_call("cgroup.procs", "own group", "Documentation/admin-guide/cgroup-v2.rst");
        Facts { others: &["systemd", "a container runtime"], ..facts }
    }

    fn probe(&self) -> Capability {
        let writable = |tree: &Tree| {
            nix::unistd::access(&tree.mount().join("cgroup.procs"), nix::unistd::AccessFlags::W_OK).map_err(|errno| {
                (format!("{} is not writable: {errno}", tree.mount().display()), "run as root".to_owned())
            })
        };
        let usable = match (&self.tree, &self.home) {
            (None, _) => {
                Err(("no cgroup2 mount".to_owned(), "mount -t cgroup2 none /sys/fs/cgroup/unified".to_owned()))
            }
            (Some(_), GroupUse::OwnedBySystemd { .. }) if self.mode != CgroupMode::Unified => Err((
                "systemd owns the tree, and has version 1 groups beside it; jobs are paused by signal".to_owned(),
                "boot with systemd.unified_cgroup_hierarchy=1".to_owned(),
            )),
            (Some(_), GroupUse::OwnedBySystemd { bus }) if !bus.exists() => Err((
                format!("systemd owns the tree, and its bus is not at {}; jobs are paused by signal", bus.display()),
                "start dbus.service".to_owned(),
            )),
            (Some(tree), _) => writable(tree),
        };
        capability_of("knob-group", usable)
    }

    fn normalise(&self, target: &Target, _setting: &Setting) -> Result<Value, KnobError> {
        Ok(Value::Group { path: self.home.path_of(&target.to_string()), inode: 0 })
    }

    fn prepare(&self, value: Value) -> Result<Value, KnobError> {
        let Value::Group { path, .. } = value else { return Ok(value) };
        let inode = match &self.home {
            GroupUse::Free => self.tree()?.make(&path).map_err(|source| KnobError::from_io("make", &path, source))?,
            GroupUse::OwnedBySystemd { bus } => self.make_in_scope(bus, &path)?,
        };
        Ok(Value::Group { path, inode })
    }

    fn off_limits(&self, unit: &Unit, current: &Value) -> Option<String> {
        let Value::Group { path, inode } = current else { return None };
        if self.is_in_container(unit) {
            return Some("lives in a container, which would lose sight of it".to_owned());
        }
        if path == "/" {
            return None;
        }
        if is_ours(path) {
            return Some(format!("is in {path}, a group of ours that is not this job's"));
        }
        let Some(group) = self.tree.as_ref().and_then(|tree| tree.open(path, *inode).ok()) else {
            return Some(format!("is in {path}, which cannot be opened to put it back"));
        };
        if group.read("cgroup.type").is_ok_and(|kind| kind.trim() != "domain") {
            return Some(format!("is in {path}, a threaded group"));
        }
        if let Some(why) = self.tree.as_ref().and_then(|tree| left_behind(tree, self.tasks.root(), path)) {
            return Some(format!("is in {path} and {why}"));
        }
        let is_of_systemd = matches!(self.home, GroupUse::OwnedBySystemd { .. });
        if is_of_systemd && self.is_alone_in(path, *inode) {
            return Some(format!("is alone in {path}, which systemd would take for ended without it"));
        }
        None
    }
}
