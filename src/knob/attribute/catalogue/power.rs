//! Power of packages, and of devices that may sleep.

use super::{Attribute, Form, KnobKind, Number, Offered, PartClass, Place, Rounding, Spot, Value, plain};
use crate::knob::attribute::names;

const POWERCAP: &str = "Documentation/power/powercap/powercap.rst";
/// What the drivers behind powercap mean by these; some of them report every error as the last one.
const LOCKED: &[(i32, &str)] = &[
    (libc::EACCES, "the firmware has locked it"),
    (libc::EPERM, "the firmware has locked it"),
    (libc::ENODATA, "the firmware has locked it, or the hardware does not take the value"),
];

pub const ATTRIBUTES: &[Attribute] = &[
    Attribute {
        unit: "us",
        others: &["thermald", "tuned"],
        source: POWERCAP,
        off_limits: is_not_in_force,
        refusals: LOCKED,
        ..plain(
            KnobKind::PowerWindow,
            PartClass::PowerConstraint,
            Place::Sys("class/powercap/{}/constraint_{}_time_window_us"),
            // Registers hold it as a small float, which the driver rounds down.
            Form::Number(Number { rounding: Rounding::Room, ..Number::between(1, 1_000_000_000) }),
        )
    },
    Attribute {
        unit: "uW",
        others: &["thermald", "tuned", "the firmware"],
        source: POWERCAP,
        off_limits: is_not_in_force,
        refusals: LOCKED,
        ..plain(
            KnobKind::PowerLimit,
            PartClass::PowerConstraint,
            Place::Sys("class/powercap/{}/constraint_{}_power_limit_uw"),
            // Below a watt it is a number in the wrong unit. Steps are of an eighth of a watt, and of a whole one at most.
            Form::Number(Number { rounding: Rounding::Step(1_000_000), ..Number::between(1_000_000, 10_000_000_000) }),
        )
    },
    Attribute {
        others: &["power-profiles-daemon", "TLP", "tuned"],
        source: "Documentation/ABI/testing/sysfs-platform_profile",
        ..plain(
            KnobKind::PlatformProfile,
            PartClass::Machine,
            Place::Sys("firmware/acpi/platform_profile"),
            Form::Word(Offered::Beside("platform_profile_choices")),
        )
    },
    Attribute {
        others: &["TLP", "powertop", "udev rules"],
        source: "Documentation/ABI/testing/sysfs-devices-power",
        off_limits: carries_what_must_not_sleep,
        ..plain(
            KnobKind::RuntimePower,
            PartClass::Device,
            Place::Sys("bus/{}/devices/{}/power/control"),
            Form::Word(Offered::Fixed(&["on", "auto"])),
        )
    },
    Attribute {
        others: &["TLP", "tuned", "udev rules"],
        source: "Documentation/ABI/testing/sysfs-class-scsi_host",
        refusals: &[
            (libc::EOPNOTSUPP, "the port or the disk on it cannot save power on the link"),
            (libc::EINVAL, "this kernel does not know the policy"),
        ],
        ..plain(
            KnobKind::LinkPower,
            PartClass::DiskHost,
            Place::Sys("class/scsi_host/{}/link_power_management_policy"),
            Form::Word(Offered::Fixed(&[
                "max_performance",
                "medium_power",
                "med_power_with_dipm",
                "min_power",
                "min_power_with_partial",
            ])),
        )
    },
];

/// A limit of a zone that is not enabled does nothing.
fn is_not_in_force(spot: &Spot<'_>, _: &Value) -> Option<String> {
    (spot.number("enabled") == Some(0)).then(|| "does nothing: its zone is not enabled".to_owned())
}

/// A farm reads its disks and hears of the chain over the network at any moment, and both answer late or not at all from sleep.
fn carries_what_must_not_sleep(spot: &Spot<'_>, _: &Value) -> Option<String> {
    let (bus, name) = spot.part.name.split_once('/')?;
    let device = std::fs::canonicalize(spot.roots.sys(format!("bus/{bus}/devices/{name}"))).ok()?;
    let below = |class: &str| {
        let directory = spot.roots.sys(class);
        let is_below =
            |name: &String| std::fs::canonicalize(directory.join(name)).is_ok_and(|at| at.starts_with(&device));
        names(&directory).into_iter().find(is_below)
    };
    let carried = below("block").map(|disk| format!("disk {disk}"));
    let carried = carried.or_else(|| below("class/net").map(|interface| format!("network interface {interface}")));
    carried.map(|what| format!("carries the {what}, which a farm needs awake"))
}
