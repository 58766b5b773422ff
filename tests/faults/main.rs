//! Faults that plotwarden must survive, each as it happens on a farm: with the real program, real processes and the real kernel.
//! Whatever happens to it, the machine is as it was before.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod clients;
mod crowds;
mod exits;
mod locks;
mod pids;
mod policies;
mod processes;
mod run_dir;
#[path = "../support/mod.rs"]
mod support;
