//! CPUs: frequencies, idle states, which are online, and which serve interrupts.

use super::{
    Attribute, Form, KnobKind, Limit, Offered, Part, PartClass, Place, Rounding, SWITCH, Value, number, plain,
};

const CPUFREQ: &str = "Documentation/admin-guide/pm/cpufreq.rst";
const CPUIDLE: &str = "Documentation/admin-guide/pm/cpuidle.rst";
const HOTPLUG: &str = "Documentation/core-api/cpu_hotplug.rst";
const TUNERS: &[&str] = &["tuned", "TLP", "power-profiles-daemon"];

/// Within what the hardware can do.
const FREQUENCY: Form = Form::Number {
    least: Limit::Beside("cpuinfo_min_freq"),
    most: Limit::Beside("cpuinfo_max_freq"),
    rounding: Rounding::Step,
};

pub const ATTRIBUTES: &[Attribute] = &[
    Attribute {
        others: TUNERS,
        source: CPUFREQ,
        ..plain(
            KnobKind::CpuGovernor,
            PartClass::Cpu,
            Place::Sys("devices/system/cpu/cpu{}/cpufreq/scaling_governor"),
            Form::Word(Offered::Beside("scaling_available_governors")),
        )
    },
    Attribute {
        unit: "kHz",
        others: TUNERS,
        source: CPUFREQ,
        ..plain(
            KnobKind::CpuMaxFrequency,
            PartClass::Cpu,
            Place::Sys("devices/system/cpu/cpu{}/cpufreq/scaling_max_freq"),
            FREQUENCY,
        )
    },
    Attribute {
        unit: "kHz",
        others: TUNERS,
        source: CPUFREQ,
        ..plain(
            KnobKind::CpuMinFrequency,
            PartClass::Cpu,
            Place::Sys("devices/system/cpu/cpu{}/cpufreq/scaling_min_freq"),
            FREQUENCY,
        )
    },
    Attribute {
        others: TUNERS,
        source: "Documentation/admin-guide/pm/intel_pstate.rst",
        ..plain(
            KnobKind::EnergyPreference,
            PartClass::Cpu,
            Place::Sys("devices/system/cpu/cpu{}/cpufreq/energy_performance_preference"),
            Form::Word(Offered::Beside("energy_performance_available_preferences")),
        )
    },
    Attribute {
        others: TUNERS,
        source: CPUFREQ,
        ..plain(KnobKind::CpuBoost, PartClass::Machine, Place::Sys("devices/system/cpu/cpufreq/boost"), SWITCH)
    },
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
            number(0, 1_000_000),
        )
    },
    Attribute {
        others: &["chcpu", "a hypervisor"],
        source: HOTPLUG,
        ..plain(KnobKind::CpuOnline, PartClass::Cpu, Place::Sys("devices/system/cpu/cpu{}/online"), SWITCH)
    },
    Attribute {
        source: HOTPLUG,
        off_limits: not_for_us_to_undo,
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
        ..plain(KnobKind::IrqAffinity, PartClass::Irq, Place::Proc("irq/{}/smp_affinity_list"), Form::Set)
    },
];

/// `forceoff`, `notsupported` and `notimplemented` cannot be written back.
fn not_for_us_to_undo(_: &Part, current: &Value) -> Option<&'static str> {
    let usual = matches!(current, Value::Word(word) if word == "on" || word == "off");
    (!usual).then_some("has threads that were turned off for good, or none")
}
