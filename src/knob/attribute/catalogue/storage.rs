//! Disks: how their requests are ordered, queued, cached and held back.

use super::{
    Attribute, Form, KnobKind, Number, Offered, PartClass, Place, Rounding, Setting, Spot, Value, number, plain,
};
use crate::kernel::attribute;

const BDI: &str = "Documentation/ABI/testing/sysfs-class-bdi";
const CACHE: Form = Form::Word(Offered::Fixed(&["write back", "write through"]));
const CACHE_REFUSED: &[(i32, &str)] = &[(libc::EINVAL, "the disk does not let its cache be switched")];
const QUEUE: &str = "Documentation/ABI/stable/sysfs-block";
const TUNERS: &[&str] = &["tuned", "udev rules"];

pub const ATTRIBUTES: &[Attribute] = &[
    Attribute {
        others: TUNERS,
        source: QUEUE,
        // Another scheduler begins with a queue and tunables of its own.
        ties: &["nr_requests", "iosched"],
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
        refusals: &[(libc::EINVAL, "without a scheduler there are no more than the disk's own queue holds")],
        ..plain(
            KnobKind::QueueRequests,
            PartClass::Disk,
            Place::Sys("block/{}/queue/nr_requests"),
            // What a scheduler may have (`MAX_SCHED_RQ`).
            number(4, 2048),
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
            Form::Number(Number { rounding: Rounding::Step(64), ..Number::between(0, 1 << 20) }),
        )
    },
    // Not `queue/write_cache`: that changes what the kernel believes of the disk, not the disk, and with it whether it flushes.
    Attribute {
        others: &["hdparm", "sdparm", "udev rules"],
        source: "Documentation/ABI/testing/sysfs-class-scsi_disk",
        off_limits: outlives_the_boot,
        refusals: CACHE_REFUSED,
        ..plain(KnobKind::WriteCache, PartClass::Disk, Place::Sys("block/{}/device/scsi_disk/*/cache_type"), CACHE)
    },
    Attribute {
        source: QUEUE,
        refusals: CACHE_REFUSED,
        ..plain(KnobKind::WriteCache, PartClass::Disk, Place::Sys("block/{}/cache_type"), CACHE)
    },
    Attribute {
        unit: "us",
        source: QUEUE,
        off_limits: has_no_say_under_bfq,
        refusals: &[(libc::EINVAL, "the disk has no queue whose writes could be held back")],
        ..plain(
            KnobKind::WriteLatency,
            PartClass::Disk,
            Place::Sys("block/{}/queue/wbt_lat_usec"),
            // -1 is the default of the kernel, which is shown as the number that it is.
            Form::Number(Number { spelling: &[("0", Setting::NO_LIMIT)], ..Number::between(1, 10_000_000) }),
        )
    },
    Attribute {
        others: TUNERS,
        source: QUEUE,
        ..plain(KnobKind::CompletionCpu, PartClass::Disk, Place::Sys("block/{}/queue/rq_affinity"), number(0, 2))
    },
    Attribute {
        unit: "%",
        source: BDI,
        off_limits: |spot, current| is_finer("max_ratio_fine", spot, current),
        refusals: &[(libc::EINVAL, "it is less than what is kept for the device")],
        ..plain(KnobKind::DirtyShare, PartClass::Disk, Place::Sys("block/{}/bdi/max_ratio"), number(0, 100))
    },
    Attribute {
        unit: "%",
        source: BDI,
        off_limits: |spot, current| is_finer("min_ratio_fine", spot, current),
        refusals: &[(
            libc::EINVAL,
            "it is more than the device may have, or more than is left by what is kept for others",
        )],
        ..plain(KnobKind::DirtyReserve, PartClass::Disk, Place::Sys("block/{}/bdi/min_ratio"), number(0, 100))
    },
];

/// A disk on SATA forgets it with its power, as a run directory forgets the journal; others may save it.
fn outlives_the_boot(spot: &Spot<'_>, _: &Value) -> Option<String> {
    let vendor = attribute::text(&spot.roots.sys(format!("block/{}/device/vendor", spot.part.name)));
    let is_ata = vendor.is_ok_and(|vendor| vendor == "ATA");
    (!is_ata).then(|| "may keep it over a loss of power, after which nobody knows what it was".to_owned())
}

/// bfq turns it off by itself, and nothing that can be written says "off by itself".
fn has_no_say_under_bfq(spot: &Spot<'_>, _: &Value) -> Option<String> {
    let is_bfq = spot.text("scheduler").is_some_and(|offered| offered.contains("[bfq]"));
    is_bfq.then(|| "is held back by its scheduler bfq".to_owned())
}

/// Shares can be set in millionths, which the attribute shows in whole percents.
fn is_finer(name: &str, spot: &Spot<'_>, current: &Value) -> Option<String> {
    let fine = spot.number(name)?;
    (Value::Number(fine / 10_000) != *current || fine % 10_000 != 0)
        .then(|| format!("has {fine} millionths, which cannot be put back in percents"))
}
