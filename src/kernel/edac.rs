//! Memory controllers that count the errors they correct, and those that they cannot.
//!
//! Source: `Documentation/ABI/testing/sysfs-devices-edac`, `Documentation/driver-api/edac.rst`.

use std::path::{Path, PathBuf};

use super::{KernelError, Roots, attribute};

/// One memory controller: `/sys/devices/system/edac/mc/mcN`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Controller {
    /// `mc0`.
    pub name: String,
    pub directory: PathBuf,
    pub modules: Vec<Module>,
}

/// What a controller counts errors of: a module or, with old drivers, a rank or a row of chips over all channels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Module {
    /// `dimm3`, `rank3` or `csrow3`.
    pub name: String,
    /// What is printed on the board beside the slot, if the driver or the operator has told.
    pub label: Option<String>,
    /// Layers and numbers, such as `channel 0 slot 1`.
    pub location: Option<String>,
    /// Files with the numbers of corrected and of uncorrected errors.
    pub corrected: PathBuf,
    pub uncorrected: PathBuf,
}

/// All controllers, in the order of their numbers.
///
/// # Errors
/// "Gone" where no driver counts errors: no ECC memory, a virtual machine, or the driver is not loaded.
pub fn controllers(roots: &Roots) -> Result<Vec<Controller>, KernelError> {
    let all = roots.sys("devices/system/edac/mc");
    let names = attribute::entries(&all)?.into_iter().filter(|name| is_numbered(name, "mc"));
    names
        .map(|name| {
            let directory = all.join(&name);
            Ok(Controller { modules: modules(&directory)?, name, directory })
        })
        .collect()
}

fn modules(controller: &Path) -> Result<Vec<Module>, KernelError> {
    let entries = attribute::entries(controller)?;
    let named = |prefix: &'static str| entries.iter().filter(move |name| is_numbered(name, prefix));
    let modules: Vec<Module> = named("dimm").chain(named("rank")).map(|name| Module::new(controller, name)).collect();
    Ok(if modules.is_empty() { named("csrow").map(|name| Module::of_row(controller, name)).collect() } else { modules })
}

fn is_numbered(name: &str, prefix: &str) -> bool {
    name.strip_prefix(prefix).is_some_and(|number| number.parse::<u32>().is_ok())
}

impl Module {
    fn new(controller: &Path, name: &str) -> Self {
        let file = |file: &str| controller.join(name).join(file);
        Self {
            name: name.to_owned(),
            label: attribute::text(&file("dimm_label")).ok(),
            location: attribute::text(&file("dimm_location")).ok(),
            corrected: file("dimm_ce_count"),
            uncorrected: file("dimm_ue_count"),
        }
    }

    fn of_row(controller: &Path, name: &str) -> Self {
        let file = |file: &str| controller.join(name).join(file);
        Self {
            name: name.to_owned(),
            label: attribute::text(&file("ch0_dimm_label")).ok(),
            location: None,
            corrected: file("ce_count"),
            uncorrected: file("ue_count"),
        }
    }

    /// The channel that the module is on, with the layers above it: `channel 0`, `branch 1 channel 0`.
    pub fn channel(&self) -> Option<String> {
        let location = self.location.as_deref()?;
        let layers: Vec<&str> = location.split_ascii_whitespace().collect();
        let at = layers.iter().position(|layer| *layer == "channel")?;
        let above = layers.get(..at)?.chunks(2).filter(|layer| layer.first() != Some(&"csrow"));
        let number = layers.get(at + 1)?;
        Some(above.chain([&["channel", number][..]]).flatten().copied().collect::<Vec<_>>().join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::fixture::Fixture;

    #[test]
    fn modules_are_found_in_each_layout() {
        let fixture = Fixture::new();
        for file in
            ["mc10/dimm0/dimm_label", "mc2/rank1/dimm_label", "mc2/csrow0/ce_count", "mc0/csrow3/ch0_dimm_label"]
        {
            fixture.file(&format!("sys/devices/system/edac/mc/{file}"), "DIMM_A1\n");
        }
        fixture.file("sys/devices/system/edac/mc/power/control", "auto\n");
        let found: Vec<_> = controllers(&fixture.roots).unwrap();
        let names: Vec<_> = found.iter().map(|mc| (mc.name.as_str(), mc.modules[0].name.as_str())).collect();
        assert_eq!(names, [("mc0", "csrow3"), ("mc2", "rank1"), ("mc10", "dimm0")]);
        assert_eq!(found[0].modules[0].label.as_deref(), Some("DIMM_A1"));
        assert!(found[1].modules[0].corrected.ends_with("mc2/rank1/dimm_ce_count"));
    }

    #[test]
    fn without_controllers_it_is_gone() {
        assert!(controllers(&Fixture::new().roots).unwrap_err().is_gone());
    }

    #[test]
    fn the_channel_is_taken_from_the_location() {
        let channel = |location: Option<&str>| {
            let location = location.map(str::to_owned);
            Module {
                name: String::new(),
                label: None,
                location,
                corrected: PathBuf::new(),
                uncorrected: PathBuf::new(),
            }
            .channel()
        };
        assert_eq!(channel(Some("channel 1 slot 0")).as_deref(), Some("channel 1"));
        assert_eq!(channel(Some("csrow 2 channel 1")).as_deref(), Some("channel 1"));
        assert_eq!(channel(Some("branch 1 channel 0 slot 2")).as_deref(), Some("branch 1 channel 0"));
        for none in [None, Some(""), Some("memory 3"), Some("channel"), Some("slot 1 channel")] {
            assert_eq!(channel(none), None, "{none:?}");
        }
    }
}
