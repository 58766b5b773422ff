//! io.cost: whether the kernel shares a disk out by what each request costs it, and what it takes the disk to be.
//!
//! Source: `Documentation/admin-guide/cgroup-v2.rst`, `io.cost.qos` and `io.cost.model`, files of the root group.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;

use super::cgroup::{GroupDir, Tree};
use super::disk::Disk;
use super::linux::capability_of;
use super::timely::Timely;
use super::value::Lines;
use super::{Facts, Knob, KnobError, Reversible, Scope, Unit, Value};
use crate::claim::{KnobKind, Part, PartClass, Setting, Target};
use crate::inventory::Capability;
use crate::kernel::{Roots, attribute};

#[derive(Debug)]
pub struct IoCost {
    pub roots: Roots,
    /// `None` where there is no cgroup2 mount.
    pub tree: Option<Tree>,
    pub timely: Timely,
}

/// One of the two files.
struct Side {
    /// In a value.
    name: &'static str,
    file: &'static str,
    keys: &'static [&'static str],
    /// Keys in hundredths of a percent, which the kernel shows as `95.00`.
    percentages: &'static [&'static str],
    /// What the kernel goes by if nobody says anything.
    default: &'static str,
}

const SIDES: [Side; 2] = [
    Side {
        name: "qos",
        file: "io.cost.qos",
        keys: &["enable", "rpct", "rlat", "wpct", "wlat", "min", "max"],
        percentages: &["rpct", "wpct", "min", "max"],
        default: "enable=0 ctrl=auto",
    },
    Side {
        name: "model",
        file: "io.cost.model",
        keys: &["rbps", "rseqiops", "rrandiops", "wbps", "wseqiops", "wrandiops"],
        percentages: &[],
        default: "ctrl=auto",
    },
];

impl IoCost {
    fn root(&self) -> Result<(GroupDir, PathBuf), KnobError> {
        let tree = self.tree.as_ref().ok_or_else(|| KnobError::Unusable("no cgroup2 mount".to_owned()))?;
        let root = tree.inode("/").and_then(|inode| tree.open("/", inode));
        Ok((root.map_err(|source| KnobError::from_io("open", &"/", source))?, tree.mount().to_owned()))
    }

    fn disk(&self, unit: &Unit) -> Result<Disk, KnobError> {
        match unit {
            Unit::Part { device, .. } => {
                Disk::of_record(&self.roots, device).ok_or_else(|| KnobError::Gone(unit.to_string()))
            }
            _ => Err(KnobError::Unusable(format!("{unit} is no disk"))),
        }
    }
}

impl Side {
    /// What the kernel says of the disk, without what it has chosen itself.
    fn parse(text: &str, disk: &Disk) -> Option<BTreeMap<String, String>> {
        let line = text.lines().find_map(|line| line.strip_prefix(&disk.number)?.strip_prefix(' '));
        let Some(line) = line else { return Some(BTreeMap::new()) };
        let mut values = BTreeMap::new();
        for word in line.split_ascii_whitespace() {
            let (key, value) = word.split_once('=')?;
            values.insert(key.to_owned(), value.to_owned());
        }
        if values.remove("ctrl")? == "auto" {
            values.retain(|key, _| key == "enable");
        }
        if values.len() == 1 && values.get("enable").is_some_and(|enabled| enabled == "0") {
            values.clear();
        }
        values.remove("model");
        Some(values)
    }

    fn text(&self, disk: &Disk, values: &BTreeMap<String, String>) -> String {
        let mut text = disk.number.clone() + " ";
        if values.is_empty() {
            return text + self.default;
        }
        let is_chosen = values.keys().any(|key| key != "enable");
        text += if is_chosen { "ctrl=user" } else { "ctrl=auto" };
        for (key, value) in values {
            // Writing to a text cannot fail.
            let _ = write!(text, " {key}={value}");
        }
        text
    }

    fn normalise(&self, numbers: &BTreeMap<String, u64>) -> Result<BTreeMap<String, String>, KnobError> {
        let shown = |(key, number): (&String, &u64)| {
            if !self.keys.contains(&key.as_str()) {
                let known = self.keys.join(", ");
                return Err(KnobError::Unusable(format!("{key} is nothing of {}: {known}", self.file)));
            }
            let is_percentage = self.percentages.contains(&key.as_str());
            let shown =
                if is_percentage { format!("{}.{:02}", number / 100, number % 100) } else { number.to_string() };
            Ok((key.clone(), shown))
        };
        numbers.iter().map(shown).collect()
    }
}

impl Reversible for IoCost {
    fn kind(&self) -> KnobKind {
        KnobKind::IoCost
    }

