//! Names for the numbers that ARM cores give themselves: the maker, and the core. What is not in the table has no name.
//!
//! Source: `arch/arm64/include/asm/cputype.h`, the makers' technical reference manuals (main ID register, `MIDR_EL1`).

use super::cpuinfo::ArmMake;

/// Who made the core.
pub(super) fn vendor(make: ArmMake) -> Option<&'static str> {
    let name = match make.implementer? {
        0x41 => "ARM",
        0x42 => "Broadcom",
        0x43 => "Cavium",
        0x46 => "Fujitsu",
        0x48 => "HiSilicon",
        0x4e => "NVIDIA",
        0x50 => "APM",
        0x51 => "Qualcomm",
        0x53 => "Samsung",
        0x56 => "Marvell",
        0x61 => "Apple",
        0x69 => "Intel",
        0x6d => "Microsoft",
        0x70 => "Phytium",
        0xc0 => "Ampere",
        _ => return None,
    };
    Some(name)
}

/// The name of the core, such as `Cortex-A76`.
pub(super) fn core(make: ArmMake) -> Option<&'static str> {
    let (implementer, part) = (make.implementer?, make.part?);
    CORES.iter().find(|(its, number, _)| (*its, *number) == (implementer, part)).map(|row| row.2)
}

/// `r4p1`.
pub(super) fn stepping(make: ArmMake) -> Option<String> {
    Some(format!("r{}p{}", make.variant?, make.revision?))
}

/// Implementer, part, name.
const CORES: &[(u32, u32, &str)] = &[
    (0x41, 0xc05, "Cortex-A5"),
    (0x41, 0xc07, "Cortex-A7"),
    (0x41, 0xc08, "Cortex-A8"),
    (0x41, 0xc09, "Cortex-A9"),
    (0x41, 0xc0d, "Cortex-A12"),
    (0x41, 0xc0e, "Cortex-A17"),
    (0x41, 0xc0f, "Cortex-A15"),
    (0x41, 0xd01, "Cortex-A32"),
    (0x41, 0xd02, "Cortex-A34"),
    (0x41, 0xd03, "Cortex-A53"),
    (0x41, 0xd04, "Cortex-A35"),
    (0x41, 0xd05, "Cortex-A55"),
    (0x41, 0xd06, "Cortex-A65"),
    (0x41, 0xd07, "Cortex-A57"),
    (0x41, 0xd08, "Cortex-A72"),
    (0x41, 0xd09, "Cortex-A73"),
    (0x41, 0xd0a, "Cortex-A75"),
    (0x41, 0xd0b, "Cortex-A76"),
    (0x41, 0xd0c, "Neoverse N1"),
    (0x41, 0xd0d, "Cortex-A77"),
    (0x41, 0xd0e, "Cortex-A76AE"),
    (0x41, 0xd40, "Neoverse V1"),
    (0x41, 0xd41, "Cortex-A78"),
    (0x41, 0xd42, "Cortex-A78AE"),
    (0x41, 0xd44, "Cortex-X1"),
    (0x41, 0xd46, "Cortex-A510"),
    (0x41, 0xd47, "Cortex-A710"),
    (0x41, 0xd48, "Cortex-X2"),
    (0x41, 0xd49, "Neoverse N2"),
    (0x41, 0xd4a, "Neoverse E1"),
    (0x41, 0xd4b, "Cortex-A78C"),
    (0x41, 0xd4d, "Cortex-A715"),
    (0x41, 0xd4e, "Cortex-X3"),
    (0x41, 0xd4f, "Neoverse V2"),
    (0x41, 0xd80, "Cortex-A520"),
    (0x41, 0xd81, "Cortex-A720"),
    (0x41, 0xd82, "Cortex-X4"),
    (0x41, 0xd83, "Neoverse V3AE"),
    (0x41, 0xd84, "Neoverse V3"),
    (0x41, 0xd85, "Cortex-X925"),
    (0x41, 0xd87, "Cortex-A725"),
    (0x41, 0xd8e, "Neoverse N3"),
    (0x42, 0x516, "Vulcan"),
    (0x43, 0x0a1, "ThunderX"),
    (0x43, 0x0af, "ThunderX2"),
    (0x46, 0x001, "A64FX"),
    (0x48, 0xd01, "TaiShan v110"),
    (0x48, 0xd02, "TaiShan v120"),
    (0x4e, 0x003, "Denver 2"),
    (0x4e, 0x004, "Carmel"),
    (0x50, 0x000, "X-Gene"),
    (0x51, 0x001, "Oryon"),
    (0x51, 0xc00, "Falkor"),
    (0x61, 0x022, "Icestorm"),
    (0x61, 0x023, "Firestorm"),
    (0x61, 0x032, "Blizzard"),
    (0x61, 0x033, "Avalanche"),
    (0x6d, 0xd49, "Azure Cobalt 100"),
    (0xc0, 0xac3, "Ampere-1"),
    (0xc0, 0xac4, "Ampere-1a"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn make(implementer: u32, part: u32) -> ArmMake {
        ArmMake { implementer: Some(implementer), part: Some(part), ..ArmMake::default() }
    }

    #[test]
    fn cores_of_boards_and_servers_have_their_names() {
        for (implementer, part, vendor_name, core_name) in [
            (0x41, 0xd08, "ARM", "Cortex-A72"),
            (0x41, 0xd0b, "ARM", "Cortex-A76"),
            (0x41, 0xd0c, "ARM", "Neoverse N1"),
            (0x61, 0x023, "Apple", "Firestorm"),
            (0xc0, 0xac3, "Ampere", "Ampere-1"),
        ] {
            let make = make(implementer, part);
            assert_eq!((vendor(make), core(make)), (Some(vendor_name), Some(core_name)));
        }
    }

    #[test]
    fn what_is_not_in_the_table_has_no_name() {
        assert_eq!((vendor(make(0x99, 0xd0b)), core(make(0x41, 0xfff))), (None, None));
        assert_eq!((core(ArmMake::default()), stepping(make(0x41, 0xd0b))), (None, None));
        let told = ArmMake { variant: Some(4), revision: Some(1), ..ArmMake::default() };
        assert_eq!(stepping(told).as_deref(), Some("r4p1"));
    }
}
