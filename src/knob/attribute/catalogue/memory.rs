//! Memory: huge pages, swapping, and when it is reclaimed.

use super::{Attribute, Form, KnobKind, Number, PartClass, Place, Rounding, number, plain};

const VM: &str = "Documentation/admin-guide/sysctl/vm.rst";
const TUNERS: &[&str] = &["tuned", "sysctl.d"];

pub const ATTRIBUTES: &[Attribute] = &[
    Attribute {
        others: &["hugeadm", "sysctl.d", "kubelet"],
        source: "Documentation/admin-guide/mm/hugetlbpage.rst",
        ..plain(
            KnobKind::HugePages,
            PartClass::PagePool,
            Place::Sys("devices/system/node/node{}/hugepages/hugepages-{}/nr_hugepages"),
            // Surplus pages are there only until those who have them give them back.
            Form::Number(Number {
                rounding: Rounding::Room,
                less: Some("surplus_hugepages"),
                ..Number::between(0, 1 << 32)
            }),
        )
    },
    Attribute {
        others: TUNERS,
        source: VM,
        ..plain(KnobKind::Swappiness, PartClass::Machine, Place::Proc("sys/vm/swappiness"), number(0, 200))
    },
    Attribute {
        others: TUNERS,
        source: VM,
        ..plain(
            KnobKind::WatermarkScale,
            PartClass::Machine,
            Place::Proc("sys/vm/watermark_scale_factor"),
            number(1, 3000),
        )
    },
    Attribute {
        others: TUNERS,
        source: VM,
        ..plain(KnobKind::ZoneReclaim, PartClass::Machine, Place::Proc("sys/vm/zone_reclaim_mode"), number(0, 7))
    },
];
