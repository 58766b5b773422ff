//! Zones whose energy the hardware counts and whose power it can limit, `/sys/class/powercap`: RAPL of Intel and of AMD.
//!
//! Source: `Documentation/power/powercap/powercap.rst`.

use std::path::PathBuf;

use super::{KernelError, Roots, attribute};

/// A part of the machine that has an energy counter, such as a CPU package and the memory that hangs on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone {
    pub directory: PathBuf,
    /// Who counts and limits: `intel-rapl` (by registers of the CPU, on AMD too) or `intel-rapl-mmio` (the same packages again).
    pub driver: String,
    /// Names from the outermost zone inwards: `package-0`, `package-0/dram`, `psys`.
    pub name: String,
    /// The name of the zone above, if there is one.
    pub parent: Option<String>,
    /// Numbers of the limits that it has: their files begin with `constraint_N_`.
    pub constraints: Vec<u32>,
}

/// Where the zones are listed.
pub fn class(roots: &Roots) -> PathBuf {
    roots.sys("class/powercap")
}

impl Zone {
    /// The zone of an entry of the class such as `intel-rapl:0:1`; `None` if the entry is not a zone, but the driver itself.
    ///
    /// # Errors
    /// The zone or one above it has no name, that is, it has gone away.
    pub fn read(roots: &Roots, entry: &str) -> Result<Option<Self>, KernelError> {
        let class = class(roots);
        let Some((driver, numbers)) = entry.split_once(':') else { return Ok(None) };
        let mut names = Vec::new();
        for (end, _) in numbers.match_indices(':').chain([(numbers.len(), "")]) {
            names.push(attribute::text(&class.join(format!("{driver}:{}", &numbers[..end])).join("name"))?);
        }
        let directory = class.join(entry);
        Ok(Some(Self {
            constraints: constraints(&attribute::entries(&directory)?),
            directory,
            driver: driver.to_owned(),
            name: names.join("/"),
            parent: names.split_last().filter(|(_, above)| !above.is_empty()).map(|(_, above)| above.join("/")),
        }))
    }

    /// All zones, in order; those that cannot be read are errors in between.
    ///
    /// # Errors
    /// There is no such class, or it may not be listed.
    pub fn all(roots: &Roots) -> Result<Vec<Result<Self, KernelError>>, KernelError> {
        let entries = attribute::entries(&class(roots))?;
        Ok(entries.iter().filter_map(|entry| Self::read(roots, entry).transpose()).collect())
    }

    /// The counter, in microjoules, which begins anew at its range; only root may read it.
    pub fn energy(&self) -> PathBuf {
        self.directory.join("energy_uj")
    }

    /// The largest value of the counter, in microjoules.
    pub fn energy_range(&self) -> Result<u64, KernelError> {
        attribute::decimal(&self.directory.join("max_energy_range_uj"))
    }

    /// A file of one of the limits, such as `power_limit_uw`.
    pub fn constraint(&self, number: u32, attribute: &str) -> PathBuf {
        self.directory.join(format!("constraint_{number}_{attribute}"))
    }
}

fn constraints(files: &[String]) -> Vec<u32> {
    let number = |file: &String| file.strip_prefix("constraint_")?.strip_suffix("_power_limit_uw")?.parse().ok();
    files.iter().filter_map(number).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::fixture::Fixture;

    #[test]
    fn zones_are_named_by_where_they_are() {
        let fixture = Fixture::new();
        for (entry, name) in [
            ("intel-rapl:0", "package-0"),
            ("intel-rapl:0:0", "core"),
            ("intel-rapl:0:1", "dram"),
            ("intel-rapl:1", "psys"),
            ("intel-rapl-mmio:0", "package-0"),
        ] {
            fixture.file(&format!("sys/class/powercap/{entry}/name"), format!("{name}\n"));
        }
        fixture
            .file("sys/class/powercap/intel-rapl/enabled", "1\n")
            .file("sys/class/powercap/intel-rapl:0/constraint_0_power_limit_uw", "1\n")
            .file("sys/class/powercap/intel-rapl:0/constraint_10_power_limit_uw", "1\n")
            .file("sys/class/powercap/intel-rapl:0/constraint_x_power_limit_uw", "1\n");
        let zones: Vec<Zone> = Zone::all(&fixture.roots).unwrap().into_iter().map(Result::unwrap).collect();
        let names: Vec<_> = zones.iter().map(|zone| (zone.driver.as_str(), zone.name.as_str())).collect();
        let expected = [
            ("intel-rapl", "package-0"),
            ("intel-rapl", "package-0/core"),
            ("intel-rapl", "package-0/dram"),
            ("intel-rapl", "psys"),
            ("intel-rapl-mmio", "package-0"),
        ];
        assert!(expected.iter().all(|name| names.contains(name)), "{names:?}");
        assert_eq!(names.len(), expected.len());
        let of = |name: &str| zones.iter().find(|zone| zone.name == name).unwrap();
        assert_eq!(of("package-0/dram").parent.as_deref(), Some("package-0"));
        assert_eq!((of("psys").parent.as_deref(), zones.iter().any(|zone| zone.constraints == [0, 10])), (None, true));
    }

    #[test]
    fn a_zone_that_vanishes_takes_no_other_along() {
        let fixture = Fixture::new();
        fixture.file("sys/class/powercap/intel-rapl:0/enabled", "1").file("sys/class/powercap/x:1/name", "package-1\n");
        let zones = Zone::all(&fixture.roots).unwrap();
        assert_eq!((zones.len(), zones.iter().filter(|zone| zone.is_ok()).count()), (2, 1));
        assert!(Zone::all(&Fixture::new().roots).unwrap_err().is_gone());
    }
}
