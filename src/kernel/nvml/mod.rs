//! NVIDIA's management library (NVML): the only door to NVIDIA's GPUs.
//!
//! A call may take seconds, where the driver has to wake a GPU first, or never come back, where a GPU is wedged: nobody may
//! call from the loop, but from a thread that nobody waits for. Nothing is ever set from here but the limits that are knobs.
//!
//! Source: NVML API Reference Manual.

mod gpu;
mod limits;
mod process;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use nvml_wrapper::Nvml;
use nvml_wrapper::error::NvmlError;

use super::KernelError;

pub use gpu::{Direction, Gpu, GpuClock, GpuMemory, GpuThreshold, PowerRange};
pub use limits::{Limited, Limits, LockedClock, Refusal};
pub use process::GpuProcess;

/// What the library is called on every Linux distribution.
pub const LIBRARY: &str = "libnvidia-ml.so.1";

/// A value, `None` where the GPU has nothing of the kind, or why it is not known.
pub type Answer<T> = Result<Option<T>, KernelError>;

/// Why the library cannot be asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoNvml {
    /// No library, or no driver behind it: what a machine without NVIDIA's GPUs looks like.
    #[error("{0}")]
    Absent(String),
    /// The library is there and does not work.
    #[error("{0}")]
    Broken(String),
}

/// The library, open and initialised.
#[derive(Debug, Clone, Copy)]
pub struct Library {
    nvml: &'static Nvml,
}

/// The libraries that have been opened. They stay open: to initialise one anew each time would wake the GPUs each time,
/// and to close one may hang as any call may.
static OPENED: Mutex<Vec<(PathBuf, Library)>> = Mutex::new(Vec::new());

impl Library {
    /// Opens the library, or gives the one that is open. May take seconds or never come back.
    pub fn open(path: &Path) -> Result<Self, NoNvml> {
        let mut opened = OPENED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, library)) = opened.iter().find(|(other, _)| other == path) {
            return Ok(*library);
        }
        let nvml = Nvml::builder().lib_path(path.as_os_str()).init().map_err(|error| no_nvml(path, error))?;
        let library = Self { nvml: Box::leak(Box::new(nvml)) };
        opened.push((path.to_owned(), library));
        Ok(library)
    }

    /// Version of the driver, such as `550.54.14`.
    pub fn driver_version(&self) -> Answer<String> {
        answer("the version of NVIDIA's driver", self.nvml.sys_driver_version())
    }

    /// Version of the library itself.
    pub fn version(&self) -> Answer<String> {
        answer("the version of NVIDIA's library", self.nvml.sys_nvml_version())
    }

    /// The newest CUDA that the driver can run, such as `12.4`.
    pub fn cuda_version(&self) -> Answer<String> {
        let version = answer("the version of CUDA", self.nvml.sys_cuda_driver_version())?;
        Ok(version.map(|version| format!("{}.{}", version / 1000, version % 1000 / 10)))
    }

    /// How many GPUs there are, those that we may not look at among them.
    pub fn count(&self) -> Result<u32, KernelError> {
        let count = self.nvml.device_count();
        count.map_err(|error| unanswered("the number of NVIDIA's GPUs", &error))
    }

    /// The GPU with this index, from 0 on; the index may change with the next boot.
    pub fn gpu(&self, index: u32) -> Result<Gpu, KernelError> {
        let device = self.nvml.device_by_index(index);
        let device = device.map_err(|error| unanswered("a GPU", &format!("GPU {index}: {error}")))?;
        Ok(Gpu::new(device, index))
    }
}

fn no_nvml(path: &Path, error: NvmlError) -> NoNvml {
    let path = path.display();
    match error {
        NvmlError::LibloadingError(error) => {
            let reason = format!("cannot load {path}: {error}");
            // The loader tells apart what is missing from what is damaged by its words alone.
            if reason.contains("No such file") { NoNvml::Absent(reason) } else { NoNvml::Broken(reason) }
        }
        error @ (NvmlError::DriverNotLoaded | NvmlError::LibraryNotFound) => NoNvml::Absent(format!("{path}: {error}")),
        error => NoNvml::Broken(format!("{path} cannot be initialised: {error}")),
    }
}

/// Tells what a GPU does not have from what cannot be known of it.
fn answer<T>(what: &'static str, result: Result<T, NvmlError>) -> Answer<T> {
    match result {
        Ok(value) => Ok(Some(value)),
        // An argument is invalid where the driver is older than what is asked for.
        Err(NvmlError::NotSupported | NvmlError::NoData | NvmlError::InvalidArg) => Ok(None),
        Err(NvmlError::FailedToLoadSymbol(_) | NvmlError::FunctionNotFound) => {
            Err(unanswered(what, "NVIDIA's driver is too old to tell it"))
        }
        Err(error) => Err(unanswered(what, &error)),
    }
}

fn unanswered(what: &'static str, reason: &(impl ToString + ?Sized)) -> KernelError {
    KernelError::Unsupported { what, reason: reason.to_string() }
}

/// A library that is played.
#[cfg(test)]
#[path = "../../../tests/support/nvml.rs"]
pub(crate) mod fake;
#[cfg(test)]
mod tests;
