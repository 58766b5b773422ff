//! The graphics processors.

use serde::Serialize;

use super::Survey;
use crate::kernel::Roots;

/// Facts about the graphics processors.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Gpu {}

impl Gpu {
    pub(super) fn read(_roots: &Roots, _survey: &mut Survey) -> Self {
        Self {}
    }
}