    fn units(&self, scope: &Scope) -> Result<Vec<Unit>, KnobError> {
        let Some(part) = scope.part.as_ref().filter(|part| part.class == PartClass::Disk) else {
            return Ok(Vec::new());
        };
        let disk = Disk::named(&self.roots, &part.name);
        let disk = disk.ok_or_else(|| KnobError::Unusable(format!("{part} is not there")))?;
        Ok(vec![Unit::Part { part: part.clone(), device: disk.key() }])
    }

    fn read(&self, unit: &Unit) -> Result<Value, KnobError> {
        let disk = self.disk(unit)?;
        let (root, _) = self.root()?;
        let mut lines = Lines::new();
        for side in &SIDES {
            let text = root.read(side.file).map_err(|source| KnobError::from_io("read", unit, source))?;
            let values = Side::parse(&text, &disk).ok_or_else(|| {
                KnobError::Unusable(format!(
                    "{} says {:?}, which is not of its documented form",
                    side.file,
                    text.trim()
                ))
            })?;
            lines.insert(side.name.to_owned(), values);
        }
        lines.retain(|_, values| !values.is_empty());
        Ok(Value::Keyed(lines))
    }

    /// The model before what is aimed at by it.
    fn write(&self, unit: &Unit, value: &Value) -> Result<(), KnobError> {
        let Value::Keyed(lines) = value else { return Err(KnobError::Unusable(format!("{value} is no io.cost"))) };
        let disk = self.disk(unit)?;
        let none = BTreeMap::new();
        for side in SIDES.iter().rev() {
            let (root, mount) = self.root()?;
            let text = side.text(&disk, lines.get(side.name).unwrap_or(&none));
            self.timely.run(&mount.join(side.file), "write", move || root.write(side.file, &text))?;
        }
        Ok(())
    }

    /// The kernel adds what it was not told.
    fn rounds(&self, written: &Value, found: &Value) -> bool {
        let (Value::Keyed(written), Value::Keyed(found)) = (written, found) else { return written == found };
        let has = |side: &str, key: &str, value: &str| {
            found.get(side).and_then(|values| values.get(key)).is_some_and(|found| found == value)
        };
        let kept = written.iter().all(|(side, values)| values.iter().all(|(key, value)| has(side, key, value)));
        kept && found.keys().all(|side| written.contains_key(side))
    }

    fn is_inherited(&self) -> bool {
        false
    }
}

impl Knob for IoCost {
    fn facts(&self) -> Facts {
        Facts {
            place: "io.cost.qos and io.cost.model".to_owned(),
            unit: "us, hundredths of a percent, bytes/s, operations/s",
            range: SIDES.map(|side| format!("{}: {}", side.name, side.keys.join(", "))).join("; "),
            normalisation: "what is left out, the kernel chooses",
            others: &["resctl-demo", "udev rules"],
            source: "Documentation/admin-guide/cgroup-v2.rst",
        }
    }

    fn probe(&self) -> Capability {
        let usable = self.root().map_err(|error| (error.to_string(), String::new())).and_then(|(_, mount)| {
            let file = mount.join("io.cost.qos");
            if !file.exists() {
                let reason = format!(
                    "{} is not there: version 1 has the controller io, or the kernel no io.cost",
                    file.display()
                );
                return Err((reason, "boot with systemd.unified_cgroup_hierarchy=1 or cgroup_no_v1=all".to_owned()));
            }
            nix::unistd::access(&file, nix::unistd::AccessFlags::W_OK)
                .map_err(|errno| (format!("{} is not writable: {errno}", file.display()), "run as root".to_owned()))
        });
        capability_of(KnobKind::IoCost.surface(), usable)
    }

    fn parts(&self) -> Vec<Part> {
        if self.root().is_ok_and(|(_, mount)| mount.join("io.cost.qos").exists()) {
            let disks = attribute::entries(&self.roots.sys("block")).unwrap_or_default();
            disks.into_iter().map(|disk| Part::new(PartClass::Disk, disk)).collect()
        } else {
            Vec::new()
        }
    }

