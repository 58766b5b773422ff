//! CPUs: idle states, which are online, and which serve interrupts.

use super::{Attribute, Form, KnobKind, Number, Offered, PartClass, Place, SWITCH, Setting, Spot, Value, plain};
use crate::kernel::attribute;

const CPUIDLE: &str = "Documentation/admin-guide/pm/cpuidle.rst";
const HOTPLUG: &str = "Documentation/core-api/cpu_hotplug.rst";

pub const ATTRIBUTES: &[Attribute] = &[
    Attribute {
        others: &["tuned"],
        source: CPUIDLE,
        ..plain(
            KnobKind::IdleStateDisable,
            PartClass::IdleState,
            Place::Sys("devices/system/cpu/cpu{}/cpuidle/state{}/disable"),
            SWITCH,
        )
    },
    Attribute {
        unit: "us",
        others: &["tuned"],
        source: CPUIDLE,
        ..plain(
            KnobKind::WakeLatency,
            PartClass::Cpu,
            Place::Sys("devices/system/cpu/cpu{}/power/pm_qos_resume_latency_us"),
            // 0 stands for any time, and no time at all has a word of its own.
            Form::Number(Number { spelling: &[("0", Setting::NO_LIMIT), ("n/a", 0)], ..Number::between(0, 1_000_000) }),
        )
    },
    Attribute {
        others: &["chcpu", "a hypervisor"],
        source: HOTPLUG,
        off_limits: cannot_leave,
        refusals: &[
            (libc::EBUSY, "something that cannot move runs on it"),
            (libc::EPERM, "it is a second thread while SMT is off"),
        ],
        ..plain(KnobKind::CpuOnline, PartClass::Cpu, Place::Sys("devices/system/cpu/cpu{}/online"), SWITCH)
    },
    Attribute {
        source: HOTPLUG,
        off_limits: would_wake_others,
        ..plain(
            KnobKind::Smt,
            PartClass::Machine,
            Place::Sys("devices/system/cpu/smt/control"),
            Form::Word(Offered::Fixed(&["on", "off"])),
        )
    },
    Attribute {
        others: &["irqbalance", "tuned"],
        source: "Documentation/core-api/irq/irq-affinity.rst",
        refusals: &[
            (libc::EIO, "the kernel does not let this interrupt be moved"),
            (libc::EINVAL, "none of these CPUs is online"),
        ],
        ..plain(KnobKind::IrqAffinity, PartClass::Irq, Place::Proc("irq/{}/smp_affinity_list"), Form::Set)
    },
];

/// CPU 0 serves what cannot be moved on many machines, and where it seems to go it may not come back.
fn cannot_leave(spot: &Spot<'_>, _: &Value) -> Option<String> {
    if spot.part.name == "0" {
        return Some("is the CPU that the machine was started on".to_owned());
    }
    has_old_cpusets(spot).then(|| "would be lost to the cpusets of cgroup v1, which do not get it back".to_owned())
}

/// Groups of a cpuset hierarchy of cgroup v1, from which a CPU that goes offline is removed for good.
fn has_old_cpusets(spot: &Spot<'_>) -> bool {
    let Ok(mounts) = std::fs::read_to_string(spot.roots.proc("self/mounts")) else { return false };
    let hierarchies = mounts.lines().filter_map(|line| {
        let mut fields = line.split(' ').skip(1);
        let (place, kind, options) = (fields.next()?, fields.next()?, fields.next()?);
        (kind == "cgroup" && options.split(',').any(|option| option == "cpuset")).then_some(place)
    });
    let has_groups = |place: &str| {
        let entries = std::fs::read_dir(place).into_iter().flatten().flatten();
        entries.into_iter().any(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
    };
    hierarchies.into_iter().any(has_groups)
}

/// To turn the second threads on again wakes all CPUs, those among them that somebody took offline one by one.
fn would_wake_others(spot: &Spot<'_>, current: &Value) -> Option<String> {
    let cpus = |name: &str| attribute::cpu_list(&spot.roots.sys("devices/system/cpu").join(name)).ok();
    let is_on = matches!(current, Value::Word(word) if word == "on");
    let some_are_offline = is_on && cpus("present") != cpus("online");
    some_are_offline.then(|| "cannot be put back: some CPUs are offline by themselves and would come online".to_owned())
}
