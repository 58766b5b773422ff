//! Memory controllers that count errors (EDAC).

use std::collections::BTreeSet;

use serde::Serialize;

use crate::inventory::Survey;
use crate::kernel::edac::{self, Controller};
use crate::kernel::{Roots, attribute};
use crate::units::Bytes;

/// One controller (`Documentation/ABI/testing/sysfs-devices-edac`).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MemoryController {
    /// `mc0`.
    pub name: String,
    /// The hardware, as its driver calls it.
    pub hardware: Option<String>,
    #[serde(rename = "size_bytes")]
    pub size: Option<Bytes>,
    /// Modules, or ranks or rows of chips where the driver knows no modules.
    pub modules: usize,
    /// With a module; `None` if the driver does not tell.
    pub populated_channels: Option<u32>,
    /// Since the driver was loaded.
    pub corrected_errors: Option<u64>,
    pub uncorrected_errors: Option<u64>,
}

/// All controllers; `None` where no driver counts errors.
pub(super) fn read(roots: &Roots, survey: &mut Survey) -> Option<Vec<MemoryController>> {
    let controllers = survey.fact_if_there(edac::controllers(roots))?;
    Some(controllers.into_iter().map(|controller| MemoryController::of(controller, survey)).collect())
}

/// Of all controllers; known only if each of them tells.
pub(super) fn populated_channels(controllers: &[MemoryController]) -> Option<u32> {
    let channels = controllers.iter().map(|controller| controller.populated_channels);
    channels.reduce(|sum, channels| sum?.checked_add(channels?)).flatten()
}

impl MemoryController {
    fn of(controller: Controller, survey: &mut Survey) -> Self {
        let file = |file: &str| controller.directory.join(file);
        let channels: Option<BTreeSet<String>> = controller.modules.iter().map(edac::Module::channel).collect();
        let mebibytes = survey.fact_if_there(attribute::decimal(&file("size_mb")));
        Self {
            hardware: survey.fact_if_there(attribute::text(&file("mc_name"))),
            size: mebibytes.and_then(|size| size.checked_mul(1 << 20)).map(Bytes),
            modules: controller.modules.len(),
            populated_channels: channels.and_then(|all| u32::try_from(all.len()).ok()).filter(|count| *count > 0),
            corrected_errors: survey.fact_if_there(attribute::decimal(&file("ce_count"))),
            uncorrected_errors: survey.fact_if_there(attribute::decimal(&file("ue_count"))),
            name: controller.name,
        }
    }
}
