//! Errors of the memory that its controllers have counted.

use std::time::Duration;

use crate::clock::Moment;
use crate::kernel::edac::{self, Controller};
use crate::kernel::file::KeptFile;
use crate::kernel::{KernelError, Roots, text};

/// Between two looks for controllers, whose driver may be loaded late.
const LOOK_PERIOD: Duration = Duration::from_mins(1);

/// One memory controller (`Documentation/ABI/testing/sysfs-devices-edac`). Counts begin when the driver is loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ControllerErrors {
    /// `mc0`.
    pub name: String,
    pub corrected: Option<u64>,
    pub uncorrected: Option<u64>,
    /// Those of them whose module is not known.
    pub corrected_unlocated: Option<u64>,
    pub uncorrected_unlocated: Option<u64>,
    pub modules: Vec<ModuleErrors>,
}

/// One module, or a rank or row of chips where the driver knows no modules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModuleErrors {
    /// `dimm3`, `rank3` or `csrow3`.
    pub name: String,
    pub label: Option<String>,
    pub corrected: Option<u64>,
    pub uncorrected: Option<u64>,
}

#[derive(Debug)]
pub(super) struct Controllers {
    roots: Roots,
    looked: Option<Duration>,
    all: Vec<Counts>,
}

#[derive(Debug)]
struct Counts {
    name: String,
    corrected: KeptFile,
    uncorrected: KeptFile,
    corrected_unlocated: KeptFile,
    uncorrected_unlocated: KeptFile,
    modules: Vec<ModuleCounts>,
}

#[derive(Debug)]
struct ModuleCounts {
    name: String,
    label: Option<String>,
    corrected: KeptFile,
    uncorrected: KeptFile,
}

impl Controllers {
    pub fn new(roots: &Roots) -> Self {
        Self { roots: roots.clone(), looked: None, all: Vec::new() }
    }

    pub fn read(&mut self, now: Moment) -> Result<Vec<ControllerErrors>, KernelError> {
        if self.looked.is_none_or(|at| now.since(at) >= LOOK_PERIOD) {
            self.looked = None;
            self.all = edac::controllers(&self.roots)?.into_iter().map(Counts::open).collect();
            self.looked = Some(now.boot);
        }
        self.all.iter_mut().map(Counts::read).collect()
    }
}

impl Counts {
    fn open(controller: Controller) -> Self {
        let kept = |file: &str| KeptFile::new(controller.directory.join(file));
        let module = |module: edac::Module| ModuleCounts {
            name: module.name,
            label: module.label,
            corrected: KeptFile::new(module.corrected),
            uncorrected: KeptFile::new(module.uncorrected),
        };
        Self {
            corrected: kept("ce_count"),
            uncorrected: kept("ue_count"),
            corrected_unlocated: kept("ce_noinfo_count"),
            uncorrected_unlocated: kept("ue_noinfo_count"),
            modules: controller.modules.into_iter().map(module).collect(),
            name: controller.name,
        }
    }

    fn read(&mut self) -> Result<ControllerErrors, KernelError> {
        Ok(ControllerErrors {
            name: self.name.clone(),
            corrected: count(&mut self.corrected)?,
            uncorrected: count(&mut self.uncorrected)?,
            corrected_unlocated: count(&mut self.corrected_unlocated)?,
            uncorrected_unlocated: count(&mut self.uncorrected_unlocated)?,
            modules: self.modules.iter_mut().map(ModuleCounts::read).collect::<Result<_, _>>()?,
        })
    }
}

impl ModuleCounts {
    fn read(&mut self) -> Result<ModuleErrors, KernelError> {
        Ok(ModuleErrors {
            name: self.name.clone(),
            label: self.label.clone(),
            corrected: count(&mut self.corrected)?,
            uncorrected: count(&mut self.uncorrected)?,
        })
    }
}

/// Not every driver counts everything.
fn count(file: &mut KeptFile) -> Result<Option<u64>, KernelError> {
    let read = file.read(|bytes| {
        let number = bytes.trim_ascii();
        text::decimal(number).ok_or_else(|| format!("`{}` is not a number of errors", text::lossy(number)))
    });
    match read {
        Err(error) if error.is_gone() => Ok(None),
        read => read.map(Some),
    }
}
