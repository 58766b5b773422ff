//! Limits of a job's group: files of cgroup v2 below the group that is the job's own.
//!
//! Only the group of the job itself has limits, none above it: so there is no order between parent and child to keep, and one
//! write changes each of them, as a whole. Writes run where they may hang: one of `memory.max` waits for reclaim.
//!
//! Source: `Documentation/admin-guide/cgroup-v2.rst`.

mod catalogue;
mod form;
mod honoured;
mod refusal;

use std::collections::BTreeSet;
use std::path::PathBuf;

use catalogue::Limit;
pub use catalogue::limit;
use form::Form;
pub use honoured::has_controller;

use super::cgroup::{GroupDir, Tree};
use super::disk::Disk;
use super::linux::capability_of;
use super::timely::Timely;
use super::value::Lines;
use super::{Facts, Knob, KnobError, Reversible, Scope, Unit, Value, cpu_list};
use crate::claim::{Controller, KnobKind, Setting, Target};
use crate::inventory::Capability;
use crate::kernel::Roots;

/// A limit on this machine.
#[derive(Debug)]
pub struct LimitKnob {
    pub limit: &'static Limit,
    pub roots: Roots,
    /// `None` where there is no cgroup2 mount.
    pub tree: Option<Tree>,
    pub timely: Timely,
}

impl LimitKnob {
    fn open(&self, unit: &Unit) -> Result<(GroupDir, PathBuf), KnobError> {
        let (Unit::Group { path, inode }, Some(tree)) = (unit, &self.tree) else {
            return Err(KnobError::Unusable(format!("{unit} is no group")));
        };
        let group = tree.open(path, *inode).map_err(|source| KnobError::from_io("open", unit, source))?;
        Ok((group, tree.dir(path).unwrap_or_default()))
    }

    fn read_file(&self, group: &GroupDir, unit: &Unit, file: &str) -> Result<String, KnobError> {
        group.read(file).map_err(|source| self.of_file(unit, file, "read", source))
    }

    /// A file that is not there although the group is went with its controller, and the limit with it.
    fn of_file(&self, unit: &Unit, file: &str, doing: &'static str, source: std::io::Error) -> KnobError {
        match source.raw_os_error() {
            Some(libc::ENODEV) if self.tree.as_ref().is_some_and(|tree| is_there(tree, unit)) => {
                KnobError::Unusable(format!("{file} of {unit} takes no limit of this disk"))
            }
            _ => KnobError::from_io(doing, unit, source),
        }
    }

    /// The files that the knob is on this kernel: those of the group that are there.
    fn lines_by_file(&self, group: &GroupDir, unit: &Unit) -> Result<Value, KnobError> {
        let mut lines = Lines::new();
        for file in self.limit.files {
            match group.read(file) {
                Ok(text) => {
                    let weight = form::default_weight(&text).ok_or_else(|| malformed(unit, file, &text))?;
                    lines.entry((*file).to_owned()).or_default().insert("default".to_owned(), weight.to_string());
                }
                Err(error) if error.raw_os_error() == Some(libc::ENOENT) => {}
                Err(source) => return Err(self.of_file(unit, file, "read", source)),
            }
        }
        if lines.is_empty() {
            return Err(self.of_file(unit, self.limit.file(), "read", std::io::Error::from_raw_os_error(libc::ENOENT)));
        }
        Ok(Value::Keyed(lines))
    }

    /// What is to be written where. Limits of a disk that is gone are gone with it.
    fn texts(&self, group: &GroupDir, unit: &Unit, value: &Value) -> Result<Vec<(&'static str, String)>, KnobError> {
        let file = self.limit.file();
        match (self.limit.form, value) {
            (Form::Weight, Value::Keyed(lines)) => {
                let Value::Keyed(here) = self.lines_by_file(group, unit)? else { return Ok(Vec::new()) };
                let weight = |file: &&'static str| {
                    let weight = lines.get(*file)?.get("default")?;
                    here.contains_key(*file).then(|| (*file, format!("default {weight}")))
                };
                Ok(self.limit.files.iter().filter_map(weight).collect())
            }
            (Form::Disks { keys, none }, Value::Keyed(lines)) => {
                let now = form::disk_lines(&self.roots, &self.read_file(group, unit, file)?, none)
                    .ok_or_else(|| KnobError::Unusable(format!("{file} of {unit} is malformed")))?;
                let disks = lines.keys().chain(now.keys().filter(|disk| !lines.contains_key(*disk)));
                let present = disks.filter_map(|key| Some((Disk::of_record(&self.roots, key)?, lines.get(key))));
                Ok(present.map(|(disk, limits)| (file, form::disk_text(&disk, limits, keys, none))).collect())
            }
            (form, value) => {
                let text = form.text(value);
                let text = text.ok_or_else(|| KnobError::Unusable(format!("{value} cannot be written to {file}")))?;
                Ok(vec![(file, text)])
            }
        }
    }
}

