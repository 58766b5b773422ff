//! Exists so that tests and benchmarks share what they need of the outside world: a slow disk and real plotters.

// Each program that includes this uses only a part of it.
#![allow(dead_code)]

pub mod actor;
pub mod alone;
pub mod chiapos;
pub mod daemon;
pub mod dial;
pub mod slow_disk;
