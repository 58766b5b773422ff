//! Names for the numbers that x86 processors give themselves. What is not in the table has no name.
//!
//! Source: the comments of `arch/x86/include/asm/intel-family.h` and `arch/x86/kernel/cpu/amd.c`, the vendors' own
//! revision guides.

use std::ops::RangeInclusive;

use super::cpuinfo::Make;

/// Vendor, family, models, steppings, name; the first row that fits counts.
type Row = (&'static str, u32, RangeInclusive<u32>, RangeInclusive<u32>, &'static str);

const INTEL: &str = "GenuineIntel";
const AMD: &str = "AuthenticAMD";
const HYGON: &str = "HygonGenuine";
const ANY: RangeInclusive<u32> = 0..=u32::MAX;

/// The name that its makers and compilers use, such as `Zen 3` or `Ice Lake`.
pub(super) fn name(make: &Make) -> Option<&'static str> {
    let (vendor, family, model) = (make.vendor.as_deref()?, make.family?, make.model?);
    let fits = |(its_vendor, its_family, models, steppings, _): &&Row| {
        let stepping = *steppings == ANY || make.stepping.is_some_and(|stepping| steppings.contains(&stepping));
        *its_vendor == vendor && *its_family == family && models.contains(&model) && stepping
    };
    AMD_ROWS.iter().chain(INTEL_CORES).chain(INTEL_ATOMS).find(fits).map(|row| row.4)
}

const AMD_ROWS: &[Row] = &[
    (AMD, 0x0f, ANY, ANY, "K8"),
    (AMD, 0x10, ANY, ANY, "K10"),
    (AMD, 0x12, ANY, ANY, "K10"),
    (AMD, 0x14, ANY, ANY, "Bobcat"),
    (AMD, 0x15, 0x00..=0x01, ANY, "Bulldozer"),
    (AMD, 0x15, 0x02..=0x02, ANY, "Piledriver"),
    (AMD, 0x15, 0x10..=0x1f, ANY, "Piledriver"),
    (AMD, 0x15, 0x30..=0x3f, ANY, "Steamroller"),
    (AMD, 0x15, 0x60..=0x7f, ANY, "Excavator"),
    (AMD, 0x16, 0x00..=0x0f, ANY, "Jaguar"),
    (AMD, 0x16, 0x30..=0x3f, ANY, "Puma"),
    (AMD, 0x17, 0x08..=0x08, ANY, "Zen+"),
    (AMD, 0x17, 0x18..=0x18, ANY, "Zen+"),
    (AMD, 0x17, 0x00..=0x2f, ANY, "Zen"),
    (AMD, 0x17, 0x50..=0x5f, ANY, "Zen"),
    (AMD, 0x17, 0x30..=0x4f, ANY, "Zen 2"),
    (AMD, 0x17, 0x60..=0x7f, ANY, "Zen 2"),
    (AMD, 0x17, 0x84..=0x84, ANY, "Zen 2"),
    (AMD, 0x17, 0x90..=0x9f, ANY, "Zen 2"),
    (AMD, 0x17, 0xa0..=0xaf, ANY, "Zen 2"),
    (HYGON, 0x18, ANY, ANY, "Zen"),
    (AMD, 0x19, 0x40..=0x4f, ANY, "Zen 3+"),
    (AMD, 0x19, 0x00..=0x0f, ANY, "Zen 3"),
    (AMD, 0x19, 0x20..=0x5f, ANY, "Zen 3"),
    (AMD, 0x19, 0xa0..=0xaf, ANY, "Zen 4c"),
    (AMD, 0x19, 0x10..=0x1f, ANY, "Zen 4"),
    (AMD, 0x19, 0x60..=0x7f, ANY, "Zen 4"),
    (AMD, 0x1a, 0x00..=0x2f, ANY, "Zen 5"),
    (AMD, 0x1a, 0x40..=0x4f, ANY, "Zen 5"),
    (AMD, 0x1a, 0x60..=0x7f, ANY, "Zen 5"),
];

