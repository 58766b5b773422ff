//! The machine in memory as the actuator sees it: processes, signals, operations and temp files.

use std::path::Path;

use super::{Fake, step};
use crate::claim::{Deed, KnobKind};
use crate::kernel::process::Identity;
use crate::knob::{
    Glance, Knob, KnobError, Machine, Measured, Place, Portrait, Reversible, ReversibleMachine, Scope, Swept,
};
use crate::plotter::TempPattern;

impl ReversibleMachine for Fake {
    fn reversible(&self, kind: KnobKind) -> &dyn Reversible {
        &self.knobs[&kind]
    }

    fn boot_id(&self) -> Result<String, KnobError> {
        Ok(self.state.borrow().boot_id.clone())
    }

    fn identity(&self, pid: i32) -> Option<Identity> {
        let state = self.state.borrow();
        state.processes.get(&pid).map(|process| Identity { pid, start_ticks: process.started })
    }

    fn is_alive(&self, process: Identity) -> bool {
        self.state.borrow().live(process).is_some()
    }

    fn parent(&self, process: Identity) -> Option<Identity> {
        let parent = self.state.borrow().live(process)?.parent;
        self.identity(parent)
    }

    fn children(&self, process: Identity) -> Vec<Identity> {
        let state = self.state.borrow();
        let children = state.processes.iter().filter(|(_, found)| found.parent == process.pid);
        children.map(|(&pid, found)| Identity { pid, start_ticks: found.started }).collect()
    }

    fn own_groups(&self) -> Vec<(String, u64)> {
        let state = self.state.borrow();
        let own = state.groups.iter().filter(|(path, _)| path.starts_with("/plotwarden/"));
        own.map(|(path, group)| (path.clone(), group.inode)).collect()
    }

    fn dissolve(&self, (path, _): &(String, u64)) -> Result<(), KnobError> {
        let mut state = self.state.borrow_mut();
        for process in state.processes.values_mut().filter(|process| process.group == *path) {
            "/".clone_into(&mut process.group);
        }
        state.groups.remove(path);
        Ok(())
    }
}

impl Machine for Fake {
    fn knob(&self, kind: KnobKind) -> &dyn Knob {
        &self.knobs[&kind]
    }

    fn portrait(&self, process: Identity) -> Result<Portrait, KnobError> {
        let state = self.state.borrow();
        let found = state.live(process).ok_or_else(|| KnobError::Gone(format!("process {}", process.pid)))?;
        Ok(Portrait {
            comm: found.comm.clone(),
            exe_inode: Some(found.exe_inode),
            users: Some((found.user, found.user)),
            ..Portrait::default()
        })
    }

    fn entangled(&self, processes: &[Identity]) -> Result<Option<String>, KnobError> {
        let state = self.state.borrow();
        Ok(processes.iter().filter_map(|&process| state.live(process)).find_map(|found| found.entangled.clone()))
    }

    fn glance(&self, process: Identity) -> Option<Glance> {
        let state = self.state.borrow();
        let found = state.live(process)?;
        Some(Glance { comm: found.comm.clone(), threads: u64::try_from(found.threads.len()).ok()? })
    }

    fn lineage(&self) -> Vec<Identity> {
        vec![Identity { pid: 2, start_ticks: 2 }]
    }

    fn measure(&self, deed: &Deed, _scope: &Scope) -> Result<Measured, KnobError> {
        step(&self.state, &deed.name(), true)?;
        let found = self.state.borrow().measured.get(deed.name()).cloned();
        found.ok_or_else(|| KnobError::Unusable(format!("nothing is known for {}", deed.name())))
    }

    fn perform(&self, deed: &Deed, scope: &Scope) -> Result<(), KnobError> {
        step(&self.state, &deed.name(), false)?;
        let mut state = self.state.borrow_mut();
        state.writes += 1;
        state.performed.push((deed.clone(), scope.clone()));
        Ok(())
    }

    /// As Linux does it: who is stopped or frozen dies of nothing but SIGKILL before he is continued.
    fn signal(&self, process: Identity, signal: i32) -> Result<(), KnobError> {
        step(&self.state, &process.pid, false)?;
        let mut state = self.state.borrow_mut();
        let found = state.live(process).ok_or_else(|| KnobError::Gone(format!("process {}", process.pid)))?;
        let frozen = state.groups.get(&found.group).is_some_and(|group| group.frozen);
        let halted = found.stopped || frozen;
        state.writes += 1;
        state.signals.push((process.pid, signal));
        if signal == libc::SIGCONT {
            state.processes.entry(process.pid).and_modify(|found| found.stopped = false);
        } else if signal == libc::SIGKILL || !(halted || state.deaf.contains(&signal)) {
            state.processes.remove(&process.pid);
        }
        Ok(())
    }

    fn pin(&self, directory: &Path) -> Result<Place, KnobError> {
        step(&self.state, &directory.display(), true)?;
        Ok(Place { path: directory.to_owned(), device: 1, inode: 1 })
    }

    fn sweep(&self, place: &Place, pattern: &TempPattern) -> Result<Swept, KnobError> {
        step(&self.state, &place.path.display(), false)?;
        let mut state = self.state.borrow_mut();
        let mut swept = Swept::default();
        let all = std::mem::take(&mut state.files);
        for path in all {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if !path.starts_with(&place.path) || !pattern.matches(&name) {
                state.files.insert(path);
            } else if name.contains("open") {
                swept.kept.push((path.clone(), "process 7 has it open".to_owned()));
                state.files.insert(path);
            } else if swept.removed.is_empty() {
                swept.removed.push(path);
            } else {
                swept.unfinished = true;
                state.files.insert(path);
            }
        }
        state.writes += swept.removed.len();
        Ok(swept)
    }
}
