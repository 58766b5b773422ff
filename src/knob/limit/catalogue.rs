//! Which files of a group are knobs, and what each of them takes.

use super::form::Form;
use crate::claim::KnobKind;

/// A limit.
#[derive(Debug)]
pub struct Limit {
    pub kind: KnobKind,
    /// The file; several where a kernel may have one, another, or both.
    pub files: &'static [&'static str],
    pub form: Form,
    /// Unit of a number, as the kernel holds it.
    pub unit: &'static str,
}

impl Limit {
    pub fn file(&self) -> &'static str {
        self.files.first().copied().unwrap_or_default()
    }
}

/// The limit that a kind of knob is, if it is one.
pub fn limit(kind: KnobKind) -> Option<&'static Limit> {
    LIMITS.iter().find(|limit| limit.kind == kind)
}

/// More tasks than that no kernel has (`PID_MAX_LIMIT`).
const MOST_TASKS: u64 = 4 << 20;

const fn of(kind: KnobKind, files: &'static [&'static str], form: Form, unit: &'static str) -> Limit {
    Limit { kind, files, form, unit }
}

const LIMITS: &[Limit] = &[
    of(KnobKind::CpuWeight, &["cpu.weight"], Form::Number { least: 1, most: 10_000, has_max: false }, ""),
    of(KnobKind::CpuQuota, &["cpu.max"], Form::Quota, "us per 100 ms"),
    of(KnobKind::CpuIdle, &["cpu.idle"], Form::Number { least: 0, most: 1, has_max: false }, ""),
    of(
        KnobKind::CpuSet,
        &["cpuset.cpus"],
        Form::Set { there: "devices/system/cpu/online", all: "devices/system/cpu/possible" },
        "",
    ),
    of(
        KnobKind::NodeSet,
        &["cpuset.mems"],
        Form::Set { there: "devices/system/node/has_memory", all: "devices/system/node/has_memory" },
        "",
    ),
    of(KnobKind::MemoryLow, &["memory.low"], Form::Bytes, "bytes"),
    of(KnobKind::MemoryHigh, &["memory.high"], Form::Bytes, "bytes"),
    of(KnobKind::MemoryMax, &["memory.max"], Form::Bytes, "bytes"),
    of(KnobKind::SwapMax, &["memory.swap.max"], Form::Bytes, "bytes"),
    of(KnobKind::IoWeight, &["io.weight", "io.bfq.weight"], Form::Weight, ""),
    of(
        KnobKind::IoMax,
        &["io.max"],
        Form::Disks { keys: &["rbps", "wbps", "riops", "wiops"], none: "max" },
        "bytes/s and operations/s",
    ),
    of(KnobKind::IoLatency, &["io.latency"], Form::Disks { keys: &["target"], none: "0" }, "us"),
    of(KnobKind::PidsMax, &["pids.max"], Form::Number { least: 1, most: MOST_TASKS, has_max: true }, ""),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_knob_of_a_group_is_a_limit() {
        for &kind in KnobKind::ALL {
            assert_eq!(limit(kind).is_some(), kind.is_of_group(), "{}", kind.name());
        }
    }

    #[test]
    fn a_file_is_that_of_its_controller() {
        for limit in LIMITS {
            let controller = limit.kind.controller().unwrap().name();
            assert!(limit.files.iter().all(|file| file.starts_with(&format!("{controller}."))), "{:?}", limit.files);
        }
    }
}
