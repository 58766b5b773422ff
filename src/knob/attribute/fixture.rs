//! Each attribute of the catalogue as a file, with values that its form allows: what the tests of the actuator work on.

use std::fs;
use std::path::{Path, PathBuf};

use super::catalogue::attributes;
use super::form::{Form, Limit, Offered};
use crate::claim::{KnobKind, Part, PartClass, Setting};
use crate::kernel::Roots;

/// An attribute of one part, three values that it can have, and what lies beside it.
#[derive(Debug, Clone)]
pub struct Catalogued {
    pub kind: KnobKind,
    pub part: Part,
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
    attributes().map(|attribute| of(attribute.kind, attribute.class, attribute.form)).collect()
}

impl Catalogued {
    /// # Panics
    /// If the catalogue has no such attribute.
    pub fn path(&self, root: &Path) -> PathBuf {
        let roots = Roots { procfs: root.join("proc"), sysfs: root.join("sys"), ..Roots::standard() };
        let attribute = super::catalogue::attribute(self.kind).unwrap();
        attribute.place.of(&roots, &self.part).unwrap()
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

fn of(kind: KnobKind, class: PartClass, form: Form) -> Catalogued {
    let name = match class {
        PartClass::Machine => "",
        PartClass::IdleState => "0:1",
        PartClass::Irq => "24",
        PartClass::PowerConstraint => "intel-rapl:0:0",
        PartClass::Fan => "hwmon0/pwm1",
        PartClass::Device => "pci/0000:00:1f.2",
        PartClass::DiskHost => "host0",
        PartClass::Disk => "sda",
        PartClass::Interface => "eth0",
        PartClass::Cpu | PartClass::Node | PartClass::Gpu => "0",
    };
    let ([before, written, foreign], other, beside) = values(kind, form);
    let (raw, foreign) = match form {
        Form::Word(Offered::Brackets) => {
            (format!("[{before}] {written} {foreign}"), format!("{before} {written} [{foreign}]"))
        }
        _ => (before.clone(), foreign),
    };
    Catalogued { kind, part: Part::new(class, name), raw, beside, before, other, written, foreign }
}

/// The value before, ours and that of somebody else; ours as a setting; and what lies beside the attribute.
fn values(kind: KnobKind, form: Form) -> ([String; 3], Setting, Vec<(&'static str, String)>) {
    match form {
        Form::Number { least, most, .. } => {
            let (low, high) = (bound(least, 800_000), bound(most, 4_000_000).min(1 << 32));
            // A switch has no third value: somebody else can only turn it back.
            let before = if high - low == 1 { low } else { u64::midpoint(low, high) };
            let (ours, theirs) = if high - low == 1 { (high, low) } else { (low, high) };
            let beside = [(least, low), (most, high)].into_iter().filter_map(|(limit, number)| match limit {
                Limit::Beside(name) => Some((name, number.to_string())),
                Limit::Fixed(_) => None,
            });
            ([before, ours, theirs].map(|number| number.to_string()), Setting::Number(kind, ours), beside.collect())
        }
        Form::Word(offered) => {
            let words: Vec<&str> = match offered {
                Offered::Fixed(words) => words.to_vec(),
                Offered::Beside(_) | Offered::Brackets => vec!["one", "two", "three"],
            };
            let beside = if let Offered::Beside(name) = offered { vec![(name, words.join(" "))] } else { Vec::new() };
            let foreign = words.get(2).unwrap_or(&words[0]);
            ([words[0], words[1], foreign].map(str::to_owned), Setting::Word(kind, words[1].to_owned()), beside)
        }
        Form::Set => (["0-3", "0", "1-2"].map(str::to_owned), Setting::Set(kind, [0].into()), Vec::new()),
    }
}

fn bound(limit: Limit, beside: u64) -> u64 {
    if let Limit::Fixed(number) = limit { number } else { beside }
}
