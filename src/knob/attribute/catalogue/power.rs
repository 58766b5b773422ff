//! Power of packages, and of devices that may sleep.

use super::Setting;
use super::{Attribute, Form, KnobKind, Limit, Offered, PartClass, Place, Rounding, plain};

pub const ATTRIBUTES: &[Attribute] = &[
    Attribute {
        unit: "us",
        others: &["thermald", "tuned"],
        source: "Documentation/power/powercap/powercap.rst",
        ..plain(
            KnobKind::PowerWindow,
            PartClass::PowerConstraint,
            Place::Sys("class/powercap/{}/constraint_{}_time_window_us"),
            Form::Number { least: Limit::Fixed(1), most: Limit::Fixed(Setting::NO_LIMIT), rounding: Rounding::UpTo },
        )
    },
    Attribute {
        unit: "uW",
        others: &["thermald", "tuned", "the firmware"],
        source: "Documentation/power/powercap/powercap.rst",
        ..plain(
            KnobKind::PowerLimit,
            PartClass::PowerConstraint,
            Place::Sys("class/powercap/{}/constraint_{}_power_limit_uw"),
            Form::Number { least: Limit::Fixed(1), most: Limit::Fixed(Setting::NO_LIMIT), rounding: Rounding::Step },
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
