//! The thermal design power of a package: what the processor itself says through powercap, else what its maker published
//! for the model.
//!
//! Source: `Documentation/power/powercap/powercap.rst`.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use crate::inventory::Survey;
use crate::kernel::{Roots, attribute};
use crate::units::{Watts, float};

/// Model and watts, one below the other, with their source on top.
const MODELS: &str = include_str!("design_power.tsv");
/// A zone has two or three constraints.
const MOST_CONSTRAINTS: u32 = 8;
/// No processor is built for more; a zone that says so does not know.
const MOST: f64 = 2000.0;

/// Where a design power is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DesignPowerSource {
    /// The processor itself.
    Powercap,
    /// The table of models.
    Model,
}

impl DesignPowerSource {
    pub fn name(self) -> &'static str {
        match self {
            Self::Powercap => "powercap",
            Self::Model => "model",
        }
    }
}

/// By package; a package of several dies has a zone for each.
pub(super) fn from_powercap(roots: &Roots, survey: &mut Survey) -> BTreeMap<u32, Watts> {
    let root = roots.sys("class/powercap");
    let mut packages = BTreeMap::new();
    for zone in attribute::entries(&root).unwrap_or_default() {
        let is_package = zone.strip_prefix("intel-rapl:").is_some_and(|number| !number.contains(':'));
        let Some((package, watts)) = is_package.then(|| of_zone(&root.join(zone), survey)).flatten() else { continue };
        packages.entry(package).or_insert(Watts(0.0)).0 += watts;
    }
    packages
}

/// The package of a zone named `package-1` or `package-1-die-0`, and the most that it is made to draw for long.
fn of_zone(zone: &Path, survey: &mut Survey) -> Option<(u32, f64)> {
    let name = survey.fact_if_there(attribute::text(&zone.join("name")))?;
    let package = name.strip_prefix("package-")?.split('-').next()?.parse().ok()?;
    let is_long_term = |constraint: &u32| {
        attribute::text(&zone.join(format!("constraint_{constraint}_name"))).is_ok_and(|name| name == "long_term")
    };
    let constraint = (0..MOST_CONSTRAINTS).find(is_long_term)?;
    let most = attribute::decimal(&zone.join(format!("constraint_{constraint}_max_power_uw")));
    let watts = float(survey.fact_if_there(most)?) / 1e6;
    (watts > 0.0 && watts <= MOST).then_some((package, watts))
}

/// Of the model whose name is in the processor's brand string, such as `AMD Ryzen 9 5950X 16-Core Processor`.
pub(super) fn of_model(brand: &str) -> Option<Watts> {
    let brand: Vec<&str> = brand.split([' ', '(']).filter(|word| !is_decoration(word)).collect();
    let rows = MODELS.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('\t'));
    rows.filter(|(model, _)| names(&brand, model)).find_map(|(_, watts)| watts.parse().ok().map(Watts))
}

fn is_decoration(word: &str) -> bool {
    matches!(word, "" | "R)" | "TM)" | "r)" | "tm)" | "CPU")
}

/// The words of the model stand in the brand one after the other, and what follows is no more of the name, as in `E5-2680 v4`.
fn names(brand: &[&str], model: &str) -> bool {
    let model: Vec<&str> = model.split(' ').collect();
    let end = brand.windows(model.len()).position(|words| words == model).map(|start| start + model.len());
    end.is_some_and(|end| {
        brand.get(end).is_none_or(|next| {
            matches!(*next, "@" | "0" | "Processor" | "with" | "w/")
                || next.ends_with("-Core")
                || next.ends_with("-Cores")
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::fixture::Fixture;

    #[test]
    fn each_brand_finds_its_own_model() {
        for (brand, watts) in [
            ("AMD Ryzen 9 5950X 16-Core Processor", 105.0),
            ("AMD EPYC 7763 64-Core Processor", 280.0),
            ("Intel(R) Xeon(R) CPU E5-2680 v4 @ 2.40GHz", 120.0),
            ("Intel(R) Xeon(R) CPU E5-2680 0 @ 2.70GHz", 130.0),
            ("Intel(R) Core(TM) i7-7700K CPU @ 4.20GHz", 91.0),
            ("13th Gen Intel(R) Core(TM) i9-13900K", 125.0),
            ("Intel(R) Xeon(R) Platinum 8358 CPU @ 2.60GHz", 250.0),
            ("AMD Ryzen Threadripper 3990X 64-Core Processor", 280.0),
        ] {
            assert_eq!(of_model(brand), Some(Watts(watts)), "{brand}");
        }
    }

    #[test]
    fn a_brand_that_is_not_in_the_table_has_none() {
        for brand in
            ["", "AMD EPYC", "Intel(R) Xeon(R) CPU E5-2680 v9 @ 2.40GHz", "AMD Ryzen 9 5950XT 16-Core Processor"]
        {
            assert_eq!(of_model(brand), None, "{brand}");
        }
    }

    #[test]
    fn every_row_of_the_table_can_be_read_and_stands_once() {
        let rows: Vec<(&str, f64)> = MODELS
            .lines()
            .filter(|line| !line.starts_with('#'))
            .map(|line| line.split_once('\t').map(|(model, watts)| (model, watts.parse().unwrap())).unwrap())
            .collect();
        assert!(rows.len() > 100 && rows.iter().all(|(_, watts)| (5.0..=600.0).contains(watts)));
        let names: std::collections::BTreeSet<&str> = rows.iter().map(|(model, _)| *model).collect();
        assert_eq!(names.len(), rows.len());
    }

    fn zone(fixture: &Fixture, zone: &str, name: &str, long_term: &str) {
        fixture
            .file(&format!("sys/class/powercap/{zone}/name"), format!("{name}\n"))
            .file(&format!("sys/class/powercap/{zone}/constraint_0_name"), "long_term\n")
            .file(&format!("sys/class/powercap/{zone}/constraint_0_max_power_uw"), format!("{long_term}\n"));
    }

    #[test]
    fn dies_of_a_package_are_added_and_what_is_no_package_is_not() {
        let fixture = Fixture::new();
        zone(&fixture, "intel-rapl:0", "package-0-die-0", "125000000");
        zone(&fixture, "intel-rapl:1", "package-0-die-1", "125000000");
        zone(&fixture, "intel-rapl:2", "package-1", "0");
        zone(&fixture, "intel-rapl:3", "psys", "90000000");
        zone(&fixture, "intel-rapl:0:0", "package-7", "1000000");
        zone(&fixture, "intel-rapl-mmio:0", "package-8", "1000000");
        assert_eq!(from_powercap(&fixture.roots, &mut Survey::default()), [(0, Watts(250.0))].into());
    }

    #[test]
    fn a_power_that_cannot_be_is_not_known() {
        for bad in ["18446744073709551615", "-1", "x", ""] {
            let fixture = Fixture::new();
            zone(&fixture, "intel-rapl:0", "package-0", bad);
            assert!(from_powercap(&fixture.roots, &mut Survey::default()).is_empty(), "{bad}");
        }
    }
}
