//! Disks: how their requests are ordered, queued, merged, cached and held back.

use super::{Attribute, Form, KnobKind, Limit, Offered, PartClass, Place, Rounding, number, plain};

const QUEUE: &str = "Documentation/ABI/stable/sysfs-block";
const TUNERS: &[&str] = &["tuned", "udev rules"];

pub const ATTRIBUTES: &[Attribute] = &[
    Attribute {
        others: TUNERS,
        source: QUEUE,
        ..plain(
            KnobKind::IoScheduler,
            PartClass::Disk,
            Place::Sys("block/{}/queue/scheduler"),
            Form::Word(Offered::Brackets),
        )
    },
    Attribute {
        others: TUNERS,
        source: QUEUE,
        ..plain(
            KnobKind::QueueRequests,
            PartClass::Disk,
            Place::Sys("block/{}/queue/nr_requests"),
            // The queue of the device itself may be shorter.
            Form::Number { least: Limit::Fixed(4), most: Limit::Fixed(1 << 16), rounding: Rounding::UpTo },
        )
    },
    Attribute {
        unit: "KiB",
        others: TUNERS,
        source: QUEUE,
        ..plain(
            KnobKind::ReadAhead,
            PartClass::Disk,
            Place::Sys("block/{}/queue/read_ahead_kb"),
            // Kept in pages, which are of up to 64 KiB.
            Form::Number { least: Limit::Fixed(0), most: Limit::Fixed(1 << 20), rounding: Rounding::UpTo },
        )
    },
    Attribute {
        others: &["hdparm", "udev rules"],
        source: QUEUE,
        ..plain(
            KnobKind::WriteCache,
            PartClass::Disk,
            Place::Sys("block/{}/queue/write_cache"),
            Form::Word(Offered::Fixed(&["write back", "write through"])),
        )
    },
    Attribute {
        unit: "us",
        source: QUEUE,
        ..plain(
            KnobKind::WriteLatency,
            PartClass::Disk,
            Place::Sys("block/{}/queue/wbt_lat_usec"),
            number(0, 10_000_000),
        )
    },
    Attribute {
        others: TUNERS,
        source: QUEUE,
        ..plain(KnobKind::CompletionCpu, PartClass::Disk, Place::Sys("block/{}/queue/rq_affinity"), number(0, 2))
    },
    Attribute {
        unit: "%",
        source: "Documentation/ABI/testing/sysfs-class-bdi",
        ..plain(KnobKind::DirtyShare, PartClass::Disk, Place::Sys("block/{}/bdi/max_ratio"), number(0, 100))
    },
];
