//! The power limits, sensors, fans and batteries.

use serde::Serialize;

use super::Survey;
use crate::kernel::Roots;

/// Facts about the power limits, sensors, fans and batteries.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Power {}

impl Power {
    pub(super) fn read(_roots: &Roots, _survey: &mut Survey) -> Self {
        Self {}
    }
}
