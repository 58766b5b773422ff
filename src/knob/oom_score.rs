//! How soon the OOM killer takes a process: `/proc/PID/oom_score_adj`, which new children inherit.
//!
//! The kernel remembers the lowest score that a process may give itself, and moves that floor along when the writer has
//! `CAP_SYS_RESOURCE`. Nobody can read the floor, so nobody could put it back: we write without that capability. The floor then
//! stays, and a score below it is refused.

use std::fs::File;
use std::io::{self, Read, Write};

use super::linux::{capability_of, may_write_for_others};
use super::task::Tasks;
use super::{Facts, Knob, KnobError, Reversible, Scope, Unit, Value};
use crate::claim::{KnobKind, Setting, Target};
use crate::inventory::Capability;

const ATTRIBUTE: &str = "oom_score_adj";

#[derive(Debug)]
pub struct OomScore {
    pub tasks: Tasks,
}

impl Reversible for OomScore {
    fn kind(&self) -> KnobKind {
        KnobKind::OomScore
    }

    fn units(&self, scope: &Scope) -> Result<Vec<Unit>, KnobError> {
        let lives = |process: &_| !matches!(self.tasks.verified(*process), Err(KnobError::Gone(_)));
        Ok(scope.processes.iter().copied().filter(lives).map(Unit::of_process).collect())
    }

    fn read(&self, unit: &Unit) -> Result<Value, KnobError> {
        let mut text = String::new();
        let mut file = self.tasks.attribute(unit, ATTRIBUTE, File::options().read(true))?;
        file.read_to_string(&mut text).map_err(|source| KnobError::from_io("read the OOM score", unit, source))?;
        let score = text.trim().parse();
        score.map(Value::OomScore).map_err(|_| KnobError::Unusable(format!("{unit}: {text:?} is not an OOM score")))
    }

    fn write(&self, unit: &Unit, value: &Value) -> Result<(), KnobError> {
        let Value::OomScore(score) = *value else {
            return Err(KnobError::Unusable(format!("{value} is not an OOM score")));
        };
        let mut file = self.tasks.attribute(unit, ATTRIBUTE, File::options().write(true))?;
        let written = without_floor(|| file.write_all(score.to_string().as_bytes()));
        written.map_err(|source| KnobError::from_io("set the OOM score", unit, source))
    }

    fn is_inherited(&self) -> bool {
        true
    }
}

impl Knob for OomScore {
    fn facts(&self) -> Facts {
        let facts = Facts::of_call("/proc/*/oom_score_adj", "-1000 to 1000", "Documentation/filesystems/proc.rst");
        Facts { others: &["choom", "kubelet"], ..facts }
    }

    fn probe(&self) -> Capability {
        capability_of(KnobKind::OomScore.surface(), may_write_for_others(&self.tasks))
    }

    fn normalise(&self, _target: &Target, setting: &Setting) -> Result<Value, KnobError> {
        match setting {
            Setting::OomScore(score) if (-1000..=1000).contains(score) => Ok(Value::OomScore(*score)),
            other => Err(KnobError::Unusable(format!("{other} is not a score of the OOM killer: give -1000 to 1000"))),
        }
    }
}

/// Two headers and two words of `capget(2)`: version 3 has 64 capabilities in two rows of three words.
#[repr(C)]
struct Header {
    version: u32,
    pid: i32,
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Row {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

/// Runs `act` while this thread has no `CAP_SYS_RESOURCE`, which the kernel takes for the right to move the floor.
fn without_floor<T>(act: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    const CAP_SYS_RESOURCE: u32 = 1 << 24;
    let ours = capabilities()?;
    if ours[0].effective & CAP_SYS_RESOURCE == 0 {
        return act();
    }
    let mut fewer = ours;
    fewer[0].effective &= !CAP_SYS_RESOURCE;
    set_capabilities(fewer)?;
    let done = act();
    // What is permitted can always be made effective again.
    set_capabilities(ours)?;
    done
}

const VERSION_3: u32 = 0x2008_0522;

fn capabilities() -> io::Result<[Row; 2]> {
    let mut header = Header { version: VERSION_3, pid: 0 };
    let mut rows = [Row::default(); 2];
    // SAFETY: capget fills two rows for this version, and both outlive the call; pid 0 is this thread.
    let done = unsafe { libc::syscall(libc::SYS_capget, &raw mut header, rows.as_mut_ptr()) };
    if done == 0 { Ok(rows) } else { Err(io::Error::last_os_error()) }
}

fn set_capabilities(rows: [Row; 2]) -> io::Result<()> {
    let mut header = Header { version: VERSION_3, pid: 0 };
    // SAFETY: capset reads two rows for this version, and both outlive the call; pid 0 is this thread.
    let done = unsafe { libc::syscall(libc::SYS_capset, &raw mut header, rows.as_ptr()) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_capability_is_away_for_the_write_only() {
        const CAP_SYS_RESOURCE: u32 = 1 << 24;
        let before = capabilities().unwrap();
        let during = without_floor(|| Ok(capabilities()?[0].effective)).unwrap();
        assert_eq!(during & CAP_SYS_RESOURCE, 0);
        let after = capabilities().unwrap();
        assert_eq!((after[0].effective, after[1].effective), (before[0].effective, before[1].effective));
        let failed = without_floor(|| Err::<(), _>(io::Error::from_raw_os_error(libc::EACCES)));
        assert_eq!(failed.unwrap_err().raw_os_error(), Some(libc::EACCES));
        assert_eq!(capabilities().unwrap()[0].effective, before[0].effective);
    }
}
