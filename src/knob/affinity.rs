//! CPU affinity of each thread: `sched_setaffinity(2)`.

use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;

use super::linux::{capability_of, may_set_schedulers};
use super::task::Tasks;
use super::value::parse_cpu_list;
use super::{Facts, Knob, KnobError, Reversible, Scope, Unit, Value};
use crate::claim::{KnobKind, Setting, Target};
use crate::inventory::Capability;

#[derive(Debug)]
pub struct Affinity {
    pub tasks: Tasks,
}

impl Reversible for Affinity {
    fn kind(&self) -> KnobKind {
        KnobKind::Affinity
    }

    fn units(&self, scope: &Scope) -> Result<Vec<Unit>, KnobError> {
        self.tasks.thread_units(&scope.processes)
    }

    /// From `status` and not from `sched_getaffinity(2)`, which hides CPUs that are offline: they have to be restored too.
    fn read(&self, unit: &Unit) -> Result<Value, KnobError> {
        Tasks::read_of_thread(unit, "read the CPU affinity", |tid| {
            let pid = unit.process().map_or(tid, |process| process.pid);
            let path = self.tasks.dir(pid).join("task").join(tid.to_string()).join("status");
            let status = std::fs::read(&path)?;
            let status = String::from_utf8_lossy(&status);
            let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).and_then(parse_cpu_list);
            list.map(Value::Affinity).ok_or_else(|| std::io::Error::other(format!("{} names no CPUs", path.display())))
        })
    }

    fn write(&self, unit: &Unit, value: &Value) -> Result<(), KnobError> {
        let Value::Affinity(cpus) = value else {
            return Err(KnobError::Unusable(format!("{value} is not a set of CPUs")));
        };
        let mut set = CpuSet::new();
        for &cpu in cpus {
            // CPUs beyond what the C library can name cannot be asked for; the kernel has none of them on any farm machine.
            let Ok(cpu) = usize::try_from(cpu) else { continue };
            if cpu < CpuSet::count() {
                set.set(cpu).map_err(|errno| KnobError::from_io("set the CPU affinity", unit, errno.into()))?;
            }
        }
        self.tasks.on_thread(unit, "set the CPU affinity", |tid| Ok(sched_setaffinity(Pid::from_raw(tid), &set)?))
    }

    /// The kernel leaves out CPUs that are offline or outside the thread's cpuset.
    fn rounds(&self, written: &Value, found: &Value) -> bool {
        match (written, found) {
            (Value::Affinity(written), Value::Affinity(found)) => !found.is_empty() && found.is_subset(written),
            _ => false,
        }
    }

    fn is_inherited(&self) -> bool {
        true
    }
}

impl Knob for Affinity {
    fn facts(&self) -> Facts {
        let facts = Facts::of_call("sched_setaffinity(2)", "a list such as 0-3,8", "sched_setaffinity(2)");
        Facts {
            normalisation: "less what is offline or outside of the cpuset",
            others: &["taskset", "numactl"],
            ..facts
        }
    }

    fn probe(&self) -> Capability {
        capability_of("knob-affinity", may_set_schedulers(&self.tasks))
    }

    fn normalise(&self, _target: &Target, setting: &Setting) -> Result<Value, KnobError> {
        match setting {
            Setting::Affinity(cpus) if !cpus.is_empty() => Ok(Value::Affinity(cpus.clone())),
            other => Err(KnobError::Unusable(format!("\"{other}\" is not a set of CPUs: name at least one"))),
        }
    }
}