impl Reversible for LimitKnob {
    fn kind(&self) -> KnobKind {
        self.limit.kind
    }

    fn units(&self, scope: &Scope) -> Result<Vec<Unit>, KnobError> {
        let none = || KnobError::Unusable("the job has no group of its own".to_owned());
        let (path, inode) = scope.group.clone().ok_or_else(none)?;
        let unit = Unit::Group { path, inode };
        let (group, _) = self.open(&unit)?;
        if !self.limit.files.iter().any(|file| group.has(file)) {
            return Err(KnobError::Unusable(format!(
                "{unit} has no {}: the kernel lacks it, or {} is not handed down to it",
                self.limit.file(),
                self.limit.kind.controller().map_or("its controller", Controller::name)
            )));
        }
        Ok(vec![unit])
    }

    fn read(&self, unit: &Unit) -> Result<Value, KnobError> {
        let (group, _) = self.open(unit)?;
        if self.limit.form.is_weight() {
            return self.lines_by_file(&group, unit);
        }
        let file = self.limit.file();
        let text = self.read_file(&group, unit, file)?;
        self.limit.form.parse(&self.roots, &text).ok_or_else(|| malformed(unit, file, &text))
    }

    fn write(&self, unit: &Unit, value: &Value) -> Result<(), KnobError> {
        let (group, dir) = self.open(unit)?;
        if let Some(why) = refusal::refusal(self, &group, unit, value)? {
            return Err(KnobError::Unusable(why));
        }
        for (file, text) in self.texts(&group, unit, value)? {
            let group = group.try_clone().map_err(|source| KnobError::from_io("open", unit, source))?;
            let all = self.limit.form.all(&self.roots).filter(|_| text.trim().is_empty());
            let write = move || {
                let done = group.write(file, &text);
                match (&done, all) {
                    // No set at all can be given back only to a group that nobody lives in.
                    (Err(error), Some(all)) if error.raw_os_error() == Some(libc::ENOSPC) => {
                        Ok(group.write(file, &cpu_list(&all)))
                    }
                    _ => Ok(done),
                }
            };
            // The kernel's own answer is told from a thread that could not be had.
            let answer = self.timely.run(&dir.join(file), "write", write)?;
            answer.map_err(|source| self.of_file(unit, file, "write", source))?;
        }
        Ok(())
    }

    fn rounds(&self, written: &Value, found: &Value) -> bool {
        let none = Value::Set(BTreeSet::new());
        let is_all = || self.limit.form.all(&self.roots).is_some_and(|all| *found == Value::Set(all));
        self.is_same(written, found) || self.limit.form.rounds(written, found) || *written == none && is_all()
    }

    /// Limits of disks that are not there any more say nothing.
    fn is_same(&self, known: &Value, found: &Value) -> bool {
        match (known, found) {
            (Value::Keyed(known), Value::Keyed(found)) if self.limit.form.is_of_disks() => {
                let is_there = |disk: &&String| Disk::of_record(&self.roots, disk).is_some();
                known.keys().chain(found.keys()).filter(is_there).all(|disk| known.get(disk) == found.get(disk))
            }
            _ => known == found,
        }
    }

    fn is_inherited(&self) -> bool {
        false
    }
}

impl Knob for LimitKnob {
    fn facts(&self) -> Facts {
        Facts {
            place: self.limit.files.join(" and "),
            unit: self.limit.unit,
            range: self.limit.form.range(),
            normalisation: self.limit.form.normalisation(),
            others: &["systemd", "kubelet"],
            source: "Documentation/admin-guide/cgroup-v2.rst",
        }
    }

    fn probe(&self) -> Capability {
        capability_of(self.kind().surface(), honoured::honoured(&self.roots, self.tree.as_ref(), self.limit))
    }

    fn normalise(&self, target: &Target, setting: &Setting) -> Result<Value, KnobError> {
        if target.job().is_none() {
            return Err(KnobError::Unusable(format!("{target} has no group of its own")));
        }
        self.limit.form.normalise(&self.roots, self.limit, setting)
    }
}

fn is_there(tree: &Tree, unit: &Unit) -> bool {
    matches!(unit, Unit::Group { path, inode } if tree.inode(path).is_ok_and(|now| now == *inode))
}

fn malformed(unit: &Unit, file: &str, text: &str) -> KnobError {
    KnobError::Unusable(format!("{file} of {unit} says {:?}, which is not of its documented form", text.trim()))
}

#[cfg(test)]
mod tests;
