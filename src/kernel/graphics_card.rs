//! Graphics cards as the PCI bus and the kernel's own drivers show them: all makers' identity, and what amdgpu measures.
//!
//! Source: `Documentation/ABI/testing/sysfs-bus-pci`, `Documentation/gpu/amdgpu/driver-misc.rst` and `thermal.rst`.

use std::path::{Path, PathBuf};

use super::{KernelError, Roots, attribute};
use crate::units::{Bytes, Ratio};

/// The class of display controllers in PCI's list of classes, its upper byte.
const DISPLAY: u32 = 0x03;

/// A display controller on the PCI bus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GraphicsCard {
    /// Such as `0000:03:00.0`.
    pub address: String,
    pub vendor: u32,
    directory: PathBuf,
}

/// All of the machine; none where there is no PCI bus.
pub fn graphics_cards(roots: &Roots) -> Result<Vec<GraphicsCard>, KernelError> {
    let bus = roots.sys("bus/pci/devices");
    let addresses = match attribute::entries(&bus) {
        Err(error) if error.is_gone() => return Ok(Vec::new()),
        addresses => addresses?,
    };
    // A device that is being unplugged is no card.
    Ok(addresses.into_iter().filter_map(|address| card(bus.join(&address), address).unwrap_or(None)).collect())
}

fn card(directory: PathBuf, address: String) -> Result<Option<GraphicsCard>, KernelError> {
    if hexadecimal(&directory.join("class"))? >> 16 != DISPLAY {
        return Ok(None);
    }
    Ok(Some(GraphicsCard { vendor: hexadecimal(&directory.join("vendor"))?, address, directory }))
}

impl GraphicsCard {
    pub const NVIDIA: u32 = 0x10de;
    pub const AMD: u32 = 0x1002;

    /// The maker; `None` for one that makes no GPUs for plotting machines.
    pub fn maker(&self) -> Option<&'static str> {
        match self.vendor {
            Self::NVIDIA => Some("NVIDIA"),
            Self::AMD => Some("AMD"),
            0x8086 => Some("Intel"),
            0x1a03 => Some("ASPEED"),
            0x102b => Some("Matrox"),
            0x1af4 => Some("Red Hat"),
            0x15ad => Some("VMware"),
            0x1234 => Some("QEMU"),
            _ => None,
        }
    }

    /// Number of the model in the maker's list.
    pub fn device(&self) -> Result<u32, KernelError> {
        hexadecimal(&self.directory.join("device"))
    }

    /// What the maker has written into the card; few cards have it.
    pub fn product_name(&self) -> Result<String, KernelError> {
        attribute::text(&self.directory.join("product_name"))
    }

    /// The kernel's driver; the file is gone where none is bound.
    pub fn driver(&self) -> Result<String, KernelError> {
        attribute::link_name(&self.directory.join("driver"))
    }

    /// Switched off while nobody uses it: to read its sensors would wake it.
    pub fn is_asleep(&self) -> bool {
        attribute::text(&self.directory.join("power/runtime_status")).is_ok_and(|status| status == "suspended")
    }

    /// Whether the driver measures what the card does; amdgpu does.
    pub fn is_measured(&self) -> bool {
        self.directory.join("gpu_busy_percent").exists()
    }

    /// Memory on the card.
    pub fn memory_total(&self) -> Result<Bytes, KernelError> {
        attribute::decimal(&self.directory.join("mem_info_vram_total")).map(Bytes)
    }

    pub fn memory_used(&self) -> Result<Bytes, KernelError> {
        attribute::decimal(&self.directory.join("mem_info_vram_used")).map(Bytes)
    }

    /// Share of the time in which the card computed or drew.
    pub fn busy(&self) -> Result<Ratio, KernelError> {
        self.share("gpu_busy_percent")
    }

    /// Share of the time in which its memory was read or written.
    pub fn memory_busy(&self) -> Result<Ratio, KernelError> {
        self.share("mem_busy_percent")
    }

    fn share(&self, file: &str) -> Result<Ratio, KernelError> {
        let path = self.directory.join(file);
        let percent = attribute::decimal(&path)?;
        let known = u32::try_from(percent).ok().filter(|percent| *percent <= 100);
        let percent = known.ok_or_else(|| KernelError::malformed(&path, format!("{percent} % is no share")))?;
        Ok(Ratio(f64::from(percent) / 100.0))
    }
}

/// A number such as `0x030000`.
fn hexadecimal(path: &Path) -> Result<u32, KernelError> {
    let text = attribute::text(path)?;
    let digits = text.strip_prefix("0x").filter(|digits| !digits.starts_with('+'));
    let number = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
    number.ok_or_else(|| KernelError::malformed(path, format!("`{}` is not 0x and a number", cut(&text))))
}

fn cut(text: &str) -> String {
    text.chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::fixture::Fixture;

    const BUS: &str = "sys/bus/pci/devices";

    fn device(fixture: &Fixture, address: &str, class: &str, vendor: &str) {
        fixture
            .file(&format!("{BUS}/{address}/class"), class)
            .file(&format!("{BUS}/{address}/vendor"), vendor)
            .file(&format!("{BUS}/{address}/device"), "0x744c\n");
    }

    #[test]
    fn display_controllers_are_told_from_other_devices() {
        let fixture = Fixture::new();
        assert_eq!(graphics_cards(&fixture.roots).unwrap(), []);
        device(&fixture, "0000:00:1f.2", "0x010601\n", "0x8086\n");
        device(&fixture, "0000:03:00.0", "0x030000\n", "0x1002\n");
        device(&fixture, "0000:81:00.0", "0x030200\n", "0x10de\n");
        let cards = graphics_cards(&fixture.roots).unwrap();
        let makers: Vec<_> = cards.iter().map(|card| (card.address.as_str(), card.maker())).collect();
        assert_eq!(makers, [("0000:03:00.0", Some("AMD")), ("0000:81:00.0", Some("NVIDIA"))]);
        assert_eq!(cards[0].device().unwrap(), 0x744c);
        assert!(cards[0].driver().unwrap_err().is_gone());
    }

    #[test]
    fn what_is_damaged_is_no_card_and_no_share() {
        let fixture = Fixture::new();
        for (number, class) in ["", "030000", "0x", "0x+30000", "0x1ffffffff", "\u{fffd}"].into_iter().enumerate() {
            device(&fixture, &format!("0000:0{number}:00.0"), class, "0x1002\n");
        }
        assert_eq!(graphics_cards(&fixture.roots).unwrap(), []);
        device(&fixture, "0000:09:00.0", "0x030000\n", "0x1002\n");
        fixture.file(&format!("{BUS}/0000:09:00.0/gpu_busy_percent"), "101\n");
        let card = &graphics_cards(&fixture.roots).unwrap()[0];
        assert!(card.busy().unwrap_err().to_string().contains("gpu_busy_percent"));
        assert!(card.memory_busy().unwrap_err().is_gone());
    }
}
