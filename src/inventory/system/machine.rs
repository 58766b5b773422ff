//! The machine as its maker names it: SMBIOS on PCs and servers, the device tree on boards.
//!
//! Source: `drivers/firmware/dmi-id.c` (`/sys/class/dmi/id`), `Documentation/devicetree/usage-model.rst`.

use serde::Serialize;

use crate::inventory::Survey;
use crate::inventory::cpu::board;
use crate::kernel::{Roots, attribute};

/// What makers leave in fields that they do not fill in.
const PLACEHOLDERS: [&str; 12] = [
    "default string",
    "to be filled by o.e.m.",
    "to be filled by oem",
    "system manufacturer",
    "system product name",
    "system version",
    "not specified",
    "not applicable",
    "o.e.m.",
    "unknown",
    "none",
    "n/a",
];

/// Who made the machine.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Machine {
    pub vendor: Option<String>,
    pub product: Option<String>,
    pub board_vendor: Option<String>,
    pub board: Option<String>,
    pub bios_vendor: Option<String>,
    pub bios_version: Option<String>,
    /// As the maker writes it, mostly `MM/DD/YYYY`.
    pub bios_date: Option<String>,
}

impl Machine {
    pub(super) fn read(roots: &Roots, survey: &mut Survey) -> Self {
        let directory = roots.sys("class/dmi/id");
        if !directory.is_dir() {
            return Self { product: survey.known(board(roots)), ..Self::default() };
        }
        let mut field = |name: &str| {
            let text = attribute::text(&directory.join(name)).ok();
            survey.known(text.filter(|text| !is_placeholder(text)))
        };
        Self {
            vendor: field("sys_vendor"),
            product: field("product_name"),
            board_vendor: field("board_vendor"),
            board: field("board_name"),
            bios_vendor: field("bios_vendor"),
            bios_version: field("bios_version"),
            bios_date: field("bios_date"),
        }
    }

    pub(super) fn is_known(&self) -> bool {
        self.vendor.is_some() || self.product.is_some() || self.board.is_some()
    }
}

fn is_placeholder(text: &str) -> bool {
    PLACEHOLDERS.contains(&text.to_lowercase().as_str()) || text.chars().all(|c| matches!(c, '0' | '.' | '-' | ' '))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::fixture::Fixture;

    fn read(files: &[(&str, &str)]) -> Machine {
        let fixture = Fixture::new();
        for (name, contents) in files {
            fixture.file(&format!("sys/{name}"), contents);
        }
        Machine::read(&fixture.roots, &mut Survey::default())
    }

    #[test]
    fn a_field_that_nobody_filled_in_is_not_known() {
        let machine = read(&[
            ("class/dmi/id/sys_vendor", "To Be Filled By O.E.M.\n"),
            ("class/dmi/id/product_name", "Default string\n"),
            ("class/dmi/id/board_vendor", "ASRock\n"),
            ("class/dmi/id/board_name", " X570 Taichi \n"),
            ("class/dmi/id/bios_version", "\n"),
            ("class/dmi/id/bios_vendor", "00000\n"),
        ]);
        let board = |text: &str| Some(text.to_owned());
        assert_eq!(
            machine,
            Machine { board_vendor: board("ASRock"), board: board("X570 Taichi"), ..Machine::default() }
        );
    }

    #[test]
    fn a_board_is_named_by_its_device_tree() {
        let machine = read(&[("firmware/devicetree/base/model", "Raspberry Pi 5 Model B Rev 1.0\0")]);
        assert_eq!(machine.product.as_deref(), Some("Raspberry Pi 5 Model B Rev 1.0"));
        assert!(machine.is_known() && !read(&[]).is_known());
    }
}
