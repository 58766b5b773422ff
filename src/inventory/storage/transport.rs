//! How a disk is attached, and from that what kind of disk it is.
//!
//! Source: the path of the device in sysfs, which names each bus on the way to it.

use std::fs;
use std::path::Path;

use serde::Serialize;

use crate::kernel::{Roots, block};

/// The last bus on the way to a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    Nvme,
    Sata,
    Sas,
    Usb,
    Virtio,
    Xen,
    Mmc,
    /// Fibre Channel.
    Fc,
    Iscsi,
}

/// What a plot may expect of a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    Nvme,
    Ssd,
    Hdd,
    /// Memory cards, eMMC and USB sticks: slow, and worn out by a plot.
    Flash,
    /// A disk of a virtual machine, which may be anything.
    Virtual,
}

impl Transport {
    pub fn name(self) -> &'static str {
        match self {
            Self::Nvme => "nvme",
            Self::Sata => "sata",
            Self::Sas => "sas",
            Self::Usb => "usb",
            Self::Virtio => "virtio",
            Self::Xen => "xen",
            Self::Mmc => "mmc",
            Self::Fc => "fc",
            Self::Iscsi => "iscsi",
        }
    }

    /// `None` if the path names no bus that we know.
    pub(super) fn of(roots: &Roots, name: &str) -> Option<Self> {
        Self::on_path(&fs::read_link(block::directory(roots, name)).ok()?)
    }

    /// The way goes from the processor to the disk: a SATA bridge behind USB counts as USB, as the first of this list.
    fn on_path(path: &Path) -> Option<Self> {
        let names = || path.components().filter_map(|part| part.as_os_str().to_str());
        let numbered = |stem: &str| {
            let is_number = |rest: &str| rest.starts_with(|digit: char| digit.is_ascii_digit());
            names().any(|name| name.strip_prefix(stem).is_some_and(is_number))
        };
        let begins = |stem: &str| names().any(|name| name.starts_with(stem));
        match () {
            () if numbered("usb") => Some(Self::Usb),
            () if begins("mmc_host") || numbered("mmc") => Some(Self::Mmc),
            () if begins("nvme") => Some(Self::Nvme),
            () if begins("end_device-") => Some(Self::Sas),
            () if begins("rport-") => Some(Self::Fc),
            () if begins("session") => Some(Self::Iscsi),
            () if numbered("ata") => Some(Self::Sata),
            () if numbered("virtio") => Some(Self::Virtio),
            () if begins("vbd-") => Some(Self::Xen),
            () => None,
        }
    }
}

impl Class {
    pub fn name(self) -> &'static str {
        match self {
            Self::Nvme => "nvme",
            Self::Ssd => "ssd",
            Self::Hdd => "hdd",
            Self::Flash => "flash",
            Self::Virtual => "virtual",
        }
    }

    /// A USB stick says that it rotates, as every disk does that says nothing; but it can be removed.
    pub(super) fn of(transport: Option<Transport>, rotational: Option<bool>, removable: Option<bool>) -> Option<Self> {
        match (transport, rotational?) {
            (Some(Transport::Nvme), _) => Some(Self::Nvme),
            (Some(Transport::Mmc), _) => Some(Self::Flash),
            (Some(Transport::Virtio | Transport::Xen), _) => Some(Self::Virtual),
            (Some(Transport::Usb), true) if removable == Some(true) => Some(Self::Flash),
            (_, true) => Some(Self::Hdd),
            (_, false) => Some(Self::Ssd),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_names_the_bus() {
        for (path, transport) in [
            ("../devices/pci0000:00/0000:00:1d.0/0000:01:00.0/nvme/nvme0/nvme0n1", Some(Transport::Nvme)),
            ("../devices/virtual/nvme-subsystem/nvme-subsys0/nvme0n1", Some(Transport::Nvme)),
            ("../devices/pci0000:00/0000:00:17.0/ata3/host2/target2:0:0/2:0:0:0/block/sda", Some(Transport::Sata)),
            ("../devices/pci0/host0/port-0:0/end_device-0:0/target0:0:0/0:0:0:0/block/sda", Some(Transport::Sas)),
            ("../devices/pci0/0000:00:14.0/usb4/4-2/4-2:1.0/host6/target6:0:0/6:0:0:0/block/sdb", Some(Transport::Usb)),
            ("../devices/pci0000:00/0000:00:02.0/virtio1/block/vda", Some(Transport::Virtio)),
            ("../devices/platform/soc/fe340000.mmc/mmc_host/mmc0/mmc0:0001/block/mmcblk0", Some(Transport::Mmc)),
            ("../devices/platform/host3/session1/target3:0:0/3:0:0:1/block/sdd", Some(Transport::Iscsi)),
            ("../devices/pci0/host1/rport-1:0-2/target1:0:0/1:0:0:0/block/sde", Some(Transport::Fc)),
            ("../devices/vbd-51712/block/xvda", Some(Transport::Xen)),
            ("../devices/pci0000:00/0000:02:00.0/host0/target0:2:0/0:2:0:0/block/sda", None),
            ("", None),
        ] {
            assert_eq!(Transport::on_path(path.as_ref()), transport, "{path}");
        }
    }

    #[test]
    fn the_class_follows_from_bus_and_rotation() {
        let class = |transport, rotational, removable| Class::of(transport, Some(rotational), Some(removable));
        assert_eq!(class(Some(Transport::Sata), true, false), Some(Class::Hdd));
        assert_eq!(class(Some(Transport::Sas), false, false), Some(Class::Ssd));
        assert_eq!(class(Some(Transport::Usb), true, false), Some(Class::Hdd));
        assert_eq!(class(Some(Transport::Usb), true, true), Some(Class::Flash));
        assert_eq!(class(Some(Transport::Virtio), true, false), Some(Class::Virtual));
        assert_eq!(class(None, true, false), Some(Class::Hdd));
        assert_eq!(Class::of(Some(Transport::Sata), None, None), None);
    }
}
