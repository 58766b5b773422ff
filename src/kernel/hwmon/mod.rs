//! Sensor chips, `/sys/class/hwmon`: which there are, under a name that stays theirs, and what they measure.
//!
//! Sources: `Documentation/hwmon/sysfs-interface.rst`, `Documentation/hwmon/drivetemp.rst`.

mod facts;
mod sensor;

use std::fs;
use std::path::{Path, PathBuf};

use super::{KernelError, Roots, attribute};

pub use facts::{BROKEN, SensorFacts};
pub use sensor::{Alarm, Limit, Quantity, Sensor};

/// No device is nested deeper below its bus.
const MOST_ANCESTORS: usize = 16;

/// A chip, which may have many sensors. One that never changes its `id` is known again after a boot, though the number of
/// its directory is another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chip {
    /// Where its attributes are.
    pub directory: PathBuf,
    /// What the driver calls it, such as `k10temp`.
    pub name: String,
    /// Name, bus and place on it, such as `k10temp-pci-0000:00:18.3` or `coretemp-platform-coretemp.0`.
    pub id: String,
    /// The block device whose temperature this is, such as `nvme0n1` or `sda`.
    pub disk: Option<String>,
}

/// Where the chips are listed.
pub fn class(roots: &Roots) -> PathBuf {
    roots.sys("class/hwmon")
}

impl Chip {
    /// The chip of a directory of the class. `taken` says which ids others have: of two equal chips on one device, the
    /// second gets a number.
    ///
    /// # Errors
    /// The chip has no name, that is, it has gone away.
    pub fn read(entry: &Path, taken: impl Fn(&str) -> bool) -> Result<Self, KernelError> {
        let device = entry.join("device");
        // Until Linux 5 or so some drivers put their attributes into the device's own directory.
        let (directory, name) = match attribute::text(&entry.join("name")) {
            Err(error) if error.is_gone() => (device.clone(), attribute::text(&device.join("name"))?),
            name => (entry.to_owned(), name?),
        };
        let device = fs::canonicalize(device).ok();
        let place = device.as_deref().and_then(place_on_bus).unwrap_or_else(|| "virtual".to_owned());
        let id = format!("{name}-{place}");
        let numbered = (2..).map(|number| format!("{id}-{number}"));
        let id = std::iter::once(id.clone()).chain(numbered).find(|id| !taken(id)).unwrap_or(id);
        let disk = device.as_deref().and_then(disk_of);
        Ok(Self { directory, name, id, disk })
    }

    /// Everything that the chip measures, in the order of its attributes. Only names are read, no hardware.
    pub fn sensors(&self) -> Result<Vec<Sensor>, KernelError> {
        Ok(sensor::group(&attribute::entries(&self.directory)?))
    }

    /// The file of an attribute of a sensor.
    pub fn file(&self, sensor: &Sensor, attribute: &str) -> PathBuf {
        let name = &sensor.name;
        self.directory.join(if attribute.is_empty() { name.clone() } else { format!("{name}_{attribute}") })
    }
}

/// The nearest device above (or this one) that sits on a bus, and not merely in a class, whose numbers come as things are found.
fn place_on_bus(device: &Path) -> Option<String> {
    device.ancestors().take(MOST_ANCESTORS).find_map(|device| {
        let subsystem = fs::read_link(device.join("subsystem")).ok()?;
        let is_bus = subsystem.parent()?.file_name()? == "bus";
        let [bus, place] = [subsystem.file_name()?, device.file_name()?].map(|name| name.to_string_lossy());
        is_bus.then(|| format!("{bus}-{place}"))
    })
}

/// SCSI and ATA disks have a folder `block`; an `NVMe` controller has its namespaces below itself, and a PCI device the
/// controller.
fn disk_of(device: &Path) -> Option<String> {
    let below = |folder: &Path| attribute::entries(folder).unwrap_or_default();
    let namespace = |folder: &Path| below(folder).iter().find_map(|name| namespace(name));
    let block = below(&device.join("block")).into_iter().next();
    let controllers = || below(&device.join("nvme")).into_iter().map(|name| device.join("nvme").join(name));
    block.or_else(|| namespace(device)).or_else(|| controllers().find_map(|controller| namespace(&controller)))
}

