//! Controllers that are handed down to the groups of jobs, through our group: without them a group has no limits.
//!
//! Only those that somebody needs are handed down, each is put back for itself, and one that somebody else has handed down stays.
//! Under systemd a job's scope gets its controllers from systemd, and there is nothing to hand down.

use super::cgroup::{BASE_GROUP, GroupDir, Tree};
use super::home::GroupUse;
use super::limit::has_controller;
use super::linux::capability_of;
use super::task::Tasks;
use super::value::Reach;
use super::{Facts, Knob, KnobError, Reversible, Scope, Unit, Value, pinned};
use crate::claim::{Controller, KnobKind, Setting, Target};
use crate::inventory::Capability;
use crate::kernel::process::Identity;

#[derive(Debug)]
pub struct Controllers {
    pub tasks: Tasks,
    /// `None` where there is no cgroup2 mount.
    pub tree: Option<Tree>,
    pub home: GroupUse,
}

/// The group that a controller is handed down from, and ours below it, if it is there.
struct Way {
    above: GroupDir,
    ours: Option<GroupDir>,
    controller: Controller,
}

impl Controllers {
    fn tree(&self) -> Result<&Tree, KnobError> {
        self.tree.as_ref().ok_or_else(|| KnobError::Unusable("no cgroup2 mount".to_owned()))
    }

    fn ours(tree: &Tree) -> Option<GroupDir> {
        let path = format!("/{BASE_GROUP}");
        tree.open(&path, tree.inode(&path).ok()?).ok()
    }

    fn way(&self, unit: &Unit) -> Result<Way, KnobError> {
        let Unit::Controller { path, inode, controller } = unit else {
            return Err(KnobError::Unusable(format!("{unit} is no controller")));
        };
        let tree = self.tree()?;
        let above = tree.open(path, *inode).map_err(|source| KnobError::from_io("open", unit, source))?;
        Ok(Way { above, ours: Self::ours(tree), controller: *controller })
    }

    /// Who would lose their CPUs if the groups below the root got sets of them.
    fn pinned_anywhere(&self) -> Option<String> {
        let numbers = std::fs::read_dir(self.tasks.root()).ok()?.filter_map(Result::ok);
        let numbers = numbers.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let processes: Vec<Identity> = numbers
            .filter_map(|pid| Some(self.tasks.process(pid).ok()?).filter(|it| !it.kernel_thread))
            .map(|it| it.identity)
            .collect();
        pinned::first_of(&self.tasks, &processes)
    }
}

impl Way {
    fn reach(&self) -> std::io::Result<Reach> {
        const FILE: &str = "cgroup.subtree_control";
        let ours = self.ours.as_ref().map_or(Ok(false), |ours| ours.lists(FILE, self.controller))?;
        Ok(match (self.above.lists(FILE, self.controller)?, ours) {
            (false, _) => Reach::Nowhere,
            (true, false) => Reach::OurGroup,
            (true, true) => Reach::Jobs,
        })
    }

    /// What is given goes from the top down; what is taken, from the bottom up: the kernel takes no other order.
    fn hand(&self, reach: Reach) -> std::io::Result<()> {
        if reach > Reach::Nowhere {
            self.above.hand_down(self.controller, true)?;
        }
        if let Some(ours) = &self.ours {
            ours.hand_down(self.controller, reach == Reach::Jobs)?;
        }
        if reach == Reach::Nowhere {
            self.above.hand_down(self.controller, false)?;
        }
        Ok(())
    }
}

impl Reversible for Controllers {
    fn kind(&self) -> KnobKind {
        KnobKind::Controllers
    }

    fn units(&self, scope: &Scope) -> Result<Vec<Unit>, KnobError> {
        if matches!(self.home, GroupUse::OwnedBySystemd { .. }) {
            return Ok(Vec::new());
        }
        let path = "/".to_owned();
        let inode = self.tree()?.inode(&path).map_err(|source| KnobError::from_io("look at", &path, source))?;
        let unit = |&controller| Unit::Controller { path: path.clone(), inode, controller };
        Ok(scope.controllers.iter().map(unit).collect())
    }

    fn read(&self, unit: &Unit) -> Result<Value, KnobError> {
        let reach = self.way(unit)?.reach();
        Ok(Value::Handed(reach.map_err(|source| KnobError::from_io("read", unit, source))?))
    }

    fn write(&self, unit: &Unit, value: &Value) -> Result<(), KnobError> {
        let &Value::Handed(reach) = value else {
            return Err(KnobError::Unusable(format!("{value} is not how far a controller is handed")));
        };
        let way = self.way(unit)?;
        let is_new = way.controller == Controller::CpuSet && reach == Reach::Jobs;
        if let Some(why) = is_new.then(|| self.pinned_anywhere()).flatten() {
            return Err(KnobError::Unusable(why));
        }
        // ENOENT here is a controller that is not there, not a group that has ended.
        way.hand(reach).map_err(|source| KnobError::Refused { doing: "hand down", of: unit.to_string(), source })
    }

    fn is_inherited(&self) -> bool {
        false
    }

    fn finish(&self, _ours: &Value) -> Result<(), KnobError> {
        self.tree()?.remove_base();
        Ok(())
    }
}

impl Knob for Controllers {
    fn facts(&self) -> Facts {
        let names = Controller::ALL.map(Controller::name).join(", ");
        let facts = Facts::of_call("cgroup.subtree_control", &names, "Documentation/admin-guide/cgroup-v2.rst");
        Facts { others: &["systemd", "a container runtime"], ..facts }
    }

    fn probe(&self) -> Capability {
        let usable = match &self.tree {
            None => Err(("no cgroup2 mount".to_owned(), "mount -t cgroup2 none /sys/fs/cgroup/unified".to_owned())),
            Some(tree) => {
                let any = Controller::ALL.iter().map(|controller| has_controller(tree.mount(), *controller));
                any.reduce(Result::or).unwrap_or(Ok(()))
            }
        };
        capability_of(KnobKind::Controllers.surface(), usable)
    }

    fn normalise(&self, _target: &Target, setting: &Setting) -> Result<Value, KnobError> {
        match setting {
            Setting::Controllers(_) => Ok(Value::Handed(Reach::Jobs)),
            other => Err(KnobError::Unusable(format!("{other} is no set of controllers"))),
        }
    }

    /// Our group, which the controllers are handed on by.
    fn prepare(&self, value: Value) -> Result<Value, KnobError> {
        let made = self.tree()?.make_base();
        made.map_err(|source| KnobError::from_io("make", &BASE_GROUP, source))?;
        Ok(value)
    }
}
