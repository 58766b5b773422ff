//! How fast CPUs run: governor, limits and preference of each policy of cpufreq, and boost.
//!
//! CPUs that share a clock share a policy, and with it one value: the part is the policy. What cpufreq shows of a limit is what is
//! in force, after firmware, heat and boost, not what was asked for; a limit of ours that they hold tighter is still ours.

use super::{
    Attribute, Form, KnobKind, Limit, Number, Offered, Open, PartClass, Place, Rounding, SWITCH, Setting, Spot, Value,
    plain,
};
use crate::kernel::attribute;
use crate::knob::attribute::names;

const CPUFREQ: &str = "Documentation/admin-guide/pm/cpufreq.rst";
const INTEL: &str = "Documentation/admin-guide/pm/intel_pstate.rst";
const TUNERS: &[&str] = &["tuned", "TLP", "power-profiles-daemon"];
const STEPS: &[&str] = &["scaling_available_frequencies", "scaling_boost_frequencies"];
/// The most that the kernel takes, which is what it begins with (`FREQ_QOS_MAX_DEFAULT_VALUE`).
const ANY: &str = "2147483647";

const MOST: Number = Number {
    least: Limit::Beside("cpuinfo_min_freq"),
    most: Limit::Beside("cpuinfo_max_freq"),
    rounding: Rounding::ListedBelow(STEPS),
    spelling: &[(ANY, Setting::NO_LIMIT)],
    open: Open::Above,
    less: None,
};

const LEAST: Number = Number { rounding: Rounding::ListedAbove(STEPS), spelling: &[], open: Open::Below, ..MOST };

pub const ATTRIBUTES: &[Attribute] = &[
    Attribute {
        others: TUNERS,
        source: CPUFREQ,
        // Of a governor there is either one set of tunables for all policies or one for each.
        ties: &["scaling_setspeed", "{}", "../{}"],
        ..plain(
            KnobKind::CpuGovernor,
            PartClass::CpuPolicy,
            Place::Sys("devices/system/cpu/cpufreq/policy{}/scaling_governor"),
            Form::Word(Offered::Beside("scaling_available_governors")),
        )
    },
    Attribute {
        unit: "kHz",
        others: &["tuned", "TLP", "power-profiles-daemon", "thermald"],
        source: CPUFREQ,
        off_limits: hidden_by_heat,
        is_veiled: is_held_down,
        settles: true,
        ..plain(
            KnobKind::CpuMaxFrequency,
            PartClass::CpuPolicy,
            Place::Sys("devices/system/cpu/cpufreq/policy{}/scaling_max_freq"),
            Form::Number(MOST),
        )
    },
    Attribute {
        unit: "kHz",
        others: TUNERS,
        source: CPUFREQ,
        is_veiled: is_below_the_highest,
        settles: true,
        ..plain(
            KnobKind::CpuMinFrequency,
            PartClass::CpuPolicy,
            Place::Sys("devices/system/cpu/cpufreq/policy{}/scaling_min_freq"),
            Form::Number(LEAST),
        )
    },
    Attribute {
        others: TUNERS,
        source: INTEL,
        off_limits: |spot, _| performs(spot).then(|| "has its preference from the governor performance".to_owned()),
        is_veiled: |spot, _, found| performs(spot) && matches!(found, Value::Word(word) if word == "performance"),
        refusals: &[(libc::EBUSY, "under the governor performance no other preference is taken")],
        ..plain(
            KnobKind::EnergyPreference,
            PartClass::CpuPolicy,
            Place::Sys("devices/system/cpu/cpufreq/policy{}/energy_performance_preference"),
            // What `default` stands for is what is shown afterwards.
            Form::Word(Offered::BesideBut("energy_performance_available_preferences", "default")),
        )
    },
    Attribute {
        others: TUNERS,
        source: CPUFREQ,
        off_limits: differs_by_policy,
        ..plain(KnobKind::CpuBoost, PartClass::Machine, Place::Sys("devices/system/cpu/cpufreq/boost"), SWITCH)
    },
    Attribute {
        others: TUNERS,
        source: INTEL,
        refusals: &[(libc::EPERM, "the firmware has turned the frequencies above the nominal one off")],
        ..plain(
            KnobKind::CpuBoost,
            PartClass::Machine,
            Place::Sys("devices/system/cpu/intel_pstate/no_turbo"),
            Form::Number(Number { spelling: &[("1", 0), ("0", 1)], ..Number::between(0, 1) }),
        )
    },
];

fn performs(spot: &Spot<'_>) -> bool {
    spot.text("scaling_governor").as_deref() == Some("performance")
}

/// Whether firmware or cooling hold a policy down to `shown`.
fn is_throttled(spot: &Spot<'_>, shown: u64) -> bool {
    let cooling = spot.roots.sys("class/thermal");
    let cools_now = |device: &String| {
        let of = |name| cooling.join(device).join(name);
        let is_of_cpus =
            attribute::text(&of("type")).is_ok_and(|kind| kind == "Processor" || kind.starts_with("cpufreq-"));
        is_of_cpus && attribute::decimal(&of("cur_state")).is_ok_and(|state| state > 0)
    };
    spot.number("bios_limit") == Some(shown) || names(&cooling).iter().any(cools_now)
}

fn hidden_by_heat(spot: &Spot<'_>, current: &Value) -> Option<String> {
    let &Value::Number(shown) = current else { return None };
    let is_hidden = shown != Setting::NO_LIMIT && is_throttled(spot, shown);
    is_hidden.then(|| "is held down by the firmware or for heat: its own limit cannot be seen now".to_owned())
}

fn is_held_down(spot: &Spot<'_>, ours: &Value, found: &Value) -> bool {
    match (ours, found) {
        // What there is at most has come down below ours, as boost does it when it is turned off.
        (&Value::Number(ours), &Value::Number(Setting::NO_LIMIT)) => {
            spot.number("cpuinfo_max_freq").is_some_and(|most| most < ours)
        }
        (&Value::Number(ours), &Value::Number(found)) => found < ours && is_throttled(spot, found),
        _ => false,
    }
}

/// The lowest frequency is shown as the highest where that is lower.
fn is_below_the_highest(spot: &Spot<'_>, ours: &Value, found: &Value) -> bool {
    let shown = spot.text("scaling_min_freq");
    found < ours && shown.is_some() && shown == spot.text("scaling_max_freq")
}

/// To turn boost on or off for all is to forget what was set for one policy.
fn differs_by_policy(spot: &Spot<'_>, current: &Value) -> Option<String> {
    let directory = spot.roots.sys("devices/system/cpu/cpufreq");
    let policies = names(&directory).into_iter().filter(|name| name.starts_with("policy"));
    let differs = |policy: &String| {
        let own = attribute::decimal(&directory.join(policy).join("boost"));
        own.is_ok_and(|own| Value::Number(own) != *current)
    };
    policies.into_iter().find(|policy| differs(policy)).map(|policy| format!("is set otherwise for {policy}"))
}