const INTEL_CORES: &[Row] = &[
    (INTEL, 6, 0x0f..=0x0f, ANY, "Core"),
    (INTEL, 6, 0x16..=0x16, ANY, "Core"),
    (INTEL, 6, 0x17..=0x17, ANY, "Penryn"),
    (INTEL, 6, 0x1d..=0x1d, ANY, "Penryn"),
    (INTEL, 6, 0x1a..=0x1a, ANY, "Nehalem"),
    (INTEL, 6, 0x1e..=0x1f, ANY, "Nehalem"),
    (INTEL, 6, 0x2e..=0x2e, ANY, "Nehalem"),
    (INTEL, 6, 0x25..=0x25, ANY, "Westmere"),
    (INTEL, 6, 0x2c..=0x2c, ANY, "Westmere"),
    (INTEL, 6, 0x2f..=0x2f, ANY, "Westmere"),
    (INTEL, 6, 0x2a..=0x2a, ANY, "Sandy Bridge"),
    (INTEL, 6, 0x2d..=0x2d, ANY, "Sandy Bridge"),
    (INTEL, 6, 0x3a..=0x3a, ANY, "Ivy Bridge"),
    (INTEL, 6, 0x3e..=0x3e, ANY, "Ivy Bridge"),
    (INTEL, 6, 0x3c..=0x3c, ANY, "Haswell"),
    (INTEL, 6, 0x3f..=0x3f, ANY, "Haswell"),
    (INTEL, 6, 0x45..=0x46, ANY, "Haswell"),
    (INTEL, 6, 0x3d..=0x3d, ANY, "Broadwell"),
    (INTEL, 6, 0x47..=0x47, ANY, "Broadwell"),
    (INTEL, 6, 0x4f..=0x4f, ANY, "Broadwell"),
    (INTEL, 6, 0x56..=0x56, ANY, "Broadwell"),
    (INTEL, 6, 0x4e..=0x4e, ANY, "Skylake"),
    (INTEL, 6, 0x5e..=0x5e, ANY, "Skylake"),
    (INTEL, 6, 0x55..=0x55, 0..=4, "Skylake"),
    (INTEL, 6, 0x55..=0x55, 5..=9, "Cascade Lake"),
    (INTEL, 6, 0x55..=0x55, 10..=15, "Cooper Lake"),
    (INTEL, 6, 0x8e..=0x8e, 0..=9, "Kaby Lake"),
    (INTEL, 6, 0x8e..=0x8e, 10..=10, "Coffee Lake"),
    (INTEL, 6, 0x8e..=0x8e, 11..=11, "Whiskey Lake"),
    (INTEL, 6, 0x8e..=0x8e, 12..=12, "Comet Lake"),
    (INTEL, 6, 0x9e..=0x9e, 0..=9, "Kaby Lake"),
    (INTEL, 6, 0x9e..=0x9e, 10..=15, "Coffee Lake"),
    (INTEL, 6, 0x66..=0x66, ANY, "Cannon Lake"),
    (INTEL, 6, 0xa5..=0xa6, ANY, "Comet Lake"),
    (INTEL, 6, 0x6a..=0x6a, ANY, "Ice Lake"),
    (INTEL, 6, 0x6c..=0x6c, ANY, "Ice Lake"),
    (INTEL, 6, 0x7d..=0x7e, ANY, "Ice Lake"),
    (INTEL, 6, 0x8c..=0x8d, ANY, "Tiger Lake"),
    (INTEL, 6, 0xa7..=0xa7, ANY, "Rocket Lake"),
    (INTEL, 6, 0x97..=0x97, ANY, "Alder Lake"),
    (INTEL, 6, 0x9a..=0x9a, ANY, "Alder Lake"),
    (INTEL, 6, 0xb7..=0xb7, ANY, "Raptor Lake"),
    (INTEL, 6, 0xba..=0xba, ANY, "Raptor Lake"),
    (INTEL, 6, 0xbf..=0xbf, ANY, "Raptor Lake"),
    (INTEL, 6, 0xaa..=0xaa, ANY, "Meteor Lake"),
    (INTEL, 6, 0xac..=0xac, ANY, "Meteor Lake"),
    (INTEL, 6, 0xb5..=0xb5, ANY, "Arrow Lake"),
    (INTEL, 6, 0xc5..=0xc6, ANY, "Arrow Lake"),
    (INTEL, 6, 0xbd..=0xbd, ANY, "Lunar Lake"),
    (INTEL, 6, 0xcc..=0xcc, ANY, "Panther Lake"),
    (INTEL, 6, 0x8f..=0x8f, ANY, "Sapphire Rapids"),
    (INTEL, 6, 0xcf..=0xcf, ANY, "Emerald Rapids"),
    (INTEL, 6, 0xad..=0xae, ANY, "Granite Rapids"),
];

