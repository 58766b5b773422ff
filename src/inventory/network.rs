//! The interfaces, links and addresses.

use serde::Serialize;

use super::Survey;
use crate::kernel::Roots;

/// Facts about the interfaces, links and addresses.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Network {}

impl Network {
    pub(super) fn read(_roots: &Roots, _survey: &mut Survey) -> Self {
        Self {}
    }
}
