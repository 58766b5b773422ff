//! The disks, file systems and what lies between them.

use serde::Serialize;

use super::Survey;
use crate::kernel::Roots;

/// Facts about the disks, file systems and what lies between them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Storage {}

impl Storage {
    pub(super) fn read(_roots: &Roots, _survey: &mut Survey) -> Self {
        Self {}
    }
}
