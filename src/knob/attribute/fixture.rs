//! Each attribute of the catalogue as a file, with values that its form allows: what the tests of the actuator work on.

use std::fs;
use std::path::{Path, PathBuf};

use super::catalogue::attributes;
use super::form::{Form, Limit, Offered};
use super::{Attribute, Place};
use crate::claim::{KnobKind, Part, PartClass, Setting};
use crate::kernel::Roots;

/// An attribute of one part, three values that it can have, and what lies beside it.
#[derive(Debug, Clone)]
pub struct Catalogued {
    pub kind: KnobKind,
    pub part: Part,
    place: Place,
    /// As the attribute shows it before anything is done.
    raw: String,
    beside: Vec<(&'static str, String)>,
    /// The value that `raw` stands for.
    pub before: String,
    pub other: Setting,
    /// `other` as it is written.
    pub written: String,
    /// What the attribute shows after somebody else has written to it.
    pub foreign: String,
}

/// All of them.
pub fn catalogued() -> Vec<Catalogued> {
    attributes().map(of).collect()
}

impl Catalogued {
    /// # Panics
    /// If the catalogue has no such attribute.
    pub fn path(&self, root: &Path) -> PathBuf {
        let roots = Roots { procfs: root.join("proc"), sysfs: root.join("sys"), ..Roots::standard() };
        self.place.of(&roots, &self.part).unwrap()
    }

    /// Makes the files below `root`.
    ///
    /// # Panics
    /// If that fails.
    pub fn lay_out(&self, root: &Path) {
        let path = self.path(root);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, format!("{}\n", self.raw)).unwrap();
        for (name, text) in &self.beside {
            fs::write(path.with_file_name(name), format!("{text}\n")).unwrap();
        }
    }
}

fn of(attribute: &Attribute) -> Catalogued {
    let name = match attribute.class {
        PartClass::Machine => "",
        PartClass::IdleState => "0:1",
        PartClass::PagePool => "0:1048576kB",
        PartClass::Irq => "24",
        PartClass::PowerConstraint => "intel-rapl:0:0",
        PartClass::Fan => "hwmon0/pwm1",
        PartClass::Device => "pci/0000:00:1f.2",
        PartClass::DiskHost => "host0",
        PartClass::Disk => "sda",
        PartClass::Interface => "eth0",
        // The first CPU is nobody's to turn off.
        PartClass::Cpu | PartClass::CpuPolicy | PartClass::Node | PartClass::Gpu => "1",
    };
    let ([before, written, foreign], other, beside) = values(attribute);
    let (raw, foreign) = match attribute.form {
        Form::Word(Offered::Brackets) => {
            (format!("[{before}] {written} {foreign}"), format!("{before} {written} [{foreign}]"))
        }
        _ => (before.clone(), foreign),
    };
    let (kind, place) = (attribute.kind, attribute.place);
    Catalogued { kind, part: Part::new(attribute.class, name), place, raw, beside, before, other, written, foreign }
}

/// The value before, ours and that of somebody else; ours as a setting; and what lies beside the attribute.
fn values(attribute: &Attribute) -> ([String; 3], Setting, Vec<(&'static str, String)>) {
    let kind = attribute.kind;
    match attribute.form {
        Form::Number(number) => {
            let (low, high) = (bound(number.least, 800_000), bound(number.most, 4_000_000).min(1 << 32));
            let quarter = (high - low) / 4;
            // A switch has no third value: somebody else can only turn it back.
            let [before, ours, theirs] =
                if quarter == 0 { [low, high, low] } else { [low + 2 * quarter, low + quarter, low + 3 * quarter] };
            let beside = [(number.least, low), (number.most, high)].into_iter().filter_map(|(limit, at)| match limit {
                Limit::Beside(name) => Some((name, at.to_string())),
                Limit::Fixed(_) => None,
            });
            let shown = [before, ours, theirs].map(|value| number.text(value));
            (shown, Setting::Number(kind, ours), beside.collect())
        }
        Form::Word(offered) => {
            let words: Vec<&str> = match offered {
                Offered::Fixed(words) => words.to_vec(),
                Offered::Beside(_) | Offered::BesideBut(..) | Offered::Brackets => vec!["one", "two", "three"],
            };
            let beside = match offered {
                Offered::Beside(name) | Offered::BesideBut(name, _) => vec![(name, words.join(" "))],
                _ => Vec::new(),
            };
            // A cache that is found on a disk of SATA may be switched.
            let vendor = (kind == KnobKind::WriteCache).then(|| ("../../vendor", "ATA".to_owned()));
            let foreign = words.get(2).unwrap_or(&words[0]);
            let shown = [words[0], words[1], foreign].map(str::to_owned);
            (shown, Setting::Word(kind, words[1].to_owned()), beside.into_iter().chain(vendor).collect())
        }
        Form::Set => (["0-3", "0", "1-2"].map(str::to_owned), Setting::Set(kind, [0].into()), Vec::new()),
    }
}

fn bound(limit: Limit, beside: u64) -> u64 {
    if let Limit::Fixed(number) = limit { number } else { beside }
}