/// The disk `nvme0n1` of an entry that is called so, or `nvme0c1n1`: one of the paths to it.
fn namespace(entry: &str) -> Option<String> {
    let (controller, namespace) = entry.strip_prefix("nvme")?.split_once('n')?;
    let subsystem = controller.split_once('c').map_or(controller, |(subsystem, _)| subsystem);
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    (is_number(subsystem) && is_number(namespace)).then(|| format!("nvme{subsystem}n{namespace}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::fixture::Fixture;

    fn chip(fixture: &Fixture, entry: &str) -> Chip {
        Chip::read(&class(&fixture.roots).join(entry), |_| false).unwrap()
    }

    #[test]
    fn an_id_is_made_of_the_bus_and_not_of_numbers_that_change() {
        let fixture = Fixture::new();
        fixture
            .file("sys/devices/pci0000:00/0000:00:18.3/hwmon/hwmon4/name", "k10temp\n")
            .link("sys/devices/pci0000:00/0000:00:18.3/subsystem", "../../../bus/pci")
            .link("sys/devices/pci0000:00/0000:00:18.3/hwmon/hwmon4/device", "../..")
            .link("sys/class/hwmon/hwmon4", "../../devices/pci0000:00/0000:00:18.3/hwmon/hwmon4")
            .file("sys/devices/virtual/thermal/thermal_zone0/hwmon0/name", "acpitz\n")
            .link("sys/devices/virtual/thermal/thermal_zone0/subsystem", "../../../../class/thermal")
            .link("sys/devices/virtual/thermal/thermal_zone0/hwmon0/device", "..")
            .link("sys/class/hwmon/hwmon0", "../../devices/virtual/thermal/thermal_zone0/hwmon0");
        assert_eq!(chip(&fixture, "hwmon4").id, "k10temp-pci-0000:00:18.3");
        assert_eq!(chip(&fixture, "hwmon0").id, "acpitz-virtual");
        let second = Chip::read(&class(&fixture.roots).join("hwmon0"), |id| id == "acpitz-virtual").unwrap();
        assert_eq!(second.id, "acpitz-virtual-2");
        assert_eq!(second.disk, None);
    }

    #[test]
    fn the_chip_of_a_disk_names_the_disk() {
        let fixture = Fixture::new();
        let nvme = "sys/devices/pci0000:00/0000:01:00.0";
        fixture
            .file(&format!("{nvme}/nvme/nvme3/hwmon1/name"), "nvme\n")
            .file(&format!("{nvme}/nvme/nvme3/nvme3c7n1/size"), "1\n")
            .link(&format!("{nvme}/subsystem"), "../../../bus/pci")
            .link(&format!("{nvme}/nvme/nvme3/subsystem"), "../../../../../class/nvme")
            .link(&format!("{nvme}/nvme/nvme3/hwmon1/device"), "..")
            .link("sys/class/hwmon/hwmon1", "../../devices/pci0000:00/0000:01:00.0/nvme/nvme3/hwmon1")
            .file("sys/devices/host0/0:0:0:0/block/sda/size", "1\n")
            .file("sys/devices/host0/0:0:0:0/hwmon/hwmon2/name", "drivetemp\n")
            .link("sys/devices/host0/0:0:0:0/subsystem", "../../../bus/scsi")
            .link("sys/devices/host0/0:0:0:0/hwmon/hwmon2/device", "../..")
            .link("sys/class/hwmon/hwmon2", "../../devices/host0/0:0:0:0/hwmon/hwmon2");
        let (nvme, sata) = (chip(&fixture, "hwmon1"), chip(&fixture, "hwmon2"));
        assert_eq!((nvme.id.as_str(), nvme.disk.as_deref()), ("nvme-pci-0000:01:00.0", Some("nvme3n1")));
        assert_eq!((sata.id.as_str(), sata.disk.as_deref()), ("drivetemp-scsi-0:0:0:0", Some("sda")));
    }

    #[test]
    fn attributes_of_old_drivers_lie_with_their_device() {
        let fixture = Fixture::new();
        fixture
            .file("sys/devices/platform/w83627hf.656/name", "w83627hf\n")
            .file("sys/devices/platform/w83627hf.656/temp1_input", "41000\n")
            .link("sys/devices/platform/w83627hf.656/subsystem", "../../../bus/platform")
            .link("sys/class/hwmon/hwmon0/device", "../../../devices/platform/w83627hf.656");
        let chip = chip(&fixture, "hwmon0");
        assert_eq!(chip.id, "w83627hf-platform-w83627hf.656");
        let sensors = chip.sensors().unwrap();
        assert_eq!(sensors.iter().map(|sensor| sensor.name.as_str()).collect::<Vec<_>>(), ["temp1"]);
    }

    #[test]
    fn what_is_no_chip_is_an_error_and_odd_names_are_no_disks() {
        let fixture = Fixture::new();
        fixture.file("sys/class/hwmon/hwmon0/name", "\n").file("sys/class/hwmon/hwmon1/x", "");
        assert!(Chip::read(&class(&fixture.roots).join("hwmon0"), |_| false).is_err());
        assert!(Chip::read(&class(&fixture.roots).join("hwmon1"), |_| false).unwrap_err().is_gone());
        for odd in ["nvme", "nvme0", "nvmen1", "nvme0n", "nvme0cn1n", "nvme0n1p1", "nvme-subsys0", "ng0n1"] {
            assert_eq!(namespace(odd), None, "{odd}");
        }
    }
}
