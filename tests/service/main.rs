//! plotwarden under systemd: what the unit file promises, and what the program says to the manager that started it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod calls;
mod notify;
#[path = "../support/mod.rs"]
mod support;
mod unit;
