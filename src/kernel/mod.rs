//! The only doors to procfs, sysfs and cgroupfs, under roots that tests can move.
//!
//! Readers return plain facts, each an `Option` or a `Result`: what cannot be read is said, never zero.

mod error;
pub mod process;
mod roots;

pub use error::KernelError;
pub use roots::Roots;
