//! Policies are followed wherever they come from, with the real program: edited by hand in any way, checked out by git, mounted by
//! Kubernetes; half of a file is never read, and what is held is never dropped because policies are read again.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod lifecycle;
mod load;
mod mounted;
mod restart;
mod saving;
mod scene;
#[path = "../support/mod.rs"]
mod support;
