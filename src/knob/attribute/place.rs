//! Where the attribute of a part lies, which parts have it, and what tells a part from a later one of the same name.

use std::fs;
use std::path::{Path, PathBuf};

use crate::claim::{Part, PartClass};
use crate::kernel::Roots;
use crate::kernel::attribute::{entries, text};

/// A path below sysfs or procfs. Each `{}` stands for the next piece of the part's name, whose pieces are set off by its
/// class: `3:2` of an idle state are two. A `*` stands for the only entry of its folder.
#[derive(Debug, Clone, Copy)]
pub enum Place {
    Sys(&'static str),
    Proc(&'static str),
}

impl Place {
    /// Where the attribute of `part` lies; `None` if the name is not one of its class.
    pub fn of(self, roots: &Roots, part: &Part) -> Option<PathBuf> {
        let (root, pattern) = match self {
            Self::Sys(pattern) => (&roots.sysfs, pattern),
            Self::Proc(pattern) => (&roots.procfs, pattern),
        };
        let mut pieces = pieces(part)?.into_iter();
        let mut path = String::new();
        for (at, text) in pattern.split("{}").enumerate() {
            if at > 0 {
                path.push_str(&pieces.next()?);
            }
            path.push_str(text);
        }
        pieces.next().is_none().then(|| only(&root.join(path)))
    }

    /// For the table of knobs.
    pub fn shown(self) -> String {
        match self {
            Self::Sys(pattern) => format!("/sys/{}", pattern.replace("{}", "*")),
            Self::Proc(pattern) => format!("/proc/{}", pattern.replace("{}", "*")),
        }
    }
}

/// The pieces of a name; `None` if one of them could lead out of the directory of its class.
fn pieces(part: &Part) -> Option<Vec<String>> {
    let name = part.name.as_str();
    let pieces: Vec<&str> = match part.class {
        PartClass::Machine => return name.is_empty().then(Vec::new),
        PartClass::IdleState | PartClass::PagePool => name.split(':').collect(),
        PartClass::PowerConstraint => name.rsplit_once(':').map(|(zone, constraint)| vec![zone, constraint])?,
        PartClass::Device | PartClass::Fan => name.split('/').collect(),
        _ => vec![name],
    };
    let is_one_name = |piece: &&str| !piece.is_empty() && !piece.contains('/') && !piece.starts_with('.');
    pieces.iter().all(is_one_name).then(|| pieces.into_iter().map(str::to_owned).collect())
}

/// The path with its `*` replaced by what is there; as it is if nothing is, or more than one thing.
fn only(path: &Path) -> PathBuf {
    let mut found = PathBuf::new();
    for piece in path.components() {
        let entries = if piece.as_os_str() == "*" { names(&found) } else { Vec::new() };
        match entries.as_slice() {
            [one] => found.push(one),
            _ => found.push(piece),
        }
    }
    found
}

/// All parts of a class that the machine has now.
pub fn parts(roots: &Roots, class: PartClass) -> Vec<Part> {
    let names = match class {
        PartClass::Machine => return vec![Part::machine()],
        // Found by those who speak to the driver.
        PartClass::Gpu => Vec::new(),
        PartClass::Cpu => numbered(&roots.sys("devices/system/cpu"), "cpu"),
        PartClass::CpuPolicy => numbered(&roots.sys("devices/system/cpu/cpufreq"), "policy"),
        PartClass::Node => numbered(&roots.sys("devices/system/node"), "node"),
        PartClass::Irq => numbered(&roots.proc("irq"), ""),
        PartClass::PagePool => {
            let of_node = |node: String| {
                let pools = names(&roots.sys(format!("devices/system/node/node{node}/hugepages"))).into_iter();
                let size = |pool: String| Some(format!("{node}:{}", pool.strip_prefix("hugepages-")?));
                pools.filter_map(size).collect::<Vec<_>>()
            };
            numbered(&roots.sys("devices/system/node"), "node").into_iter().flat_map(of_node).collect()
        }
        PartClass::IdleState => {
            let of_cpu = |cpu: String| {
                let states = numbered(&roots.sys(format!("devices/system/cpu/cpu{cpu}/cpuidle")), "state");
                states.into_iter().map(move |state| format!("{cpu}:{state}")).collect::<Vec<_>>()
            };
            numbered(&roots.sys("devices/system/cpu"), "cpu").into_iter().flat_map(of_cpu).collect()
        }
        PartClass::PowerConstraint => constraints(roots),
        PartClass::Fan => within(&roots.sys("class/hwmon"), |name| is_numbered(name, "pwm")),
        PartClass::Device => ["pci", "usb"]
            .iter()
            .flat_map(|bus| {
                names(&roots.sys(format!("bus/{bus}/devices"))).into_iter().map(move |name| format!("{bus}/{name}"))
            })
            .collect(),
        PartClass::DiskHost => names(&roots.sys("class/scsi_host")),
        PartClass::Disk => names(&roots.sys("block")),
        PartClass::Interface => names(&roots.sys("class/net")),
    };
    names.into_iter().map(|name| Part::new(class, name)).collect()
}

/// What tells the part from a later one: where its directory really lies, and what the device says of itself. Parts that
/// cannot be exchanged while the machine runs have their place alone.
pub fn identity(roots: &Roots, part: &Part, attribute: &Path) -> String {
    let (dir, facts): (PathBuf, &[&str]) = match part.class {
        // `diskseq` counts the disks since boot, so that it is never used again; older kernels do not have it.
        PartClass::Disk => {
            (roots.sys(format!("block/{}", part.name)), &["diskseq", "wwid", "device/wwid", "device/serial", "serial"])
        }
        PartClass::Interface => (roots.sys(format!("class/net/{}", part.name)), &["ifindex", "address"]),
        // Numbers of interrupts are given again.
        PartClass::Irq => (roots.sys(format!("kernel/irq/{}", part.name)), &["hwirq", "chip_name", "actions"]),
        PartClass::Device => {
            let directory = attribute.parent().and_then(Path::parent).map(Path::to_owned).unwrap_or_default();
            (directory, &["vendor", "device", "idVendor", "idProduct", "serial"])
        }
        PartClass::Fan | PartClass::PowerConstraint => {
            (attribute.parent().map(Path::to_owned).unwrap_or_default(), &["name"])
        }
        _ => (attribute.parent().map(Path::to_owned).unwrap_or_default(), &[]),
    };
    let place = fs::canonicalize(&dir).unwrap_or_else(|_| dir.clone());
    let facts = facts.iter().filter_map(|fact| text(&dir.join(fact)).ok());
    [place.display().to_string()].into_iter().chain(facts).collect::<Vec<_>>().join(" ")
}

fn constraints(roots: &Roots) -> Vec<String> {
    let zones = names(&roots.sys("class/powercap")).into_iter();
    let of_zone = |zone: String| {
        let attributes = names(&roots.sys(format!("class/powercap/{zone}"))).into_iter();
        let number = |name: String| Some(name.strip_prefix("constraint_")?.split_once('_')?.0.to_owned());
        let mut numbers: Vec<String> = attributes.filter_map(number).collect();
        numbers.dedup();
        numbers.into_iter().map(move |number| format!("{zone}:{number}")).collect::<Vec<_>>()
    };
    zones.flat_map(of_zone).collect()
}

/// Names of what is in a directory, in order of number; none if it is not there.
pub fn names(dir: &Path) -> Vec<String> {
    entries(dir).unwrap_or_default()
}

fn is_numbered(name: &str, prefix: &str) -> bool {
    name.strip_prefix(prefix).is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The numbers of `cpu0`, `cpu1` and so on, in order of number.
fn numbered(dir: &Path, prefix: &str) -> Vec<String> {
    let names = names(dir).into_iter().filter(|name| is_numbered(name, prefix));
    names.filter_map(|name| name.strip_prefix(prefix).map(str::to_owned)).collect()
}

/// `hwmon2/pwm1`: what lies one level down and is so named.
fn within(dir: &Path, is_meant: impl Fn(&str) -> bool) -> Vec<String> {
    let of_dir = |outer: String| {
        let inner = names(&dir.join(&outer)).into_iter().filter(|name| is_meant(name));
        inner.map(|inner| format!("{outer}/{inner}")).collect::<Vec<_>>()
    };
    names(dir).into_iter().flat_map(of_dir).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(class: PartClass, name: &str) -> Part {
        Part::new(class, name)
    }

    #[test]
    fn a_name_leads_to_its_attribute_and_nowhere_else() {
        let roots = Roots::standard();
        let idle = Place::Sys("devices/system/cpu/cpu{}/cpuidle/state{}/disable");
        let at = |place: Place, part: Part| place.of(&roots, &part).map(|path| path.display().to_string());
        assert_eq!(
            at(idle, part(PartClass::IdleState, "3:2")).as_deref(),
            Some("/sys/devices/system/cpu/cpu3/cpuidle/state2/disable")
        );
        assert_eq!(at(idle, part(PartClass::IdleState, "3")), None);
        let limit = Place::Sys("class/powercap/{}/constraint_{}_power_limit_uw");
        assert_eq!(
            at(limit, part(PartClass::PowerConstraint, "intel-rapl:0:1")).as_deref(),
            Some("/sys/class/powercap/intel-rapl:0/constraint_1_power_limit_uw")
        );
        let scheduler = Place::Sys("block/{}/queue/scheduler");
        for name in ["../../etc", "..", "", ".hidden", "a/b"] {
            assert_eq!(at(scheduler, part(PartClass::Disk, name)), None, "{name}");
        }
        assert_eq!(at(Place::Proc("sys/vm/swappiness"), Part::machine()).as_deref(), Some("/proc/sys/vm/swappiness"));
    }

    #[test]
    fn a_disk_that_was_exchanged_is_another_one() {
        let dir = tempfile::tempdir().unwrap();
        let roots = Roots { sysfs: dir.path().to_owned(), ..Roots::standard() };
        let disk = dir.path().join("block/sda");
        fs::create_dir_all(disk.join("queue")).unwrap();
        fs::write(disk.join("diskseq"), "9\n").unwrap();
        let sda = part(PartClass::Disk, "sda");
        let attribute = disk.join("queue/scheduler");
        let before = identity(&roots, &sda, &attribute);
        assert_eq!(before, identity(&roots, &sda, &attribute));
        fs::write(disk.join("diskseq"), "10\n").unwrap();
        assert_ne!(before, identity(&roots, &sda, &attribute));
    }

    #[test]
    fn parts_are_found_in_order() {
        let dir = tempfile::tempdir().unwrap();
        let roots = Roots { sysfs: dir.path().to_owned(), ..Roots::standard() };
        for below in ["cpu0/cpuidle/state0", "cpu10", "cpu2", "cpufreq", "cpuidle"] {
            fs::create_dir_all(dir.path().join("devices/system/cpu").join(below)).unwrap();
        }
        let zone = dir.path().join("class/powercap/intel-rapl:0");
        fs::create_dir_all(&zone).unwrap();
        fs::write(zone.join("constraint_0_power_limit_uw"), "1\n").unwrap();
        let names = |class| parts(&roots, class).into_iter().map(|part| part.name).collect::<Vec<_>>();
        assert_eq!(names(PartClass::Cpu), ["0", "2", "10"]);
        assert_eq!(names(PartClass::IdleState), ["0:0"]);
        assert_eq!(names(PartClass::PowerConstraint), ["intel-rapl:0:0"]);
        assert_eq!(names(PartClass::Disk), Vec::<String>::new());
    }
}