const INTEL_ATOMS: &[Row] = &[
    (INTEL, 6, 0x1c..=0x1c, ANY, "Bonnell"),
    (INTEL, 6, 0x26..=0x26, ANY, "Bonnell"),
    (INTEL, 6, 0x27..=0x27, ANY, "Saltwell"),
    (INTEL, 6, 0x35..=0x36, ANY, "Saltwell"),
    (INTEL, 6, 0x37..=0x37, ANY, "Silvermont"),
    (INTEL, 6, 0x4a..=0x4a, ANY, "Silvermont"),
    (INTEL, 6, 0x4d..=0x4d, ANY, "Silvermont"),
    (INTEL, 6, 0x5a..=0x5a, ANY, "Silvermont"),
    (INTEL, 6, 0x4c..=0x4c, ANY, "Airmont"),
    (INTEL, 6, 0x5c..=0x5c, ANY, "Goldmont"),
    (INTEL, 6, 0x5f..=0x5f, ANY, "Goldmont"),
    (INTEL, 6, 0x7a..=0x7a, ANY, "Goldmont Plus"),
    (INTEL, 6, 0x86..=0x86, ANY, "Tremont"),
    (INTEL, 6, 0x96..=0x96, ANY, "Tremont"),
    (INTEL, 6, 0x9c..=0x9c, ANY, "Tremont"),
    (INTEL, 6, 0xbe..=0xbe, ANY, "Gracemont"),
    (INTEL, 6, 0xaf..=0xaf, ANY, "Sierra Forest"),
    (INTEL, 6, 0xb6..=0xb6, ANY, "Grand Ridge"),
    (INTEL, 6, 0xdd..=0xdd, ANY, "Clearwater Forest"),
    (INTEL, 6, 0x57..=0x57, ANY, "Knights Landing"),
    (INTEL, 6, 0x85..=0x85, ANY, "Knights Mill"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn of(vendor: &str, family: u32, model: u32, stepping: Option<u32>) -> Option<&'static str> {
        let vendor = Some(vendor.to_owned());
        name(&Make { vendor, family: Some(family), model: Some(model), stepping, ..Make::default() })
    }

    #[test]
    fn processors_that_people_plot_with_have_their_names() {
        for (vendor, family, model, stepping, expected) in [
            (AMD, 0x17, 0x01, 2, "Zen"),
            (AMD, 0x17, 0x08, 2, "Zen+"),
            (AMD, 0x17, 0x31, 0, "Zen 2"),
            (AMD, 0x17, 0x71, 0, "Zen 2"),
            (AMD, 0x19, 0x01, 1, "Zen 3"),
            (AMD, 0x19, 0x21, 2, "Zen 3"),
            (AMD, 0x19, 0x44, 1, "Zen 3+"),
            (AMD, 0x19, 0x11, 1, "Zen 4"),
            (AMD, 0x19, 0x61, 2, "Zen 4"),
            (AMD, 0x19, 0xa0, 2, "Zen 4c"),
            (AMD, 0x1a, 0x02, 1, "Zen 5"),
            (AMD, 0x1a, 0x44, 0, "Zen 5"),
            (INTEL, 6, 0x2d, 7, "Sandy Bridge"),
            (INTEL, 6, 0x3f, 2, "Haswell"),
            (INTEL, 6, 0x4f, 1, "Broadwell"),
            (INTEL, 6, 0x55, 4, "Skylake"),
            (INTEL, 6, 0x55, 7, "Cascade Lake"),
            (INTEL, 6, 0x9e, 9, "Kaby Lake"),
            (INTEL, 6, 0x9e, 13, "Coffee Lake"),
            (INTEL, 6, 0x6a, 6, "Ice Lake"),
            (INTEL, 6, 0x97, 2, "Alder Lake"),
            (INTEL, 6, 0xb7, 1, "Raptor Lake"),
            (INTEL, 6, 0x8f, 8, "Sapphire Rapids"),
            (INTEL, 6, 0xad, 1, "Granite Rapids"),
        ] {
            assert_eq!(of(vendor, family, model, Some(stepping)), Some(expected), "{vendor} {family} {model:#x}");
        }
    }

    #[test]
    fn what_is_not_in_the_table_has_no_name() {
        assert_eq!(of("CentaurHauls", 7, 0x3b, Some(0)), None);
        assert_eq!(of(INTEL, 6, 0xff, Some(0)), None);
        assert_eq!(of(AMD, 0x1a, 0xff, Some(0)), None);
        assert_eq!(of(INTEL, 6, 0x55, None), None, "three generations share this model");
        assert_eq!(name(&Make::default()), None);
    }

    #[test]
    fn no_row_stands_twice() {
        let rows: Vec<&Row> = AMD_ROWS.iter().chain(INTEL_CORES).chain(INTEL_ATOMS).collect();
        for (number, row) in rows.iter().enumerate() {
            let same = |other: &&&Row| (other.0, other.1, &other.2, &other.3) == (row.0, row.1, &row.2, &row.3);
            assert!(rows[number + 1..].iter().find(same).is_none(), "{row:?}");
        }
    }
}
