//! Batteries, uninterruptible supplies and mains: one file each, behind which may be a slow controller.

use std::path::Path;
use std::sync::Arc;

use super::wary::Source;
use crate::clock::Moment;
use crate::kernel::file::KeptFile;
use crate::kernel::power_supply::{self, Supply};

/// A supply as it was read last.
#[derive(Debug, Clone, PartialEq)]
pub struct SupplySample {
    /// Such as `BAT0`.
    pub name: Arc<str>,
    pub supply: Supply,
}

#[derive(Debug)]
pub(super) struct SupplySource {
    name: Arc<str>,
    file: KeptFile,
}

impl SupplySource {
    pub(super) fn new(entry: &str, directory: &Path) -> Self {
        Self { name: entry.into(), file: KeptFile::new(power_supply::file(directory)) }
    }
}

impl Source for SupplySource {
    type Sample = SupplySample;

    fn read(&mut self, _: Moment) -> Option<SupplySample> {
        let supply = self.file.read(Supply::parse).ok()?;
        Some(SupplySample { name: Arc::clone(&self.name), supply })
    }
}
