//! Exists so that tests and benchmarks share what they need of the outside world: a slow disk, real and played plotters, the
//! program under test, and a look at what it did to the machine.

#![allow(dead_code, reason = "each program that includes this uses only a part of it")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on has failed")]

pub mod actor;
pub mod alone;
pub mod chiapos;
pub mod daemon;
pub mod dead_file_system;
pub mod dial;
pub mod dialled;
pub mod hasty;
pub mod loop_disk;
pub mod machine;
pub mod mock_prometheus;
pub mod namespace;
pub mod nvml;
pub mod owned;
pub mod prometheus;
pub mod slow_disk;
pub mod state;