    fn normalise(&self, _target: &Target, setting: &Setting) -> Result<Value, KnobError> {
        let Setting::Keyed(_, wanted) = setting else {
            return Err(KnobError::Unusable(format!("{setting} is no setting of io.cost")));
        };
        let mut lines = Lines::new();
        for (name, numbers) in wanted {
            let side = SIDES.iter().find(|side| side.name == name);
            let side = side.ok_or_else(|| KnobError::Unusable(format!("{name} is neither qos nor model")))?;
            lines.insert(name.clone(), side.normalise(numbers)?);
        }
        lines.retain(|_, values| !values.is_empty());
        Ok(Value::Keyed(lines))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::fixture::Fixture;

    /// Of the kernel, after `echo "8:0 enable=1 rpct=95 rlat=5000" > io.cost.qos`.
    const QOS: &str = "8:0 enable=1 ctrl=user rpct=95.00 rlat=5000 wpct=0.00 wlat=0 min=50.00 max=150.00\n";
    const MODEL: &str = "8:0 ctrl=auto model=linear rbps=174019176 rseqiops=41708 rrandiops=370 wbps=178075866 wseqiops=42705 wrandiops=378\n";

    fn knob(fixture: &Fixture) -> IoCost {
        fixture.file("sys/block/sda/dev", "8:0\n").file("sys/block/sda/diskseq", "9\n");
        let mount = fixture.path("cgroup");
        std::fs::create_dir_all(&mount).unwrap();
        let tree = Some(Tree::new(&mount));
        IoCost { roots: fixture.roots.clone(), tree, timely: Timely::default() }
    }

    fn unit(knob: &IoCost) -> Unit {
        let part = Some(Part::new(PartClass::Disk, "sda"));
        knob.units(&Scope { part, ..Scope::default() }).unwrap().remove(0)
    }

    fn setting(keys: &[(&str, &str, u64)]) -> Setting {
        let mut keyed = crate::claim::Keyed::new();
        for (side, key, number) in keys {
            keyed.entry((*side).to_owned()).or_default().insert((*key).to_owned(), *number);
        }
        Setting::Keyed(KnobKind::IoCost, keyed)
    }

    #[test]
    fn what_is_there_is_read_without_what_the_kernel_chose() {
        let fixture = Fixture::new();
        let knob = knob(&fixture);
        fixture.file("cgroup/io.cost.qos", QOS).file("cgroup/io.cost.model", MODEL);
        let Value::Keyed(lines) = knob.read(&unit(&knob)).unwrap() else { panic!() };
        assert_eq!(lines["qos"]["rpct"], "95.00");
        assert!(!lines.contains_key("model"), "{lines:?}");
        let never_touched = "259:0 enable=1 ctrl=auto\n8:0 enable=0 ctrl=auto rpct=0.00 rlat=0 wpct=0.00 wlat=0 min=1.00 max=10000.00\n";
        fixture.file("cgroup/io.cost.qos", never_touched);
        assert_eq!(knob.read(&unit(&knob)).unwrap(), Value::Keyed(Lines::new()));
        fixture.file("cgroup/io.cost.qos", "8:0 enable\n");
        assert!(knob.read(&unit(&knob)).unwrap_err().to_string().contains("io.cost.qos says"));
    }

    #[test]
    fn what_is_wanted_is_written_for_the_one_disk_and_taken_back() {
        let fixture = Fixture::new();
        let knob = knob(&fixture);
        fixture.file("cgroup/io.cost.qos", "").file("cgroup/io.cost.model", "");
        let target = Target::Part(Part::new(PartClass::Disk, "sda"));
        let wanted = setting(&[("qos", "enable", 1), ("qos", "rpct", 9500), ("qos", "rlat", 5000)]);
        let wanted = knob.normalise(&target, &wanted).unwrap();
        knob.write(&unit(&knob), &wanted).unwrap();
        let text = |file: &str| std::fs::read_to_string(fixture.path("cgroup").join(file)).unwrap();
        assert_eq!(text("io.cost.qos"), "8:0 ctrl=user enable=1 rlat=5000 rpct=95.00");
        fixture.file("cgroup/io.cost.qos", QOS);
        assert!(knob.rounds(&wanted, &knob.read(&unit(&knob)).unwrap()));
        fixture.file("cgroup/io.cost.qos", "").file("cgroup/io.cost.model", "");
        knob.write(&unit(&knob), &Value::Keyed(Lines::new())).unwrap();
        assert_eq!(
            (text("io.cost.qos").as_str(), text("io.cost.model").as_str()),
            ("8:0 enable=0 ctrl=auto", "8:0 ctrl=auto")
        );
    }

    #[test]
    fn what_is_no_key_is_refused_by_name() {
        let fixture = Fixture::new();
        let knob = knob(&fixture);
        let target = Target::Part(Part::new(PartClass::Disk, "sda"));
        let refused = |keys| knob.normalise(&target, &setting(keys)).unwrap_err().to_string();
        assert!(refused(&[("qos", "speed", 1)]).starts_with("speed is nothing of io.cost.qos: enable"));
        assert_eq!(refused(&[("cost", "enable", 1)]), "cost is neither qos nor model");
    }

    #[test]
    fn a_disk_that_was_exchanged_is_gone() {
        let fixture = Fixture::new();
        let knob = knob(&fixture);
        let unit = unit(&knob);
        fixture.file("sys/block/sda/diskseq", "10\n");
        assert!(knob.write(&unit, &Value::Keyed(Lines::new())).unwrap_err().is_gone());
    }
}
